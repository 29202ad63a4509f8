"""Our schemas on a real registry: registered once, guarded against a breaking change, read by whoever asks."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.wire.evolution import NEEDED, evolved, history

from services.registry import Registry
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.registry.registration import PRODUCED_TOPICS, register_schemas
from tidegate.outbound.registry.registry import SchemaRegistry
from tidegate.wire.codec import AvroCodec
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import ALL_TOPICS, IN_TOPICS

pytestmark = pytest.mark.servers

MARK = {"event_id": "018f4e9c-0000-7000-8000-000000000001", "event_ts": 1, "trace_id": ""} | {
    "sequence": 1,
    "symbol": "BTCUSDT",
    "price": "1",
}


@pytest.fixture
async def registry(registry_server: Registry) -> AsyncIterator[SchemaRegistry]:
    opened = SchemaRegistry.open(registry_server.url)
    yield opened
    await opened.close()


@pytest.fixture
def mortal() -> Iterator[Registry]:
    """A registry for a test that stops it."""
    with Registry.start() as server:
        yield server


def test_produced_topics_are_all_that_are_ours() -> None:
    """RE-256: what others write is theirs to register."""
    assert not set(PRODUCED_TOPICS) & set(IN_TOPICS)
    assert set(ALL_TOPICS) - set(PRODUCED_TOPICS) - set(IN_TOPICS) == {"risk.freeze_account.v1"}


async def test_two_processes_that_start_at_once_write_under_the_same_ids(registry: SchemaRegistry) -> None:
    """RE-256: registering is for every process that writes; whoever comes second finds what is there."""
    codecs = [AvroCodec(SchemaCatalogue.load()) for _ in range(2)]
    await asyncio.gather(*(register_schemas(registry, each, environment="twice", topics=ALL_TOPICS) for each in codecs))
    await register_schemas(registry, codecs[1], environment="twice", topics=ALL_TOPICS)
    payloads = [codec.encode("md.mark.v1", MARK) for codec in codecs]
    assert payloads[0] == payloads[1]
    assert payloads[0][:1] == b"\0"


async def test_record_is_read_by_a_process_that_only_fetched_its_schema(registry: SchemaRegistry) -> None:
    """RE-255: a reader that registered nothing learns the writer's schema by the id in the record."""
    writing, reading = AvroCodec(SchemaCatalogue.load()), AvroCodec(SchemaCatalogue.load())
    await register_schemas(registry, writing, environment="read", topics=["md.mark.v1"])
    payload = writing.encode("md.mark.v1", MARK)
    (schema_id,) = reading.unknown_writers([payload])
    schema = await registry.schema(schema_id)
    assert schema is not None
    reading.learn_writer(schema_id, schema)
    assert reading.decode("md.mark.v1", payload)["price"] == "1"


async def test_change_that_breaks_readers_or_writers_is_refused_for_every_topic(registry: SchemaRegistry) -> None:
    """RE-257: FULL_TRANSITIVE stands on each subject: what defaults cover is taken, what they do not is refused, and
    compatibility reaches back beyond the version before.
    """
    for topic in ALL_TOPICS:
        subject = f"{topic}.guarded-value"
        first, second, third = history(SchemaCatalogue.load()[topic].current.source)
        assert await registry.register(subject, [first, second, third]) > await registry.register(subject, [first])
        with pytest.raises(DependencyFailed, match="answered 409"):
            await registry.register(subject, [evolved(first, NEEDED | {"name": "needed"}, version=4)])
        retyped = evolved(first, {"name": "venue", "type": "long", "default": 0}, version=4)
        with pytest.raises(DependencyFailed, match="answered 409"):  # the third has no venue, but the second has text
            await registry.register(subject, [retyped])


async def test_registry_that_dies_or_hangs_is_trouble_and_known_ids_go_on(mortal: Registry) -> None:
    """RE-258: what was learnt is read and written on without the registry; a start without it fails."""
    registry = SchemaRegistry.open(mortal.url, total_s=2)
    codec = AvroCodec(SchemaCatalogue.load())
    await register_schemas(registry, codec, environment="dies", topics=["md.mark.v1"])
    for trouble, heal in ((mortal.pause, mortal.resume), (mortal.kill, mortal.restart)):
        trouble()
        with pytest.raises(DependencyFailed):
            await registry.schema(99)
        with pytest.raises(DependencyFailed):
            await register_schemas(registry, AvroCodec(SchemaCatalogue.load()), environment="dies")
        assert codec.decode("md.mark.v1", codec.encode("md.mark.v1", MARK))["price"] == "1"
        heal()
        assert await registry.probe() is None
    # It keeps nothing, so what it knew is gone: a certain no, until somebody registers it again.
    assert await registry.schema(1) is None
    await registry.close()
