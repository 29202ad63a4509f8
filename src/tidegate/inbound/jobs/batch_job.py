"""What jobs that work off tables have in common: rounds for ever, each in small batches with pauses between them."""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tidegate.core.kernel.trouble import DependencyFailed


@dataclass(frozen=True, slots=True)
class BatchPace:
    """A round every ``every_s`` seconds; ``batch_max`` rows at once, then a pause of ``pause_s`` seconds."""

    every_s: float
    batch_max: int
    pause_s: float = 0.02


@dataclass(slots=True, kw_only=True)
class BatchJob(ABC):
    """A job in rounds. ``done`` counts by what it was; ``trouble`` is why the last round ended early."""

    pace: BatchPace
    done: Counter[str] = field(default_factory=Counter, init=False)
    trouble: DependencyFailed | None = field(default=None, init=False)

    @abstractmethod
    async def round(self) -> None:
        """Do all there is to do now.

        Raises:
            DependencyFailed: the store did not answer; the next round goes on.
        """

    async def run(self) -> None:
        """Run rounds until cancelled."""
        while True:
            try:
                await self.round()
                self.trouble = None
            except DependencyFailed as trouble:
                self.trouble = trouble
            await asyncio.sleep(self.pace.every_s)

    async def drain(self, what: str, batch: Callable[[], Awaitable[int]]) -> None:
        """Work batch after batch until one is not full."""
        count = self.pace.batch_max
        while count >= self.pace.batch_max:
            count = await batch()
            self.done[what] += count
            await asyncio.sleep(self.pace.pause_s)
