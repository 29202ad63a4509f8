"""Keeps the configuration fresh: an area is loaded as soon as a change is told, and all are confirmed every second."""

import asyncio

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.backoff import Backoff
from tidegate.ports.configuration_watch import ConfigurationWatch
from tidegate.usecases.pretrade.configuration import ConfigurationKeeper


class ConfigurationRefresh:
    """Runs the configuration keeper. ``trouble`` is why the last confirmation failed, ``None`` when it did not."""

    def __init__(self, keeper: ConfigurationKeeper, watch: ConfigurationWatch, *, confirm_every_s: float = 1.0) -> None:
        self._keeper = keeper
        self._watch = watch
        self._confirm_every_s = confirm_every_s
        self.trouble: DependencyFailed | None = None

    async def run(self) -> None:
        """Watch and confirm until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._follow())
            both.create_task(self._confirm())

    async def _follow(self) -> None:
        backoff = Backoff()
        while True:
            try:
                async for area in self._watch.changes():
                    await self._keeper.refresh(area)
                    backoff.reset()
            except DependencyFailed as trouble:
                self.trouble = trouble
            await backoff.wait()

    async def _confirm(self) -> None:
        while True:
            try:
                await self._keeper.confirm()
                self.trouble = None
            except DependencyFailed as trouble:
                self.trouble = trouble
            await asyncio.sleep(self._confirm_every_s)
