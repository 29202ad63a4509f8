"""Proven to reduce: the claim is verified on positions and live orders, never trusted."""

from decimal import Decimal

from tidegate.core.kernel.decimals import ONE, ZERO
from tidegate.core.pretrade.account import Position
from tidegate.core.pretrade.instrument import Kind
from tidegate.core.pretrade.order import Order, PositionSide, Side, is_closing
from tidegate.core.pretrade.reference.holdings import (
    direction,
    in_legs,
    live_orders_of,
    one_way,
    positions_of,
    remaining,
)
from tidegate.core.pretrade.scenario import Scenario


def leg_mismatch(scenario: Scenario, order: Order) -> bool:
    """BOTH for a symbol held in legs, or a leg for a symbol held one-way (positions and live orders alike)."""
    if scenario.instruments[order.symbol].kind is Kind.SPOT:
        return False
    if order.position_side is PositionSide.BOTH:
        return in_legs(scenario, order.symbol)
    return one_way(scenario, order.symbol)


def position_against(scenario: Scenario, order: Order) -> Position | None:
    """The position (hedge: the leg) that the order is against, if there is one."""
    for position in positions_of(scenario.positions, order.symbol):
        against = direction(position) == (-ONE if order.side is Side.BUY else ONE)
        if against and position.position_side is order.position_side:
            return position
    return None


def size_against(scenario: Scenario, order: Order) -> Decimal:
    """|position| that the order is against; 0 when it is against none."""
    position = position_against(scenario, order)
    return ZERO if position is None else abs(position.quantity)


def is_proven_reducer(scenario: Scenario, order: Order) -> bool:
    """Derivative, against the position, and not larger than it less all live orders of the same side and leg."""
    if scenario.instruments[order.symbol].kind is Kind.SPOT or leg_mismatch(scenario, order):
        return False
    ahead = [
        remaining(live)
        for live in live_orders_of(scenario, order.symbol)
        if live.side is order.side and live.position_side is order.position_side
    ]
    size = size_against(scenario, order)
    return size > ZERO and order.quantity <= size - sum(ahead, ZERO)


def reducing_ahead(scenario: Scenario, order: Order) -> Decimal:
    """Remaining quantities of the other live reduce-only orders of the order's side (hedge: that close its leg)."""
    ahead = [
        remaining(live)
        for live in live_orders_of(scenario, order.symbol)
        if live.side is order.side
        and live.position_side is order.position_side
        and (live.reduce_only or is_closing(live.side, live.position_side))
    ]
    return sum(ahead, ZERO)
