"""Keeps a configuration fresh: an area is loaded as soon as a change is told, and all are confirmed every second."""

import asyncio
from typing import Protocol

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.backoff import Backoff
from tidegate.ports.configuration_watch import Area, ConfigurationWatch


class Keeper(Protocol):
    """What keeps the configuration of one context; both raise ``DependencyFailed`` when the store does not answer."""

    async def confirm(self) -> bool:
        """Bring everything up to date and tell whether it is the published configuration."""

    async def refresh(self, area: Area) -> None:
        """Bring one area up to date; an area of another context's is passed over."""


class ConfigurationRefresh:
    """Runs a configuration keeper. ``trouble`` is why the last confirmation failed, ``None`` when it did not."""

    def __init__(self, keeper: Keeper, watch: ConfigurationWatch, *, confirm_every_s: float = 1.0) -> None:
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
