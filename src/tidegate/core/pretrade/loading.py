"""A scenario loaded into running totals: the way by which files, seeds and tests reach the fast path."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from tidegate.core.kernel.decimals import ONE, WORKING, ZERO
from tidegate.core.pretrade.account import OpenOrder, Reservation, TradingState
from tidegate.core.pretrade.dynamic_rules import RuleBook, build_rules
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.scenario import RecentOrder, Scenario, TradingStates
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import FlowFacts, GateConfiguration, Market, Snapshot
from tidegate.core.pretrade.state import UserState
from tidegate.core.pretrade.tiers import Ladder, MarginTier, build_ladder
from tidegate.core.rules.parse import NO_ENGINES, Engines

_STRICTNESS = {state: place for place, state in enumerate(TradingState)}


def load_snapshot(scenario: Scenario, order: Order, *, engines: Engines = NO_ENGINES) -> Snapshot:
    """Give the snapshot in which the scenario's order is decided.

    Raises:
        UnsoundLadder: the active tiers of a symbol do not make a ladder.
        InvalidRule: a rule's condition is not right.
    """
    market = load_market(scenario)
    return Snapshot(
        now_us=scenario.now_us,
        user=load_user(scenario, order.user_id, account_id=order.account_id),
        market=market,
        configuration=load_configuration(scenario, rules=build_rules(scenario.rules, engines=engines)),
        profile=scenario.profile,
        trading_state=strictest(scenario.trading_states, order.symbol),
        flow=load_flow(scenario, order),
        account_lag_ms=scenario.account_lag_ms,
    )


def load_market(scenario: Scenario) -> Market:
    """Give the market of a scenario: its instruments and marks."""
    market = Market()
    for instrument in scenario.instruments.values():
        market.put_instrument(instrument)
    market.marks.update(scenario.marks)
    return market


def load_configuration(scenario: Scenario, *, rules: RuleBook) -> GateConfiguration:
    """Give the configuration of a scenario: settings, ladders and rules."""
    ladders, default = build_ladders(scenario.margin_tiers)
    return GateConfiguration(scenario.settings, rules, ladders, default)


def build_ladders(tiers: Iterable[MarginTier]) -> tuple[Mapping[str, Ladder], Ladder | None]:
    """Give the ladder of each symbol that has active tiers, and the default one.

    Raises:
        UnsoundLadder: the active tiers of one of them do not make a ladder.
    """
    by_symbol: dict[str | None, list[MarginTier]] = {}
    for tier in tiers:
        if tier.active:
            by_symbol.setdefault(tier.symbol, []).append(tier)
    default = by_symbol.pop(None, None)
    ladders = {symbol: build_ladder(rows) for symbol, rows in by_symbol.items() if symbol is not None}
    return ladders, None if default is None else build_ladder(default)


def load_user(scenario: Scenario, user_id: str, *, account_id: str) -> UserState:
    """Give the state of the user whose one account the scenario describes."""
    user = UserState(user_id)
    user.reported_exposure = scenario.reported_exposure
    account = user.account(account_id)
    if scenario.balances is not None:
        account.balances = dict(scenario.balances)
    for position in scenario.positions:
        account.set_position(position)
    for order in scenario.open_orders:
        account.put_open_order(order, scenario.instruments[order.symbol])
    for reservation in scenario.reservations:
        if reservation.expires_at_us > scenario.now_us:
            user.hold(account_id, reservation, instrument=scenario.instruments[reservation.symbol])
    return user


def strictest(states: TradingStates, symbol: str) -> TradingState:
    """Give the strictest of the states that hold for an order: everywhere, its symbol, its user."""
    of_symbol = states.symbols.get(symbol, TradingState.ACTIVE)
    return max(states.everywhere, of_symbol, states.user, key=_STRICTNESS.__getitem__)


def load_flow(scenario: Scenario, order: Order) -> FlowFacts:
    """Work out from the recent orders what the flow checks and metrics read."""
    activity, settings, now_us = scenario.activity, scenario.settings, scenario.now_us
    equal = [recent for recent in activity.recent if same_content(recent.order, order)]
    sent = [recent.at_us for recent in equal]
    resting: tuple[OpenOrder | Reservation, ...] = (*scenario.open_orders, *scenario.reservations)
    sent += [live.at_us for live in resting if live.at_us is not None and same_content(live, order)]
    repeats_since_us = now_us - settings.repeat_window_ms * 1_000
    return FlowFacts(
        orders_last_minute=activity.orders_last_minute,
        notional_24h=activity.notional_24h,
        rejects_last_hour=activity.rejects_last_hour,
        message_allowed=_token_left(activity.recent, settings, now_us=now_us),
        equal_order_at_us=max(sent, default=None),
        equal_fills=sum(1 for recent in equal if recent.filled_quantity > ZERO and recent.at_us > repeats_since_us),
    )


def same_content(one: Order | OpenOrder | Reservation, other: Order) -> bool:
    """Tell whether two orders are equal for the duplicate check: symbol, side, type, price and quantity."""
    return all(getattr(one, name) == getattr(other, name) for name in _CONTENT)


_CONTENT = ("symbol", "side", "order_type", "price", "quantity")


def take_token(level: Decimal, elapsed_us: int, *, most: int) -> tuple[Decimal, bool]:
    """Refill a token bucket of ``most`` tokens (as many a second) for the time elapsed and take one, if there is one.

    Gives the level that is left and whether a token was there.
    """
    refill = WORKING.divide(WORKING.multiply(Decimal(max(0, elapsed_us)), Decimal(most)), Decimal(1_000_000))
    filled = min(Decimal(most), WORKING.add(level, refill))
    return (WORKING.subtract(filled, ONE), True) if filled >= ONE else (filled, False)


def _token_left(recent: Iterable[RecentOrder], settings: GateSettings, *, now_us: int) -> bool:
    most = settings.orders_per_second_max
    if not most:
        return True
    level, last_us = Decimal(most), None
    for at_us in sorted(order.at_us for order in recent):
        level, _ = take_token(level, 0 if last_us is None else at_us - last_us, most=most)
        last_us = at_us
    return take_token(level, 0 if last_us is None else now_us - last_us, most=most)[1]
