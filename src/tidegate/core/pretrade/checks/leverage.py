"""Leverage of the order against the smallest cap: profile, KYC level, instrument, tier (MAX_LEVERAGE_EXCEEDED)."""

from decimal import Decimal

from tidegate.core.kernel.decimals import ONE, plain
from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.violation import Violation


def check_leverage(case: Case) -> Violation | None:
    """Refuse a leverage above the smallest cap; at the cap passes. SPOT must be 1."""
    leverage = case.metrics.leverage
    if leverage is None or case.proven:
        return None
    cap = ONE if case.spot else _smallest_cap(case)
    if cap is None or leverage <= cap:
        return None
    return Violation(
        RejectReason.MAX_LEVERAGE_EXCEEDED,
        f"leverage {plain(leverage)} is above {plain(cap)}",
        metric="leverage",
        observed=plain(leverage),
        limit=plain(cap),
        unit="x",
    )


def _smallest_cap(case: Case) -> Decimal | None:
    profile, ladder, worst = case.snapshot.profile, case.ladder, case.metrics.worst_case_notional
    if profile is None or ladder is None or worst is None:
        return None
    cap = min(profile.max_leverage, case.snapshot.configuration.settings.kyc_max_leverage[profile.kyc_level])
    for other in (case.instrument.leverage_max, ladder.rung_of(worst).leverage_max):
        if other is not None and other < cap:
            cap = other
    return cap
