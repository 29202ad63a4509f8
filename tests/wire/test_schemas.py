"""The Avro schemas: one a topic, the envelope in each, and versions that read each other."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.wire.codec import AvroCodec, UnreadableRecord
from tidegate.wire.proto.risk.v1 import main_pb2
from tidegate.wire.schemas import SchemaCatalogue, TopicSchema
from tidegate.wire.topics import ALL_TOPICS, IN_TOPICS, key_field

Records = Callable[[str, Mapping[str, Any]], st.SearchStrategy[dict[str, Any]]]
ENVELOPE = {"event_id", "event_ts", "trace_id", "schema_version"}
AVRO_FOLDER = Path(__file__).resolve().parents[2] / "src" / "tidegate" / "wire" / "avro"


def _fields(catalogue: SchemaCatalogue, topic: str) -> dict[str, Any]:
    return {field["name"]: field for field in catalogue[topic].current.source["fields"]}


def _named_types(schema: object) -> Iterator[dict[str, Any]]:
    if isinstance(schema, list):
        for branch in schema:
            yield from _named_types(branch)
    elif isinstance(schema, dict):
        if schema.get("type") in {"record", "enum", "fixed"}:
            yield schema
        for part in (schema.get("items"), schema.get("values"), *[f["type"] for f in schema.get("fields", [])]):
            yield from _named_types(part)


def test_catalogue_has_a_schema_for_each_topic_and_no_file_besides(catalogue: SchemaCatalogue) -> None:
    """PT-702: one schema a topic, twenty-one topics."""
    assert sorted(catalogue.topics()) == sorted(ALL_TOPICS)
    assert sorted(path.stem for path in AVRO_FOLDER.glob("*.avsc")) == sorted(ALL_TOPICS)


@pytest.mark.parametrize("topic", ALL_TOPICS)
def test_schema_has_the_envelope(topic: str, catalogue: SchemaCatalogue) -> None:
    """PT-702: event_id, event_ts, trace_id, schema version and the key's field; a sequence in every in-topic."""
    fields = _fields(catalogue, topic)
    assert fields["event_id"]["type"] == {"type": "string", "logicalType": "uuid"}
    assert fields["event_ts"]["type"] == {"type": "long", "logicalType": "timestamp-millis"}
    assert fields["trace_id"]["type"] == "string"
    assert fields["schema_version"]["type"] == "int"
    assert fields["schema_version"]["default"] == catalogue[topic].current.version
    assert key_field(topic) in fields
    assert ("sequence" in fields) == (topic in IN_TOPICS)


@pytest.mark.parametrize("topic", ALL_TOPICS)
def test_schema_documents_every_field_and_holds_no_floating_point(topic: str, catalogue: SchemaCatalogue) -> None:
    """Money is exact from edge to edge, and a reader of the schema needs no other page."""
    source = catalogue[topic].current.source
    for named in _named_types(dict(source)):
        assert named["doc"]
        assert all(field["doc"] for field in named.get("fields", []))
    assert not {"float", "double", "bytes"} & set(_words(source))


