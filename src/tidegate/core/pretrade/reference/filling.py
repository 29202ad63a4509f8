"""The account after the order was filled whole at its fill price (``spec/pretrade.md`` section 4, "After")."""

from dataclasses import dataclass, replace
from decimal import Decimal

from tidegate.core.kernel.decimals import ONE, ZERO
from tidegate.core.pretrade.account import MarginMode, Position
from tidegate.core.pretrade.instrument import Kind
from tidegate.core.pretrade.order import Order, PositionSide, Side, is_closing
from tidegate.core.pretrade.reference.holdings import direction, is_isolated, notional, positions_of
from tidegate.core.pretrade.reference.symbols import profit
from tidegate.core.pretrade.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Filled:
    """The positions after the fill, and the profit that closing realised (settle asset)."""

    positions: tuple[Position, ...]
    realised: Decimal


def fill_whole(scenario: Scenario, order: Order, *, price: Decimal, leverage: Decimal) -> Filled:
    """Fill a derivative order whole at a price; ``leverage`` is the symbol's after the order.

    In the position's direction the entry price is averaged, against it profit is realised, through zero the rest
    opens at the price. An order that closes a leg closes no more than the leg.
    """
    held = [row for row in positions_of(scenario.positions, order.symbol) if row.position_side is order.position_side]
    others = tuple(row for row in scenario.positions if row not in held)
    if not held:
        if is_closing(order.side, order.position_side):
            return Filled(others, ZERO)
        opened = _opened(scenario, order, quantity=order.quantity, price=price, leverage=leverage)
        return Filled((*others, opened), ZERO)
    position = held[0]
    if direction(position) == (ONE if order.side is Side.BUY else -ONE):
        grown = _grown(scenario, position, quantity=order.quantity, price=price, leverage=leverage)
        return Filled((*others, grown), ZERO)
    size = abs(position.quantity)
    closed = min(size, order.quantity)
    realised = profit(scenario, _resized(position, closed), exit_price=price)
    after = list(others)
    if closed < size:
        share = (size - closed) / size
        kept = None if position.isolated_margin is None else position.isolated_margin * share
        after.append(replace(_resized(position, size - closed), isolated_margin=kept))
    elif order.quantity > size and order.position_side is PositionSide.BOTH:
        rest = order.quantity - size
        after.append(_opened(scenario, order, quantity=rest, price=price, leverage=leverage))
    return Filled(tuple(after), realised)


def _resized(position: Position, size: Decimal) -> Position:
    signed = size if position.position_side is not PositionSide.BOTH else direction(position) * size
    return replace(position, quantity=signed)


def _opened(scenario: Scenario, order: Order, *, quantity: Decimal, price: Decimal, leverage: Decimal) -> Position:
    """A position opened at a price; it is ISOLATED when the symbol already is."""
    isolated = is_isolated(scenario, order.symbol)
    margin = notional(scenario.instruments[order.symbol], quantity, price=price) / leverage
    one_way_short = order.position_side is PositionSide.BOTH and order.side is Side.SELL
    return Position(
        symbol=order.symbol,
        position_side=order.position_side,
        quantity=-quantity if one_way_short else quantity,
        entry_price=price,
        leverage=leverage,
        margin_mode=MarginMode.ISOLATED if isolated else MarginMode.CROSS,
        isolated_margin=margin if isolated else None,
    )


def _grown(scenario: Scenario, position: Position, *, quantity: Decimal, price: Decimal, leverage: Decimal) -> Position:
    """A position with more at a price: the entry price averaged by quantity, INVERSE harmonically."""
    instrument = scenario.instruments[position.symbol]
    size = abs(position.quantity)
    if instrument.kind is Kind.INVERSE:
        entry_price = (size + quantity) / (size / position.entry_price + quantity / price)
    else:
        entry_price = (size * position.entry_price + quantity * price) / (size + quantity)
    margin = position.isolated_margin
    if margin is not None:
        margin += notional(instrument, quantity, price=price) / leverage
    return replace(_resized(position, size + quantity), entry_price=entry_price, isolated_margin=margin)
