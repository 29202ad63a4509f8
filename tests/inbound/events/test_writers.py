"""Records in Confluent's format: the schema that one names is fetched once, and trouble is not mistaken for poison."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from tests.inbound.events.desk import Desk
from tests.inbound.events.records import ENVIRONMENT, mark_record
from tests.wire.evolution import OPTIONAL, evolved

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.events.writers import FETCHES_AT_ONCE_MAX, KnownWriters
from tidegate.inbound.jobs.consume import Consumer, Subscription
from tidegate.outbound.memory.writer_schemas import MemorySchemas
from tidegate.ports.event_bus import BusRecord, OutgoingEvent
from tidegate.ports.schema_source import SchemaSource
from tidegate.wire.codec import AvroCodec, UnknownSchemaId
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import topic_name

TOPIC = "md.mark.v1"
MARK = {"event_id": "018f4e9c-0000-7000-8000-000000000001", "event_ts": 1, "trace_id": ""} | {
    "sequence": 1,
    "symbol": "BTCUSDT",
    "price": "1",
}
OURS = SchemaCatalogue.load()[TOPIC].current.source
NEWER = evolved(OURS, OPTIONAL, version=2)


class CountingSchemas:
    """Counts what it is asked; while ``away`` it does not answer."""

    def __init__(self, schemas: Mapping[int, Mapping[str, Any]] | None = None) -> None:
        self._schemas = MemorySchemas(schemas)
        self.asked: list[int] = []
        self.away = False

    async def schema(self, schema_id: int) -> Mapping[str, Any] | None:
        self.asked.append(schema_id)
        if self.away:
            raise DependencyFailed("schema registry", "away")
        return await self._schemas.schema(schema_id)


class Reader:
    """What stands behind: decodes each record, and keeps its place or why it could not be read."""

    def __init__(self, codec: AvroCodec) -> None:
        self._codec = codec
        self.read: list[int] = []
        self.unreadable: list[int] = []

    async def process(self, records: Sequence[BusRecord]) -> None:
        for record in records:
            try:
                self._codec.decode(TOPIC, record.value)
            except UnknownSchemaId:
                self.unreadable.append(record.offset)
            else:
                self.read.append(record.offset)


@pytest.fixture
def codec() -> AvroCodec:
    return AvroCodec(SchemaCatalogue.load())


@pytest.fixture
def reader(codec: AvroCodec) -> Reader:
    return Reader(codec)


def written(*schema_ids: int, schema: Mapping[str, Any] = OURS) -> list[BusRecord]:
    """A mark under each registry id, one offset each."""
    writing = AvroCodec(SchemaCatalogue([(TOPIC, schema)]))
    records = []
    for offset, schema_id in enumerate(schema_ids):
        writing.use_registry_id(TOPIC, schema_id)
        records.append(BusRecord(f"{TOPIC}.dev", 0, offset, "BTCUSDT", writing.encode(TOPIC, MARK)))
    return records


async def test_schema_of_a_newer_writer_is_fetched_once_and_its_records_are_read(
    codec: AvroCodec, reader: Reader
) -> None:
    """RE-258: what a record names is learnt before it is read, and asked for no more."""
    schemas = CountingSchemas({7: NEWER})
    process = KnownWriters(codec, schemas).before(reader.process)
    records = written(7, 7, 7, schema=NEWER)
    await process(records)
    await process(records)
    assert schemas.asked == [7]
    assert reader.read == [0, 1, 2, 0, 1, 2]


async def test_id_that_stands_for_nothing_leaves_its_records_unreadable_and_the_others_read(
    codec: AvroCodec, reader: Reader
) -> None:
    """RE-258: a certain no makes the record one for the dead-letter topic; the batch goes on."""
    process = KnownWriters(codec, CountingSchemas({7: NEWER})).before(reader.process)
    await process([*written(7, schema=NEWER), *written(8, 9)[1:]])
    assert (reader.read, reader.unreadable) == ([0], [1])


async def test_schema_that_is_not_read_here_leaves_its_records_unreadable(codec: AvroCodec, reader: Reader) -> None:
    """RE-258: a schema beyond the bounds is refused, and its records are set aside as those of an unknown one."""
    recursive = {"type": "record", "name": "R", "fields": [{"name": "r", "type": "R"}]}
    await KnownWriters(codec, CountingSchemas({7: recursive})).before(reader.process)(written(7))
    assert reader.unreadable == [0]


async def test_unknown_id_while_the_registry_is_away_is_trouble_and_nothing_of_the_batch_is_processed(
    codec: AvroCodec, reader: Reader
) -> None:
    """RE-258: the batch is to be read again; tried again with the registry back, every record is read."""
    schemas = CountingSchemas({7: NEWER})
    process = KnownWriters(codec, schemas).before(reader.process)
    records = written(7, schema=NEWER)
    schemas.away = True
    with pytest.raises(DependencyFailed, match="away"):
        await process(records)
    assert reader.read == reader.unreadable == []
    schemas.away = False
    await process(records)
    assert reader.read == [0]


async def test_known_ids_and_fingerprints_go_on_while_the_registry_is_away(codec: AvroCodec, reader: Reader) -> None:
    """RE-258: a registry is asked for what is new alone."""
    schemas = CountingSchemas({7: NEWER})
    process = KnownWriters(codec, schemas).before(reader.process)
    await process(written(7, schema=NEWER))
    schemas.away = True
    by_fingerprint = BusRecord(f"{TOPIC}.dev", 0, 1, "BTCUSDT", codec.encode(TOPIC, MARK))
    garbage = [BusRecord(f"{TOPIC}.dev", 0, 2, "BTCUSDT", value) for value in (b"{}", b"\0\0\0\0", b"\xc3")]
    await process([*written(7, schema=NEWER), by_fingerprint])
    assert codec.unknown_writers([record.value for record in garbage]) == []
    assert reader.read == [0, 0, 1]
    assert schemas.asked == [7]


async def test_many_unknown_ids_are_asked_for_in_bounded_number_at_once(codec: AvroCodec, reader: Reader) -> None:
    """RE-258: a batch full of made-up ids opens no more connections than the bound, and each id is asked once."""
    count = 3 * FETCHES_AT_ONCE_MAX + 1

    class Crowd(CountingSchemas):
        here = 0
        most = 0

        async def schema(self, schema_id: int) -> Mapping[str, Any] | None:
            self.here += 1
            self.most = max(self.most, self.here)
            found = await super().schema(schema_id)
            await asyncio.sleep(0)
            self.here -= 1
            return found

    crowd = Crowd()
    await KnownWriters(codec, crowd).before(reader.process)(written(*range(count), *range(count)))
    assert sorted(crowd.asked) == list(range(count))
    assert crowd.most == FETCHES_AT_ONCE_MAX


def newer_marks(*schema_ids: int) -> list[OutgoingEvent]:
    """A mark of each id's writer, each of another symbol."""
    writing = AvroCodec(SchemaCatalogue([(TOPIC, NEWER)]))
    events = []
    for schema_id in schema_ids:
        writing.use_registry_id(TOPIC, schema_id)
        symbol = f"S{schema_id}"
        value = writing.encode(TOPIC, mark_record(1, "50000", symbol=symbol) | {"schema_version": 2})
        events.append(OutgoingEvent(topic_name(TOPIC, environment=ENVIRONMENT), symbol, value, str(uuid4())))
    return events


