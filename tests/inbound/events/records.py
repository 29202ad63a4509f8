"""Records of the in-topics: as other services would write them, from changes or field by field."""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.account import Balance, Position
from tidegate.core.pretrade.changes import (
    BalanceSet,
    BalancesReplaced,
    EngineReported,
    ExposureReported,
    OrderCommanded,
    OrderRow,
    OrdersReplaced,
    PositionClosed,
    PositionSet,
    PositionsReplaced,
    StateChange,
)
from tidegate.core.pretrade.feeds import EventStamp
from tidegate.core.pretrade.instrument import Instrument
from tidegate.ports.event_bus import OutgoingEvent
from tidegate.wire.codec import AvroCodec
from tidegate.wire.topics import record_key, topic_name

ENVIRONMENT = "test"
USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"
START_MS = 1_767_225_600_000

LIMITS: Mapping[str, Any] = {
    "kyc_level": "L1",
    "exposure_limit_usdt": "1000000",
    "max_leverage": "50",
    "risk_score": "0",
    "frozen": False,
}


def an_event_id(topic: str, sequence: int) -> str:
    return str(uuid5(NAMESPACE_OID, f"{topic}/{sequence}"))


def envelope(topic: str, sequence: int, *, at_ms: int | None = None) -> dict[str, Any]:
    time_ms = START_MS + sequence * 1_000 if at_ms is None else at_ms
    return {"event_id": an_event_id(topic, sequence), "event_ts": time_ms, "trace_id": "t-1", "sequence": sequence}


def user_record(topic: str, sequence: int, *, at_ms: int | None = None, **fields: Any) -> dict[str, Any]:
    return {**envelope(topic, sequence, at_ms=at_ms), "user_id": USER, **fields}


def mark_record(
    sequence: int, price: str = "50000", *, symbol: str = "BTCUSDT", at_ms: int | None = None
) -> dict[str, Any]:
    return {**envelope("md.mark.v1", sequence, at_ms=at_ms), "symbol": symbol, "price": price}


def instrument_record(
    sequence: int, instrument: Instrument, *, topic: str = "md.instrument.created.v1", at_ms: int | None = None
) -> dict[str, Any]:
    return {
        **envelope(topic, sequence, at_ms=at_ms),
        "symbol": instrument.symbol,
        "kind": instrument.kind.value,
        "base": instrument.base,
        "quote": instrument.quote,
        "status": instrument.status,
        "tick_size": plain(instrument.tick_size),
        "lot_size": plain(instrument.lot_size),
        "taker_fee_pct": plain(instrument.taker_fee_pct),
        **{
            name: None if getattr(instrument, name) is None else plain(getattr(instrument, name))
            for name in (
                "quantity_min",
                "quantity_max",
                "notional_min",
                "notional_max",
                "price_band_pct",
                "leverage_max",
                "leverage_default",
            )
        },
        "contract_size": plain(instrument.contract_size),
        "kyc_min_level": None if instrument.kyc_min_level is None else instrument.kyc_min_level.value,
    }


def an_event(codec: AvroCodec, topic: str, *, record: Mapping[str, Any]) -> OutgoingEvent:
    """A record on its way to the bus."""
    return OutgoingEvent(
        topic_name(topic, environment=ENVIRONMENT),
        record_key(topic, record).decode(),
        codec.encode(topic, record),
        str(record["event_id"]),
    )


def change_record(change: StateChange) -> tuple[str, dict[str, Any]]:
    """The topic and the record that say what a change says."""
    assert not isinstance(change, tuple)
    stamp: EventStamp = getattr(change, "stamp")  # noqa: B009 - every change that is told by a record has one
    record: dict[str, Any] = {
        "event_id": str(uuid5(NAMESPACE_OID, stamp.event_id)),
        "event_ts": stamp.at_us // 1_000,
        "trace_id": "t-1",
        "sequence": stamp.sequence,
        "user_id": change.user_id,
    }
    if not isinstance(change, ExposureReported):
        record["account_id"] = getattr(change, "account_id")  # noqa: B009 - as above
    return stamp.topic, {**record, **_fields(change)}


def _fields(change: StateChange) -> dict[str, Any]:
    match change:
        case BalanceSet():
            return {"balance": balance_row(change.balance), "snapshot": None, "heals": None}
        case BalancesReplaced():
            return {"balance": None, "snapshot": list(map(balance_row, change.balances)), "heals": change.heals}
        case PositionSet():
            return {"position": position_row(change.position), "snapshot": None, "heals": None}
        case PositionsReplaced():
            return {"position": None, "snapshot": list(map(position_row, change.positions)), "heals": change.heals}
        case PositionClosed():
            return {
                "symbol": change.symbol,
                "position_side": change.position_side.value,
                "position_sequence": change.position_sequence,
            }
        case OrderCommanded():
            return {"command": change.command.value, "order": _order(change.row), "snapshot": None, "heals": None}
        case OrdersReplaced():
            rows = list(map(_order, change.rows))
            return {"command": "SNAPSHOT", "order": None, "snapshot": rows, "heals": change.heals}
        case EngineReported():
            return {
                "type": change.event.value,
                "order": _order(change.row),
                "last_fill_quantity": _plain(change.last_fill_quantity),
                "last_fill_price": _plain(change.last_fill_price),
                "reason": None,
            }
        case ExposureReported():
            return {"amount": plain(change.exposure.amount)}
        case _:
            raise TypeError(f"no record says {change}")


def balance_row(balance: Balance) -> dict[str, Any]:
    """A balance as a record has it."""
    return {"asset": balance.asset, "total": plain(balance.total), "locked": plain(balance.locked)}


def position_row(position: Position) -> dict[str, Any]:
    """A position as a record has it."""
    return {
        "symbol": position.symbol,
        "position_side": position.position_side.value,
        "quantity": plain(position.quantity),
        "entry_price": plain(position.entry_price),
        "leverage": plain(position.leverage),
        "margin_mode": position.margin_mode.value,
        "isolated_margin": _plain(position.isolated_margin),
    }


def _order(row: OrderRow) -> dict[str, Any]:
    order = row.order
    return {
        "order_id": order.order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "order_type": order.order_type.value,
        "position_side": order.position_side.value,
        "quantity": plain(order.quantity),
        "filled_quantity": plain(order.filled_quantity),
        "price": _plain(order.price),
        "stop_price": _plain(order.stop_price),
        "leverage": _plain(order.leverage),
        "reduce_only": order.reduce_only,
        "post_only": False,
        "placed_at": (order.at_us or 0) // 1_000,
        "revision": row.revision,
    }


def _plain(value: Any) -> str | None:  # noqa: ANN401 - a Decimal or None
    return None if value is None else plain(value)
