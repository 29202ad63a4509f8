"""How alike two words are, in ten-thousandths, and by what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, TypeAlias

from tidegate.core.assessment.screening.bounds import (
    CONSONANTS_MIN,
    FULL,
    LETTER_CHARGE,
    LIKENESS_CONSONANTS,
    LIKENESS_HOMOPHONE,
    LIKENESS_SOUND,
    WORD_LETTERS_FOR_ONE,
    WORD_LETTERS_FOR_TWO,
)
from tidegate.core.assessment.screening.names import Word

Distance: TypeAlias = Callable[[str, str], int]
"""Letters to add, leave out, replace, or swap with their neighbour (no part changed twice); handed in."""


class Reason(StrEnum):
    """By what two words, or a word and several, were held to be one."""

    EQUAL = "EQUAL"
    JOINED = "JOINED"
    SOUND = "SOUND"
    HOMOPHONE = "HOMOPHONE"
    LETTERS = "LETTERS"
    CONSONANTS = "CONSONANTS"
    INITIAL = "INITIAL"


class Likeness(NamedTuple):
    """How alike (0 to 10,000), by what, and how many letters differ."""

    share: int
    reason: Reason
    letters: int = 0


UNLIKE: Final = Likeness(0, Reason.LETTERS)
_SAME: Final = Likeness(FULL, Reason.EQUAL)
_SOUND: Final = Likeness(LIKENESS_SOUND, Reason.SOUND)
_HOMOPHONE: Final = Likeness(LIKENESS_HOMOPHONE, Reason.HOMOPHONE)
_CONSONANTS: Final = Likeness(LIKENESS_CONSONANTS, Reason.CONSONANTS)


def letters_allowed(length: int) -> int:
    """Give how many letters may differ when the longer of two folded words has so many."""
    if length < WORD_LETTERS_FOR_ONE:
        return 0
    return 1 if length < WORD_LETTERS_FOR_TWO else 2


class Comparison(Protocol):
    """What compares words."""

    def of(self, one: Word, other: Word) -> Likeness:
        """Give how alike two words are; the same for both orders."""


@dataclass(frozen=True, slots=True)
class WordLikeness:
    """Compares words; a letter never fits more than itself here (what initials stand for is settled later)."""

    distance: Distance

    def of(self, one: Word, other: Word) -> Likeness:
        if one.latin == other.latin:
            both = bool(one.character and other.character)
            return _HOMOPHONE if both and one.character != other.character else _SAME
        if one.character and other.character:
            return UNLIKE
        if one.folded == other.folded:
            return _SOUND
        if one.without_vowels != other.without_vowels:
            return self._by_consonants(one.skeleton, other.skeleton)
        return self._by_letters(one.folded, other.folded)

    def _by_letters(self, one: str, other: str) -> Likeness:
        length = max(len(one), len(other))
        allowed = letters_allowed(length)
        if abs(len(one) - len(other)) > allowed or not allowed or one.isdigit() or other.isdigit():
            return UNLIKE
        letters = self.distance(one, other)
        return UNLIKE if letters > allowed else Likeness(charged(letters, length), Reason.LETTERS, letters)

    def _by_consonants(self, one: str, other: str) -> Likeness:
        return _CONSONANTS if one == other and len(one) >= CONSONANTS_MIN else UNLIKE


@dataclass(frozen=True, slots=True)
class KnownLikeness:
    """Remembers how alike the words of one name and those of a list are: by the key of the one, then of the other. What
    is not there is unlike.
    """

    known: Mapping[str, Mapping[str, Likeness]]

    def of(self, one: Word, other: Word) -> Likeness:
        near = self.known.get(one.key)
        if near is not None and (found := near.get(other.key)) is not None:
            return found
        near = self.known.get(other.key)
        return UNLIKE if near is None else near.get(one.key, UNLIKE)


def charged(letters: int, length: int) -> int:
    """Give the likeness of words of which so many letters differ; ``length`` is that of the longer one."""
    return FULL - letters * LETTER_CHARGE // length
