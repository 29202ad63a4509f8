"""The six user.* topics, and risk.freeze_account.v1, which is read and not yet acted on."""

from dataclasses import dataclass

from tidegate.core.kernel.decimals import ONE, ZERO
from tidegate.core.pretrade.account import Profile
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.inbound.events.record import RecordRow
from tidegate.ports.configuration import ProfileChange
from tidegate.usecases.pretrade.ingest import ProfileNews

USER_CREATED = "user.created.v1"
USER_UPDATED = "user.updated.v1"
USER_VERIFIED = "user.verified.v1"
USER_KYC_UPDATED = "user.kyc.updated.v1"
USER_FROZEN = "user.frozen.v1"
USER_UNFROZEN = "user.unfrozen.v1"


def read_user_created(record: RecordRow) -> ProfileNews:
    """A user exists, with these limits."""
    change = _limits(record)
    return ProfileNews(record.user_id(), record.stamp(USER_CREATED), change, created=_profile(record, change))


def read_user_updated(record: RecordRow) -> ProfileNews:
    """Limits that changed; a snapshot has all of them, and makes the profile when there is none."""
    change, heals = _limits(record), record.heals()
    created = None if heals is None else _profile(record, change)
    return ProfileNews(record.user_id(), record.stamp(USER_UPDATED), change, created=created, heals=heals)


def read_user_verified(record: RecordRow) -> ProfileNews:
    """Identity verified: the KYC level is raised to the one it names, never lowered (PT-708)."""
    reached = record.choice("level", KycLevel)
    return ProfileNews(record.user_id(), record.stamp(USER_VERIFIED), reached=reached)


def read_user_kyc_updated(record: RecordRow) -> ProfileNews:
    """The KYC level from now on."""
    change = ProfileChange(kyc_level=record.choice("kyc_level", KycLevel))
    return ProfileNews(record.user_id(), record.stamp(USER_KYC_UPDATED), change)


def read_user_frozen(record: RecordRow) -> ProfileNews:
    """No order may pass."""
    return ProfileNews(record.user_id(), record.stamp(USER_FROZEN), ProfileChange(frozen=True))


def read_user_unfrozen(record: RecordRow) -> ProfileNews:
    """Orders may pass again."""
    return ProfileNews(record.user_id(), record.stamp(USER_UNFROZEN), ProfileChange(frozen=False))


@dataclass(frozen=True, slots=True)
class FreezeAsked:
    """risk.freeze_account.v1: somebody asks for a user, or one account (``None``: all), to be frozen (PT-716)."""

    event_id: str
    at_us: int
    user_id: str
    account_id: str | None
    reason: str
    actor: str


def read_freeze_account(record: RecordRow) -> FreezeAsked:
    """Read the request; ``sequence`` is not counted in this topic.

    Raises:
        FaultyRecord: a field cannot be read.
    """
    asked = FreezeAsked(
        event_id=record.uuid("event_id"),
        at_us=record.instant_us("event_ts"),
        user_id=record.user_id(),
        account_id=record.text("account_id") if record.has("account_id") else None,
        reason=record.words("reason"),
        actor=record.text("actor"),
    )
    record.raise_if_faulty()
    return asked


def _limits(record: RecordRow) -> ProfileChange:
    return ProfileChange(
        kyc_level=record.choice("kyc_level", KycLevel) if record.has("kyc_level") else None,
        exposure_limit_usdt=record.optional_decimal("exposure_limit_usdt", at_least=ZERO),
        frozen=record.flag("frozen") if record.has("frozen") else None,
        risk_score=record.optional_decimal("risk_score"),
        max_leverage=record.optional_decimal("max_leverage", at_least=ONE),
    )


def _profile(record: RecordRow, change: ProfileChange) -> Profile:
    """The profile that has all limits; the schema has seen to it that none is missing."""
    return Profile(
        user_id=record.user_id(),
        kyc_level=change.kyc_level or KycLevel.L0,
        exposure_limit_usdt=change.exposure_limit_usdt or ZERO,
        frozen=change.frozen is not False,
        risk_score=change.risk_score or ZERO,
        max_leverage=change.max_leverage or ONE,
    )
