"""Places for requests: one provider that is slow takes no more than its own."""

import asyncio
from types import TracebackType


class BulkheadFull(Exception):
    """All places are taken and as many wait as may."""


class Bulkhead:
    """At most ``places`` requests at once, and at most ``waiting_max`` that wait for a place."""

    def __init__(self, places: int, waiting_max: int) -> None:
        self._places = asyncio.Semaphore(places)
        self._waiting_max = waiting_max
        self._waiting = 0

    async def __aenter__(self) -> None:
        """Take a place, or wait for one.

        Raises:
            BulkheadFull: as many wait as may.
        """
        if self._places.locked() and self._waiting >= self._waiting_max:
            raise BulkheadFull
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the place back."""
        self._places.release()
