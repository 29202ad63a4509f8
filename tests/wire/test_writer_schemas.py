"""Schemas that others wrote: what a reader can be asked to follow has bounds."""

from typing import Any

import pytest

from tidegate.wire.codec import AvroCodec, UnreadableReason, UnreadableRecord
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import ALL_TOPICS
from tidegate.wire.writer_schemas import SCHEMA_DEPTH_MAX, UnsuitableSchema, parse_writer_schema


def _record(*types: Any, name: str = "R") -> dict[str, Any]:
    fields = [{"name": f"f{number}", "type": type_} for number, type_ in enumerate(types)]
    return {"type": "record", "name": name, "fields": fields}


def _nested(depth: int, *, mentions: int) -> dict[str, Any]:
    """Records in records, the innermost empty, each mentioned so many times: mentions ** depth values in no byte."""
    inner = _record(name="R0")
    for level in range(1, depth + 1):
        inner = _record(inner, *[f"R{level - 1}"] * (mentions - 1), name=f"R{level}")
    return inner


@pytest.mark.parametrize("topic", ALL_TOPICS)
def test_own_schemas_are_within_the_bounds(topic: str, catalogue: SchemaCatalogue) -> None:
    """The bounds are far from what a real writer needs."""
    assert parse_writer_schema(catalogue[topic].current.source)["name"] == catalogue[topic].current.record_name


@pytest.mark.parametrize(
    "schema",
    [
        _record({"type": "array", "items": "int"}, {"type": "map", "values": "null"}),
        _record({"type": "array", "items": ["null"]}),
        _record({"type": "array", "items": {"type": "fixed", "name": "F", "size": 1}}),
        _record({"type": "array", "items": _record("null", "int", name="Item")}),
        _record(
            "null", {"type": "enum", "name": "E", "symbols": ["A"]}, "E", {"type": "string", "logicalType": "uuid"}
        ),
        _nested(SCHEMA_DEPTH_MAX, mentions=1),
    ],
)
def test_bounded_schema_is_accepted(schema: dict[str, Any]) -> None:
    """Whatever costs the writer a byte an item is bounded by the record's size; at the bound of depth passes."""
    assert parse_writer_schema(schema)["type"] == "record"


@pytest.mark.parametrize(
    "schema",
    [
        _record({"type": "array", "items": "null"}),
        _record({"type": "array", "items": {"type": "null"}}),
        _record({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}),
        _record({"type": "array", "items": _record("null", name="Item")}),
        _record({"type": "map", "values": {"type": "array", "items": "null"}}),
        _record(["null", {"type": "array", "items": "null"}]),
        _record("int", {"type": "array", "items": "null"}),
        _record(["null", "R"]),
        _record({"type": "array", "items": "R"}),
        _nested(SCHEMA_DEPTH_MAX + 1, mentions=1),
        _nested(16, mentions=2),
        _record("NoSuchType"),
        {"type": "string"},
        {"type": "record"},
        _record({"type": "array", "items": {"type": "record", "name": "Item"}}),
        {},
    ],
)
def test_unbounded_or_unusable_schema_is_refused(schema: dict[str, Any]) -> None:
    """Items of no bytes, recursion, depth, explosion, and what is no record: a few bytes could stand for anything."""
    with pytest.raises(UnsuitableSchema):
        parse_writer_schema(schema)


def test_codec_does_not_learn_a_refused_schema(catalogue: SchemaCatalogue) -> None:
    """PT-709: records under such an id are unreadable, and the partition goes on."""
    codec = AvroCodec(catalogue)
    with pytest.raises(UnreadableRecord) as caught:
        codec.learn_writer(4, _record({"type": "array", "items": "null"}))
    assert caught.value.reason is UnreadableReason.UNKNOWN_SCHEMA
    with pytest.raises(UnreadableRecord):
        codec.decode("md.mark.v1", b"\x00\x00\x00\x00\x04\x02\x00")


def test_learnt_schema_that_lacks_our_fields_makes_records_unreadable(catalogue: SchemaCatalogue) -> None:
    """PT-709: a writer of the same record name whose fields do not resolve is never half understood."""
    codec = AvroCodec(catalogue)
    codec.learn_writer(4, _record("string", name="tidegate.events.Mark"))
    with pytest.raises(UnreadableRecord) as caught:
        codec.decode("md.mark.v1", b"\x00\x00\x00\x00\x04\x02x")
    assert caught.value.reason is UnreadableReason.MALFORMED
