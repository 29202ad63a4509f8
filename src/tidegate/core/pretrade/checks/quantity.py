"""Quantity of the order: a whole multiple of the lot, within minimum and maximum (INVALID_QUANTITY)."""

from tidegate.core.kernel.decimals import is_multiple, plain
from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.violation import Violation


def check_quantity(case: Case) -> tuple[Violation, ...]:
    """Refuse a quantity off the lot, below the minimum or above the maximum; at either bound passes."""
    quantity, instrument = case.order.quantity, case.instrument
    found: list[Violation] = []
    if not is_multiple(quantity, instrument.lot_size):
        found.append(_fault(case, "is not a multiple of the lot", limit=plain(instrument.lot_size)))
    if instrument.quantity_min is not None and quantity < instrument.quantity_min:
        found.append(_fault(case, "is below the minimum", limit=plain(instrument.quantity_min)))
    if instrument.quantity_max is not None and quantity > instrument.quantity_max:
        found.append(_fault(case, "is above the maximum", limit=plain(instrument.quantity_max)))
    return tuple(found)


def _fault(case: Case, what: str, *, limit: str) -> Violation:
    observed = plain(case.order.quantity)
    return Violation(
        RejectReason.INVALID_QUANTITY,
        f"quantity {observed} {what} {limit}",
        metric="quantity",
        observed=observed,
        limit=limit,
    )
