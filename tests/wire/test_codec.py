"""Records as bytes and back: framing, bounds, and what is unreadable."""

import contextlib
import datetime
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.wire.codec import (
    LEARNT_WRITERS_MAX,
    RECORD_BYTES_MAX,
    AvroCodec,
    UnknownSchemaId,
    UnreadableReason,
    UnreadableRecord,
    UnwritableRecord,
)
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import ALL_TOPICS

Records = Callable[[str, Mapping[str, Any]], st.SearchStrategy[dict[str, Any]]]
EVENT_ID = "018f4e9c-0000-7000-8000-000000000001"
HAPPENED = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
MARK = {"event_id": EVENT_ID, "event_ts": HAPPENED, "trace_id": "t", "sequence": 5, "symbol": "BTC", "price": "0.1"}
# The body of MARK, byte by byte as the Avro specification has it: lengths and numbers are zig-zag varints.
MARK_BODY = (
    b"\x48" + EVENT_ID.encode()  # 36 bytes of text
    + b"\x80\xa0\xd5\xed\xee\x66"  # 1767225600000
    + b"\x02t" + b"\x02" + b"\x0a" + b"\x06BTC" + b"\x060.1"
)  # fmt: skip
TOPICS = st.sampled_from(ALL_TOPICS)


def _reason(codec: AvroCodec, topic: str, *, payload: bytes) -> UnreadableReason:
    with pytest.raises(UnreadableRecord) as caught:
        codec.decode(topic, payload)
    return caught.value.reason


def test_record_without_registry_is_single_object_encoded(codec: AvroCodec, catalogue: SchemaCatalogue) -> None:
    """PT-702: 0xC3 0x01, the schema's fingerprint, the body."""
    fingerprint = catalogue["md.mark.v1"].current.fingerprint
    assert codec.encode("md.mark.v1", MARK) == b"\xc3\x01" + fingerprint + MARK_BODY


def test_record_with_registry_id_is_in_confluent_format(catalogue: SchemaCatalogue) -> None:
    """Section 7: 0x00, the registry id in four bytes big-endian, the body; read back by the same codec."""
    codec = AvroCodec(catalogue)
    codec.use_registry_id("md.mark.v1", 258)
    payload = codec.encode("md.mark.v1", MARK)
    assert payload == b"\x00\x00\x00\x01\x02" + MARK_BODY
    assert codec.decode("md.mark.v1", payload)["price"] == "0.1"


def test_record_of_either_framing_is_read_whatever_is_written(codec: AvroCodec, catalogue: SchemaCatalogue) -> None:
    """PT-702: a registry may be introduced while records of the other kind are in the topic."""
    with_registry = AvroCodec(catalogue)
    with_registry.use_registry_id("md.mark.v1", 7)
    expected = codec.decode("md.mark.v1", codec.encode("md.mark.v1", MARK))
    assert with_registry.decode("md.mark.v1", codec.encode("md.mark.v1", MARK)) == expected


@pytest.mark.parametrize("schema_id", [-1, 1 << 32])
def test_registry_id_outside_four_bytes_is_refused(schema_id: int, catalogue: SchemaCatalogue) -> None:
    """Section 7: a registry id is four bytes."""
    with pytest.raises(ValueError, match="registry id"):
        AvroCodec(catalogue).use_registry_id("md.mark.v1", schema_id)


def test_unknown_registry_id_is_named_and_readable_once_learnt(catalogue: SchemaCatalogue) -> None:
    """Section 7: the consumer can fetch the schema that the record names, and read on."""
    codec = AvroCodec(catalogue)
    payload = b"\x00\x00\x00\x00\x09" + MARK_BODY
    with pytest.raises(UnknownSchemaId) as caught:
        codec.decode("md.mark.v1", payload)
    assert caught.value.schema_id == 9
    codec.learn_writer(9, catalogue["md.mark.v1"].current.source)
    assert codec.decode("md.mark.v1", payload)["sequence"] == 5


