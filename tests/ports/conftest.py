"""Each contract suite runs on the memory twin, on the real PostgreSQL, and that of the bus on the real Kafka."""

from collections.abc import AsyncIterator

import pytest
from tests.buses import BusBed
from tests.kafka import kafka_bed
from tests.ports.stores import Stores, memory_stores, postgres_stores
from tests.postgres import fresh_pool, postgres_server

from tidegate.outbound.memory.event_bus import MemoryDeadLetters, MemoryEventBus
from tidegate.outbound.postgres.dead_letters import PostgresDeadLetters
from tidegate.outbound.postgres.event_bus import PostgresEventBus

__all__ = ["postgres_server"]


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.servers)])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    """Empty stores of one implementation."""
    if request.param == "memory":
        yield memory_stores()
        return
    async with fresh_pool(request.getfixturevalue("postgres_server")) as pool:
        yield postgres_stores(pool)


@pytest.fixture(
    params=[
        "memory",
        pytest.param("postgres", marks=pytest.mark.servers),
        pytest.param("kafka", marks=pytest.mark.servers),
    ]
)
async def bed(request: pytest.FixtureRequest) -> AsyncIterator[BusBed]:
    """A bus and its dead letters, of one implementation."""
    if request.param == "kafka":
        async with kafka_bed(request.getfixturevalue("kafka_server")) as bed:
            yield bed
    elif request.param == "postgres":
        async with fresh_pool(request.getfixturevalue("postgres_server")) as pool:
            yield BusBed(PostgresEventBus(pool), PostgresDeadLetters(pool))
    else:
        yield BusBed(MemoryEventBus(), MemoryDeadLetters())
