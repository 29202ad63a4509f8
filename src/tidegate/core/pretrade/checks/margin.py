"""Margin (or, on SPOT, balance): what the order needs against what is available (INSUFFICIENT_MARGIN)."""

from tidegate.core.kernel.decimals import plain, shown_owed, shown_owned
from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.freshness import needed_balance
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.violation import Violation


def check_margin(case: Case) -> Violation | None:
    """Refuse when more is required than available; exactly as much passes."""
    required, available = case.metrics.required_initial_margin, case.metrics.available_margin
    if required is None or available is None or required <= available or case.proven:
        return None
    observed, limit, unit = plain(shown_owed(required)), plain(shown_owned(available)), needed_balance(case)
    return Violation(
        RejectReason.INSUFFICIENT_MARGIN,
        f"{observed} {unit} is required, {limit} {unit} is available",
        metric="required_initial_margin",
        observed=observed,
        limit=limit,
        unit=unit,
    )
