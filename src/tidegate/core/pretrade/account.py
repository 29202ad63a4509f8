"""What an account holds: positions, live orders, reservations, balances; and the profile of its user."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.kernel.quick import quickly_made
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.order import OrderType, PositionSide, Side


class MarginMode(StrEnum):
    """CROSS shares the wallet; ISOLATED lives on its own margin."""

    CROSS = "CROSS"
    ISOLATED = "ISOLATED"


class TradingState(StrEnum):
    """ACTIVE trades, REDUCING lets only proven reducers through, HALTED nothing."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


@dataclass(frozen=True, slots=True)
class Profile:
    """Risk profile of a user. ``exposure_limit_usdt`` in USDT; limits are inclusive."""

    user_id: str
    kyc_level: KycLevel
    exposure_limit_usdt: Decimal
    frozen: bool
    risk_score: Decimal
    max_leverage: Decimal


@quickly_made
@dataclass(frozen=True, slots=True)
class Balance:
    """One asset of the wallet: ``locked`` is held by others (withdrawals), never by our own live orders."""

    asset: str
    total: Decimal
    locked: Decimal


@quickly_made
@dataclass(frozen=True, slots=True)
class Position:
    """One position: ``quantity`` signed in one-way mode (BOTH), positive in a hedge leg; never 0.

    ``isolated_margin`` (settle asset) is set for ISOLATED alone and is not part of the wallet balance.
    """

    symbol: str
    position_side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    leverage: Decimal
    margin_mode: MarginMode
    isolated_margin: Decimal | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class OpenOrder:
    """A resting order as the matching engine knows it. ``price`` is ``None`` for MARKET and STOP_MARKET.

    ``leverage`` ``None`` stands for the position's, else the instrument's default. ``at_us`` is when it was accepted.
    """

    order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    filled_quantity: Decimal = ZERO
    price: Decimal | None = None
    stop_price: Decimal | None = None
    leverage: Decimal | None = None
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    at_us: int | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class Reservation:
    """What an approval holds until the engine speaks: counts like a resting order at ``price`` (the margin price it
    was decided at), and holds ``extra`` (open loss and fee, settle asset; 0 on SPOT) besides.

    Live while ``expires_at_us`` is after now and its order is not yet an open order.
    """

    order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    price: Decimal
    expires_at_us: int
    filled_quantity: Decimal = ZERO
    extra: Decimal = ZERO
    stop_price: Decimal | None = None
    leverage: Decimal | None = None
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    at_us: int | None = None