def test_registry_id_once_learnt_keeps_its_meaning(catalogue: SchemaCatalogue) -> None:
    """Section 7: an id stands for one schema for ever; a second teaching changes nothing."""
    codec = AvroCodec(catalogue)
    codec.learn_writer(9, catalogue["md.mark.v1"].current.source)
    codec.learn_writer(9, catalogue["risk.exposure.v2"].current.source)
    assert codec.decode("md.mark.v1", b"\x00\x00\x00\x00\x09" + MARK_BODY)["symbol"] == "BTC"


def test_payloads_tell_which_registry_ids_are_not_known_yet(catalogue: SchemaCatalogue) -> None:
    """RE-258: each id once; what is in no Confluent frame names none."""
    codec = AvroCodec(catalogue)
    codec.use_registry_id("md.mark.v1", 1)
    codec.learn_writer(2, catalogue["md.mark.v1"].current.source)
    framed = [b"\0" + number.to_bytes(4, "big") + MARK_BODY for number in (1, 2, 3, 3, 1 << 31)]
    assert sorted(codec.unknown_writers([*framed, b"", b"\0\0\0\0", b"\xc3\x01" + bytes(8)])) == [3, 1 << 31]


def test_writers_beyond_the_bound_are_forgotten_in_the_order_they_were_learnt(catalogue: SchemaCatalogue) -> None:
    """RE-258: whatever ids others write, memory stays flat; a forgotten one is unknown again and our own never is."""
    codec = AvroCodec(catalogue)
    codec.use_registry_id("md.mark.v1", 0)
    source = catalogue["md.mark.v1"].current.source
    for schema_id in range(1, LEARNT_WRITERS_MAX + 3):
        codec.learn_writer(schema_id, source)
    framed = [b"\0" + number.to_bytes(4, "big") for number in range(LEARNT_WRITERS_MAX + 3)]
    assert sorted(codec.unknown_writers(framed)) == [1, 2]


def test_id_that_we_register_after_it_was_learnt_is_kept(catalogue: SchemaCatalogue) -> None:
    """RE-258: what a process writes itself it can always read."""
    codec = AvroCodec(catalogue)
    source = catalogue["md.mark.v1"].current.source
    codec.learn_writer(1, source)
    codec.use_registry_id("md.mark.v1", 1)
    for schema_id in range(2, LEARNT_WRITERS_MAX + 5):
        codec.learn_writer(schema_id, source)
    assert codec.decode("md.mark.v1", codec.encode("md.mark.v1", MARK))["price"] == "0.1"


def test_learnt_schema_that_is_one_of_ours_is_read_as_ours(catalogue: SchemaCatalogue) -> None:
    """RE-258: a writer's schema that differs in documentation, defaults and logical types only reads alike."""
    codec = AvroCodec(catalogue)
    bare = json.loads(json.dumps(catalogue["md.mark.v1"].current.source))
    bare["fields"] = [{"name": field["name"], "type": _bare(field["type"])} for field in bare["fields"]]
    codec.learn_writer(9, bare)
    read = codec.decode("md.mark.v1", b"\x00\x00\x00\x00\x09" + MARK_BODY)
    assert read == MARK | {"event_id": uuid.UUID(EVENT_ID), "schema_version": 1}


def _bare(schema: object) -> object:
    return schema["type"] if isinstance(schema, dict) else schema


@pytest.mark.parametrize("topic", ALL_TOPICS)
@settings(max_examples=30)
@given(drawn=st.data())
def test_record_survives_the_round_trip(
    topic: str, drawn: st.DataObject, codec: AvroCodec, catalogue: SchemaCatalogue, records_of: Records
) -> None:
    """PT-702: what is written is what is read, for every topic and any record its schema allows."""
    record = drawn.draw(records_of(topic, catalogue[topic].current.parsed))
    assert codec.decode(topic, codec.encode(topic, record)) == record


