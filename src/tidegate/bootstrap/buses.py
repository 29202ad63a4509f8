"""Opens where events come from and go to: Kafka where settings name it, else the bus in PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from tidegate.bootstrap.kafka import in_topics, kafka_connection, make_topics
from tidegate.bootstrap.stores import Stores
from tidegate.outbound.kafka.connection import KafkaConnection
from tidegate.outbound.kafka.dead_letters import KafkaDeadLetters
from tidegate.outbound.kafka.event_source import KafkaEventSource
from tidegate.outbound.kafka.mark_reader import KafkaMarkReader
from tidegate.outbound.kafka.publisher import KafkaEventPublisher
from tidegate.outbound.postgres.book_mirror import PostgresBookMirror
from tidegate.ports.event_bus import DeadLetters, EventPublisher, EventSource
from tidegate.settings import Role, Settings
from tidegate.usecases.pretrade.mirroring import mirrored_floor


@dataclass(frozen=True, slots=True)
class Bus:
    """``source`` reads as one of the group that shares the account topics, ``marks`` reads everything by itself."""

    source: EventSource
    marks: EventSource
    publisher: EventPublisher
    letters: DeadLetters


@asynccontextmanager
async def open_bus(settings: Settings, stores: Stores) -> AsyncIterator[Bus]:
    """Open the bus; a process that needs its topics makes those that are missing.

    Raises:
        DependencyFailed: the brokers do not answer, or refuse.
    """
    connection = kafka_connection(settings)
    if connection is None:
        yield Bus(stores.bus, stores.bus, stores.bus, stores.dead_letters)
        return
    if settings.serve.with_accounts or Role.RELAY in settings.serve.roles:
        await make_topics(settings, connection)
    async with AsyncExitStack() as stack:
        publisher = KafkaEventPublisher(connection)
        stack.push_async_callback(publisher.close)
        source = _source(settings, stores, connection=connection)
        stack.push_async_callback(source.close)
        marks = KafkaMarkReader(connection)
        stack.push_async_callback(marks.close)
        letters = KafkaDeadLetters(connection, publisher, topics=in_topics(settings))
        yield Bus(source, marks, publisher, letters)


def _source(settings: Settings, stores: Stores, *, connection: KafkaConnection) -> KafkaEventSource:
    if not settings.shares_book:
        return KafkaEventSource(connection)
    return KafkaEventSource(connection, floor=partial(mirrored_floor, PostgresBookMirror(stores.pool)))
