"""Reading topics: as one of a group whose members share the partitions, or all of them again from given places."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.kafka.connection import ANSWER_S, DEPENDENCY, KafkaConnection, dependency, stop
from tidegate.outbound.kafka.reading import SILENCE_US, Reading, opened
from tidegate.outbound.kafka.records import to_record
from tidegate.outbound.kafka.topics import KafkaTopics
from tidegate.ports.event_bus import Batch, BusRecord, Place

Floor = Callable[[Collection[Place]], Awaitable[Mapping[Place, int]]]
"""Gives the offsets up to which a copy of the state holds partitions; one it does not know is not in the answer."""

_STANDING_MS_MAX: Final = 24 * 3_600_000
"""A replica whose book is away keeps its partitions: nobody else could apply them either."""

_PAGE: Final = 1_000


async def _from_the_beginning(_places: Collection[Place]) -> Mapping[Place, int]:
    return {}


@dataclass(frozen=True, slots=True)
class GroupPace:
    """A member that was not heard of for ``session_ms`` is taken for dead; it is heard of every ``heartbeat_ms``, and
    learns then that others come or go.
    """

    session_ms: int = 6_000
    heartbeat_ms: int = 2_000


@dataclass(frozen=True, slots=True)
class _Membership:
    topics: frozenset[str]
    reading: Reading


_CALM: Final = GroupPace()


class KafkaEventSource:
    """``EventSource`` on Kafka. ``floor`` says where a copy of the state ends: a partition that comes to this replica
    is read from the smaller of that and what its group has committed.

    ``instance``: a name by which the brokers know this member again after a restart, within the length of a session,
    so that no partition moves; without one it leaves the group when it is closed, and others take over at once.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        *,
        floor: Floor = _from_the_beginning,
        instance: str | None = None,
        pace: GroupPace = _CALM,
    ) -> None:
        self._connection = connection
        self._topics = KafkaTopics(connection)
        self._floor = floor
        self._instance = instance
        self._pace = pace
        self._memberships: dict[str, _Membership] = {}
        self._listening: set[asyncio.Event] = set()

    async def read(self, group: str, topics: Sequence[str], *, limit: int, now_us: int) -> Batch:
        membership = await self._membership(group, topics)
        try:
            with dependency():
                async with asyncio.timeout(ANSWER_S):
                    batch = await membership.reading.give(limit, now_us=now_us)
        except DependencyFailed as trouble:
            if isinstance(trouble.__cause__, KafkaError):
                await self._leave(group)  # what the driver raises it raises again: the next reading joins anew
            raise
        for listener in self._listening:
            listener.set()
        return batch

    async def commit(self, group: str, places: Mapping[Place, int]) -> None:
        membership = self._memberships.get(group)
        if membership is None:
            return
        reading = membership.reading
        if held := reading.held(places):
            # what has gone to another member meanwhile is refused, and is read again there
            with dependency(), suppress(CommitFailedError, IllegalStateError):
                async with asyncio.timeout(ANSWER_S):
                    await reading.consumer.commit(held)
        reading.settle(places)

    async def replay(
        self, topics: Sequence[str], *, since: Mapping[Place, int] | None = None
    ) -> AsyncIterator[Sequence[BusRecord]]:
        places = await self._topics.partitions(topics)
        if not places:
            return
        consumer = await opened(self._connection)
        try:
            with dependency():
                async with asyncio.timeout(ANSWER_S):
                    ends = await self._assigned(consumer, places, since=since or {})
            while ends:
                with dependency():
                    async with asyncio.timeout(ANSWER_S):
                        page = await _next_page(consumer, ends)
                if page:
                    yield page
        finally:
            await stop(consumer)

    async def partitions(self, topics: Sequence[str]) -> Sequence[Place]:
        return await self._topics.partitions(topics)

    async def arrivals(self, topics: Sequence[str] = ()) -> AsyncIterator[None]:
        """A reading waits for what is new by itself, so after each of them it is time for another."""
        del topics
        looked = asyncio.Event()
        self._listening.add(looked)
        try:
            yield
            while True:
                await looked.wait()
                looked.clear()
                yield
        finally:
            self._listening.discard(looked)

    async def close(self) -> None:
        """Leave all groups, at once."""
        for group in list(self._memberships):
            await self._leave(group)

    async def _membership(self, group: str, topics: Sequence[str]) -> _Membership:
        held = self._memberships.get(group)
        if held is not None and held.topics == frozenset(topics):
            return held
        await self._leave(group)
        await self._topics.partitions(topics)
        consumer = await opened(
            self._connection,
            group_id=group,
            group_instance_id=self._instance,
            session_timeout_ms=self._pace.session_ms,
            rebalance_timeout_ms=self._pace.session_ms,
            heartbeat_interval_ms=self._pace.heartbeat_ms,
            max_poll_interval_ms=_STANDING_MS_MAX,
            partition_assignment_strategy=(RangePartitionAssignor,),
        )
        reading = Reading(consumer, starts=self._starts, in_group=True)
        consumer.subscribe(list(topics), listener=reading)
        membership = self._memberships[group] = _Membership(frozenset(topics), reading)
        return membership

    async def _starts(
        self, consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        floors = await self._floor([(partition.topic, partition.partition) for partition in partitions])
        starts: dict[TopicPartition, int] = {}
        for partition in partitions:
            floor = floors.get(partition)
            if floor is not None and floor < await consumer.position(partition):
                starts[partition] = floor
        return starts

    async def _assigned(
        self, consumer: AIOKafkaConsumer, places: Sequence[Place], *, since: Mapping[Place, int]
    ) -> dict[TopicPartition, int]:
        """Begin where it is asked; give the ends of the partitions in which there is something to tell."""
        partitions = [TopicPartition(*place) for place in places]
        first = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        starts = {partition: max(first[partition], since.get(partition, 0)) for partition in partitions}
        wanted = {partition: ends[partition] for partition in partitions if starts[partition] < ends[partition]}
        consumer.assign(list(wanted))
        for partition in wanted:
            consumer.seek(partition, starts[partition])
        return wanted

    async def _leave(self, group: str) -> None:
        membership = self._memberships.pop(group, None)
        if membership is not None:
            await stop(membership.reading.consumer)


async def _next_page(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> Sequence[BusRecord]:
    """Take the next records below the ends; a partition that has reached its end is taken out of ``ends``."""
    fetched = await consumer.getmany(timeout_ms=SILENCE_US // 1_000, max_records=_PAGE)
    page = [
        to_record(message)
        for partition, messages in fetched.items()
        for message in messages
        if message.offset < ends.get(partition, 0)
    ]
    reached = [partition for partition, end in ends.items() if await consumer.position(partition) >= end]
    for partition in reached:
        del ends[partition]
        consumer.pause(partition)
    if not fetched and not reached:
        raise DependencyFailed(DEPENDENCY, f"no answer for {SILENCE_US // 1_000} ms")
    return page