def test_values_are_read_as_what_they_are(codec: AvroCodec) -> None:
    """PT-702: event_id is a UUID, event_ts an aware time in UTC; money stays text."""
    read = codec.decode("md.mark.v1", codec.encode("md.mark.v1", MARK))
    assert read == MARK | {"event_id": uuid.UUID(EVENT_ID), "schema_version": 1}
    assert read["event_ts"].utcoffset() == datetime.timedelta(0)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", UnreadableReason.UNKNOWN_FRAMING),
        (b"{}", UnreadableReason.UNKNOWN_FRAMING),
        (b"\xc3", UnreadableReason.UNKNOWN_FRAMING),
        (b"\x00\x00\x00\x00", UnreadableReason.TRUNCATED_HEADER),
        (b"\xc3\x01" + bytes(7), UnreadableReason.TRUNCATED_HEADER),
        (b"\xc3\x01" + bytes(8), UnreadableReason.UNKNOWN_SCHEMA),
        (b"\x00\x00\x00\x00\x01" + MARK_BODY, UnreadableReason.UNKNOWN_SCHEMA),
        (bytes(RECORD_BYTES_MAX + 1), UnreadableReason.TOO_LARGE),
    ],
)
def test_payload_that_names_no_known_schema_is_unreadable(
    payload: bytes, reason: UnreadableReason, codec: AvroCodec
) -> None:
    """PT-709: the reason is said, for the dead-letter record and the metric."""
    assert _reason(codec, "md.mark.v1", payload=payload) is reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (MARK_BODY + b"\x00", UnreadableReason.TRAILING_BYTES),
        (MARK_BODY + MARK_BODY, UnreadableReason.TRAILING_BYTES),
        (b"", UnreadableReason.MALFORMED),
        (MARK_BODY[:-1], UnreadableReason.MALFORMED),
        (MARK_BODY.replace(b"\x06BTC", b"\x05BTC"), UnreadableReason.MALFORMED),  # a negative length
        (MARK_BODY.replace(b"BTC", b"\xff\xff\xff"), UnreadableReason.MALFORMED),  # no UTF-8
        (MARK_BODY.replace(b"018f", b"zzzz"), UnreadableReason.MALFORMED),  # no UUID
        (MARK_BODY.replace(b"\x66\x02t", b"\xff\xff\xff\x7f\x02t"), UnreadableReason.MALFORMED),  # no such year
        (MARK_BODY.replace(b"\x02\x0a\x06", b"\x02\x00\x06"), UnreadableReason.CONTRADICTORY),  # sequence 0
    ],
)
def test_body_that_is_not_exactly_one_record_is_unreadable(
    body: bytes, reason: UnreadableReason, codec: AvroCodec, catalogue: SchemaCatalogue
) -> None:
    """PT-709: cut, padded, garbled or self-contradicting bytes are never taken for a record."""
    fingerprint = catalogue["md.mark.v1"].current.fingerprint
    assert _reason(codec, "md.mark.v1", payload=b"\xc3\x01" + fingerprint + body) is reason


def test_record_of_another_topic_is_unreadable_in_either_framing(catalogue: SchemaCatalogue) -> None:
    """PT-709: a thaw in the topic of freezes, though its fields are the same, is not a freeze."""
    codec = AvroCodec(catalogue)
    thaw = {"event_id": EVENT_ID, "event_ts": HAPPENED, "trace_id": "", "sequence": 1} | {
        "user_id": EVENT_ID,
        "reason": "",
        "actor": "",
    }
    assert (
        _reason(codec, "user.frozen.v1", payload=codec.encode("user.unfrozen.v1", thaw))
        is UnreadableReason.UNKNOWN_SCHEMA
    )
    codec.use_registry_id("user.unfrozen.v1", 3)
    assert (
        _reason(codec, "user.frozen.v1", payload=codec.encode("user.unfrozen.v1", thaw))
        is UnreadableReason.OTHER_RECORD
    )


