"""Distance to liquidation after the fill (LIQUIDATION_RISK): at 1 it refuses, at the warning ratio it warns."""

from tidegate.core.kernel.decimals import ONE, plain, shown_even
from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.reasons import Action, RejectReason
from tidegate.core.pretrade.violation import Violation


def check_liquidation(case: Case) -> Violation | None:
    """Refuse a projected margin ratio of 1 or more, warn from ``liquidation_warn_ratio``; both hit at the bound."""
    ratio = case.metrics.projected_margin_ratio
    if ratio is None or case.proven:
        return None
    warning = case.snapshot.configuration.settings.liquidation_warn_ratio
    if ratio >= ONE:
        action, limit = Action.REJECT, ONE
    elif ratio >= warning:
        action, limit = Action.WARN, warning
    else:
        return None
    observed = plain(shown_even(ratio))
    return Violation(
        RejectReason.LIQUIDATION_RISK,
        f"projected margin ratio {observed} reaches {plain(limit)}",
        metric="projected_margin_ratio",
        observed=observed,
        limit=plain(limit),
        action=action,
    )
