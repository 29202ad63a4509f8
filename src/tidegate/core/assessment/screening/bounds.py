"""Every bound, weight and charge of screening, in one place; scores and likenesses are ten-thousandths, never floats.

The constants were chosen on one half of labelled pairs of names and confirmed on the other (docs/screening.md).
"""

from typing import Final

NAME_CHARACTERS_MAX: Final = 1_000
"""Characters of a name that is screened (at the bound passes); a longer one is unreadable."""

NAME_WORDS_MAX: Final = 40
"""Words of a name that is screened (at the bound passes); a name of more is unreadable."""

MATCHES_MAX: Final = 10
"""Matches that an answer tells, best first."""

FULL: Final = 10_000
"""The likeness of equal words, and the score of equal names."""

SCORE_FOUND: Final = 8_500
"""From here on a name counts as found (at the bound it does)."""

SCORE_TOLD: Final = 7_000
"""From here on a match is told (at the bound it is), so that a rule may ask for less than ``SCORE_FOUND``."""

# ---- likeness of two words

LIKENESS_JOINED: Final = 9_700
"""One word that the other name writes as several."""

LIKENESS_SOUND: Final = 9_600
"""Words that differ in spelling alone (``folding``)."""

LIKENESS_HOMOPHONE: Final = 9_000
"""Two characters of one script that are read alike."""

LIKENESS_CONSONANTS: Final = 9_000
"""A word written without vowels, beside one with the same consonants."""

LIKENESS_INITIAL: Final = 9_000
"""A letter that stands for a word."""

LETTER_CHARGE: Final = 6_000
"""What a letter that differs takes from the likeness, times its share of the longer word."""

WORD_LETTERS_FOR_ONE: Final = 4
"""Letters from which on one of them may differ."""

WORD_LETTERS_FOR_TWO: Final = 8
"""Letters from which on two of them may differ; more never may."""

CONSONANTS_MIN: Final = 3
"""Consonants that a word without vowels must have, to be compared by them."""

# ---- weight of a word

WEIGHT_FULL: Final = 100
WEIGHT_STEP: Final = 7
"""What each doubling of the entries that hold a word takes from its weight."""

WEIGHT_COMMON: Final = 35
"""What the commonest word of a list still weighs."""

WEIGHT_INITIAL: Final = 25
WEIGHT_NUMBER: Final = 60
WEIGHT_PARTICLE: Final = 12

# ---- words that only one of the names holds

SURPLUS_PERCENT: Final = 12
"""Weighs a surplus of one name alone: a name may be given in part."""

CONFLICT_PERCENT: Final = 100
"""Weighs what is left over in both names: there, they disagree."""

# ---- circumstances

BIRTH_DATE_RAISE_PERCENT: Final = 40
"""Of what lacks to the full score, when the day of birth is the same."""

BIRTH_YEAR_RAISE_PERCENT: Final = 15
"""Of what lacks, when as much of the date as both tell is the same, and that is not the whole date."""

BIRTH_DATE_LOWER_PERCENT: Final = 4
"""Of the score, when the year is the same, or the next, and the day is not."""

BIRTH_YEAR_LOWER_PERCENT: Final = 15
"""Of the score, when the years are further apart."""

COUNTRY_RAISE_PERCENT: Final = 10
COUNTRY_LOWER_PERCENT: Final = 3
