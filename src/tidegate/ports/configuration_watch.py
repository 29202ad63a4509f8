"""How a replica learns that configuration has changed."""

from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Final, Protocol


class Area(StrEnum):
    """What is versioned on its own; the desk's areas are those whose name says so, the others are the gate's."""

    PROFILES = "profiles"
    RULES = "rules"
    TIERS = "tiers"
    TRADING_STATES = "trading_states"
    DESK_RULES = "desk_rules"
    DESK_THRESHOLDS = "desk_thresholds"
    DESK_LISTS = "desk_lists"


GATE_AREAS: Final = (Area.PROFILES, Area.RULES, Area.TIERS, Area.TRADING_STATES)
DESK_AREAS: Final = (Area.DESK_RULES, Area.DESK_THRESHOLDS, Area.DESK_LISTS)


class ConfigurationWatch(Protocol):
    """Tells a replica which areas changed. ``DependencyFailed`` when the store does not answer."""

    async def versions(self) -> Mapping[Area, int]:
        """Give the version of every area; the answer confirms the replica's configuration."""

    def changes(self) -> AsyncIterator[Area]:
        """Give every area once as soon as it listens, so that nothing written before is missed, then each area when a
        write to it was committed anywhere; ends with ``DependencyFailed`` when the connection breaks (a poll of
        ``versions`` is the safety net).
        """
