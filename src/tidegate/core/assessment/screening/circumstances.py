"""What is known of a party beside its name: where it fits it raises a score, where it contradicts it lowers it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tidegate.core.assessment.screening.bounds import (
    BIRTH_DATE_LOWER_PERCENT,
    BIRTH_DATE_RAISE_PERCENT,
    BIRTH_YEAR_LOWER_PERCENT,
    BIRTH_YEAR_RAISE_PERCENT,
    COUNTRY_LOWER_PERCENT,
    COUNTRY_RAISE_PERCENT,
    FULL,
)
from tidegate.core.assessment.screening.entries import ListEntry

_PARTIAL_DATE: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:[T ].*)?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is told of the party that is screened; empty where nothing is.

    ``birth_date`` is an ISO 8601 date or the beginning of one, ``country`` an ISO 3166-1 alpha-2 code.
    """

    birth_date: str = ""
    country: str = ""


class Effect(NamedTuple):
    """By how much a circumstance moves a score, and why, in words: ``raises`` is percent of what lacks to the full
    score, ``lowers`` percent of the score.
    """

    raises: int
    lowers: int
    why: str


def is_birth_date(text: str) -> bool:
    """Tell whether a text is a date, or the beginning of one, that can be compared."""
    return _PARTIAL_DATE.fullmatch(text) is not None


def effects(asked: Circumstances, entry: ListEntry) -> list[Effect]:
    """Give what the circumstances say for and against the entry; what only one side tells says nothing."""
    found = [_birth(asked.birth_date, entry.birth_dates), _country(asked.country, entry.countries)]
    return [effect for effect in found if effect is not None]


def best_effects(asked: Circumstances) -> list[Effect]:
    """Give the most that these circumstances can say for an entry."""
    born = [Effect(BIRTH_DATE_RAISE_PERCENT, 0, "")] if asked.birth_date else []
    return born + ([Effect(COUNTRY_RAISE_PERCENT, 0, "")] if asked.country else [])


def moved(score: int, by: Sequence[Effect]) -> int:
    """Give the score after all effects; it stays within 0 and 10,000."""
    for effect in by:
        score = score + (FULL - score) * effect.raises // 100 - score * effect.lowers // 100
    return score


def _birth(asked: str, listed: Sequence[str]) -> Effect | None:
    parts = _parts(asked)
    compared = [_birth_effect(parts, other, listed=text) for text in listed if (other := _parts(text)) and parts]
    return max(compared, key=lambda effect: (effect.raises, -effect.lowers), default=None)


def _parts(text: str) -> tuple[str, ...]:
    found = _PARTIAL_DATE.fullmatch(text)
    return tuple(part for part in found.groups() if part) if found else ()


def _birth_effect(asked: tuple[str, ...], other: tuple[str, ...], *, listed: str) -> Effect:
    known = min(len(asked), len(other))
    if asked[:known] == other[:known]:
        if known == 3:
            return Effect(BIRTH_DATE_RAISE_PERCENT, 0, f"born on the same day, {listed}")
        return Effect(BIRTH_YEAR_RAISE_PERCENT, 0, f"born {'-'.join(asked)}, which fits {listed}")
    if abs(int(asked[0]) - int(other[0])) <= 1:
        return Effect(0, BIRTH_DATE_LOWER_PERCENT, f"born {'-'.join(asked)}, listed as {listed}: close, not the same")
    return Effect(0, BIRTH_YEAR_LOWER_PERCENT, f"born {'-'.join(asked)}, listed as {listed}")


def _country(asked: str, listed: Sequence[str]) -> Effect | None:
    if not asked or not listed:
        return None
    if asked.casefold() in {country.casefold() for country in listed}:
        return Effect(COUNTRY_RAISE_PERCENT, 0, f"country {asked} is listed")
    return Effect(0, COUNTRY_LOWER_PERCENT, f"country {asked} is not among {', '.join(listed)}")
