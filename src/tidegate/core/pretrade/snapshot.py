"""Everything one check reads, at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tidegate.core.kernel.decimals import HUNDRED, WORKING
from tidegate.core.kernel.quick import quickly_made
from tidegate.core.pretrade.account import Profile, TradingState
from tidegate.core.pretrade.dynamic_rules import RuleBook
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.marks import Marks
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.state import UserState
from tidegate.core.pretrade.tiers import Ladder


class Market:
    """Instruments and marks as they are known at the moment; ``revision`` counts the changes of instruments."""

    __slots__ = ("instruments", "marks", "revision")

    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self.marks = Marks()
        self.revision = 0

    def put_instrument(self, instrument: Instrument) -> None:
        """Put an instrument in its place."""
        self.instruments[instrument.symbol] = instrument
        self.revision += 1


@dataclass(frozen=True, slots=True)
class GateConfiguration:
    """Settings, ladders and rules of one moment; a change makes a new object, so identity tells a change.

    ``versions`` names the published version of each part (``rules``, ``tiers``, ``trading_states``, ``profiles``).
    """

    settings: GateSettings
    rules: RuleBook
    ladders: Mapping[str, Ladder] = field(default_factory=dict)
    default_ladder: Ladder | None = None
    versions: Mapping[str, int] = field(default_factory=dict)
    slippage: Decimal = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "slippage", WORKING.divide(self.settings.market_slippage_pct, HUNDRED))

    def ladder_of(self, symbol: str) -> Ladder | None:
        """Give the ladder of a symbol: its own, else the default one, else ``None``."""
        return self.ladders.get(symbol, self.default_ladder)


@quickly_made
@dataclass(frozen=True, slots=True)
class FlowFacts:
    """What the user did lately, this check excluded; ``None`` when it is not known.

    ``notional_24h`` in USDT. ``message_allowed``: the token bucket holds a token. ``equal_order_at_us``: when the
    latest equal order was sent. ``equal_fills``: equal orders filled inside the repeat window, since the last re-arm.
    """

    orders_last_minute: int | None = None
    notional_24h: Decimal | None = None
    rejects_last_hour: int | None = None
    message_allowed: bool = True
    equal_order_at_us: int | None = None
    equal_fills: int = 0


@quickly_made
@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one check reads. ``trading_state`` is the strictest of everywhere, symbol and user.

    ``account_lag_ms``: lag of the feed that carries account data, ``None`` when its liveness is unknown.
    ``account_gap``: why the account cannot be trusted until a snapshot heals it; empty when it can.
    ``versions``: published version of each area of configuration, by name.
    ``position_known``: positions and live orders themselves are known, whatever else is missing.
    """

    now_us: int
    user: UserState
    market: Market
    configuration: GateConfiguration
    profile: Profile | None
    trading_state: TradingState = TradingState.ACTIVE
    flow: FlowFacts = field(default_factory=FlowFacts)
    account_lag_ms: int | None = 0
    account_gap: str = ""
    position_known: bool = True
    versions: Mapping[str, int] = field(default_factory=dict)
