"""Random scenarios that cover what an order can meet, a third of them approved: for holding two engines together.

``random_scenario`` is fast and repeatable from its seed; ``scenarios`` is the same as a hypothesis strategy, which
searches and shrinks. About one scenario in six is pinned: a limit is set to exactly what the order comes to.
"""

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Final

from hypothesis import strategies as st
from tests.core.pretrade.dice import Dice
from tests.core.pretrade.random_account import (
    LEGS,
    LEVERAGES,
    Held,
    random_balances,
    random_holdings,
    random_live_orders,
    random_positions,
    random_quantity,
    random_rule,
    read_condition,
)
from tests.core.pretrade.random_market import (
    LISTINGS,
    NOW_US,
    random_instrument,
    random_ladders,
    random_marks,
)

from tidegate.core.kernel.decimals import working_precision
from tidegate.core.pretrade.account import Balance, Position, Profile, TradingState
from tidegate.core.pretrade.instrument import Instrument, KycLevel
from tidegate.core.pretrade.order import PRICED_TYPES, STOP_TYPES, Order, OrderType, PositionSide, Side
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.rule_metrics import RULE_METRICS
from tidegate.core.pretrade.rules import Operator, RiskRule, RuleAction
from tidegate.core.pretrade.scenario import Activity, RecentOrder, ReportedExposure, Scenario, TradingStates
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.tiers import MarginTier

USER: Final = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"

__all__ = ["random_scenario", "read_condition", "scenarios"]


def random_scenario(source: Random) -> Scenario:
    """Draw one scenario with an order; the same seed gives the same scenario."""
    with working_precision():
        scenario = _scenario(Dice(source))
        dice = Dice(source)
        return _pinned(dice, scenario) if dice.chance(0.17) else scenario


def scenarios() -> st.SearchStrategy[Scenario]:
    """Scenarios as a hypothesis strategy; what it shrinks are the draws."""
    return st.randoms(use_true_random=False).map(random_scenario)


def _scenario(dice: Dice) -> Scenario:
    listings = [listing for listing in LISTINGS if dice.chance(0.45)] or [dice.pick(LISTINGS)]
    marks = random_marks(dice, listings)
    holdings = random_holdings(dice, listings, marks=marks)
    positions = random_positions(dice, holdings)
    open_orders, reservations = random_live_orders(dice, holdings)
    order = _random_order(dice, dice.pick(holdings), positions=positions)
    return Scenario(
        now_us=NOW_US,
        settings=_random_settings(dice),
        instruments={row.instrument.symbol: random_instrument(dice, row) for row in listings},
        margin_tiers=random_ladders(dice, listings),
        marks=marks,
        profile=_random_profile(dice),
        trading_states=_random_trading_states(dice, order.symbol),
        account_lag_ms=dice.pick([5_001, 60_000]) if dice.fault() else dice.pick([0, 5_000]),
        balances=random_balances(dice),
        positions=positions,
        open_orders=open_orders,
        reservations=reservations,
        reported_exposure=_random_reported_exposure(dice),
        activity=_random_activity(dice, order),
        rules=tuple(random_rule(dice, number=number) for number in range(dice.whole(0, 2))),
        order=order,
    )


