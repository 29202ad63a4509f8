"""The accounts, markets and rules that the benchmarks decide on."""

from collections.abc import Iterable
from decimal import Decimal

from tidegate.core.pretrade.account import Balance, MarginMode, OpenOrder, Position, Profile
from tidegate.core.pretrade.dynamic_rules import build_rules
from tidegate.core.pretrade.instrument import Instrument, Kind, KycLevel, Mark
from tidegate.core.pretrade.order import Order, OrderType, PositionSide, Side
from tidegate.core.pretrade.rules import Operator, RiskRule, RuleAction
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import FlowFacts, GateConfiguration, Market, Snapshot
from tidegate.core.pretrade.state import UserState
from tidegate.core.pretrade.tiers import Ladder, MarginTier, build_ladder

NOW_US = 1_767_225_600_000_000
USER_ID = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"
ACCOUNT_ID = "main"

_METRICS = (
    ("order_notional", Operator.GT, "1000000"),
    ("leverage", Operator.GT, "100"),
    ("projected_margin_ratio", Operator.GTE, "0.95"),
    ("exposure_utilization_pct", Operator.GT, "99"),
    ("orders_per_minute", Operator.GT, "100000"),
    ("available_margin", Operator.LT, "0"),
    ("open_orders_count", Operator.GT, "10000"),
    ("worst_case_notional", Operator.GT, "90000000"),
)


def symbol_of(number: int) -> str:
    """Name an instrument."""
    return f"C{number:03d}USDT"


def an_instrument(number: int) -> Instrument:
    """Make a linear perpetual that settles in USDT."""
    return Instrument(
        symbol=symbol_of(number),
        kind=Kind.LINEAR,
        base=f"C{number:03d}",
        quote="USDT",
        status="TRADING",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"),
        taker_fee_pct=Decimal("0.05"),
        quantity_min=Decimal("0.001"),
        quantity_max=Decimal(1000),
        notional_min=Decimal(5),
        price_band_pct=Decimal(10),
        leverage_max=Decimal(125),
        leverage_default=Decimal(10),
    )


def some_tiers(symbol: str | None) -> list[MarginTier]:
    """Make a ladder of four rungs."""
    steps = (("50000", "0.4", "125"), ("250000", "0.5", "100"), ("1000000", "1", "50"), ("100000000", "2.5", "20"))
    return [
        MarginTier(symbol, tier, Decimal(most), Decimal(pct), Decimal(leverage))
        for tier, (most, pct, leverage) in enumerate(steps, start=1)
    ]


def a_position(number: int) -> Position:
    """Make a one-way position, long in even instruments, short in odd ones."""
    quantity = Decimal("0.35") if number % 2 == 0 else Decimal("-0.27")
    return Position(
        symbol_of(number),
        PositionSide.BOTH,
        quantity=quantity,
        entry_price=Decimal("4987.3"),
        leverage=Decimal(10),
        margin_mode=MarginMode.CROSS,
    )


def an_open_order(number: int, symbols: int) -> OpenOrder:
    """Make a resting limit order; they are spread over the symbols and both sides."""
    return OpenOrder(
        order_id=f"o-{number}",
        symbol=symbol_of(number % symbols),
        side=Side.BUY if number % 2 else Side.SELL,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.013"),
        price=Decimal("4950.1") if number % 2 else Decimal("5050.9"),
        leverage=Decimal(10),
        at_us=NOW_US - 60_000_000,
    )


def an_order(order_id: str = "n-1", number: int = 0) -> Order:
    """Make a limit order that passes."""
    return Order(
        user_id=USER_ID,
        account_id=ACCOUNT_ID,
        order_id=order_id,
        symbol=symbol_of(number),
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.05"),
        price=Decimal("5001.2"),
        leverage=Decimal(10),
        trace_id="t-1",
    )


def a_profile(user_id: str = USER_ID) -> Profile:
    """Make the profile of a verified user with room to trade."""
    return Profile(
        user_id, KycLevel.L2, Decimal(100_000_000), frozen=False, risk_score=Decimal(0), max_leverage=Decimal(50)
    )


def some_rules(count: int) -> list[RiskRule]:
    """Make rules that all apply to every order and are not hit."""
    return [
        RiskRule(
            rule_id=f"00000000-0000-4000-8000-{number:012d}",
            name=f"rule {number:04d}",
            action=RuleAction.REJECT,
            metric=metric,
            operator=operator,
            thresholds=(Decimal(threshold) + (number if operator is not Operator.LT else -number),),
        )
        for number in range(count)
        for metric, operator, threshold in (_METRICS[number % len(_METRICS)],)
    ]


def a_snapshot(*, positions: int, open_orders: int, rules: Iterable[RiskRule]) -> Snapshot:
    """Make what a check of ``an_order`` reads: every mark fresh, nothing wrong with the account."""
    symbols = max(1, positions)
    market = Market()
    ladders: dict[str, Ladder] = {}
    for number in range(symbols):
        instrument = an_instrument(number)
        market.put_instrument(instrument)
        market.marks[instrument.symbol] = Mark(Decimal("5000.7"), NOW_US - 100_000)
        ladders[instrument.symbol] = build_ladder(some_tiers(instrument.symbol))
    user = UserState(USER_ID)
    account = user.account(ACCOUNT_ID)
    account.set_balance(Balance("USDT", Decimal(5_000_000), Decimal(0)))
    for number in range(positions):
        account.set_position(a_position(number))
    for number in range(open_orders):
        order = an_open_order(number, symbols)
        account.put_open_order(order, market.instruments[order.symbol])
    return Snapshot(
        now_us=NOW_US,
        user=user,
        market=market,
        configuration=GateConfiguration(GateSettings(), build_rules(rules), ladders, versions={"rules": 1, "tiers": 1}),
        profile=a_profile(),
        flow=FlowFacts(0, Decimal(0), 0),
    )


def user_id_of(number: int) -> str:
    """Name a user."""
    return f"20000000-0000-4000-8000-{number:012d}"
