"""Phases 1 to 4, each a plain list of what is violated: account, instrument, freshness, flow."""

from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import HUNDRED, ZERO, is_multiple, plain
from tidegate.core.pretrade.account import OpenOrder, Reservation, TradingState
from tidegate.core.pretrade.instrument import KYC_RANK, STATUS_REDUCING_ONLY, STATUS_TRADING, Kind
from tidegate.core.pretrade.order import PRICED_TYPES, STOP_TYPES, Order, PositionSide, Side
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.reference import assets
from tidegate.core.pretrade.reference.holdings import held_symbols, ladder_of, live_orders, live_orders_of, mark_fault
from tidegate.core.pretrade.reference.measures import Measures
from tidegate.core.pretrade.reference.symbols import compared
from tidegate.core.pretrade.rendering import shown
from tidegate.core.pretrade.scenario import RecentOrder, Scenario
from tidegate.core.pretrade.violation import Violation

_STRICTNESS: Final = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED)
_US_PER_MS: Final = 1_000
_US_PER_S: Final = 1_000_000


def account_phase(scenario: Scenario, order: Order, *, proven: bool) -> list[Violation]:
    """Trading state, profile, frozen, KYC level (the last needs a known instrument)."""
    found: list[Violation] = []
    states = scenario.trading_states
    said = [states.everywhere, states.symbols.get(order.symbol, TradingState.ACTIVE), states.user]
    state = max(said, key=_STRICTNESS.index)
    if state is TradingState.HALTED or (state is TradingState.REDUCING and not proven):
        found.append(
            Violation(
                RejectReason.TRADING_HALTED,
                f"trading is {state}",
                metric="trading_state",
                observed=state,
                limit=TradingState.ACTIVE,
            )
        )
    profile = scenario.profile
    if profile is None:
        found.append(Violation(RejectReason.PROFILE_NOT_FOUND, f"no risk profile of user {order.user_id}"))
        return found
    if profile.frozen:
        found.append(Violation(RejectReason.USER_FROZEN, f"user {order.user_id} is frozen"))
    instrument = scenario.instruments.get(order.symbol)
    if instrument is None or proven:
        return found
    settings = scenario.settings
    spot = instrument.kind is Kind.SPOT
    house = settings.kyc_min_level_spot if spot else settings.kyc_min_level_derivatives
    needed = max([house, instrument.kyc_min_level or house], key=KYC_RANK.__getitem__)
    if KYC_RANK[profile.kyc_level] < KYC_RANK[needed]:
        found.append(
            Violation(
                RejectReason.KYC_INSUFFICIENT,
                f"KYC level {profile.kyc_level} is below {needed}",
                metric="kyc_level",
                observed=profile.kyc_level,
                limit=needed,
            )
        )
    return found


def instrument_phase(order: Order, measures: Measures) -> list[Violation]:
    """Status, consistency, prices, quantity, notional, band."""
    instrument, proven = measures.instrument, measures.proven
    found: list[Violation] = []
    tradable = instrument.status == STATUS_TRADING or (instrument.status == STATUS_REDUCING_ONLY and proven)
    if not tradable:
        found.append(
            Violation(
                RejectReason.INSTRUMENT_NOT_TRADABLE,
                f"{order.symbol} is {instrument.status}",
                metric="status",
                observed=instrument.status,
                limit=STATUS_TRADING,
            )
        )
    found += [Violation(RejectReason.INVALID_ORDER, reason) for reason in _inconsistencies(order, measures=measures)]
    found += _price_faults(order, measures=measures)
    found += _quantity_faults(order, measures=measures)
    found += _notional_faults(measures)
    found += _band_fault(measures)
    return found


def _inconsistencies(order: Order, *, measures: Measures) -> list[str]:
    priced, stops = order.order_type in PRICED_TYPES, order.order_type in STOP_TYPES
    spot = measures.instrument.kind is Kind.SPOT
    table = (
        (order.post_only and not priced, f"post_only on {order.order_type}"),
        (order.price is not None and not priced, f"price on {order.order_type}"),
        (order.price is None and priced, f"no price on {order.order_type}"),
        (order.stop_price is None and stops, f"no stop_price on {order.order_type}"),
        (order.stop_price is not None and not stops, f"stop_price on {order.order_type}"),
        (order.reduce_only and spot, "reduce_only on SPOT"),
        (order.position_side is not PositionSide.BOTH and spot, f"position_side {order.position_side} on SPOT"),
        (measures.mismatch, f"position_side {order.position_side} for a symbol that is held otherwise"),
    )
    return [reason for applies, reason in table if applies]


