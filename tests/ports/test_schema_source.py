"""The contract of SchemaSource: a schema, a certain no, or trouble; on memory and on a real registry."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tidegate.outbound.memory.writer_schemas import MemorySchemas
from tidegate.outbound.registry.registry import SchemaRegistry
from tidegate.ports.schema_source import SchemaSource
from tidegate.wire.schemas import SchemaCatalogue

SCHEMA = SchemaCatalogue.load()["md.mark.v1"].current.source


@dataclass(frozen=True)
class Held:
    """A source that holds one schema, and the number of it."""

    source: SchemaSource
    schema_id: int


@pytest.fixture(
    params=["memory", pytest.param("registry", marks=pytest.mark.servers)],
)
async def held(request: pytest.FixtureRequest) -> AsyncIterator[Held]:
    if request.param == "memory":
        yield Held(MemorySchemas({1: SCHEMA}), 1)
        return
    registry = SchemaRegistry.open(request.getfixturevalue("registry_server").url)
    try:
        yield Held(registry, await registry.register("contract-of-schema-source-value", [SCHEMA]))
    finally:
        await registry.close()


async def test_schema_is_given_as_it_was_published(held: Held) -> None:
    """RE-255: what a number stands for is the schema that was registered, documentation and defaults included."""
    assert await held.source.schema(held.schema_id) == SCHEMA


@pytest.mark.parametrize("beyond", [100_000, (1 << 31) - 1, 1 << 31, (1 << 32) - 1])
async def test_number_that_stands_for_nothing_gives_none(beyond: int, held: Held) -> None:
    """RE-255: a number that nobody registered is certain to stand for no schema, whatever four bytes say."""
    assert await held.source.schema(beyond) is None
