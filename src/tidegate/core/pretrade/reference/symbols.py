"""The plain sums of one symbol: position notional, worst case, leverage, margins, profit and loss."""

from dataclasses import dataclass
from decimal import Decimal

from tidegate.core.kernel.decimals import ONE, ZERO, as_sum, in_range
from tidegate.core.pretrade.account import Position
from tidegate.core.pretrade.instrument import Kind
from tidegate.core.pretrade.order import Order, PositionSide, Side
from tidegate.core.pretrade.reference.holdings import (
    direction,
    in_legs,
    is_isolated,
    ladder_of,
    live_orders_of,
    live_price,
    notional,
    opens,
    order_leverage,
    order_margin_price,
    positions_of,
    remaining,
    usable_mark,
)
from tidegate.core.pretrade.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Opening:
    """What an order adds to the worst case: its side, its leg, and its notional at the price it counts at."""

    side: Side
    position_side: PositionSide
    notional: Decimal


def position_notional(scenario: Scenario, position: Position) -> Decimal | None:
    """|P|: the notional of a position at the mark."""
    mark = usable_mark(scenario, position.symbol)
    if mark is None:
        return None
    return notional(scenario.instruments[position.symbol], abs(position.quantity), price=mark)


def position_notionals(scenario: Scenario, positions: tuple[Position, ...], *, symbol: str) -> Decimal | None:
    """The notional of a symbol's position at the mark; of both legs in hedge mode."""
    if usable_mark(scenario, symbol) is None:
        return None
    return total([position_notional(scenario, position) for position in positions_of(positions, symbol)])


def live_openings(scenario: Scenario, symbol: str) -> list[Opening] | None:
    """What the live orders of a symbol add, each at its own price; ``None`` when one has none."""
    openings: list[Opening] = []
    for order in live_orders_of(scenario, symbol):
        price = live_price(scenario, order)
        if price is None:
            return None
        if opens(order):
            amount = notional(scenario.instruments[symbol], remaining(order), price=price)
            openings.append(Opening(order.side, order.position_side, amount))
    return openings


def order_opening(scenario: Scenario, order: Order) -> list[Opening] | None:
    """What the checked order adds, at its margin price; nothing when it is reduce-only or closes a leg."""
    if not opens(order):
        return []
    price = order_margin_price(scenario, order)
    if price is None:
        return None
    amount = notional(scenario.instruments[order.symbol], order.quantity, price=price)
    return [Opening(order.side, order.position_side, amount)]


def worst_case(scenario: Scenario, symbol: str, *, added: list[Opening]) -> Decimal | None:
    """W: one-way ``max(|P + buys|, |P - sells|)``; hedge ``|P_long| + opening buys + |P_short| + opening sells``."""
    mark = usable_mark(scenario, symbol)
    openings = live_openings(scenario, symbol)
    if mark is None or openings is None:
        return None
    openings = [*openings, *added]
    buys = sum((opening.notional for opening in openings if opening.side is Side.BUY), ZERO)
    sells = sum((opening.notional for opening in openings if opening.side is Side.SELL), ZERO)
    sizes = [
        direction(position) * notional(scenario.instruments[symbol], abs(position.quantity), price=mark)
        for position in positions_of(scenario.positions, symbol)
    ]
    if in_legs(scenario, symbol) or any(opening.position_side is not PositionSide.BOTH for opening in added):
        return sum((abs(size) for size in sizes), ZERO) + buys + sells
    signed = sum(sizes, ZERO)
    return max(abs(signed + buys), abs(signed - sells))


def leverage_before(scenario: Scenario, symbol: str) -> Decimal | None:
    """The lowest among the position and the live orders; ``None`` when there is neither."""
    held = [position.leverage for position in positions_of(scenario.positions, symbol)]
    live = [order_leverage(scenario, order) for order in live_orders_of(scenario, symbol)]
    return min([*held, *live], default=None)


def initial_margin(scenario: Scenario, symbol: str, *, worst: Decimal | None, leverage: Decimal) -> Decimal | None:
    """CROSS ``W / L``; ISOLATED ``max(0, W - |P|) / L``."""
    held = position_notionals(scenario, scenario.positions, symbol=symbol)
    if worst is None or held is None:
        return None
    return max(ZERO, worst - held) / leverage if is_isolated(scenario, symbol) else worst / leverage


def maintenance_margin(scenario: Scenario, position: Position) -> Decimal | None:
    """``N * mmr_n - cum_n`` of the tier that holds ``N = |P|``."""
    size = position_notional(scenario, position)
    ladder = ladder_of(scenario, position.symbol)
    if size is None or ladder is None:
        return None
    rung = ladder.rung_of(compared(size))
    return size * rung.rate - rung.amount


def maintenance_margins(scenario: Scenario, positions: tuple[Position, ...], *, symbol: str) -> Decimal | None:
    """MM of a symbol, each leg for itself."""
    if usable_mark(scenario, symbol) is None or ladder_of(scenario, symbol) is None:
        return None
    return total([maintenance_margin(scenario, position) for position in positions_of(positions, symbol)])


def unrealised_pnl(scenario: Scenario, position: Position) -> Decimal | None:
    """LINEAR ``d*q*cs*(m - ep)``, INVERSE ``d*q*cs*(1/ep - 1/m)``."""
    mark = usable_mark(scenario, position.symbol)
    return None if mark is None else profit(scenario, position, exit_price=mark)


def profit(scenario: Scenario, position: Position, *, exit_price: Decimal) -> Decimal:
    """What a position earns from its entry price to an exit price, in the settle asset."""
    instrument = scenario.instruments[position.symbol]
    size = direction(position) * abs(position.quantity) * instrument.contract_size
    if instrument.kind is Kind.INVERSE:
        return size * (ONE / position.entry_price - ONE / exit_price)
    return size * (exit_price - position.entry_price)


def compared(value: Decimal) -> Decimal:
    """A sum as it is compared: quantised to 20 places; left as it is when it is out of range."""
    return as_sum(value) if in_range(value) else value


def total(values: list[Decimal | None]) -> Decimal | None:
    """The sum, ``None`` when a part is not known."""
    known = [value for value in values if value is not None]
    return sum(known, ZERO) if len(known) == len(values) else None