def _price_faults(order: Order, *, measures: Measures) -> list[Violation]:
    tick = measures.instrument.tick_size
    prices = (
        ("price", order.price, order.order_type in PRICED_TYPES),
        ("stop_price", order.stop_price, order.order_type in STOP_TYPES),
    )
    return [
        Violation(
            RejectReason.INVALID_PRICE,
            f"{field} {plain(price)} is not a positive multiple of {plain(tick)}",
            metric=field,
            observed=plain(price),
            limit=plain(tick),
            unit=measures.instrument.quote,
        )
        for field, price, belongs in prices
        if belongs and price is not None and (price <= ZERO or not is_multiple(price, tick))
    ]


def _quantity_faults(order: Order, *, measures: Measures) -> list[Violation]:
    instrument, quantity = measures.instrument, order.quantity
    low, high = instrument.quantity_min, instrument.quantity_max
    table = (
        (not is_multiple(quantity, instrument.lot_size), "is not a multiple of", instrument.lot_size),
        (low is not None and quantity < low, "is below", low),
        (high is not None and quantity > high, "is above", high),
    )
    return [
        Violation(
            RejectReason.INVALID_QUANTITY,
            f"quantity {plain(quantity)} {wrong} {plain(limit)}",
            metric="quantity",
            observed=plain(quantity),
            limit=plain(limit),
        )
        for applies, wrong, limit in table
        if applies and limit is not None
    ]


def _notional_faults(measures: Measures) -> list[Violation]:
    instrument, amount = measures.instrument, measures.metrics.order_notional
    if amount is None:
        return []
    low = None if measures.proven else instrument.notional_min
    high = instrument.notional_max
    table = (
        (low is not None and amount < low, "is below", low),
        (high is not None and amount > high, "is above", high),
    )
    return [
        Violation(
            RejectReason.NOTIONAL_OUT_OF_RANGE,
            f"order notional {shown('order_notional', amount)} {wrong} {plain(limit)}",
            metric="order_notional",
            observed=shown("order_notional", amount),
            limit=plain(limit),
            unit=instrument.settle,
        )
        for applies, wrong, limit in table
        if applies and limit is not None
    ]


def _band_fault(measures: Measures) -> list[Violation]:
    fill, mark, band_pct = measures.fill, measures.mark, measures.instrument.price_band_pct
    if fill is None or mark is None or band_pct is None:
        return []
    if compared(abs(fill - mark)) <= compared(mark * band_pct / HUNDRED):
        return []
    deviation = measures.metrics.price_deviation_pct
    observed = "" if deviation is None else shown("price_deviation_pct", deviation)
    return [
        Violation(
            RejectReason.PRICE_OUT_OF_BAND,
            f"fill price {plain(fill)} is {observed} % away from the mark {plain(mark)}",
            metric="price_deviation_pct",
            observed=observed,
            limit=plain(band_pct),
            unit="%",
        )
    ]


def freshness_phase(scenario: Scenario, order: Order, *, measures: Measures) -> list[Violation]:
    """What the check needs and lacks: marks, balances, the account feed, margin tiers, conversion marks."""
    if measures.proven:
        return []
    found: list[Violation] = []
    marks = [order.symbol, *(symbol for symbol in held_symbols(scenario) if symbol != order.symbol)]
    found += [_stale_mark(scenario, symbol) for symbol in marks if mark_fault(scenario, symbol)]
    instrument = measures.instrument
    spends_base = instrument.kind is Kind.SPOT and order.side is Side.SELL
    asset = instrument.base if spends_base else instrument.settle
    if assets.balance(scenario, asset) is None:
        found.append(_stale("balance", "missing", limit="", message=f"balance of {asset} is missing"))
    lag, lag_max = scenario.account_lag_ms, scenario.settings.account_feed_lag_ms_max
    if lag > lag_max:
        message = f"account feed lags {lag} ms, at most {lag_max} ms"
        found.append(_stale("account_feed_lag_ms", str(lag), limit=str(lag_max), message=message))
    if instrument.kind is not Kind.SPOT:
        cross = assets.cross_positions(scenario, scenario.positions, asset=instrument.settle)
        others = sorted({position.symbol for position in cross} - {order.symbol})
        found += [
            _stale("margin_tiers", "missing", limit="", message=f"margin_tiers of {symbol} are missing")
            for symbol in [order.symbol, *others]
            if ladder_of(scenario, symbol) is None
        ]
    conversions = [symbol for symbol in assets.conversion_symbols(scenario, order) if symbol not in marks]
    found += [_stale_mark(scenario, symbol) for symbol in conversions if mark_fault(scenario, symbol)]
    return found


def _stale_mark(scenario: Scenario, symbol: str) -> Violation:
    observed = mark_fault(scenario, symbol) or ""
    limit = str(scenario.settings.mark_age_ms_max)
    age = observed if observed in {"missing", "unreadable"} else f"{observed} ms old, at most {limit} ms"
    return _stale("mark_age_ms", observed, limit=limit, message=f"mark of {symbol} is {age}")


