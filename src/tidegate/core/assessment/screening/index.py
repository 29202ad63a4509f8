"""One version of one list, ready to be searched: in about a millisecond a name, whatever the list's length.

A search asks for the words that are like those of the name, adds up in which names they stand, and scores properly only
what could still reach the score from which matches are told. It finds what comparing with every name would
(``reference``).
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final, NamedTuple, TypeAlias

from tidegate.core.assessment.screening.bounds import (
    CONFLICT_PERCENT,
    FULL,
    LIKENESS_JOINED,
    MATCHES_MAX,
    SCORE_TOLD,
    SURPLUS_PERCENT,
    WEIGHT_INITIAL,
)
from tidegate.core.assessment.screening.circumstances import Circumstances, Effect, best_effects, effects, moved
from tidegate.core.assessment.screening.entries import ListedName, ListEntry
from tidegate.core.assessment.screening.likeness import Distance, KnownLikeness, Likeness, WordLikeness
from tidegate.core.assessment.screening.names import Name, NameReader, Transliterate, UnreadableName, Word
from tidegate.core.assessment.screening.near_words import NearWords
from tidegate.core.assessment.screening.scoring import NameScore, NameScorer, Weights

_JOINED_OF_THREE_MAX: Final = 6
"""Words up to which three of them are tried as one; of longer names, two."""

_JOINED_OF_TWO_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class ScreeningEngines:
    """What is compiled elsewhere and handed in: how any script is written in ASCII, and how far two words are apart."""

    transliterate: Transliterate
    distance: Distance


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that a name fits: by which of its names, how well (0 to 10,000), and what the circumstances say."""

    score: int
    entry: ListEntry
    listed: ListedName
    name_score: NameScore
    effects: Sequence[Effect]


class _Candidate(NamedTuple):
    bound: int
    number: int


class _Fitting(NamedTuple):
    """A listed word that may pair with a part of the asked name, how alike, and what weight of its name that covers."""

    number: int
    share: int
    weight: int


class _Part(NamedTuple):
    """A word of the asked name, or several as one: its weight, and by name how alike what it may pair with is at most,
    and the weight of that. ``is_telling``: it is evidence enough to look at a name at all.
    """

    weight: int
    by_name: Mapping[int, tuple[int, int]]
    is_telling: bool


_Near: TypeAlias = Mapping[str, Sequence[tuple[int, Likeness]]]


