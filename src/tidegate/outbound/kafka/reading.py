"""One reader of partitions: what it gave and has not seen committed it gives again, and it knows how far it is."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.kafka.connection import ANSWER_S, DEPENDENCY, KafkaConnection, dependency, stop
from tidegate.outbound.kafka.records import to_record
from tidegate.ports.event_bus import Batch, BusRecord, Place

WAIT_S: Final = 0.2
"""How long a reading waits for the first record; a broker is asked for longer than this at a time."""

SILENCE_US: Final = 3_000_000
"""A partition with nothing left behind it is asked again all the time: this long without an answer is trouble."""

_SETTLE_S: Final = 1.0
"""How long partitions that are taken away wait for the batch in hand to be applied and committed."""

_GRACE_S: Final = 0.05

_FORMING_US: Final = 15_000_000
"""A group that has not formed by then is trouble; it waits for members for the length of a session."""

_FETCHING: Final[Mapping[str, Any]] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "fetch_max_wait_ms": 250,
    "fetch_max_bytes": 8 << 20,
    "max_partition_fetch_bytes": 1 << 20,
}

Starts = Callable[[Any, Collection[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]
"""Where to begin in new partitions, by consumer and partitions; where there is none, it stays where the driver is."""


async def opened(connection: KafkaConnection, **membership: Any) -> AIOKafkaConsumer:
    """Open a consumer of the driver.

    Raises:
        DependencyFailed: no broker answers.
    """
    with dependency():
        consumer = AIOKafkaConsumer(**connection.arguments(), **_FETCHING, **membership)
        try:
            async with asyncio.timeout(ANSWER_S):
                await consumer.start()
        except BaseException:
            await stop(consumer)
            raise
    return consumer


class Reading(ConsumerRebalanceListener):  # type: ignore[misc] # the driver has no types
    """Gives the records of the partitions that the driver's consumer has, whoever assigned them.

    Records stay ``unapplied`` until they are committed, ``limit`` of them at most; the driver fetches one answer ahead
    and no more, so a feed that stands still holds a bounded number of bytes. The group's heartbeats go on meanwhile.

    Partitions that are taken away are forgotten: with the records in hand, which the next owner reads again, and with
    their commit, which is passed over. A partition is *placed* once it is known where to begin in it; what the driver
    fetched before is put back.
    """

    def __init__(self, consumer: Any, *, starts: Starts, in_group: bool) -> None:  # noqa: ANN401 - the driver has no types
        self.consumer = consumer
        self._starts = starts
        self._formed = asyncio.Event()
        if not in_group:
            self._formed.set()
        self._forming_since_us: int | None = None
        self._takings = 0
        self._placed: dict[TopicPartition, int] = {}
        self._unapplied: list[BusRecord] = []
        self._applied = asyncio.Event()
        self._applied.set()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Called before partitions go: let the batch in hand be committed, then forget them all."""
        if revoked:
            with suppress(TimeoutError):
                async with asyncio.timeout(_SETTLE_S):
                    await self._applied.wait()
        self._takings += 1
        self._formed.clear()
        self._placed.clear()
        self._unapplied.clear()
        self._applied.set()

    async def on_partitions_assigned(self, _assigned: Collection[TopicPartition]) -> None:
        """Called when partitions have come, or none for this member; the next reading begins in them."""
        self._formed.set()
        self._forming_since_us = None

    async def give(self, limit: int, *, now_us: int) -> Batch:
        """Give what is unapplied and what is new, ``limit`` at most.

        Raises:
            DependencyFailed: a broker has not answered for a while, or it is not known where to begin.
        """
        if not await self._is_formed(now_us):
            return Batch((), {})
        await self._place(now_us)
        room = limit - len(self._unapplied)
        if room > 0:
            await self._fetch(room, wait_s=0 if self._unapplied else WAIT_S)
        records = self._unapplied[:limit]
        if records:
            self._applied.clear()
        behind = {(record.topic, record.partition) for record in self._unapplied[limit:]}
        complete = await self._complete(now_us, silent_is_trouble=not records)
        return Batch(records, {place: until_us for place, until_us in complete.items() if place not in behind})

    def held(self, places: Mapping[Place, int]) -> Mapping[TopicPartition, int]:
        """Give those of the places that are still this reader's to commit."""
        return {TopicPartition(*place): offset for place, offset in places.items() if place in self._placed}

    def settle(self, places: Mapping[Place, int]) -> None:
        """Take note that records were applied up to the next offset of each place, and that this is committed."""
        self._unapplied = [
            record
            for record in self._unapplied
            if record.offset >= places.get((record.topic, record.partition), record.offset)
        ]
        if not self._unapplied:
            self._applied.set()

    async def _is_formed(self, now_us: int) -> bool:
        """Wait a while: until the group has formed, the driver still names the partitions that are taken away."""
        if self._formed.is_set():
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                await self._formed.wait()
            return True
        self._forming_since_us = now_us if self._forming_since_us is None else self._forming_since_us
        if now_us - self._forming_since_us > _FORMING_US:
            raise DependencyFailed(DEPENDENCY, f"the group has not formed within {_FORMING_US // 1_000} ms")
        return False

    async def _place(self, now_us: int) -> None:
        fresh = self.consumer.assignment() - self._placed.keys()
        if not fresh:
            return
        takings = self._takings
        starts = await self._starts(self.consumer, fresh)
        if takings != self._takings:
            return  # they were taken away while we asked; the next reading asks again
        for partition, offset in starts.items():
            self.consumer.seek(partition, offset)
        self._placed.update(dict.fromkeys(fresh, now_us))

    async def _fetch(self, room: int, *, wait_s: float) -> None:
        """Take new records; while a group is being formed there are none, however long that takes."""
        fetched: Mapping[TopicPartition, list[Any]] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s + _GRACE_S):
                fetched = await self.consumer.getmany(timeout_ms=int(wait_s * 1_000), max_records=room)
        for partition, messages in fetched.items():
            if partition in self._placed:
                self._unapplied += map(to_record, messages)
            else:
                self.consumer.seek(partition, messages[0].offset)

    async def _complete(self, now_us: int, *, silent_is_trouble: bool) -> Mapping[Place, int]:
        """Give until when each partition was given whole. An answer that reached the end counts as of its coming, and
        never as later than the call: what came into a process that stood still may be old.
        """
        complete: dict[Place, int] = {}
        for partition in self.consumer.assignment() & self._placed.keys():
            answered_ms = self.consumer.last_poll_timestamp(partition)
            answered_us = self._placed[partition] if answered_ms is None else answered_ms * 1_000
            if answered_ms is not None and await self.consumer.position(partition) < self.consumer.highwater(partition):
                continue
            if silent_is_trouble and now_us - answered_us > SILENCE_US:
                raise DependencyFailed(
                    DEPENDENCY, f"no answer for {partition.topic}/{partition.partition} for {SILENCE_US // 1_000} ms"
                )
            if answered_ms is not None:
                complete[partition.topic, partition.partition] = min(answered_us, now_us)
        return complete
