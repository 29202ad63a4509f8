"""The gate's configuration that officers change: profiles, rules, margin tiers, trading states. One Protocol an area.

Versions, actors and the failure contract of all of them: ``tidegate.ports.stored``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from tidegate.core.pretrade import feeds
from tidegate.core.pretrade.account import Profile, TradingState
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.rules import RiskRule
from tidegate.core.pretrade.tiers import MarginTier
from tidegate.ports.paging import Page, PageRequest
from tidegate.ports.stored import Change, Stored


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """A profile with what the gate remembers beside it."""

    profile: Profile
    last_margin_call_us: int | None = None
    last_event_id: str | None = None
    last_event_us: int | None = None
    repeat_rearmed_us: int | None = None


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """Fields to change; ``None`` leaves a field as it is. ``rearm_repeat_throttle`` forgets earlier equal fills."""

    kyc_level: KycLevel | None = None
    exposure_limit_usdt: Decimal | None = None
    frozen: bool | None = None
    risk_score: Decimal | None = None
    max_leverage: Decimal | None = None
    rearm_repeat_throttle: bool = False


EventStamp = feeds.EventStamp
"""Identity of an event that changes a profile: ``sequence`` counts per (topic, user)."""

Applied = feeds.Applied
"""What became of an event."""


class Profiles(Protocol):
    """``risk_profiles``."""

    async def page(
        self, request: PageRequest, *, kyc_level: KycLevel | None, frozen: bool | None
    ) -> Page[Stored[ProfileRow]]:
        """Give profiles by row id."""

    async def get(self, user_id: str) -> Stored[ProfileRow]:
        """Give one profile."""

    async def change(
        self, user_id: str, change: ProfileChange, *, version: int | None, by: Change
    ) -> Stored[ProfileRow]:
        """Change a profile; ``version`` ``None`` takes any."""

    async def apply(
        self, user_id: str, change: ProfileChange, *, stamp: EventStamp, created: Profile | None
    ) -> Applied:
        """Apply a user.* event exactly once: a repeated event_id or an older sequence or time changes nothing.
        ``created`` makes the profile when there is none; without it an event for an unknown user raises NotStored.
        """

    async def put(self, profile: Profile, *, by: Change) -> Stored[ProfileRow]:
        """Make or replace a profile (seed, demo)."""

    async def load(self, *, after_version: int) -> tuple[int, Sequence[ProfileRow]]:
        """Give the area's version and the profiles changed after ``after_version`` (0: all)."""


class RiskRules(Protocol):
    """``risk_rules``; ``rule_id`` of a stored rule is its row id as text, ``version`` its version."""

    async def page(
        self, request: PageRequest, *, active: bool | None, symbol: str | None, kyc_level: KycLevel | None
    ) -> Page[Stored[RiskRule]]:
        """Give rules by row id."""

    async def get(self, row_id: int) -> Stored[RiskRule]:
        """Give one rule."""

    async def create(self, rule: RiskRule, *, by: Change) -> Stored[RiskRule]:
        """Store a new rule (its ``rule_id`` and ``version`` are given by the store); ``Conflict`` on a name in use or
        more than 2,048 active rules.
        """

    async def replace(self, row_id: int, rule: RiskRule, *, version: int | None, by: Change) -> Stored[RiskRule]:
        """Publish a new version of a rule."""

    async def load(self) -> tuple[int, Sequence[RiskRule]]:
        """Give the area's version and all active rules."""

    async def load_version(self, version: int) -> Sequence[RiskRule]:
        """Give the active rules as they were at an area version; ``NotStored`` when there never was one."""


class MarginTiers(Protocol):
    """``margin_tiers``; ``symbol`` NULL is the default ladder."""

    async def page(
        self, request: PageRequest, *, symbol: str | None, default_only: bool, active: bool | None
    ) -> Page[Stored[MarginTier]]:
        """Give tiers by row id."""

    async def get(self, row_id: int) -> Stored[MarginTier]:
        """Give one tier."""

    async def create(self, tiers: Sequence[MarginTier], *, by: Change) -> Sequence[Stored[MarginTier]]:
        """Store new tiers in one transaction; ``Conflict`` when an active ladder would be unsound after it."""

    async def replace(self, row_id: int, tier: MarginTier, *, version: int | None, by: Change) -> Stored[MarginTier]:
        """Publish a new version of a tier; ``Conflict`` when its ladder would be unsound after it."""

    async def load(self) -> tuple[int, Sequence[MarginTier]]:
        """Give the area's version and all active tiers."""

    async def load_version(self, version: int) -> Sequence[MarginTier]:
        """Give the active tiers as they were at an area version."""


class Scope(StrEnum):
    """What a trading state holds for."""

    GLOBAL = "GLOBAL"
    SYMBOL = "SYMBOL"
    USER = "USER"


@dataclass(frozen=True, slots=True)
class TradingStateRow:
    """The kill switch of one scope; ``key`` is the symbol or user id, empty for GLOBAL. ``reason`` is required."""

    scope: Scope
    key: str
    state: TradingState
    reason: str
    actor: str
    at_us: int


class TradingStates(Protocol):
    """Trading states: everywhere, by symbol, by user; what was never set is ACTIVE."""

    async def all(self) -> tuple[int, Sequence[TradingStateRow]]:
        """Give the area's version and every state that is set."""

    async def put(self, row: TradingStateRow, *, version: int | None) -> tuple[int, TradingStateRow]:
        """Set one state; ``version`` is the area version the caller saw (``None`` takes any). Gives the new version."""
