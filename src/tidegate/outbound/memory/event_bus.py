"""The bus of events in memory."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from tidegate.ports.event_bus import Batch, BusRecord, DeadLetter, OutgoingEvent, Place

_PARTITION: Final = 0
_PAGE: Final = 1_000


class MemoryEventBus:
    """``EventPublisher`` and ``EventSource`` in memory; one partition a topic."""

    def __init__(self) -> None:
        self._published: list[BusRecord] = []
        self._published_us: dict[tuple[str, int], int] = {}
        self._sizes: defaultdict[str, int] = defaultdict(int)
        self._places: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._readers: dict[asyncio.Event, frozenset[str]] = {}

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        for event in events:
            offset = self._sizes[event.topic]
            self._sizes[event.topic] += 1
            self._published.append(
                BusRecord(event.topic, _PARTITION, offset, key=event.key, value=event.value, headers=event.headers)
            )
            self._published_us[event.topic, offset] = time.time_ns() // 1_000
        told = {event.topic for event in events}
        for reader, topics in self._readers.items():
            if told and (not topics or not topics.isdisjoint(told)):
                reader.set()

    async def read(self, group: str, topics: Sequence[str], *, limit: int, now_us: int) -> Batch:
        places = {topic: self._places[group, topic] for topic in topics}
        records = [
            record for record in self._published if record.topic in places and record.offset >= places[record.topic]
        ][:limit]
        return Batch(records, {(topic, _PARTITION): now_us for topic in topics} if len(records) < limit else {})

    async def commit(self, group: str, places: Mapping[Place, int]) -> None:
        for (topic, _partition), offset in places.items():
            self._places[group, topic] = offset

    async def replay(
        self, topics: Sequence[str], *, since: Mapping[Place, int] | None = None
    ) -> AsyncIterator[Sequence[BusRecord]]:
        first = {topic: (since or {}).get((topic, _PARTITION), 0) for topic in topics}
        records = [
            record for record in self._published if record.topic in first and record.offset >= first[record.topic]
        ]
        for start in range(0, len(records), _PAGE):
            yield records[start : start + _PAGE]

    async def partitions(self, topics: Sequence[str]) -> Sequence[Place]:
        return [(topic, _PARTITION) for topic in topics]

    def published_before(self, topic: str, before_us: int) -> list[BusRecord]:
        """Give the records of a topic that were published before a moment, oldest first (for retention)."""
        return [
            record
            for record in self._published
            if record.topic == topic and self._published_us[topic, record.offset] < before_us
        ]

    def place_of(self, group: str, topic: str) -> int:
        """Give the offset that a group reads next."""
        return self._places[group, topic]

    def delete(self, topic: str, offsets: Collection[int]) -> None:
        """Delete records of a topic; the offsets of the others stay."""
        gone = set(offsets)
        self._published = [record for record in self._published if record.topic != topic or record.offset not in gone]
        for offset in gone:
            del self._published_us[topic, offset]

    async def arrivals(self, topics: Sequence[str] = ()) -> AsyncIterator[None]:
        reader = asyncio.Event()
        self._readers[reader] = frozenset(topics)
        try:
            yield
            while True:
                await reader.wait()
                reader.clear()
                yield
        finally:
            del self._readers[reader]


class MemoryDeadLetters:
    """``DeadLetters`` in memory."""

    def __init__(self) -> None:
        self._letters: dict[tuple[str, int, int], DeadLetter] = {}

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            self._letters.setdefault((letter.topic, letter.partition, letter.offset), letter)

    async def list(self, topic: str | None, *, limit: int, waiting: bool = False) -> Sequence[DeadLetter]:
        return [
            letter
            for letter in self._letters.values()
            if topic in {None, letter.topic} and not (waiting and letter.replayed_us is not None)
        ][:limit]

    async def mark_replayed(self, letters: Sequence[DeadLetter], *, now_us: int) -> None:
        for letter in letters:
            place = (letter.topic, letter.partition, letter.offset)
            if place in self._letters and self._letters[place].replayed_us is None:
                self._letters[place] = replace(self._letters[place], replayed_us=now_us)
