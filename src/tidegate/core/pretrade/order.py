"""The order that asks to reach the matching engine."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from tidegate.core.kernel.quick import quickly_made


class Side(StrEnum):
    """Side of an order."""

    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """Order types; the STOP types carry a trigger price."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOP_LIMIT = "STOP_LIMIT"
    STOP_MARKET = "STOP_MARKET"


class PositionSide(StrEnum):
    """BOTH in one-way mode, LONG or SHORT for a leg in hedge mode."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


PRICED_TYPES = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
"""Order types that carry a limit price."""

STOP_TYPES = frozenset({OrderType.STOP_LIMIT, OrderType.STOP_MARKET})
"""Order types that carry a trigger price."""


@quickly_made
@dataclass(frozen=True, slots=True)
class Order:
    """One order as received, every field read (``spec/pretrade.md`` section 1).

    ``quantity`` is positive, in units of the instrument (contracts for INVERSE). ``price`` and ``stop_price`` are in
    the quote asset, ``None`` when the field was empty, never negative (0 is an INVALID_PRICE). ``leverage`` is
    ``None`` when empty, else at least 1.
    """

    user_id: str
    account_id: str
    order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    leverage: Decimal | None = None
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    post_only: bool = False
    trace_id: str = ""


def is_closing(side: Side, position_side: PositionSide) -> bool:
    """Tell whether an order of this side can only close its hedge leg (always false in one-way mode)."""
    if position_side is PositionSide.LONG:
        return side is Side.SELL
    return position_side is PositionSide.SHORT and side is Side.BUY
