"""What the plain sums read: lists walked from end to end, every look-up anew."""

from decimal import Decimal

from tidegate.core.kernel.decimals import HUNDRED, ONE, ZERO
from tidegate.core.pretrade.account import MarginMode, OpenOrder, Position, Reservation
from tidegate.core.pretrade.instrument import Instrument, Kind
from tidegate.core.pretrade.order import PRICED_TYPES, Order, OrderType, PositionSide, Side, is_closing
from tidegate.core.pretrade.scenario import Scenario
from tidegate.core.pretrade.tiers import Ladder, build_ladder

LiveOrder = OpenOrder | Reservation


def live_orders(scenario: Scenario) -> list[LiveOrder]:
    """Open orders, and the reservations that have not expired and are not yet open orders."""
    opened = [order.order_id for order in scenario.open_orders]
    reserved = [
        reservation
        for reservation in scenario.reservations
        if reservation.expires_at_us > scenario.now_us and reservation.order_id not in opened
    ]
    return [*scenario.open_orders, *reserved]


def live_orders_of(scenario: Scenario, symbol: str) -> list[LiveOrder]:
    """The live orders of one symbol."""
    return [order for order in live_orders(scenario) if order.symbol == symbol]


def remaining(order: LiveOrder) -> Decimal:
    """What of a live order is still to be filled."""
    return order.quantity - order.filled_quantity


def positions_of(positions: tuple[Position, ...], symbol: str) -> list[Position]:
    """The position or the legs of one symbol; rows of quantity 0 are as absent."""
    return [position for position in positions if position.symbol == symbol and position.quantity != ZERO]


def direction(position: Position) -> Decimal:
    """+1 long, -1 short."""
    if position.position_side is PositionSide.BOTH:
        return ONE if position.quantity > ZERO else -ONE
    return ONE if position.position_side is PositionSide.LONG else -ONE


def in_legs(scenario: Scenario, symbol: str) -> bool:
    """Hedge mode: a leg is held, or a live order works on one."""
    held = [*positions_of(scenario.positions, symbol), *live_orders_of(scenario, symbol)]
    return any(row.position_side is not PositionSide.BOTH for row in held)


def one_way(scenario: Scenario, symbol: str) -> bool:
    """One-way mode: a position without leg is held, or a live order works on one."""
    held = [*positions_of(scenario.positions, symbol), *live_orders_of(scenario, symbol)]
    return any(row.position_side is PositionSide.BOTH for row in held)


def is_isolated(scenario: Scenario, symbol: str) -> bool:
    """A symbol without a position is CROSS."""
    return any(row.margin_mode is MarginMode.ISOLATED for row in positions_of(scenario.positions, symbol))


def derivative_symbols(scenario: Scenario) -> list[str]:
    """Every derivative held or with live orders, sorted."""
    symbols = [row.symbol for row in scenario.positions if row.quantity != ZERO]
    symbols += [order.symbol for order in live_orders(scenario)]
    return sorted({symbol for symbol in symbols if scenario.instruments[symbol].kind is not Kind.SPOT})


def held_symbols(scenario: Scenario) -> list[str]:
    """Every symbol held or with live orders, SPOT too, sorted."""
    symbols = [row.symbol for row in scenario.positions if row.quantity != ZERO]
    symbols += [order.symbol for order in live_orders(scenario)]
    return sorted(set(symbols))


def ladder_of(scenario: Scenario, symbol: str) -> Ladder | None:
    """The symbol's own active tiers, else the default ones, else none."""
    for owner in (symbol, None):
        tiers = [tier for tier in scenario.margin_tiers if tier.symbol == owner and tier.active]
        if tiers:
            return build_ladder(tiers)
    return None


def mark_fault(scenario: Scenario, symbol: str) -> str | None:
    """Why a mark cannot be used: ``missing``, ``unreadable``, or its age in milliseconds; ``None`` when it can."""
    mark = scenario.marks.get(symbol)
    if mark is None:
        return "missing"
    if mark.price is None or mark.price <= ZERO:
        return "unreadable"
    age_us = scenario.now_us - mark.at_us
    too_old = age_us > scenario.settings.mark_age_ms_max * 1000
    from_the_future = -age_us > scenario.settings.future_ms_max * 1000
    return format(Decimal(age_us) / 1000, "f") if too_old or from_the_future else None


def usable_mark(scenario: Scenario, symbol: str) -> Decimal | None:
    """The mark price of a symbol, ``None`` when it cannot be used."""
    return None if mark_fault(scenario, symbol) else scenario.marks[symbol].price


def order_fill_price(scenario: Scenario, order: Order) -> Decimal | None:
    """The price at which the checked order would fill; ``None`` when what it hangs on is missing or 0."""
    if order.order_type in PRICED_TYPES:
        base, slips = order.price, False
    elif order.order_type is OrderType.MARKET:
        base, slips = usable_mark(scenario, order.symbol), True
    else:
        base, slips = order.stop_price, True
    if base is None or base == ZERO:
        return None
    return slipped(scenario, base, side=order.side) if slips else base


def order_margin_price(scenario: Scenario, order: Order) -> Decimal | None:
    """The price at which the checked order counts: the fill price; a LINEAR or SPOT sell at least the mark."""
    fill = order_fill_price(scenario, order)
    if order.side is Side.BUY or scenario.instruments[order.symbol].kind is Kind.INVERSE:
        return fill
    mark = usable_mark(scenario, order.symbol)
    return None if fill is None or mark is None else max(fill, mark)


def live_price(scenario: Scenario, order: LiveOrder) -> Decimal | None:
    """The price at which a live order counts: a reservation's own, an open order's fill price."""
    if isinstance(order, Reservation) or order.order_type in PRICED_TYPES:
        return order.price
    base = usable_mark(scenario, order.symbol) if order.order_type is OrderType.MARKET else order.stop_price
    return None if base is None else slipped(scenario, base, side=order.side)


def slipped(scenario: Scenario, price: Decimal, *, side: Side) -> Decimal:
    """A price moved against the order by the assumed slippage."""
    slip = scenario.settings.market_slippage_pct / HUNDRED
    return price * (ONE + slip) if side is Side.BUY else price * (ONE - slip)


def order_leverage(scenario: Scenario, order: Order | LiveOrder) -> Decimal:
    """The order's leverage; empty: the position's, else the instrument's default (SPOT: else 1)."""
    if order.leverage is not None:
        return order.leverage
    held = positions_of(scenario.positions, order.symbol)
    if held:
        return held[0].leverage
    return scenario.instruments[order.symbol].leverage_default or ONE


def opens(order: Order | LiveOrder) -> bool:
    """True for orders that count in the worst case: neither reduce-only nor closing a leg."""
    return not order.reduce_only and not is_closing(order.side, order.position_side)


def notional(instrument: Instrument, quantity: Decimal, *, price: Decimal) -> Decimal:
    """Notional in the settle asset."""
    if instrument.kind is Kind.INVERSE:
        return quantity * instrument.contract_size / price
    return quantity * instrument.contract_size * price
