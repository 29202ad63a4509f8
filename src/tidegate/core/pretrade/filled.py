"""The account after the order: filled whole at its fill price, fee paid (``spec/pretrade.md`` section 4, "After")."""

from dataclasses import dataclass
from decimal import Decimal

from tidegate.core.kernel.decimals import ONE, ZERO
from tidegate.core.pretrade.account import Position
from tidegate.core.pretrade.instrument import Instrument, Kind
from tidegate.core.pretrade.order import Order, PositionSide, Side


@dataclass(slots=True)
class Filled:
    """What the fill made of the order's position: ``quantity`` signed one-way, positive in a leg, 0 when closed.

    ``realised`` goes to the balance; ``margin`` is the isolated margin after (0 on CROSS).
    """

    quantity: Decimal
    entry_price: Decimal
    realised: Decimal
    opened: Decimal
    closed: Decimal
    margin: Decimal = ZERO


def fill_position(position: Position | None, order: Order, *, instrument: Instrument, price: Decimal) -> Filled:
    """Fill an order whole at ``price``: same direction averages the entry price (INVERSE harmonically), against the
    position realises, through zero opens the rest at the fill price; a closing order never turns its hedge leg.
    """
    one_way = order.position_side is PositionSide.BOTH
    if one_way:
        grows = order.side is Side.BUY
        sign = ONE if grows else -ONE
        same = position is None or (position.quantity > ZERO) is grows
    else:
        sign = ONE
        same = (order.side is Side.BUY) is (order.position_side is PositionSide.LONG)
    if same:
        return _opened(position, order.quantity * sign, instrument=instrument, price=price)
    if position is None:
        return Filled(ZERO, price, ZERO, ZERO, ZERO)
    held = abs(position.quantity)
    closed = min(order.quantity, held)
    realised = _realised(position, closed, instrument=instrument, price=price)
    rest = order.quantity - closed if one_way else ZERO
    if rest:
        return Filled(rest * sign, price, realised, rest, closed)
    left = held - closed
    return Filled(left.copy_sign(position.quantity) if left else ZERO, position.entry_price, realised, ZERO, closed)


def _opened(position: Position | None, delta: Decimal, *, instrument: Instrument, price: Decimal) -> Filled:
    opened = abs(delta)
    if position is None:
        return Filled(delta, price, ZERO, opened, ZERO)
    held = abs(position.quantity)
    total = held + opened
    if instrument.kind is Kind.INVERSE:
        entry = total / (held / position.entry_price + opened / price)
    else:
        entry = (held * position.entry_price + opened * price) / total
    return Filled(position.quantity + delta, entry, ZERO, opened, ZERO)


def _realised(position: Position, closed: Decimal, *, instrument: Instrument, price: Decimal) -> Decimal:
    size = closed * instrument.contract_size
    if position.quantity < ZERO or position.position_side is PositionSide.SHORT:
        size = -size
    if instrument.kind is Kind.INVERSE:
        return size * (ONE / position.entry_price - ONE / price)
    return size * (price - position.entry_price)