class ScreeningIndex:
    """The entries of one version of a list. ``unreadable`` counts names that hold nothing to compare."""

    def __init__(self, entries: Sequence[ListEntry], engines: ScreeningEngines) -> None:
        self.entries = entries
        self.unreadable = 0
        self._names: list[tuple[int, int]] = []
        self._read: list[Name] = []
        self._numbers: dict[str, int] = {}
        self._words: list[Word] = []
        self._holding: list[array[int]] = []
        entries_with = self._take_in(NameReader(engines.transliterate, remembers=True))
        weights = Weights(entries_with)
        weights.know(self._words)
        likeness = WordLikeness(engines.distance)
        self.scorer = NameScorer(likeness, weights)
        self._near = NearWords(self._words, likeness)
        self._weights = [weights.of(word) for word in self._words]
        self._totals = [sum(map(weights.of, name.words)) for name in self._read]
        self._slack = [_slack(name) for name in self._read]

    def _take_in(self, reader: NameReader) -> Mapping[str, int]:
        entries_with: Counter[str] = Counter()
        for entry_number, entry in enumerate(self.entries):
            heard: set[str] = set()
            for place, name in enumerate(_read_names(entry, reader)):
                if name is None:
                    self.unreadable += 1
                    continue
                self._names.append((entry_number, place))
                self._read.append(name)
                for word in {word.key: word for word in name.words}.values():
                    self._holders(word).append(len(self._read) - 1)
                    heard.add(word.folded)
            entries_with.update(heard)
        return entries_with

    def _holders(self, word: Word) -> "array[int]":
        number = self._numbers.setdefault(word.key, len(self._holding))
        if number == len(self._holding):
            self._holding.append(array("L"))
            self._words.append(word)
        return self._holding[number]

    def names(self) -> Iterator[tuple[ListEntry, ListedName, Name]]:
        """Give every name that can be compared."""
        for (entry_number, place), name in zip(self._names, self._read, strict=True):
            entry = self.entries[entry_number]
            yield entry, entry.names[place], name

    def search(self, asked: Name, known: Circumstances, *, most: int = MATCHES_MAX) -> list[Hit]:
        """Give the entries that score at least ``SCORE_TOLD`` by name, each by its best name, best first: by score,
        then in the order of the list; at most ``most``.
        """
        best: dict[int, Hit] = {}
        hoped = best_effects(known)
        near = {word.key: self._near.like(word) for word in asked.words}
        alike = {key: {self._words[number].key: likeness for number, likeness in like} for key, like in near.items()}
        scorer = NameScorer(KnownLikeness(alike), self.scorer.weights)
        for candidate in self._candidates(asked, near):
            if len(best) >= most and moved(candidate.bound, hoped) < _last_of(best, most):
                break
            entry_number, place = self._names[candidate.number]
            scored = scorer.score(asked, self._read[candidate.number])
            if scored.score < SCORE_TOLD:
                continue
            entry = self.entries[entry_number]
            by = effects(known, entry)
            hit = Hit(moved(scored.score, by), entry, entry.names[place], scored, by)
            former = best.get(entry_number)
            if former is None or (hit.score, -place) > (former.score, -_place(former)):
                best[entry_number] = hit
        ranked = sorted(best.items(), key=lambda found: (-found[1].score, found[0]))
        return [hit for _, hit in ranked[:most]]

    def _candidates(self, asked: Name, near: _Near) -> list[_Candidate]:
        """Names that may reach ``SCORE_TOLD``, with the most that they can reach, the greatest first."""
        covered: dict[int, list[int]] = {}
        for part in self._parts(asked, near):
            for name, (share, weight) in part.by_name.items():
                sums = covered.get(name)
                if sums is not None:
                    sums[0] += share * (part.weight + weight)
                    sums[1] += part.weight
                    sums[2] += weight
                elif part.is_telling:
                    covered[name] = [share * (part.weight + weight), part.weight, weight]
        weigh = self.scorer.weights.of
        total, slack = sum(map(weigh, asked.words)), _slack(asked)
        found: list[_Candidate] = []
        for name, (alike, asked_covered, listed_covered) in covered.items():
            either = slack + self._slack[name]  # letters cover words of the other name, and are themselves covered
            left = max(0, total - asked_covered - either)
            right = max(0, self._totals[name] - listed_covered - either)
            bound = _bound(alike, greater=max(left, right), lesser=min(left, right))
            if bound >= SCORE_TOLD:
                found.append(_Candidate(bound, name))
        return sorted(found, key=lambda candidate: (-candidate.bound, candidate.number))

    def _parts(self, asked: Name, near: _Near) -> list[_Part]:
        """The parts of the asked name, telling ones first; where none is telling, all count as such."""
        parts = list(self._fitting(asked, near))
        if not any(part.is_telling for part in parts):
            return [part._replace(is_telling=True) for part in parts]
        return sorted(parts, key=lambda part: not part.is_telling)

    def _fitting(self, asked: Name, near: _Near) -> Iterator[_Part]:
        """Each word of the asked name, and each run of words that is one word in the list."""
        weigh = self.scorer.weights.of
        for word in asked.words:
            fitting = [_Fitting(number, likeness.share, self._weights[number]) for number, likeness in near[word.key]]
            is_telling = not (word.is_light or word.is_initial)
            yield _Part(weigh(word), self._best_by_name(fitting, self._taken_apart(word.latin)), is_telling=is_telling)
        for pieces in _runs(asked.words):
            joined = self._near.of_latin("".join(word.latin for word in pieces))
            if joined:
                fitting = [_Fitting(number, LIKENESS_JOINED, self._weights[number]) for number in joined]
                yield _Part(sum(map(weigh, pieces)), self._best_by_name(fitting, ()), is_telling=True)

    def _best_by_name(
        self, fitting: Sequence[_Fitting], apart: Iterable[tuple[int, int]]
    ) -> Mapping[int, tuple[int, int]]:
        """The most that one asked part can be worth in each name that holds a word like it, or its pieces."""
        best: dict[int, tuple[int, int]] = {}
        for number, share, weight in fitting:
            for name in self._holding[number]:
                former = best.get(name)
                if former is None:
                    best[name] = (share, weight)
                elif former != (share, weight):
                    best[name] = (max(former[0], share), max(former[1], weight))
        for name, weight in apart:
            share, former_weight = best.get(name, (0, 0))
            best[name] = (max(share, LIKENESS_JOINED), max(weight, former_weight))
        return best

    def _taken_apart(self, latin: str) -> Iterator[tuple[int, int]]:
        """Names that hold all pieces of a word, and the weight that the pieces have."""
        for pieces in _pieces(latin, self._near):
            holding = sorted((self._held_by(piece) for piece in pieces), key=len)
            weight = sum(max(self._weights[number] for number in piece) for piece in pieces)
            yield from ((name, weight) for name in set(holding[0]).intersection(*holding[1:]))

    def _held_by(self, numbers: Sequence[int]) -> Sequence[int]:
        if len(numbers) == 1:
            return self._holding[numbers[0]]
        return [name for number in numbers for name in self._holding[number]]


def _pieces(latin: str, near: NearWords, *, room: int = 4) -> Iterator[list[Sequence[int]]]:
    """The ways to write a word as two to four listed ones."""
    for end in range(1, len(latin)):
        first = near.of_latin(latin[:end])
        if not first:
            continue
        last = near.of_latin(latin[end:])
        if last:
            yield [first, last]
        if room > 2:
            yield from ([first, *rest] for rest in _pieces(latin[end:], near, room=room - 1))


def _runs(words: Sequence[Word]) -> Iterable[tuple[Word, ...]]:
    """Ways to write words of a name together."""
    sizes = [2] * (len(words) <= _JOINED_OF_TWO_MAX) + [3] * (len(words) <= _JOINED_OF_THREE_MAX)
    return (run for size in sizes for run in permutations(words, size))


def _read_names(entry: ListEntry, reader: NameReader) -> Iterator[Name | None]:
    for listed in entry.names:
        try:
            yield reader.read(listed.text)
        except UnreadableName:
            yield None


def _slack(name: Name) -> int:
    """The weight that letters can cover in another name, as the words that they may stand for."""
    return WEIGHT_INITIAL * sum(word.is_initial for word in name.words)


def _bound(alike: int, *, greater: int, lesser: int) -> int:
    """The most that a score can be: as if all that is alike were equal, and more of it could not be."""
    whole = 100 * alike + 2 * FULL * (SURPLUS_PERCENT * greater + CONFLICT_PERCENT * lesser)
    return 100 * alike * FULL // whole if whole else 0


def _last_of(best: Mapping[int, Hit], most: int) -> int:
    return sorted((hit.score for hit in best.values()), reverse=True)[most - 1]


def _place(hit: Hit) -> int:
    return list(hit.entry.names).index(hit.listed)
