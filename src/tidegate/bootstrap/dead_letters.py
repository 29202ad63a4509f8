"""Opens what dead letters are kept in, and the bus that they are put back on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tidegate.bootstrap.kafka import in_topics, kafka_connection
from tidegate.bootstrap.stores import open_stores
from tidegate.outbound.kafka.dead_letters import KafkaDeadLetters
from tidegate.outbound.kafka.publisher import KafkaEventPublisher
from tidegate.ports.event_bus import DeadLetters, EventPublisher
from tidegate.settings import Settings


@dataclass(frozen=True, slots=True)
class SetAside:
    """The letters, and where they came from."""

    letters: DeadLetters
    publisher: EventPublisher


@asynccontextmanager
async def open_dead_letters(settings: Settings) -> AsyncIterator[SetAside]:
    """Open them on Kafka where there is one, else on the embedded bus."""
    connection = kafka_connection(settings)
    if connection is None:
        async with open_stores(settings) as stores:
            yield SetAside(stores.dead_letters, stores.bus)
        return
    publisher = KafkaEventPublisher(connection)
    try:
        yield SetAside(KafkaDeadLetters(connection, publisher, topics=in_topics(settings)), publisher)
    finally:
        await publisher.close()
