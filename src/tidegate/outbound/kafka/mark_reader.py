"""Marks: every replica reads all partitions with a reader of its own, from a few seconds back."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.kafka.connection import ANSWER_S, KafkaConnection, dependency, stop
from tidegate.outbound.kafka.event_source import KafkaEventSource
from tidegate.outbound.kafka.reading import Reading, opened
from tidegate.ports.event_bus import Batch, BusRecord, Place

BACK_MS: Final = 10_000
"""Longer than a mark is good for (``mark_age_ms_max`` is 5,000), shorter than it takes to read."""


class KafkaMarkReader:
    """``EventSource`` without a group: ``read`` gives what is new to this process, whatever the group is called, and
    ``commit`` only lets go of what was applied. After trouble it begins anew, a few seconds back.
    """

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._source = KafkaEventSource(connection)
        self._places: Sequence[Place] = ()
        self._reading: Reading | None = None
        self._now_us = 0
        self._looked = asyncio.Event()

    async def read(self, group: str, topics: Sequence[str], *, limit: int, now_us: int) -> Batch:
        del group
        self._now_us = now_us
        places = await self._source.partitions(topics)
        if places != self._places:
            await self._end()  # the topics are others, or have more partitions
        if self._reading is None:
            consumer = await opened(self._connection)
            consumer.assign([TopicPartition(*place) for place in places])
            self._reading, self._places = Reading(consumer, starts=self._starts, in_group=False), places
        try:
            with dependency():
                async with asyncio.timeout(ANSWER_S):
                    return await self._reading.give(limit, now_us=now_us)
        except DependencyFailed:
            await self._end()
            raise
        finally:
            self._looked.set()

    async def commit(self, group: str, places: Mapping[Place, int]) -> None:
        del group
        if self._reading is not None:
            self._reading.settle(places)

    def replay(
        self, topics: Sequence[str], *, since: Mapping[Place, int] | None = None
    ) -> AsyncIterator[Sequence[BusRecord]]:
        return self._source.replay(topics, since=since)

    async def partitions(self, topics: Sequence[str]) -> Sequence[Place]:
        return await self._source.partitions(topics)

    async def arrivals(self, topics: Sequence[str] = ()) -> AsyncIterator[None]:
        """A reading waits for what is new by itself, so after one it is time for another."""
        del topics
        while True:
            yield
            await self._looked.wait()
            self._looked.clear()

    async def close(self) -> None:
        """Stop reading."""
        await self._end()

    async def _starts(
        self, consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        since_ms = self._now_us // 1_000 - BACK_MS
        ends = await consumer.end_offsets(partitions)
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
        return {partition: ends[partition] if first is None else first.offset for partition, first in found.items()}

    async def _end(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            await stop(reading.consumer)
