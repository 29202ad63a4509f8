"""One self-contained case: everything a check reads, as plain lists, and the order (``spec/pretrade.md`` section 9).

The naive reference works on it directly; the fast path loads it into running totals first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.pretrade.account import Balance, OpenOrder, Position, Profile, Reservation, TradingState
from tidegate.core.pretrade.instrument import Instrument, Mark
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.rules import RiskRule
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.tiers import MarginTier


@dataclass(frozen=True, slots=True)
class RecentOrder:
    """An earlier order of the user, for the flow checks; ``filled_quantity`` counts it for the repeat throttle."""

    order: Order
    at_us: int
    filled_quantity: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Activity:
    """Sliding windows of the user before this check: orders in the last minute, notional (USDT) in 24 h, rejects in
    the last hour; ``None`` when not known.
    """

    orders_last_minute: int | None = None
    notional_24h: Decimal | None = None
    rejects_last_hour: int | None = None
    recent: tuple[RecentOrder, ...] = ()


@dataclass(frozen=True, slots=True)
class TradingStates:
    """The kill switch as it stands for the order: everywhere, for each symbol, for the user."""

    everywhere: TradingState = TradingState.ACTIVE
    symbols: Mapping[str, TradingState] = field(default_factory=dict)
    user: TradingState = TradingState.ACTIVE


@dataclass(frozen=True, slots=True)
class ReportedExposure:
    """risk.exposure.v2 as others reported it: USDT and its time."""

    amount: Decimal
    at_us: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """A snapshot of one account of one user, and an order (absent for ``tidegate margin``).

    ``balances`` ``None`` means unknown; every other absent list is empty. ``margin_tiers`` are checked to be sound.
    """

    now_us: int
    settings: GateSettings = field(default_factory=GateSettings)
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    margin_tiers: tuple[MarginTier, ...] = ()
    marks: Mapping[str, Mark] = field(default_factory=dict)
    profile: Profile | None = None
    trading_states: TradingStates = field(default_factory=TradingStates)
    account_lag_ms: int = 0
    balances: Mapping[str, Balance] | None = None
    positions: tuple[Position, ...] = ()
    open_orders: tuple[OpenOrder, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    reported_exposure: ReportedExposure | None = None
    activity: Activity = field(default_factory=Activity)
    rules: tuple[RiskRule, ...] = ()
    order: Order | None = None
