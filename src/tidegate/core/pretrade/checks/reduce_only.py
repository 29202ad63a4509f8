"""Reduce-only: the claim is verified, never trusted (REDUCE_ONLY_VIOLATION)."""

from tidegate.core.kernel.decimals import ZERO, plain
from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.order import PositionSide, Side
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.violation import Violation


def check_reduce_only(case: Case) -> Violation | None:
    """Refuse a reduce-only order (closing a hedge leg is one, flagged or not) that is not against the position or,
    with the other live reduce-only orders of its side, is larger than it; exactly as large passes.
    """
    if not case.reducing or case.spot or case.proven or case.mismatched:
        return None
    order, position = case.order, case.position
    against = position is not None and (
        case.closing
        if order.position_side is not PositionSide.BOTH
        else (position.quantity > ZERO) is (order.side is Side.SELL)
    )
    limit = abs(position.quantity) if position is not None and against else ZERO
    live = None if case.book is None else case.book.totals(order.side, order.position_side)
    observed = order.quantity + (live.reducing if live is not None else ZERO)
    if observed <= limit:
        return None
    return Violation(
        RejectReason.REDUCE_ONLY_VIOLATION,
        f"reduce-only quantity {plain(observed)} is above the {plain(limit)} held",
        metric="reduce_only_quantity",
        observed=plain(observed),
        limit=plain(limit),
    )
