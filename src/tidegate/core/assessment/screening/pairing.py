"""Which words of one name belong to which of the other: each once, in no order, as many and as alike as can be.

Four moves, each on what the former left over: equal words; a word that the other name writes as several; words that are
alike, by the best assignment of all; letters that stand for words.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from tidegate.core.assessment.screening.assignment import best_assignment
from tidegate.core.assessment.screening.bounds import FULL, LIKENESS_INITIAL, LIKENESS_JOINED
from tidegate.core.assessment.screening.likeness import Comparison, Likeness, Reason
from tidegate.core.assessment.screening.names import Name, Word

Weigh: TypeAlias = Callable[[Word], int]
_PIECES_MAX = 4
_EQUAL = Likeness(FULL, Reason.EQUAL)
_JOINED = Likeness(LIKENESS_JOINED, Reason.JOINED)
_INITIAL = Likeness(LIKENESS_INITIAL, Reason.INITIAL)


class Pair(NamedTuple):
    """Words that belong together: ``left`` of the one name, ``right`` of the other; one of them is several at most."""

    left: tuple[Word, ...]
    right: tuple[Word, ...]
    likeness: Likeness


@dataclass(slots=True)
class Pairing:
    """The pairs of two names, and the words that are left over in each."""

    left: list[Word]
    right: list[Word]
    pairs: list[Pair] = field(default_factory=list)

    def take(self, left: Sequence[Word], right: Sequence[Word], *, by: Likeness) -> None:
        """Pair words and take them from what is left over."""
        self.pairs.append(Pair(tuple(left), tuple(right), by))
        self.left = [word for word in self.left if word not in left]
        self.right = [word for word in self.right if word not in right]


def pair_words(one: Name, other: Name, *, likeness: Comparison, weigh: Weigh) -> Pairing:
    """Pair the words of two names."""
    pairing = _pair_equal(one.words, other.words)
    if pairing.left and pairing.right:
        if len(pairing.left) > 1 or len(pairing.right) > 1:
            _pair_joined(pairing)
        _pair_alike(pairing, likeness, weigh=weigh)
        _pair_initials(pairing, weigh)
    return pairing


def _pair_equal(left: Sequence[Word], right: Sequence[Word]) -> Pairing:
    """Both are sorted by key, so one pass finds what they share."""
    pairing = Pairing([], [])
    at = to = 0
    while at < len(left) and to < len(right):
        one, other = left[at], right[to]
        if one.key == other.key:
            pairing.pairs.append(Pair((one,), (other,), _EQUAL))
            at, to = at + 1, to + 1
        elif one.key < other.key:
            pairing.left.append(one)
            at += 1
        else:
            pairing.right.append(other)
            to += 1
    pairing.left += left[at:]
    pairing.right += right[to:]
    return pairing


def _pair_joined(pairing: Pairing) -> None:
    """The longest word first, so that none is used up as a piece of another before it is looked at itself."""
    wholes = [(word, True) for word in pairing.left] + [(word, False) for word in pairing.right]
    for word, is_left in sorted(wholes, key=lambda whole: (-len(whole[0].latin), whole[0].key)):
        own, other = (pairing.left, pairing.right) if is_left else (pairing.right, pairing.left)
        if len(other) < 2 or len(word.latin) < 2 or word not in own:
            continue
        pieces = _pieces(word.latin, other, room=_PIECES_MAX)
        if pieces is not None and len(pieces) > 1:
            pairing.take(*(([word], pieces) if is_left else (pieces, [word])), by=_JOINED)


def _pieces(text: str, words: Sequence[Word], *, room: int) -> list[Word] | None:
    """Words that, one after the other, write the text; None when there are none."""
    if not text:
        return []
    if not room:
        return None
    for at, word in enumerate(words):
        if text.startswith(word.latin):
            rest = _pieces(text[len(word.latin) :], [*words[:at], *words[at + 1 :]], room=room - 1)
            if rest is not None:
                return [word, *rest]
    return None


def _pair_alike(pairing: Pairing, likeness: Comparison, *, weigh: Weigh) -> None:
    left, right = list(pairing.left), list(pairing.right)
    found: dict[tuple[int, int], Likeness] = {}
    for at, word in enumerate(left):
        for to, other in enumerate(right):
            alike = likeness.of(word, other)
            if alike.share:
                found[at, to] = alike
    worth = {(at, to): alike.share * (weigh(left[at]) + weigh(right[to])) for (at, to), alike in found.items()}
    for at, to in _assigned(worth):
        pairing.take([left[at]], [right[to]], by=found[at, to])


def _assigned(worth: Mapping[tuple[int, int], int]) -> Sequence[tuple[int, int]]:
    rows, columns = Counter(at for at, _ in worth), Counter(to for _, to in worth)
    if all(count == 1 for count in rows.values()) and all(count == 1 for count in columns.values()):
        return list(worth)
    return best_assignment(worth)


def _pair_initials(pairing: Pairing, weigh: Weigh) -> None:
    for is_left in (True, False):
        own, other = (pairing.left, pairing.right) if is_left else (pairing.right, pairing.left)
        for letter in [word for word in own if word.is_initial]:
            meant = [word for word in other if len(word.latin) > 1 and word.latin.startswith(letter.latin)]
            if meant:
                # the weightiest where several may be meant
                word = max(meant, key=lambda word: (weigh(word), word.key))
                pairing.take(*(([letter], [word]) if is_left else ([word], [letter])), by=_INITIAL)
