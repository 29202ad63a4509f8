"""The score of two names: the share of their weight that belongs together, less what is left over.

    score = sum(weight x likeness of the pairs) / (sum(weight of the pairs) + 12 % of the greater surplus
            + 100 % of the lesser surplus)

A name given in part still scores high; two names that each hold a word which the other does not are in conflict. Two
names that share letters, small words and titles alone score 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tidegate.core.assessment.screening.bounds import (
    CONFLICT_PERCENT,
    FULL,
    SURPLUS_PERCENT,
    WEIGHT_COMMON,
    WEIGHT_FULL,
    WEIGHT_INITIAL,
    WEIGHT_NUMBER,
    WEIGHT_PARTICLE,
    WEIGHT_STEP,
)
from tidegate.core.assessment.screening.likeness import Comparison, Reason
from tidegate.core.assessment.screening.names import Name, Word
from tidegate.core.assessment.screening.pairing import Pair, Pairing, pair_words


@dataclass(frozen=True, slots=True)
class Weights:
    """How much a word tells, by how many entries of the list hold it (or one that sounds alike): ``entries_with`` goes
    by the folded word; a word that the list does not hold weighs most.
    """

    entries_with: Mapping[str, int]
    known: dict[str, int] = field(default_factory=dict)

    def know(self, words: Iterable[Word]) -> None:
        """Weigh the words of the list once and for all."""
        self.known.update((word.key, self._of(word)) for word in words)

    def of(self, word: Word) -> int:
        """Give the weight of a word, 12 to 100."""
        weight = self.known.get(word.key)
        return self._of(word) if weight is None else weight

    def _of(self, word: Word) -> int:
        if word.is_light:
            return WEIGHT_PARTICLE
        if word.is_initial:
            return WEIGHT_INITIAL
        holders = self.entries_with.get(word.folded, 0)
        weight = max(WEIGHT_COMMON, WEIGHT_FULL - WEIGHT_STEP * (max(1, holders).bit_length() - 1))
        return min(weight, WEIGHT_NUMBER) if word.latin.isdigit() else weight


@dataclass(frozen=True, slots=True)
class NameScore:
    """The score (0 to 10,000) and what it is made of; ``pairing`` has the first name on its left."""

    score: int
    pairing: Pairing


@dataclass(frozen=True, slots=True)
class NameScorer:
    """Scores names with the weights of one list."""

    likeness: Comparison
    weights: Weights

    def score(self, one: Name, other: Name) -> NameScore:
        """Score two names; the same for both orders."""
        if other.keys < one.keys:
            turned = self.score(other, one)
            pairing = turned.pairing
            pairs = [Pair(pair.right, pair.left, pair.likeness) for pair in pairing.pairs]
            return NameScore(turned.score, Pairing(pairing.right, pairing.left, pairs))
        pairing = pair_words(one, other, likeness=self.likeness, weigh=self.weights.of)
        return NameScore(self._score(pairing), pairing)

    def _score(self, pairing: Pairing) -> int:
        if (pairing.left or pairing.right) and not any(map(tells, pairing.pairs)):
            return 0
        weigh = self.weights.of
        paired = alike = 0
        left, right = sum(map(weigh, pairing.left)), sum(map(weigh, pairing.right))
        for pair in pairing.pairs:
            one, other = sum(map(weigh, pair.left)), sum(map(weigh, pair.right))
            if pair.likeness.reason is Reason.INITIAL:
                # a letter tells a letter's worth of the word; the rest of it stays unknown
                known = min(one, other)
                left, right = left + one - known, right + other - known
                one = other = known
            paired += one + other
            alike += (one + other) * pair.likeness.share
        return ratio(alike, paired, greater=max(left, right), lesser=min(left, right))


def tells(pair: Pair) -> bool:
    """Tell whether a pair is evidence at all: letters, small words and titles alone are none."""
    if pair.likeness.reason is Reason.INITIAL:
        return False
    return any(not (word.is_light or word.is_initial) for side in (pair.left, pair.right) for word in side)


def ratio(alike: int, paired: int, *, greater: int, lesser: int) -> int:
    """Give the score; ``alike`` and ``paired`` are twice the weights of the pairs, with likeness and without."""
    whole = 100 * paired + 2 * (SURPLUS_PERCENT * greater + CONFLICT_PERCENT * lesser)
    return min(FULL, 100 * alike // whole) if whole else 0