def _words(schema: object) -> Iterator[str]:
    if isinstance(schema, str):
        yield schema
    elif isinstance(schema, Mapping):
        for part in (schema.get("type"), schema.get("items"), schema.get("values"), schema.get("fields")):
            yield from _words(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _words(part)


def test_named_types_mean_the_same_in_every_topic(catalogue: SchemaCatalogue) -> None:
    """Programs that generate classes from all schemas get one class a name."""
    seen: dict[str, str] = {}
    for topic in ALL_TOPICS:
        for named in _named_types(dict(catalogue[topic].current.source)):
            text = json.dumps(named, sort_keys=True)
            assert seen.setdefault(named["name"], text) == text, named["name"]


@pytest.mark.parametrize(
    ("enum", "topic", "field"),
    [
        ("Side", "risk.pretrade_decision.v1", "side"),
        ("OrderType", "risk.pretrade_decision.v1", "order_type"),
        ("PositionSide", "risk.pretrade_decision.v1", "position_side"),
        ("RiskDecision", "risk.pretrade_decision.v1", "decision"),
        ("ViolationAction", "risk.violation.v1", "action"),
    ],
)
def test_enum_has_the_names_of_the_proto(enum: str, topic: str, field: str, catalogue: SchemaCatalogue) -> None:
    """PT-128: what a caller reads in the reply is what an analyst reads in the topic."""
    of_the_proto = main_pb2.DESCRIPTOR.enum_types_by_name[enum].values_by_number
    symbols = _fields(catalogue, topic)[field]["type"]["symbols"]
    assert symbols == [of_the_proto[number].name for number in sorted(of_the_proto) if number > 0]


def _rabin(text: bytes) -> bytes:
    """CRC-64-AVRO as the Avro specification writes it, bit by bit."""
    empty = 0xC15D213AA4D7A795
    value = empty
    for byte in text:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (empty if value & 1 else 0)
    return value.to_bytes(8, "little")


def test_rabin_oracle_gives_the_published_fingerprint() -> None:
    """The oracle of the next test is itself held against the Avro project's own vector for "null"."""
    assert _rabin(b'"null"') == 0x63DD24E7CC258F8A.to_bytes(8, "little")


def test_fingerprint_of_the_mark_is_rabin_over_its_canonical_form(catalogue: SchemaCatalogue) -> None:
    """PT-702: any Avro implementation computes the same eight bytes from the published schema."""
    canonical = (
        b'{"name":"tidegate.events.Mark","type":"record","fields":[{"name":"event_id","type":"string"},'
        b'{"name":"event_ts","type":"long"},{"name":"trace_id","type":"string"},{"name":"schema_version","type":"int"},'
        b'{"name":"sequence","type":"long"},{"name":"symbol","type":"string"},{"name":"price","type":"string"}]}'
    )
    assert catalogue["md.mark.v1"].current.fingerprint == _rabin(canonical)


def _versions(catalogue: SchemaCatalogue, topic: str) -> list[TopicSchema]:
    return list(catalogue[topic].by_fingerprint.values())


def _read_across(writer: TopicSchema, reader: TopicSchema, *, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of one version, read by a program that has another as its current one and knows both."""
    written = AvroCodec(SchemaCatalogue([(writer.topic, writer.source)])).encode(writer.topic, record)
    reading = AvroCodec(SchemaCatalogue([(reader.topic, reader.source)]))
    reading.learn_writer(1, writer.source)
    return reading.decode(reader.topic, b"\x00\x00\x00\x00\x01" + written[10:])


@pytest.mark.parametrize("topic", ALL_TOPICS)
@settings(max_examples=20)
@given(drawn=st.data())
def test_every_version_reads_every_other(
    topic: str, drawn: st.DataObject, catalogue: SchemaCatalogue, records_of: Records
) -> None:
    """PT-702: FULL_TRANSITIVE: old writers with new readers and new writers with old readers, all pairs."""
    versions = _versions(catalogue, topic)
    for writer in versions:
        record = drawn.draw(records_of(topic, writer.parsed)) | {"schema_version": writer.version}
        for reader in versions:
            assert _read_across(writer, reader, record=record)["event_id"] == record["event_id"]


def _mark(version: int, *more: Mapping[str, Any]) -> dict[str, Any]:
    source: dict[str, Any] = json.loads((AVRO_FOLDER / "md.mark.v1.avsc").read_text("utf-8"))
    for field in source["fields"]:
        if field["name"] == "schema_version":
            field["default"] = version
    return source | {"fields": [*source["fields"], *more]}


VENUE = {"name": "venue", "type": ["null", "string"], "default": None}
VENUE_WITHOUT_DEFAULT = {"name": "venue", "type": "string"}
MARK = {"event_id": "018f4e9c-0000-7000-8000-000000000001", "event_ts": 1, "trace_id": ""} | {
    "sequence": 1,
    "symbol": "BTCUSDT",
    "price": "1",
}


def test_older_record_is_read_with_the_defaults_of_the_newer_schema() -> None:
    """PT-702: a record that was written before a field existed has that field's default, and keeps its version."""
    both = AvroCodec(SchemaCatalogue([("md.mark.v1", _mark(1)), ("md.mark.v1", _mark(2, VENUE))]))
    old = AvroCodec(SchemaCatalogue([("md.mark.v1", _mark(1))])).encode("md.mark.v1", MARK)
    read = both.decode("md.mark.v1", old)
    assert (read["venue"], read["schema_version"], read["price"]) == (None, 1, "1")
    assert both.decode("md.mark.v1", both.encode("md.mark.v1", MARK | {"venue": "X"}))["venue"] == "X"


def test_newer_record_is_read_by_an_older_program_that_knows_its_schema() -> None:
    """PT-702: what the newer writer added is left out."""
    newer, older = (SchemaCatalogue([("md.mark.v1", schema)]) for schema in (_mark(2, VENUE), _mark(1)))
    read = _read_across(newer["md.mark.v1"].current, older["md.mark.v1"].current, record=MARK | {"venue": "X"})
    assert read["schema_version"] == 2
    assert "venue" not in read


def test_incompatible_version_is_caught_by_the_check_of_all_pairs() -> None:
    """PT-702: the check above can fail: a new field without default is unreadable in old records."""
    newer, older = (SchemaCatalogue([("md.mark.v1", s)]) for s in (_mark(2, VENUE_WITHOUT_DEFAULT), _mark(1)))
    with pytest.raises(UnreadableRecord):
        _read_across(older["md.mark.v1"].current, newer["md.mark.v1"].current, record=MARK)


@pytest.mark.parametrize(
    "schemas",
    [
        [_mark(1), _mark(1, VENUE)],
        [_mark(1), _mark(2) | {"name": "Other"}],
        [_mark(1) | {"fields": [f for f in _mark(1)["fields"] if f["name"] != "schema_version"]}],
    ],
    ids=["same version twice", "another record", "no version"],
)
def test_catalogue_that_contradicts_itself_is_refused(schemas: list[dict[str, Any]]) -> None:
    """PT-702: a version number stands for one schema, and a topic for one record."""
    with pytest.raises(ValueError, match="version"):
        SchemaCatalogue([("md.mark.v1", schema) for schema in schemas])


def test_events_page_lists_exactly_the_fields_of_the_schemas(catalogue: SchemaCatalogue) -> None:
    """docs/events.md is what integrators read: its tables follow the schemas, topic by topic and type by type."""
    page = (AVRO_FOLDER.parents[3] / "docs" / "events.md").read_text("utf-8")
    sections = {part.splitlines()[0]: part for part in re.split(r"\n##+ ", page)[1:] if "| field |" in part}
    records: dict[str, list[str]] = {}
    for topic in ALL_TOPICS:
        whole, *nested = _named_types(dict(catalogue[topic].current.source))
        records[topic] = [field["name"] for field in whole["fields"] if field["name"] not in ENVELOPE]
        records |= {part["name"]: [field["name"] for field in part["fields"]] for part in nested if "fields" in part}
    listed = {
        name: [line.split("|")[1].strip() for line in part.splitlines() if line.startswith("| ")][1:]
        for name, part in sections.items()
    }
    assert {name: fields for name, fields in listed.items() if name != "Envelope"} == records
