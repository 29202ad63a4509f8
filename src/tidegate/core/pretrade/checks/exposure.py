"""Exposure of the user and size of the symbol's ladder (EXPOSURE_LIMIT_EXCEEDED)."""

from tidegate.core.kernel.decimals import plain, shown_owed
from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.violation import Violation


def check_exposure(case: Case) -> Violation | None:
    """Refuse a projected exposure above the profile's limit (at it passes), unless the order does not raise it."""
    profile, projected = case.snapshot.profile, case.metrics.projected_exposure_usdt
    if profile is None or projected is None or case.proven or not case.exposure_raised:
        return None
    if projected <= profile.exposure_limit_usdt:
        return None
    observed, limit = plain(shown_owed(projected)), plain(profile.exposure_limit_usdt)
    return Violation(
        RejectReason.EXPOSURE_LIMIT_EXCEEDED,
        f"projected exposure {observed} USDT is above {limit} USDT",
        metric="projected_exposure",
        observed=observed,
        limit=limit,
        unit="USDT",
    )


def check_ladder_size(case: Case) -> Violation | None:
    """Refuse a worst-case notional above the last tier of the ladder; at its max_notional passes."""
    worst = case.metrics.worst_case_notional
    if worst is None or case.ladder is None or case.proven:
        return None
    most = case.ladder.rungs[-1].cap
    if worst <= most:
        return None
    observed, unit = plain(shown_owed(worst)), case.instrument.settle
    return Violation(
        RejectReason.EXPOSURE_LIMIT_EXCEEDED,
        f"worst-case notional {observed} {unit} is above the last tier {plain(most)}",
        metric="worst_case_notional",
        observed=observed,
        limit=plain(most),
        unit=unit,
    )
