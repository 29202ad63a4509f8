"""Every number of one check, each from scratch."""

from dataclasses import dataclass, field
from decimal import Decimal

from tidegate.core.kernel.decimals import HUNDRED, ONE, ZERO, as_sum, in_range
from tidegate.core.pretrade.account import MarginMode
from tidegate.core.pretrade.instrument import Instrument, Kind
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.order import Order, Side
from tidegate.core.pretrade.reference import assets, filling, liquidation, symbols
from tidegate.core.pretrade.reference.holdings import (
    is_isolated,
    ladder_of,
    live_orders,
    notional,
    order_fill_price,
    order_leverage,
    usable_mark,
)
from tidegate.core.pretrade.reference.proven import is_proven_reducer, leg_mismatch
from tidegate.core.pretrade.scenario import Scenario


@dataclass(slots=True)
class Measures:
    """The metrics of an order, and what the phases read besides.

    ``overflown`` names the metrics that were 10**22 or more where everything they hang on was not.
    ``no_liquidation_price``: all its data are there and it does not exist. ``exposure_rises`` is false when the own
    exposure after is at most that before.
    """

    metrics: Metrics
    instrument: Instrument
    fill: Decimal | None
    mark: Decimal | None
    proven: bool
    mismatch: bool
    overflown: list[str] = field(default_factory=list)
    no_liquidation_price: bool = False
    exposure_rises: bool = True

    def keep(self, metric: str, value: Decimal | None) -> Decimal | None:
        """Note a sum; give it back as it is, or ``None`` when it is not known or out of range."""
        if value is None:
            return None
        if not in_range(value):
            self.overflown.append(metric)
            return None
        setattr(self.metrics, metric, as_sum(value))
        return value

    def keep_ratio(self, metric: str, value: Decimal | None) -> None:
        """Note a price or a percentage; what is out of range is not known."""
        if value is not None and in_range(value):
            setattr(self.metrics, metric, as_sum(value))


def measure(scenario: Scenario, order: Order) -> Measures:
    """Compute what can be computed for an order in a known instrument."""
    instrument = scenario.instruments[order.symbol]
    measures = Measures(
        metrics=Metrics(),
        instrument=instrument,
        fill=order_fill_price(scenario, order),
        mark=usable_mark(scenario, order.symbol),
        proven=is_proven_reducer(scenario, order),
        mismatch=leg_mismatch(scenario, order),
    )
    amount = None if measures.fill is None else notional(instrument, order.quantity, price=measures.fill)
    amount = measures.keep("order_notional", amount)
    fee = None if amount is None else amount * instrument.taker_fee_pct / HUNDRED
    fee = measures.keep("fee", fee)
    if instrument.kind is Kind.SPOT:
        _measure_spot(scenario, order, measures=measures, fee=fee)
    else:
        _measure_derivative(scenario, order, measures=measures, fee=fee)
    _measure_exposure(scenario, order, measures=measures)
    _measure_activity(scenario, order, measures=measures, amount=amount)
    return measures


def _measure_spot(scenario: Scenario, order: Order, *, measures: Measures, fee: Decimal | None) -> None:
    """A BUY spends notional and fee of the quote, a SELL its quantity of the base."""
    instrument = measures.instrument
    spent = instrument.quote if order.side is Side.BUY else instrument.base
    amount = None if measures.fill is None else notional(instrument, order.quantity, price=measures.fill)
    paid = None if amount is None or fee is None else amount + fee
    measures.keep("available_margin", assets.spot_available(scenario, spent))
    measures.keep("required_initial_margin", paid if order.side is Side.BUY else order.quantity)


def _measure_derivative(scenario: Scenario, order: Order, *, measures: Measures, fee: Decimal | None) -> None:
    symbol, settle = order.symbol, measures.instrument.settle
    leverage = order_leverage(scenario, order)
    before = symbols.leverage_before(scenario, symbol)
    leverage_before = leverage if before is None else before
    leverage_after = min(leverage_before, leverage)
    added = None if measures.mismatch else symbols.order_opening(scenario, order)

    worst_before = symbols.worst_case(scenario, symbol, added=[])
    worst_after = None if added is None else symbols.worst_case(scenario, symbol, added=added)
    worst_after = measures.keep("worst_case_notional", worst_after)
    margin_before = measures.keep(
        "initial_margin_before",
        symbols.initial_margin(scenario, symbol, worst=worst_before, leverage=leverage_before),
    )
    margin_after = measures.keep(
        "initial_margin_after", symbols.initial_margin(scenario, symbol, worst=worst_after, leverage=leverage_after)
    )
    equity = measures.keep("equity", assets.equity(scenario, settle))
    available = assets.available_margin(scenario, settle)
    measures.keep("available_margin", None if equity is None else available)
    open_loss = measures.keep("open_loss", _open_loss(order, measures))
    if margin_before is not None and margin_after is not None and open_loss is not None and fee is not None:
        required = max(ZERO, margin_after - margin_before) + open_loss + fee
        measures.keep("required_initial_margin", required)
    _measure_position(scenario, order, measures=measures)
    if measures.fill is not None and not measures.mismatch and fee is not None:
        filled = filling.fill_whole(scenario, order, price=measures.fill, leverage=leverage_after)
        _measure_after(scenario, order, measures=measures, filled=filled, fee=fee)


