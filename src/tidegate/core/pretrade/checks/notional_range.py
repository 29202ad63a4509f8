"""Order notional within the instrument's minimum and maximum, and every sum below 10**22 (NOTIONAL_OUT_OF_RANGE)."""

from tidegate.core.kernel.decimals import SUM_LIMIT, plain, shown_owed
from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.violation import Violation


def check_notional(case: Case) -> tuple[Violation, ...]:
    """Refuse a notional below the minimum (unless proven to reduce) or above the maximum; at either bound passes."""
    notional, instrument = case.metrics.order_notional, case.instrument
    if notional is None:
        return ()
    least, most = instrument.notional_min, instrument.notional_max
    found: list[Violation] = []
    if least is not None and notional < least and not case.proven:
        found.append(_fault(case, "below the minimum", limit=plain(least)))
    if most is not None and notional > most:
        found.append(_fault(case, "above the maximum", limit=plain(most)))
    return tuple(found)


def _fault(case: Case, what: str, *, limit: str) -> Violation:
    observed = plain(shown_owed(case.metrics.order_notional or SUM_LIMIT))
    unit = case.instrument.settle
    return Violation(
        RejectReason.NOTIONAL_OUT_OF_RANGE,
        f"order notional {observed} {unit} is {what} of {limit} {unit}",
        metric="order_notional",
        observed=observed,
        limit=limit,
        unit=unit,
    )


def check_sums(case: Case) -> tuple[Violation, ...]:
    """Refuse an order whose sums leave the range in which they are exact."""
    if not case.out_of_range:
        return ()
    return tuple(
        Violation(
            RejectReason.NOTIONAL_OUT_OF_RANGE, f"{metric} is 10^22 or more", metric=metric, limit=plain(SUM_LIMIT)
        )
        for metric in dict.fromkeys(case.out_of_range)
    )
