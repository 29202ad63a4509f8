"""What a user.* event does to a profile: the contract of ``Profiles.apply`` as one pure function.

Sequences count per (topic, user). Times count per field, because frozen and unfrozen, or kyc and updated, arrive on
topics of their own and in any order: what a later event has set, an earlier one does not touch (PT-705).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tidegate.core.pretrade.account import Profile
from tidegate.ports.configuration import Applied, EventStamp, ProfileChange
from tidegate.ports.stored import NotStored

PROFILE_FIELDS: Final = ("kyc_level", "exposure_limit_usdt", "frozen", "risk_score", "max_leverage")

STRICTER: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "kyc_level": min,
    "exposure_limit_usdt": min,
    "frozen": max,
    "risk_score": max,
    "max_leverage": min,
}
"""Which of two values stands when two topics set a field at the same millisecond: the stricter one."""


@dataclass(frozen=True, slots=True)
class KnownProfile:
    """What is known of a user: the profile if there is one, when an event last set each field, and the latest sequence
    of the event's topic.
    """

    profile: Profile | None
    field_times: Mapping[str, int]
    last_sequence: int | None


@dataclass(frozen=True, slots=True)
class ProfileEvent:
    """An event that changes a profile, or makes it (``created``) when there is none."""

    change: ProfileChange
    stamp: EventStamp
    created: Profile | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event, and the profile to be written with its field times; ``None``: nothing is."""

    applied: Applied
    profile: Profile | None
    field_times: Mapping[str, int]
    rearms: bool = False


def outcome(known: KnownProfile, event: ProfileEvent) -> Outcome:
    """Decide what an event that was never seen before does.

    A gap is told even when the event itself changes nothing: the missing one is missing all the same.

    Raises:
        NotStored: there is no profile and the event makes none.
    """
    applied = _by_sequence(known.last_sequence, event)
    at_us = event.stamp.at_us
    if known.profile is None:
        if event.created is None:
            raise NotStored(event.stamp.topic)
        if applied is Applied.OUTDATED:
            return Outcome(applied, None, {})
        profile = changed_profile(event.created, event.change)
        return Outcome(applied, profile, dict.fromkeys(PROFILE_FIELDS, at_us), event.change.rearm_repeat_throttle)
    if applied is Applied.OUTDATED:
        return Outcome(applied, None, {})
    named = {name: value for name in PROFILE_FIELDS if (value := getattr(event.change, name)) is not None}
    timely = {name: value for name, value in named.items() if known.field_times.get(name, at_us) <= at_us}
    if named and not timely:
        return Outcome(applied if applied is Applied.GAP else Applied.OUTDATED, None, {})
    for name, value in timely.items():
        if known.field_times.get(name) == at_us:
            timely[name] = STRICTER[name](value, getattr(known.profile, name))
    times = {**known.field_times, **dict.fromkeys(timely, at_us)}
    return Outcome(applied, replace(known.profile, **timely), times, event.change.rearm_repeat_throttle)


def changed_profile(profile: Profile, change: ProfileChange) -> Profile:
    """Give the profile with the fields that the change names."""
    named = {name: value for name in PROFILE_FIELDS if (value := getattr(change, name)) is not None}
    return replace(profile, **named)


def _by_sequence(last: int | None, event: ProfileEvent) -> Applied:
    """Tell what an event is by its sequence alone; the first of a topic is 1, unless it makes the profile."""
    sequence = event.stamp.sequence
    if last is not None and sequence <= last:
        return Applied.OUTDATED
    if last is None and event.created is not None:
        return Applied.APPLIED
    return Applied.GAP if sequence > (last or 0) + 1 else Applied.APPLIED
