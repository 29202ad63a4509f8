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
    unit = f" {datum.unit}" if datum.unit and datum.observed.lstrip("-").isdigit() else ""
    limit = f", limit {datum.limit}{unit}" if datum.limit else ""
    return Violation(
        RejectReason.STALE_DATA,
        f"{datum.name}: {datum.observed}{unit}{limit}",
        metric=datum.metric,
        observed=datum.observed,
        limit=datum.limit,
        unit=datum.unit,
    )