def _open_loss(order: Order, measures: Measures) -> Decimal | None:
    """LINEAR ``q*cs*max(0, d*(fill - m))``, INVERSE ``q*cs*max(0, d*(1/m - 1/fill))``."""
    fill, mark = measures.fill, measures.mark
    if fill is None or mark is None:
        return None
    d = ONE if order.side is Side.BUY else -ONE
    q = order.quantity * measures.instrument.contract_size
    if measures.instrument.kind is Kind.INVERSE:
        return q * max(ZERO, d * (ONE / mark - ONE / fill))
    return q * max(ZERO, d * (fill - mark))


def _measure_position(scenario: Scenario, order: Order, *, measures: Measures) -> None:
    """What the position is before the order."""
    held = scenario.positions
    notional_before = symbols.position_notionals(scenario, held, symbol=order.symbol)
    if measures.keep("position_notional", notional_before) is not None:
        measures.keep("maintenance_margin_before", symbols.maintenance_margins(scenario, held, symbol=order.symbol))
    price = liquidation.liquidation_price(
        scenario,
        held,
        symbol=order.symbol,
        leg=order.position_side,
        balance=assets.balance(scenario, measures.instrument.settle),
    )
    measures.keep_ratio("liquidation_price_before", price.price)


def _measure_after(
    scenario: Scenario, order: Order, *, measures: Measures, filled: filling.Filled, fee: Decimal
) -> None:
    """What the account is after the order was filled whole, the fee paid and profit realised."""
    settle, after = measures.instrument.settle, filled.positions
    balance = assets.balance(scenario, settle)
    if balance is not None:
        balance = balance - fee + filled.realised
    notional_after = symbols.position_notionals(scenario, after, symbol=order.symbol)
    if notional_after is not None and measures.keep("projected_position_notional", notional_after) is None:
        return
    maintenance = symbols.maintenance_margins(scenario, after, symbol=order.symbol)
    measures.keep("maintenance_margin_after", maintenance)
    measures.keep("projected_margin_ratio", _ratio_after(scenario, order, filled=filled, balance=balance))
    price = liquidation.liquidation_price(
        scenario, after, symbol=order.symbol, leg=order.position_side, balance=balance
    )
    measures.keep_ratio("projected_liquidation_price", price.price)
    measures.no_liquidation_price = price.known and price.price is None
    if price.price is not None and measures.mark is not None:
        distance = abs(measures.mark - price.price) / measures.mark * HUNDRED
        measures.keep_ratio("liquidation_distance_pct", distance)


def _ratio_after(
    scenario: Scenario, order: Order, *, filled: filling.Filled, balance: Decimal | None
) -> Decimal | None:
    """The order's ISOLATED position (hedge: its leg) for itself; else all cross positions of the settle asset."""
    if usable_mark(scenario, order.symbol) is None or ladder_of(scenario, order.symbol) is None:
        return None
    if is_isolated(scenario, order.symbol):
        for position in filled.positions:
            if not position.quantity or position.symbol != order.symbol:
                continue
            if position.position_side is order.position_side:
                assert position.margin_mode is MarginMode.ISOLATED
                return liquidation.isolated_ratio(scenario, position)
        return ZERO
    settle = scenario.instruments[order.symbol].settle
    return liquidation.cross_ratio(scenario, filled.positions, asset=settle, balance=balance)


def _measure_exposure(scenario: Scenario, order: Order, *, measures: Measures) -> None:
    """``max(own after, reported + own after - own before)``, reported only when it is fresh."""
    before = assets.own_exposure(scenario, order, after=False)
    after = None if measures.mismatch else assets.own_exposure(scenario, order, after=True)
    if before is None or after is None:
        return
    reported = assets.reported_exposure(scenario)
    projected = after if reported is None else max(after, reported + after - before)
    projected_kept = measures.keep("projected_exposure_usdt", projected)
    measures.exposure_rises = symbols.compared(after) > symbols.compared(before)
    limit = ZERO if scenario.profile is None else scenario.profile.exposure_limit_usdt
    if projected_kept is not None and limit > ZERO:
        measures.keep_ratio("exposure_utilization_pct", projected_kept / limit * HUNDRED)


def _measure_activity(scenario: Scenario, order: Order, *, measures: Measures, amount: Decimal | None) -> None:
    """What dynamic rules read of the order and of the user's recent activity, this check included."""
    metrics, activity = measures.metrics, scenario.activity
    metrics.order_quantity = order.quantity
    metrics.leverage = order_leverage(scenario, order)
    metrics.open_orders_count = Decimal(len(live_orders(scenario)))
    if measures.fill is not None and measures.mark is not None:
        measures.keep_ratio("price_deviation_pct", abs(measures.fill - measures.mark) / measures.mark * HUNDRED)
    if activity.orders_last_minute is not None:
        metrics.orders_per_minute = Decimal(activity.orders_last_minute + 1)
    if activity.rejects_last_hour is not None:
        metrics.rejects_per_hour = Decimal(activity.rejects_last_hour)
    if scenario.profile is not None:
        metrics.risk_score = scenario.profile.risk_score
    dollars = assets.in_dollars(scenario, measures.instrument.settle, amount=amount)
    if activity.notional_24h is not None and dollars is not None:
        measures.keep("notional_24h", activity.notional_24h + dollars)
