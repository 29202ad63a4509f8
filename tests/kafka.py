"""A bus on a real Kafka for one test: topics of its own, and clients that are closed at its end."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from tests.buses import BusBed

from services.kafka import Kafka
from tidegate.outbound.kafka.connection import ANSWER_S, KafkaConnection
from tidegate.outbound.kafka.dead_letters import KafkaDeadLetters
from tidegate.outbound.kafka.event_source import KafkaEventSource
from tidegate.outbound.kafka.publisher import KafkaEventPublisher
from tidegate.outbound.kafka.topics import ensure_topics
from tidegate.ports.event_bus import Batch, BusRecord, OutgoingEvent, Place
from tidegate.wire.topics import dlq_name


class KafkaBus:
    """Both ways of a bus, as a process has them: a client that reads, and one that writes."""

    def __init__(self, connection: KafkaConnection, *, answer_s: float = ANSWER_S) -> None:
        self.source = KafkaEventSource(connection)
        self.publisher = KafkaEventPublisher(connection, answer_s=answer_s)

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        await self.publisher.publish(events)

    async def read(self, group: str, topics: Sequence[str], *, limit: int, now_us: int) -> Batch:
        return await self.source.read(group, topics, limit=limit, now_us=now_us)

    async def commit(self, group: str, places: Mapping[Place, int]) -> None:
        await self.source.commit(group, places)

    def replay(
        self, topics: Sequence[str], *, since: Mapping[Place, int] | None = None
    ) -> AsyncIterator[Sequence[BusRecord]]:
        return self.source.replay(topics, since=since)

    async def partitions(self, topics: Sequence[str]) -> Sequence[Place]:
        return await self.source.partitions(topics)

    def arrivals(self, topics: Sequence[str] = ()) -> AsyncIterator[None]:
        return self.source.arrivals(topics)


@asynccontextmanager
async def kafka_bed(server: Kafka, *, partitions: int = 1, answer_s: float = ANSWER_S) -> AsyncIterator[BusBed]:
    """Make the topics of one test, with their dead-letter topics, and give a bus on them."""
    connection = KafkaConnection(server.url)
    bus = KafkaBus(connection, answer_s=answer_s)
    bed = BusBed(bus, KafkaDeadLetters(connection, bus.publisher, topics=[]), suffix=uuid4().hex[:12])
    names = [bed.wallet, bed.orders, bed.empty]
    bed.letters = KafkaDeadLetters(connection, bus.publisher, topics=names)
    await ensure_topics(connection, names, partitions=partitions, replication=1)
    await ensure_topics(connection, [dlq_name(name) for name in names], partitions=1, replication=1)
    try:
        yield bed
    finally:
        await bus.source.close()
        await bus.publisher.close()
