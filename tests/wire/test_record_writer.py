"""The compiled writer against the reference: fastavro's."""

import datetime
import uuid
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.wire.fast_writer import compile_fast_writer
from tidegate.wire.record_writer import compile_writer
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import ALL_TOPICS

Records = Callable[[str, Mapping[str, Any]], st.SearchStrategy[dict[str, Any]]]
USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"


def _written(schema: Mapping[str, Any], record: Mapping[str, Any]) -> bytes:
    pieces: list[bytes] = []
    compile_writer(schema)(pieces.append, record)
    return b"".join(pieces)


def _one_field(type_: object, **field: object) -> dict[str, Any]:
    parsed = parse_schema({"type": "record", "name": "R", "fields": [{"name": "f", "type": type_, **field}]})
    assert isinstance(parsed, dict)
    return parsed


@pytest.mark.parametrize("topic", ALL_TOPICS)
@settings(max_examples=50)
@given(drawn=st.data())
def test_compiled_writer_gives_the_bytes_of_the_reference(
    topic: str, drawn: st.DataObject, catalogue: SchemaCatalogue, records_of: Records
) -> None:
    """PT-702: for every topic and any record its schema allows, to the bit."""
    parsed = catalogue[topic].current.parsed
    record = drawn.draw(records_of(topic, parsed))
    reference = BytesIO()
    schemaless_writer(reference, parsed, record, strict=True)
    assert _written(parsed, record) == reference.getvalue()


@pytest.mark.parametrize("topic", ALL_TOPICS)
@settings(max_examples=50)
@given(drawn=st.data())
def test_generated_writer_gives_the_bytes_of_the_careful_one_or_passes(
    topic: str, drawn: st.DataObject, catalogue: SchemaCatalogue, records_of: Records
) -> None:
    """PT-702: the fast path writes the same bytes, or refuses and leaves the record to the careful writer."""
    parsed = catalogue[topic].current.parsed
    record = drawn.draw(records_of(topic, parsed))
    pieces: list[bytes] = []
    try:
        compile_fast_writer(parsed)(pieces.append, record)
    except (ValueError, TypeError, LookupError, AttributeError):
        return
    assert b"".join(pieces) == _written(parsed, record)


def test_generated_writer_takes_the_records_that_a_decision_announces() -> None:
    """The fast path is not passed over by what it is there for: texts and numbers as the announcer has them."""
    fields: list[dict[str, Any]] = [
        {"name": "t", "type": "string"},
        {"name": "n", "type": "long"},
        {"name": "u", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "o", "type": ["null", "string"], "default": None},
        {"name": "m", "type": {"type": "map", "values": "string"}},
    ]
    schema = parse_schema({"type": "record", "name": "R", "fields": fields})
    assert isinstance(schema, dict)
    record = {"t": "x", "n": 7, "u": USER, "o": "y", "m": {"a": "b"}}
    pieces: list[bytes] = []
    compile_fast_writer(schema)(pieces.append, record)
    assert b"".join(pieces) == _written(schema, record)


@pytest.mark.parametrize("record", [{}, {"f": 1}, {"f": "x", "g": "y"}, {"f": "x" * 2_000}, {"f": "\ud800"}])
def test_generated_writer_refuses_what_is_out_of_the_ordinary(record: dict[str, object]) -> None:
    """Missing, of another type, unknown beside it, very long, no UTF-8: the careful writer's business."""
    with pytest.raises((ValueError, TypeError, LookupError, AttributeError)):
        compile_fast_writer(_one_field("string"))(list[bytes]().append, record)


@pytest.mark.parametrize("number", [0, 1, -1, 63, 64, -64, -65, 127, 128, 1 << 31, (1 << 63) - 1, -(1 << 63)])
def test_integer_is_a_zigzag_varint(number: int) -> None:
    """PT-702: every size of a number, at its bounds."""
    schema, reference = _one_field("long"), BytesIO()
    schemaless_writer(reference, schema, {"f": number})
    assert _written(schema, {"f": number}) == reference.getvalue()


