"""Finds the words of a list that are like a word, without looking at all of them.

Two words from which at most two letters differ become equal when at most two letters are left out of each (that is how
deletion neighbourhoods work, as in the SymSpell method); it is enough to do so in their first letters. Each deletion is
kept as a number in one sorted array, which costs eight bytes and not a dictionary's hundred. What is found is compared
properly, so that neither a chance collision nor the hash's seed is ever seen in a result.
"""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from tidegate.core.assessment.screening.bounds import CONSONANTS_MIN
from tidegate.core.assessment.screening.likeness import Likeness, WordLikeness, letters_allowed
from tidegate.core.assessment.screening.names import Word

_PREFIX: Final = 7
"""Letters from which deletions are made: more than twice what may differ, so that what follows decides nothing."""


_PLACES: Final = 1 << 24
"""Distinct words that a list may have: sixteen million."""

_HASHES: Final = (1 << 39) - 1
_PARTS: Final = 32


class NearWords:
    """The distinct words of a list, by number; less than 16 million."""

    def __init__(self, words: Sequence[Word], likeness: WordLikeness) -> None:
        self._words = words
        self._likeness = likeness
        self._by_latin: dict[str, list[int]] = defaultdict(list)
        self._by_folded: dict[str, list[int]] = defaultdict(list)
        self._by_skeleton: dict[str, list[int]] = defaultdict(list)
        self._without_vowels: dict[str, list[int]] = defaultdict(list)
        for number, word in enumerate(words):
            self._by_latin[word.latin].append(number)
            self._by_folded[word.folded].append(number)
            skeletons = self._without_vowels if word.without_vowels else self._by_skeleton
            if len(word.skeleton) >= CONSONANTS_MIN:
                skeletons[word.skeleton].append(number)
        self._folded = list(self._by_folded)
        self._deletions = _sorted_deletions(self._folded)

    def of_latin(self, latin: str) -> Sequence[int]:
        """Give the words that are written so."""
        return self._by_latin.get(latin, ())

    def like(self, word: Word) -> list[tuple[int, Likeness]]:
        """Give every word that is like this one, the likest first."""
        numbers = dict.fromkeys((*self.of_latin(word.latin), *self._by_folded.get(word.folded, ())))
        skeletons = self._by_skeleton if word.without_vowels else self._without_vowels
        if skeletons:
            numbers |= dict.fromkeys(skeletons.get(word.skeleton, ()))
        for place in self._near(word.folded):
            numbers |= dict.fromkeys(self._by_folded[self._folded[place]])
        compared = ((number, self._likeness.of(word, self._words[number])) for number in numbers)
        return sorted((found for found in compared if found[1].share), key=lambda found: (-found[1].share, found[0]))

    def _near(self, folded: str) -> set[int]:
        found: set[int] = set()
        for deletion in _deletions(folded, letters_allowed(len(folded) + 1)):
            key = _key(deletion)
            keys = self._deletions[_part(key)]
            at = bisect_left(keys, key)
            while at < len(keys) and (place := keys[at] ^ key) < _PLACES:
                found.add(place)
                at += 1
        return found


def _sorted_deletions(folded: Sequence[str]) -> "list[array[int]]":
    """In parts, because sorting holds up everything else in the process as long as it takes."""
    parts: list[list[int]] = [[] for _ in range(_PARTS)]
    for place, word in enumerate(folded):
        for deletion in _deletions(word, letters_allowed(len(word) + 1)):
            key = _key(deletion)
            parts[_part(key)].append(key | place)
    return [array("q", sorted(part)) for part in parts]


def _part(key: int) -> int:
    return (key // _PLACES) % _PARTS


def _key(deletion: str) -> int:
    """A number of 63 bits whose last ones are left free for the place of a word."""
    return (hash(deletion) & _HASHES) * _PLACES


def _deletions(folded: str, letters: int) -> set[str]:
    """The beginning of the word, and what remains of it when up to so many letters are left out."""
    found = {folded[:_PREFIX]}
    latest = found
    for _ in range(letters):
        latest = {shorter for text in latest for shorter in _one_shorter(text)}
        found = found | latest
    return found


def _one_shorter(text: str) -> Iterator[str]:
    return (text[:at] + text[at + 1 :] for at in range(len(text)))