def _stale(metric: str, observed: str, *, limit: str, message: str) -> Violation:
    unit = "ms" if metric.endswith("_ms") else ""
    return Violation(RejectReason.STALE_DATA, message, metric=metric, observed=observed, limit=limit, unit=unit)


def flow_phase(scenario: Scenario, order: Order, *, proven: bool) -> list[Violation]:
    """Message throttle, duplicates, live-order counts, repeated executions; each off when its setting is 0."""
    found = [*_message_throttle(scenario), *_duplicates(scenario, order)]
    if not proven:
        found += [*_live_order_counts(scenario, order), *_repeat_throttle(scenario, order)]
    return found


def _message_throttle(scenario: Scenario) -> list[Violation]:
    """A bucket of ``orders_per_second_max`` tokens that refills as many a second, counted in millionths of a token."""
    rate = scenario.settings.orders_per_second_max
    if rate == 0:
        return []
    tokens = capacity = rate * _US_PER_S
    moments = sorted(recent.at_us for recent in scenario.activity.recent)
    past = [at_us for at_us in moments if at_us <= scenario.now_us]
    former_us = past[0] if past else scenario.now_us
    for at_us in past:
        tokens = min(capacity, tokens + (at_us - former_us) * rate)
        former_us = at_us
        if tokens >= _US_PER_S:
            tokens -= _US_PER_S
    tokens = min(capacity, tokens + (scenario.now_us - former_us) * rate)
    if tokens >= _US_PER_S:
        return []
    within = 1 + sum(at_us > scenario.now_us - _US_PER_S for at_us in past)
    return [
        Violation(
            RejectReason.RATE_LIMIT_EXCEEDED,
            f"{within} messages within a second, at most {rate}",
            metric="orders_per_second",
            observed=str(within),
            limit=str(rate),
        )
    ]


def _live_order_counts(scenario: Scenario, order: Order) -> list[Violation]:
    counts = (
        ("open_orders", len(live_orders(scenario)), scenario.settings.open_orders_max),
        (
            "open_orders_per_symbol",
            len(live_orders_of(scenario, order.symbol)),
            scenario.settings.open_orders_per_symbol_max,
        ),
    )
    return [
        Violation(
            RejectReason.MAX_OPEN_ORDERS_EXCEEDED,
            f"{live + 1} {metric.replace('_', ' ')}, at most {limit}",
            metric=metric,
            observed=str(live + 1),
            limit=str(limit),
        )
        for metric, live, limit in counts
        if limit and live + 1 > limit
    ]


def _duplicates(scenario: Scenario, order: Order) -> list[Violation]:
    found: list[Violation] = []
    live = live_orders(scenario)
    if any(other.order_id == order.order_id for other in live):
        message = f"order {order.order_id} is already live"
        found.append(Violation(RejectReason.DUPLICATE_ORDER, message, metric="order_id", observed=order.order_id))
    window_ms = scenario.settings.duplicate_window_ms
    seen = [recent.at_us for recent in scenario.activity.recent if _equal(recent.order, order)]
    seen += [other.at_us for other in live if other.at_us is not None and _equal(other, order)]
    latest_us = max(seen, default=None)
    if window_ms and latest_us is not None and latest_us > scenario.now_us - window_ms * _US_PER_MS:
        age = plain(Decimal(scenario.now_us - latest_us) / _US_PER_MS)
        found.append(
            Violation(
                RejectReason.DUPLICATE_ORDER,
                f"an equal order was sent {age} ms ago, within {window_ms} ms",
                metric="duplicate_age_ms",
                observed=age,
                limit=str(window_ms),
                unit="ms",
            )
        )
    return found


def _repeat_throttle(scenario: Scenario, order: Order) -> list[Violation]:
    repeat_max = scenario.settings.repeat_max
    since_us = scenario.now_us - scenario.settings.repeat_window_ms * _US_PER_MS
    count = sum(_was_filled_since(recent, order, since_us=since_us) for recent in scenario.activity.recent)
    if repeat_max == 0 or count < repeat_max:
        return []
    return [
        Violation(
            RejectReason.RATE_LIMIT_EXCEEDED,
            f"{count} equal orders were filled, at most {repeat_max}",
            metric="repeat_count",
            observed=str(count),
            limit=str(repeat_max),
        )
    ]


def _was_filled_since(recent: RecentOrder, order: Order, *, since_us: int) -> bool:
    return recent.filled_quantity > ZERO and recent.at_us > since_us and _equal(recent.order, order)


def _equal(other: Order | OpenOrder | Reservation, order: Order) -> bool:
    """Equal in symbol, side, type, price and quantity; decimals by value."""
    return (
        other.symbol == order.symbol
        and other.side is order.side
        and other.order_type is order.order_type
        and other.price == order.price
        and other.quantity == order.quantity
    )