def consumer_of(desk: Desk, schemas: SchemaSource) -> Consumer:
    process = KnownWriters(desk.codec, schemas).before(desk.marks.process)
    subscription = Subscription("marks", desk.marks.topics)
    return Consumer(desk.durable.bus, process, subscription=subscription, clock=desk.clock)


async def test_consumer_that_waits_for_the_registry_commits_nothing_and_sets_nothing_aside() -> None:
    """RE-258: while it is away the place stays; once it is back the very records are applied."""
    desk, schemas = Desk(), CountingSchemas({7: NEWER})
    consumer = consumer_of(desk, schemas)
    await desk.durable.bus.publish(newer_marks(7))
    schemas.away = True
    for _ in range(2):
        with pytest.raises(DependencyFailed, match="away"):
            await consumer.step()
    assert await desk.durable.letters.list(None, limit=10) == []
    schemas.away = False
    assert await consumer.step() == 1
    assert await consumer.step() == 0
    assert desk.market.marks["S7"].price == Decimal(50_000)


async def test_consumer_sets_aside_what_the_registry_does_not_know_and_applies_the_rest() -> None:
    """RE-258: the dead letter holds the original bytes and names the id."""
    desk = Desk()
    events = newer_marks(7, 8, 7)
    await desk.durable.bus.publish(events)
    assert await consumer_of(desk, CountingSchemas({7: NEWER})).step() == 3
    (letter,) = await desk.durable.letters.list(None, limit=10)
    assert (letter.value, letter.error) == (events[1].value, "unknown_schema: registry id 8")
    assert set(desk.market.marks) == {"S7"}
