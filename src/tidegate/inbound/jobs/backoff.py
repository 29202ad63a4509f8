"""Waiting longer after each failure in a row."""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Waits ``first_s`` seconds after a failure, twice as long after each further one, at most ``most_s``."""

    first_s: float = 0.05
    most_s: float = 2.0
    _next_s: float = field(default=0.0, init=False)

    def next_s(self) -> float:
        """Give the seconds to wait after one more failure."""
        wait_s = self._next_s or self.first_s
        self._next_s = min(self.most_s, wait_s * 2)
        return wait_s

    def reset(self) -> None:
        """Begin anew: something has worked."""
        self._next_s = 0.0

    async def wait(self) -> None:
        """Wait after a failure."""
        await asyncio.sleep(self.next_s())
