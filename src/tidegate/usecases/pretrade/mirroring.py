"""The write-behind of a shared account book into its mirror: who was moved, and how far the topics are in it.

The order is what makes mirror and topics the whole book: the places that are committed are noted first, the users that
were moved are exported as they are after that, and rows are saved before places. A place promises that everything
before it is in the rows. That holds because a partition begins at the mirrored place when it comes to another process
(``mirrored_floor``): that one applies again, and so moves, what its former owner may have committed and not saved.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Final

from tidegate.ports.book_mirror import BookMirror
from tidegate.ports.event_bus import Batch, BusRecord, EventSource, Place
from tidegate.ports.shared_book import MirroredBook

USERS_AT_ONCE: Final = 1_000
"""Users exported and saved in one go."""


class Mirroring:
    """Saves what this process has done to the book. ``saved`` counts users; ``waiting`` is how many are left."""

    def __init__(self, book: MirroredBook, mirror: BookMirror) -> None:
        self._book = book
        self._mirror = mirror
        self._dirty: set[str] = set()
        self._places: dict[Place, int] = {}
        self._one_at_a_time = asyncio.Lock()
        self.saved = 0

    @property
    def waiting(self) -> int:
        """Number of users known to be moved and not saved yet."""
        return len(self._dirty)

    def committed(self, places: Mapping[Place, int]) -> None:
        """Note places that were committed: what lies before them was applied to the book."""
        self._places.update(places)

    async def save(self) -> int:
        """Save all there is to save now; give the number of users.

        Raises:
            DependencyFailed: book or mirror did not answer, or the life of the book has ended; what was not saved is
                saved the next time.
        """
        async with self._one_at_a_time:
            epoch, places = self._book.epoch, dict(self._places)
            self._dirty |= self._book.dirty()
            moved = sorted(self._dirty)
            for start in range(0, len(moved), USERS_AT_ONCE):
                users = moved[start : start + USERS_AT_ONCE]
                await self._mirror.save(epoch, await self._book.export(users), places={})
                self._dirty.difference_update(users)
                self.saved += len(users)
            if places:
                await self._mirror.save(epoch, (), places=places)
                self._forget(places)
            return len(moved)

    def _forget(self, places: Mapping[Place, int]) -> None:
        for place, offset in places.items():
            if self._places.get(place) == offset:
                del self._places[place]


async def mirrored_floor(mirror: BookMirror, places: Collection[Place]) -> Mapping[Place, int]:
    """Give where a process that has been assigned partitions begins at the latest: what was committed further on may
    not be in the mirror yet.

    Raises:
        DependencyFailed: the mirror does not answer; then no partition may be begun.
    """
    mirrored = await mirror.places()
    return {place: mirrored.get(place, 0) for place in places}


class NotedSource:
    """``EventSource`` that notes for the mirror what was committed."""

    def __init__(self, source: EventSource, mirroring: Mirroring) -> None:
        self._source = source
        self._mirroring = mirroring

    async def read(self, group: str, topics: Sequence[str], *, limit: int, now_us: int) -> Batch:
        return await self._source.read(group, topics, limit=limit, now_us=now_us)

    async def commit(self, group: str, places: Mapping[Place, int]) -> None:
        await self._source.commit(group, places)
        self._mirroring.committed(places)

    def replay(
        self, topics: Sequence[str], *, since: Mapping[Place, int] | None = None
    ) -> AsyncIterator[Sequence[BusRecord]]:
        return self._source.replay(topics, since=since)

    async def partitions(self, topics: Sequence[str]) -> Sequence[Place]:
        return await self._source.partitions(topics)

    def arrivals(self, topics: Sequence[str] = ()) -> AsyncIterator[None]:
        return self._source.arrivals(topics)
