"""Profile of the user: it must exist (PROFILE_NOT_FOUND) and must not be frozen (USER_FROZEN)."""

from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.snapshot import Snapshot
from tidegate.core.pretrade.violation import Violation


def check_profile(snapshot: Snapshot) -> Violation | None:
    """Refuse a user without a profile, and a frozen one."""
    profile = snapshot.profile
    if profile is None:
        return Violation(
            RejectReason.PROFILE_NOT_FOUND,
            f"user {snapshot.user.user_id} has no risk profile",
            metric="profile",
            observed="missing",
        )
    if profile.frozen:
        return Violation(
            RejectReason.USER_FROZEN, "the user is frozen", metric="frozen", observed="true", limit="false"
        )
    return None
