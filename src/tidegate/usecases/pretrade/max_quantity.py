"""The largest quantity of an order that would pass, found on the same code path as the order itself."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import WORKING, ZERO, whole_multiple_below
from tidegate.core.pretrade.decide import decide
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.core.pretrade.snapshot import Snapshot
from tidegate.core.pretrade.verdict import Verdict
from tidegate.core.pretrade.violation import Violation

QUANTITY_MAX: Final = Decimal(10) ** 22
"""No order of this many units passes: its sums leave the range in which they are exact."""

SMALLNESS: Final = frozenset({"quantity", "order_notional"})
"""Metrics by which an order can be refused for being too small."""


@dataclass(frozen=True, slots=True)
class MaxQuantity:
    """``quantity`` in whole lots, 0 when none passes; ``stopping`` is the verdict on the next lot."""

    quantity: Decimal
    stopping: Verdict
    evaluated_at_us: int


def max_quantity(order: Order, snapshot: Snapshot) -> MaxQuantity:
    """Give the largest multiple of the lot, up to the instrument's maximum, that would not be refused.

    Refusals for being too small do not end the search: a larger quantity may pass where a smaller does not.
    """
    instrument = snapshot.market.instruments.get(order.symbol)
    if instrument is None:
        return MaxQuantity(ZERO, decide(order, snapshot), snapshot.now_us)
    lot = instrument.lot_size

    def verdict_on(lots: int) -> Verdict:
        return decide(replace(order, quantity=WORKING.multiply(lot, Decimal(lots))), snapshot)

    most = whole_multiple_below(min(instrument.quantity_max or QUANTITY_MAX, QUANTITY_MAX), lot)
    lots = _most_lots(verdict_on, most=int(WORKING.divide(most, lot)))
    if lots and verdict_on(lots).decision is Decision.REJECTED:
        return MaxQuantity(ZERO, verdict_on(lots), snapshot.now_us)
    return MaxQuantity(WORKING.multiply(lot, Decimal(lots)), verdict_on(lots + 1), snapshot.now_us)


def _most_lots(verdict_on: Callable[[int], Verdict], *, most: int) -> int:
    """Give the largest number of lots that is not refused for being too large: doubling, then halving."""
    low, high = 0, 1
    while high <= most and not _too_large(verdict_on(high)):
        low, high = high, high * 2
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if _too_large(verdict_on(middle)):
            high = middle
        else:
            low = middle
    return low


def _too_large(verdict: Verdict) -> bool:
    return verdict.decision is Decision.REJECTED and not all(map(_too_small, _refusals(verdict)))


def _refusals(verdict: Verdict) -> list[Violation]:
    return [violation for violation in verdict.violations if violation.action.value == "REJECT"]


def _too_small(violation: Violation) -> bool:
    if violation.code not in (RejectReason.INVALID_QUANTITY, RejectReason.NOTIONAL_OUT_OF_RANGE):
        return False
    if violation.metric not in SMALLNESS or not violation.limit or not violation.observed:
        return False
    return Decimal(violation.observed) < Decimal(violation.limit)
