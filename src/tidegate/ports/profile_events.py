"""What a user.* event does to a profile: the contract of ``Profiles.apply`` as pure functions.

Sequences count per (topic, user). Times count per field, because frozen and unfrozen, or kyc and updated, arrive on
topics of their own and in any order: what a later event has set, an earlier one does not touch (PT-705).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

from tidegate.core.pretrade.account import Profile
from tidegate.ports.configuration import Applied, EventStamp, ProfileChange

PROFILE_FIELDS: Final = ("kyc_level", "exposure_limit_usdt", "frozen", "risk_score", "max_leverage")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of an event, and what of it is left to apply (``None``: nothing)."""

    applied: Applied
    change: ProfileChange | None


def judge_sequence(stamp: EventStamp, *, last_sequence: int | None, creates: bool) -> Applied:
    """Tell what an event is by its sequence alone; the first of a topic is 1, unless it makes the profile."""
    if last_sequence is not None and stamp.sequence <= last_sequence:
        return Applied.OUTDATED
    expected = 1 if last_sequence is None else last_sequence + 1
    return Applied.GAP if stamp.sequence > expected and not (creates and last_sequence is None) else Applied.APPLIED


def judge_change(
    change: ProfileChange, by_sequence: Applied, *, at_us: int, field_times: Mapping[str, int]
) -> Judgement:
    """Leave out what a later event has set already; an event of which nothing is left is outdated."""
    if by_sequence is Applied.OUTDATED:
        return Judgement(Applied.OUTDATED, None)
    named = [name for name in PROFILE_FIELDS if getattr(change, name) is not None]
    outdated = [name for name in named if field_times.get(name, at_us) > at_us]
    if named and len(outdated) == len(named) and not change.rearm_repeat_throttle:
        # a missing event stays missing, whatever became of this one
        return Judgement(Applied.GAP if by_sequence is Applied.GAP else Applied.OUTDATED, None)
    left = replace(change, **dict.fromkeys(outdated)) if outdated else change
    return Judgement(by_sequence, left)


def changed_profile(profile: Profile, change: ProfileChange) -> Profile:
    """Give the profile with the fields that the change names."""
    named = {name: value for name in PROFILE_FIELDS if (value := getattr(change, name)) is not None}
    return replace(profile, **named)


def changed_times(change: ProfileChange, *, at_us: int) -> dict[str, int]:
    """Give the time of each field that the change names."""
    return {field.name: at_us for field in fields(change) if field.name in PROFILE_FIELDS and getattr(change, field.name) is not None}
