"""The shape of snapshots and of what they heal (docs/events.md), enforced both ways by the codec."""

import json
from pathlib import Path
from typing import Any

import pytest

from tidegate.wire.codec import AvroCodec, UnreadableReason, UnreadableRecord, UnwritableRecord
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.snapshots import HEALED_WITH, is_snapshot
from tidegate.wire.topics import ACCOUNT_TOPICS, USER_TOPICS

GOLDEN = Path(__file__).resolve().parent / "golden"
HEALS_USER = dict.fromkeys(sorted(HEALED_WITH["user.updated.v1"]), 1)


def _golden(topic: str, number: int) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((GOLDEN / f"{topic}.1.json").read_text("utf-8"))["written"][number]["record"]
    return record


def test_every_topic_that_can_have_a_gap_can_be_healed() -> None:
    """PT-707: for each topic counted per account or user there is a snapshot that covers it; no topic has two."""
    covered = [*HEALED_WITH, *[topic for topics in HEALED_WITH.values() for topic in topics]]
    assert sorted(covered) == sorted((*ACCOUNT_TOPICS, *USER_TOPICS))


@pytest.mark.parametrize("topic", ["position.updated.v1", "order.command.v1", "wallet.balance_changed.v1"])
def test_snapshot_is_told_from_a_row(topic: str, codec: AvroCodec) -> None:
    """PT-707: a consumer sees from the record alone whether it replaces or adds."""
    row, snapshot = (codec.decode(topic, codec.encode(topic, _golden(topic, number))) for number in (0, 1))
    assert not is_snapshot(row)
    assert is_snapshot(snapshot)


POSITION, ORDER, WALLET = "position.updated.v1", "order.command.v1", "wallet.balance_changed.v1"
CONTRADICTIONS = [
    ("neither row nor snapshot", POSITION, 0, {"position": None}),
    ("row and snapshot", POSITION, 0, {"snapshot": [], "heals": {"position.closed.v1": 1}}),
    ("row that heals", POSITION, 0, {"heals": {"position.closed.v1": 1}}),
    ("snapshot that does not say what it heals", POSITION, 1, {"heals": None}),
    ("snapshot that leaves a topic out", POSITION, 1, {"heals": {}}),
    ("snapshot that heals another topic", POSITION, 1, {"heals": {"engine.event.v1": 1}}),
    ("snapshot that heals one topic more", WALLET, 1, {"heals": {"position.closed.v1": 1}}),
    ("snapshot that heals up to -1", ORDER, 1, {"heals": {"engine.event.v1": -1}}),
    ("snapshot as NEW", ORDER, 1, {"command": "NEW"}),
    ("row as SNAPSHOT", ORDER, 0, {"command": "SNAPSHOT"}),
    ("position twice", POSITION, 1, {"snapshot": _golden(POSITION, 1)["snapshot"] * 2}),
    ("order twice", ORDER, 1, {"snapshot": _golden(ORDER, 1)["snapshot"] * 2}),
    ("balance twice", WALLET, 1, {"snapshot": _golden(WALLET, 1)["snapshot"] * 2}),
    ("half a profile as snapshot", "user.updated.v1", 0, {"heals": HEALS_USER}),
    ("sequence 0", POSITION, 0, {"sequence": 0}),
]


@pytest.mark.parametrize(
    ("topic", "number", "change"), [row[1:] for row in CONTRADICTIONS], ids=[row[0] for row in CONTRADICTIONS]
)
def test_record_that_contradicts_itself_is_neither_written_nor_read(
    topic: str, number: int, change: dict[str, Any], codec: AvroCodec, catalogue: SchemaCatalogue
) -> None:
    """PT-707, PT-709: a snapshot of doubtful meaning never replaces what is known of an account."""
    golden, fault = _golden(topic, number), change
    with pytest.raises(UnwritableRecord):
        codec.encode(topic, golden | fault)
    unchecked = SchemaCatalogue([("unchecked", catalogue[topic].current.source)])
    doubtful = _written_unchecked(unchecked, golden | fault)
    with pytest.raises(UnreadableRecord) as caught:
        codec.decode(topic, doubtful)
    assert caught.value.reason is UnreadableReason.CONTRADICTORY


def _written_unchecked(catalogue: SchemaCatalogue, record: dict[str, Any]) -> bytes:
    """As a careless producer writes it: the same schema, under a name for which no shape is demanded."""
    if record["sequence"] < 1:
        record = record | {"sequence": 1}
        whole = AvroCodec(catalogue).encode("unchecked", record)
        head, tail = whole.split(b"\x02\x02\x48", 1)  # schema_version 1, sequence 1, length of user_id
        return head + b"\x02\x00\x48" + tail
    return AvroCodec(catalogue).encode("unchecked", record)


def test_snapshot_of_a_user_is_told_from_a_change(codec: AvroCodec) -> None:
    """PT-707: a user.updated.v1 with heals carries the whole profile."""
    topic = "user.updated.v1"
    change, snapshot = (codec.decode(topic, codec.encode(topic, _golden(topic, number))) for number in (0, 1))
    assert not is_snapshot(change)
    assert is_snapshot(snapshot)
