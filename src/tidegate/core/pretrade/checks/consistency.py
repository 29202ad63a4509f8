"""Type and flags must fit each other (INVALID_ORDER); one violation for each inconsistency."""

from collections.abc import Iterator

from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.order import PRICED_TYPES, STOP_TYPES, PositionSide
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.violation import Violation


def check_consistency(case: Case) -> tuple[Violation, ...]:
    """Refuse flags and prices that do not belong to the order's type, kind of instrument or position mode."""
    order = case.order
    if (
        (case.spot and (order.position_side is not PositionSide.BOTH or order.reduce_only))
        or (order.price is None) is (order.order_type in PRICED_TYPES)
        or (order.stop_price is None) is (order.order_type in STOP_TYPES)
        or order.post_only
        or case.mismatched
    ):
        return tuple(
            Violation(RejectReason.INVALID_ORDER, message, metric=metric, observed=observed)
            for metric, observed, message in _inconsistencies(case)
        )
    return ()


def _inconsistencies(case: Case) -> Iterator[tuple[str, str, str]]:
    order = case.order
    kind, priced, stopped = order.order_type, order.order_type in PRICED_TYPES, order.order_type in STOP_TYPES
    if order.post_only and not priced:
        yield "post_only", "true", f"post_only does not go with a {kind} order"
    if order.price is not None and not priced:
        yield "price", "set", f"a {kind} order carries no price"
    if order.price is None and priced:
        yield "price", "missing", f"a {kind} order needs a price"
    if order.stop_price is None and stopped:
        yield "stop_price", "missing", f"a {kind} order needs a stop_price"
    if order.stop_price is not None and not stopped:
        yield "stop_price", "set", f"a {kind} order carries no stop_price"
    if order.reduce_only and case.spot:
        yield "reduce_only", "true", "reduce_only does not go with SPOT"
    if order.position_side is not PositionSide.BOTH and case.spot:
        yield "position_side", order.position_side, "SPOT knows no position side but BOTH"
    book = case.book
    if book is None or case.spot:
        return
    if order.position_side is PositionSide.BOTH and book.hedged:
        yield "position_side", order.position_side, f"{order.symbol} is held in legs: say LONG or SHORT"
    if order.position_side is not PositionSide.BOTH and book.one_way:
        yield "position_side", order.position_side, f"{order.symbol} is held one-way: say BOTH"
