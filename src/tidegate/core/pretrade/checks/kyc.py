"""Customer verification: the house's minimum for the kind of instrument, or the instrument's own if it is higher."""

from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.instrument import KYC_RANK
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.violation import Violation


def check_kyc(case: Case) -> Violation | None:
    """Refuse a KYC level below the required one (KYC_INSUFFICIENT); at the required level passes."""
    profile, settings = case.snapshot.profile, case.snapshot.configuration.settings
    if profile is None or case.proven:
        return None
    required = settings.kyc_min_level_spot if case.spot else settings.kyc_min_level_derivatives
    own = case.instrument.kyc_min_level
    if own is not None and KYC_RANK[own] > KYC_RANK[required]:
        required = own
    if KYC_RANK[profile.kyc_level] >= KYC_RANK[required]:
        return None
    return Violation(
        RejectReason.KYC_INSUFFICIENT,
        f"KYC level {profile.kyc_level} is below the required {required}",
        metric="kyc_level",
        observed=profile.kyc_level,
        limit=required,
    )
