"""How a record says "this is all there is" (docs/events.md): its shape, the same for writers and readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

# For each topic that carries snapshots, the other topics whose gaps its snapshots heal.
HEALED_WITH: Final[Mapping[str, frozenset[str]]] = {
    "user.updated.v1": frozenset(
        {"user.created.v1", "user.verified.v1", "user.kyc.updated.v1", "user.frozen.v1", "user.unfrozen.v1"}
    ),
    "position.updated.v1": frozenset({"position.closed.v1"}),
    "order.command.v1": frozenset({"engine.event.v1"}),
    "wallet.balance_changed.v1": frozenset(),
}
# For each topic that tells of the rows of an account: the field that holds one row, and what tells rows apart.
_ROW_FIELD: Final = {
    "position.updated.v1": "position",
    "order.command.v1": "order",
    "wallet.balance_changed.v1": "balance",
}
_ROW_IDENTITY: Final[Mapping[str, Callable[[Mapping[str, Any]], object]]] = {
    "position.updated.v1": lambda row: (row["symbol"], row["position_side"]),
    "order.command.v1": lambda row: row["order_id"],
    "wallet.balance_changed.v1": lambda row: row["asset"],
}
_PROFILE_FIELDS: Final = ("kyc_level", "exposure_limit_usdt", "max_leverage", "risk_score", "frozen")


def is_snapshot(record: Mapping[str, Any]) -> bool:
    """True when the record replaces all that its topic said of its account (user.updated.v1: of its user)."""
    return record.get("heals") is not None


def shape_fault(topic: str, record: Mapping[str, Any]) -> str | None:
    """What contradicts itself in a record that its schema lets through, in words; None when nothing does.

    Checked are the sequence (from 1), and for topics with snapshots: exactly one of row and snapshot is set; `heals`
    is set with a snapshot only and names exactly the topics of HEALED_WITH, each with a sequence from 0; no row of a
    snapshot is there twice; `command` is SNAPSHOT for a snapshot only; a snapshot of a user has all its limits.
    """
    if record.get("sequence", 1) < 1:
        return "sequence is below 1"
    healed = HEALED_WITH.get(topic)
    if healed is None:
        return None
    fault = _heals_fault(record, healed)
    return fault or (_rows_fault(topic, record) if topic in _ROW_FIELD else _profile_fault(record))


def _heals_fault(record: Mapping[str, Any], healed: frozenset[str]) -> str | None:
    heals = record.get("heals")
    if heals is None:
        return None
    if heals.keys() != healed:
        return f"heals must name exactly {sorted(healed)}"
    if min(heals.values(), default=0) < 0:
        return "heals has a sequence below 0"
    return None


def _rows_fault(topic: str, record: Mapping[str, Any]) -> str | None:
    rows, row_field = record.get("snapshot"), _ROW_FIELD[topic]
    if (rows is None) == (record.get(row_field) is None):
        return f"exactly one of {row_field} and snapshot must be set"
    if (rows is None) != (record.get("heals") is None):
        return "heals must be set with a snapshot, and only then"
    if topic == "order.command.v1" and (rows is None) == (record["command"] == "SNAPSHOT"):
        return "command must be SNAPSHOT with a snapshot, and only then"
    if rows is not None and len({_ROW_IDENTITY[topic](row) for row in rows}) < len(rows):
        return "a row of the snapshot is there twice"
    return None


def _profile_fault(record: Mapping[str, Any]) -> str | None:
    if is_snapshot(record) and any(record.get(field) is None for field in _PROFILE_FIELDS):
        return "a snapshot of a user must have all limits"
    return None