@pytest.mark.parametrize("size", [0, 63, 64, 8191, 8192])
def test_text_is_its_length_in_bytes_and_its_bytes(size: int) -> None:
    """PT-702: lengths on both sides of one and two bytes, of text that takes two bytes a letter."""
    schema, reference = _one_field("string"), BytesIO()
    schemaless_writer(reference, schema, {"f": "é" * size})
    assert _written(schema, {"f": "é" * size}) == reference.getvalue()


def test_uuid_is_written_from_either_form() -> None:
    """PT-702: a caller that has the text already need not make a UUID of it."""
    schema = _one_field({"type": "string", "logicalType": "uuid"})
    assert _written(schema, {"f": uuid.UUID(USER)}) == _written(schema, {"f": USER}) == b"\x48" + USER.encode()


@pytest.mark.parametrize(
    "moment",
    [
        datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=datetime.UTC),
        datetime.datetime(2026, 1, 1, 1, 0, 0, 1_999, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
    ],
)
@pytest.mark.parametrize("unit", ["timestamp-millis", "timestamp-micros"])
def test_time_is_written_in_its_unit_and_in_utc(moment: datetime.datetime, unit: str) -> None:
    """PT-702: also before 1970 and in another zone."""
    schema, reference = _one_field({"type": "long", "logicalType": unit}), BytesIO()
    schemaless_writer(reference, schema, {"f": moment})
    assert _written(schema, {"f": moment}) == reference.getvalue()


NO_ZONE = datetime.datetime(2026, 1, 1)  # noqa: DTZ001 - a time without zone is what is refused here


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("string", 1),
        ("string", None),
        ("string", b"x"),
        ("string", "\ud800"),
        ("boolean", "false"),
        ("boolean", 0),
        ("int", 1 << 31),
        ("int", True),
        ("long", 1 << 63),
        ("long", -(1 << 63) - 1),
        ("long", "1"),
        ("long", 1.0),
        ({"type": "long", "logicalType": "timestamp-millis"}, NO_ZONE),
        ({"type": "long", "logicalType": "timestamp-millis"}, "2026-01-01"),
        ({"type": "string", "logicalType": "uuid"}, 7),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "B"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, None),
        ({"type": "array", "items": "string"}, "abc"),
        ({"type": "array", "items": "string"}, None),
        ({"type": "array", "items": "string"}, ["a", 1]),
        ({"type": "map", "values": "long"}, {1: 1}),
        ({"type": "map", "values": "long"}, {"a": "1"}),
        ({"type": "map", "values": "long"}, [("a", 1)]),
        ({"type": "map", "values": "long"}, []),
        ({"type": "map", "values": "long"}, None),
        ({"type": "record", "name": "I", "fields": [{"name": "g", "type": "int"}]}, {"g": 1, "h": 2}),
        ({"type": "record", "name": "I", "fields": [{"name": "g", "type": "int"}]}, {}),
        ({"type": "record", "name": "I", "fields": [{"name": "g", "type": "int"}]}, None),
    ],
)
def test_value_of_another_type_is_refused_and_its_field_named(type_: object, value: object) -> None:
    """A wrong value is found where it is written, not by a reader; "false" is not false."""
    with pytest.raises(ValueError, match=r"^f: "):
        _written(_one_field(type_), {"f": value})


@pytest.mark.parametrize("type_", ["string", {"type": "array", "items": "string"}])
def test_field_with_a_default_may_be_left_out(type_: object) -> None:
    """What is left out is written as its default."""
    default = "x" if type_ == "string" else ["x"]
    schema = _one_field(type_, default=default)
    assert _written(schema, {}) == _written(schema, {"f": default})


@pytest.mark.parametrize("type_", ["bytes", "double", "float", "null", ["string", "null"], ["null", "string", "long"]])
def test_type_that_our_schemas_do_not_use_is_not_compiled(type_: object) -> None:
    """A schema that brings in something new is refused when the codec is made, not when the first record is written."""
    with pytest.raises(ValueError, match="not used"):
        compile_writer(_one_field(type_))
