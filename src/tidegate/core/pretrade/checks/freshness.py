"""Every datum the check needs is there, readable and young enough (STALE_DATA naming datum, age and limit)."""

from tidegate.core.pretrade.case import Case, StaleDatum
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.violation import Violation


def check_freshness(case: Case) -> tuple[Violation, ...]:
    """Refuse on any stale datum; an order proven to reduce needs none but its own position (PT-110)."""
    if case.proven or not case.stale:
        return ()
    return tuple(_violation(datum) for datum in case.stale)


def _violation(datum: StaleDatum) -> Violation:
    measured = (
        bool(datum.limit) and datum.observed.lstrip("-").replace(".", "").isdigit()
    )  # else: missing, unreadable, unknown
    told = f"{datum.observed} {datum.unit}, limit {datum.limit} {datum.unit}" if measured else datum.observed
    return Violation(
        RejectReason.STALE_DATA,
        f"{datum.name}: {told}",
        metric=datum.metric,
        observed=datum.observed,
        limit=datum.limit,
        unit=datum.unit,
    )