def test_largest_record_passes_and_one_byte_more_does_not(codec: AvroCodec) -> None:
    """Bounds: 1 MiB framing included, both ways."""
    room = RECORD_BYTES_MAX - len(codec.encode("md.mark.v1", MARK | {"trace_id": ""})) - 2  # its length takes 3 bytes
    payload = codec.encode("md.mark.v1", MARK | {"trace_id": "x" * room})
    assert len(payload) == RECORD_BYTES_MAX
    assert len(codec.decode("md.mark.v1", payload)["trace_id"]) == room
    with pytest.raises(UnwritableRecord, match="more than"):
        codec.encode("md.mark.v1", MARK | {"trace_id": "x" * (room + 1)})


@pytest.mark.parametrize(
    "change",
    [
        {"price": 0.1},
        {"price": None},
        {"sequence": "5"},
        {"sequence": 1 << 64},
        {"sequence": 0},
        {"venue": "X"},
        {"schema_version": 2},
        {"event_ts": datetime.datetime(2026, 1, 1)},  # noqa: DTZ001 - a time without zone is what is refused here
        {"event_ts": None},
    ],
)
def test_record_that_does_not_follow_the_schema_is_not_written(change: dict[str, Any], codec: AvroCodec) -> None:
    """Money of another type, unknown fields, other versions and times without zone are the writer's bugs."""
    with pytest.raises(UnwritableRecord):
        codec.encode("md.mark.v1", MARK | change)


@pytest.mark.parametrize("left_out", [field for field in MARK if field != "schema_version"])
def test_record_with_a_field_missing_is_not_written(left_out: str, codec: AvroCodec) -> None:
    """There is no default price: what is not there is not made up."""
    with pytest.raises(UnwritableRecord):
        codec.encode("md.mark.v1", {field: value for field, value in MARK.items() if field != left_out})


def test_topic_without_schema_is_a_bug_of_the_caller(codec: AvroCodec) -> None:
    """The lists of topics are closed."""
    with pytest.raises(KeyError):
        codec.encode("risk.liquidation.trigger.v1", MARK)
    with pytest.raises(KeyError):
        codec.decode("risk.liquidation.trigger.v1", b"")


@pytest.mark.slow
@settings(max_examples=10_000)
@given(topic=TOPICS, frame=st.sampled_from(["none", "fingerprint", "registry"]), body=st.binary(max_size=120))
def test_random_bytes_are_unreadable_or_a_record_and_nothing_else(
    topic: str, frame: str, body: bytes, codec: AvroCodec, catalogue: SchemaCatalogue
) -> None:
    """PT-709: no bytes can bring a consumer to anything but a record or UnreadableRecord."""
    current = catalogue[topic].current
    header = {"none": b"", "fingerprint": b"\xc3\x01" + current.fingerprint, "registry": b"\x00\x00\x00\x00\x05"}
    reading = codec
    if frame == "registry":
        reading = AvroCodec(SchemaCatalogue([(topic, current.source)]))
        reading.learn_writer(5, current.source)
    _read_or_unreadable(reading, topic, payload=header[frame] + body)


@pytest.mark.slow
@settings(max_examples=1_000)
@given(drawn=st.data(), topic=TOPICS)
def test_mutated_records_are_unreadable_or_a_record_and_nothing_else(
    drawn: st.DataObject, topic: str, codec: AvroCodec, catalogue: SchemaCatalogue, records_of: Records
) -> None:
    """PT-709: the same for records with some bytes changed, which get deeper into the reader than noise does."""
    payload = bytearray(codec.encode(topic, drawn.draw(records_of(topic, catalogue[topic].current.parsed))))
    for _ in range(drawn.draw(st.integers(1, 4))):
        payload[drawn.draw(st.integers(10, len(payload) - 1))] = drawn.draw(st.integers(0, 255))
    _read_or_unreadable(codec, topic, payload=bytes(payload))


def _read_or_unreadable(codec: AvroCodec, topic: str, *, payload: bytes) -> None:
    with contextlib.suppress(UnreadableRecord):
        assert codec.decode(topic, payload)["event_ts"].utcoffset() == datetime.timedelta(0)
