"""Rows of events as their producers write them: instruments, positions, balances, orders (``docs/events.md``)."""

from decimal import Decimal
from typing import Any

from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.account import Balance, OpenOrder, Position
from tidegate.core.pretrade.instrument import Instrument


def instrument_fields(instrument: Instrument) -> dict[str, Any]:
    """Write the terms of md.instrument.created.v1 (its symbol is the key)."""
    return {
        "kind": instrument.kind.value,
        "base": instrument.base,
        "quote": instrument.quote,
        "status": instrument.status,
        "tick_size": plain(instrument.tick_size),
        "lot_size": plain(instrument.lot_size),
        "quantity_min": _text(instrument.quantity_min),
        "quantity_max": _text(instrument.quantity_max),
        "notional_min": _text(instrument.notional_min),
        "notional_max": _text(instrument.notional_max),
        "price_band_pct": _text(instrument.price_band_pct),
        "leverage_max": _text(instrument.leverage_max),
        "leverage_default": _text(instrument.leverage_default),
        "contract_size": plain(instrument.contract_size),
        "taker_fee_pct": plain(instrument.taker_fee_pct),
        "kyc_min_level": None if instrument.kyc_min_level is None else instrument.kyc_min_level.value,
    }


def position_row(position: Position) -> dict[str, Any]:
    """Write a position."""
    return {
        "symbol": position.symbol,
        "position_side": position.position_side.value,
        "quantity": plain(position.quantity),
        "entry_price": plain(position.entry_price),
        "leverage": plain(position.leverage),
        "margin_mode": position.margin_mode.value,
        "isolated_margin": _text(position.isolated_margin),
    }


def balance_row(balance: Balance) -> dict[str, Any]:
    """Write a balance."""
    return {"asset": balance.asset, "total": plain(balance.total), "locked": plain(balance.locked)}


def order_row(order: OpenOrder) -> dict[str, Any]:
    """Write an order as the engine knows it; ``at_us`` is set."""
    return {
        "order_id": order.order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "order_type": order.order_type.value,
        "position_side": order.position_side.value,
        "quantity": plain(order.quantity),
        "filled_quantity": plain(order.filled_quantity),
        "price": _text(order.price),
        "stop_price": _text(order.stop_price),
        "leverage": _text(order.leverage),
        "reduce_only": order.reduce_only,
        "post_only": False,
        "placed_at": (order.at_us or 0) // 1_000,
        "revision": 0,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