def _random_order(dice: Dice, held: Held, *, positions: tuple[Position, ...]) -> Order:
    """An order in a held symbol: opening, or against what is held; now and then one that contradicts itself."""
    legs = [row for row in positions if row.symbol == held.symbol and row.quantity]
    position_side = dice.pick(LEGS) if held.in_legs else PositionSide.BOTH
    side, quantity, reduce_only = dice.pick(list(Side)), random_quantity(dice, held), False
    if legs and dice.chance(0.35):
        target = dice.pick(legs)
        position_side = target.position_side
        is_long = target.position_side is PositionSide.LONG or (
            target.position_side is PositionSide.BOTH and target.quantity > 0
        )
        side = Side.SELL if is_long else Side.BUY
        lot = held.listing.instrument.lot_size
        part = abs(target.quantity) * dice.pick([Decimal("0.1"), Decimal("0.5"), Decimal(1), Decimal("1.5")])
        quantity = max(part // lot, Decimal(1)) * lot
        reduce_only = dice.chance(0.5)
    if dice.fault():
        position_side = dice.pick(list(PositionSide))
    if dice.fault():
        reduce_only = True
    order_type = dice.pick([OrderType.LIMIT, OrderType.LIMIT, *OrderType])
    order = Order(
        user_id=USER,
        account_id="main",
        order_id="o-0" if dice.fault() else "o-new",
        symbol="NOWHERE" if dice.fault(0.2) else held.symbol,
        side=side,
        order_type=order_type,
        quantity=quantity,
        price=_random_price(dice, held) if order_type in PRICED_TYPES else None,
        stop_price=_random_price(dice, held) if order_type in STOP_TYPES else None,
        leverage=_random_leverage(dice, held),
        position_side=position_side,
        reduce_only=reduce_only,
        post_only=order_type in PRICED_TYPES and dice.chance(0.2),
        trace_id="t-1",
    )
    return _contradicted(dice, order, held=held) if dice.fault(2) else order


def _random_price(dice: Dice, held: Held) -> Decimal:
    return dice.around(held.price, held.listing.instrument.tick_size, percent=dice.pick([1, 6]))


def _random_leverage(dice: Dice, held: Held) -> Decimal | None:
    if held.is_spot:
        return dice.pick([None, Decimal(1)]) if not dice.fault() else Decimal(2)
    return Decimal(100) if dice.fault(2) else dice.pick([None, *LEVERAGES])


def _contradicted(dice: Dice, order: Order, *, held: Held) -> Order:
    """One field as it should not be; seldom a quantity that nothing can hold."""
    lot, tick = held.listing.instrument.lot_size, held.listing.instrument.tick_size
    return replace(
        order,
        **dice.pick(  # type: ignore[arg-type]  # each names a field of its kind
            [
                {"price": None},
                {"price": held.price},
                {"price": Decimal(0)},
                {"price": (order.price or held.price) + tick / 4},
                {"stop_price": None},
                {"stop_price": held.price},
                {"stop_price": Decimal(0)},
                {"post_only": True},
                {"quantity": order.quantity + lot / 4},
                {"quantity": lot * 10**9},
                {"quantity": lot * 10**25},
                {"quantity": Decimal(10) ** 30, "price": Decimal(10) ** 20},
                {"symbol": order.symbol.lower()},
            ]
        ),
    )


def _random_profile(dice: Dice) -> Profile | None:
    if dice.fault(0.4):
        return None
    limit = dice.decimal("0", "50000", places=2) if dice.fault(2) else dice.pick([Decimal(10**6), Decimal(10**9)])
    return Profile(
        user_id=USER,
        kyc_level=dice.pick(list(KycLevel)) if dice.fault(2) else dice.pick([KycLevel.L2, KycLevel.L1, KycLevel.L2]),
        exposure_limit_usdt=limit,
        frozen=dice.fault(0.4),
        risk_score=dice.decimal("0", "100", places=2),
        max_leverage=Decimal(5) if dice.fault() else dice.pick([Decimal(50), Decimal(20)]),
    )


def _random_trading_states(dice: Dice, symbol: str) -> TradingStates:
    if not dice.fault(2):
        return TradingStates()
    states = [TradingState.ACTIVE, TradingState.REDUCING, TradingState.REDUCING, TradingState.HALTED]
    return TradingStates(dice.pick(states[:2]), {symbol: dice.pick(states)}, dice.pick(states[:2]))


def _random_settings(dice: Dice) -> GateSettings:
    settings = GateSettings()
    if dice.chance(0.15):
        settings = replace(settings, market_slippage_pct=dice.pick([Decimal(0), Decimal(2), Decimal("0.125")]))
    if dice.chance(0.2):
        settings = replace(settings, liquidation_warn_ratio=dice.decimal("0.005", "0.3", places=3))
    if dice.chance(0.25):
        settings = replace(
            settings,
            orders_per_second_max=dice.pick([0, 2, 5]),
            open_orders_max=dice.pick([0, 3, 10]),
            open_orders_per_symbol_max=dice.pick([0, 2, 10]),
            duplicate_window_ms=dice.pick([0, 500, 2_000]),
            repeat_max=dice.pick([0, 1, 3]),
            repeat_window_ms=dice.pick([1_000, 60_000]),
        )
    if dice.fault():
        caps = {KycLevel.L0: Decimal(1), KycLevel.L1: Decimal(2), KycLevel.L2: Decimal(3)}
        settings = replace(settings, kyc_min_level_spot=KycLevel.L1, kyc_max_leverage=caps)
    return settings


def _random_reported_exposure(dice: Dice) -> ReportedExposure | None:
    if dice.chance(0.4):
        return None
    age_us = dice.pick([0, 60_000_000, 60_000_001, -1_000_000, -1_000_001])
    return ReportedExposure(dice.decimal("0", "200000", places=2), NOW_US - age_us)


def _random_activity(dice: Dice, order: Order) -> Activity:
    if dice.chance(0.15):
        return Activity()
    recent: list[RecentOrder] = []
    for _ in range(dice.whole(0, 4)):
        former = order if dice.chance(0.3) else replace(order, quantity=order.quantity * 2)
        at_us = NOW_US - dice.pick([100_000, 499_999, 500_000, 1_000_000, 2_000_000, 59_000_000])
        recent.append(RecentOrder(former, at_us, former.quantity if dice.chance(0.4) else Decimal(0)))
    return Activity(
        orders_last_minute=None if dice.fault() else dice.whole(0, 60),
        notional_24h=None if dice.fault() else dice.decimal("0", "30000", places=2),
        rejects_last_hour=None if dice.fault() else dice.whole(0, 30),
        recent=tuple(recent),
    )


def _pinned(dice: Dice, scenario: Scenario) -> Scenario:
    """Set one limit to exactly what the order comes to, or to the next value beyond it."""
    order = scenario.order
    if order is None or order.symbol not in scenario.instruments:
        return scenario
    metrics = decide_plainly(scenario, read_condition).metrics
    hair = dice.pick([Decimal(0), Decimal(0), Decimal(1).scaleb(-20)])
    which = dice.whole(0, 5)
    instrument = scenario.instruments[order.symbol]
    if which == 0 and metrics.order_notional is not None:
        return _with_instrument(scenario, replace(instrument, notional_max=metrics.order_notional - hair))
    if which == 1 and metrics.projected_exposure_usdt is not None and scenario.profile is not None:
        limit = max(metrics.projected_exposure_usdt - hair, Decimal(0))
        return replace(scenario, profile=replace(scenario.profile, exposure_limit_usdt=limit))
    if which == 2 and metrics.required_initial_margin is not None and metrics.available_margin is not None:
        return _with_margin_of(scenario, metrics.available_margin - metrics.required_initial_margin + hair)
    if which == 3 and metrics.worst_case_notional is not None:
        return _with_last_tier(scenario, order.symbol, cap=metrics.worst_case_notional - hair)
    if which == 4:
        metric = dice.pick(list(RULE_METRICS))
        value: Decimal | None = getattr(metrics, RULE_METRICS[metric])
        operator = dice.pick([Operator.GT, Operator.GTE, Operator.LT, Operator.LTE, Operator.EQ, Operator.NE])
        threshold = (Decimal(1) if value is None else value) + hair
        pin = RiskRule("pin", "pin", RuleAction.WARN, metric=metric, operator=operator, thresholds=(threshold,))
        return replace(scenario, rules=(*scenario.rules, pin))
    return _with_instrument(scenario, replace(instrument, quantity_min=order.quantity, quantity_max=order.quantity))


def _with_instrument(scenario: Scenario, instrument: Instrument) -> Scenario:
    return replace(scenario, instruments={**scenario.instruments, instrument.symbol: instrument})


def _with_last_tier(scenario: Scenario, symbol: str, *, cap: Decimal) -> Scenario:
    """Give the symbol a ladder of one tier that ends at the cap."""
    if cap <= 0:
        return scenario
    others = tuple(tier for tier in scenario.margin_tiers if tier.symbol != symbol)
    return replace(scenario, margin_tiers=(*others, MarginTier(symbol, 1, cap, Decimal("0.4"), Decimal(125))))


def _with_margin_of(scenario: Scenario, surplus: Decimal) -> Scenario:
    """Take the surplus out of the balance that the order draws on, so that it is met exactly."""
    order = scenario.order
    assert order is not None
    instrument = scenario.instruments[order.symbol]
    spends_base = instrument.kind.value == "SPOT" and order.side is Side.SELL
    asset = instrument.base if spends_base else instrument.settle
    row = (scenario.balances or {}).get(asset)
    if row is None:
        return scenario
    return replace(
        scenario, balances={**(scenario.balances or {}), asset: Balance(asset, row.total - surplus, row.locked)}
    )
