"""Writes what this process has done to the shared book behind, into its mirror."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.usecases.pretrade.mirroring import Mirroring


@dataclass(slots=True)
class MirrorJob:
    """Saves every ``every_s`` seconds; ``trouble`` is why the last time failed. What is left is saved the next time."""

    mirroring: Mirroring
    every_s: float = 0.5
    trouble: DependencyFailed | None = field(default=None, init=False)

    async def run(self) -> None:
        """Save until cancelled."""
        while True:
            try:
                await self.mirroring.save()
                self.trouble = None
            except DependencyFailed as trouble:
                self.trouble = trouble
            await asyncio.sleep(self.every_s)

    async def flush(self) -> None:
        """Save what is left at an orderly end, after the consumers have ended; what cannot be saved is rebuilt from the
        topics.
        """
        with suppress(DependencyFailed):
            await self.mirroring.save()
