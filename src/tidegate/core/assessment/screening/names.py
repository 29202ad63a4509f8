"""A name as it is compared: its words in Latin letters, without legal forms, in no order."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, TypeAlias

from tidegate.core.assessment.screening.bounds import NAME_CHARACTERS_MAX, NAME_WORDS_MAX
from tidegate.core.assessment.screening.folding import consonants, fold
from tidegate.core.assessment.screening.word_tables import (
    EMPTY_WORDS,
    LIGHT_WORDS,
    NUMBER_WORDS,
    ONE_WORD,
    PHRASES_BY_WORD,
)

Transliterate: TypeAlias = Callable[[str], str]
"""Writes a text of any script in ASCII; handed in, as a compiled pattern is."""

_APOSTROPHES: Final = (
    "'`\u00b4\u2018\u2019\u201a\u201b\u02bb\u02bc\u02bd"
    "\u02be\u02bf\u02c8\u2032\u2035\uff07\u07f4\u07f5\u055a\u05f4\u05f3"
)
"""Apostrophes and what is typed for them: part of a word, and not read."""
_ASCII_APOSTROPHES: Final = {ord("'"): None, ord("`"): None}
_NO_ASCII_WORD: Final = re.compile(r"[^A-Za-z0-9.]+")
_POSSESSIVE: Final = re.compile(rf"[{_APOSTROPHES}][sS](?![^\W_])")
_ABBREVIATED: Final = re.compile(r"(?<![^\W_])(?:[^\W\d_]\.)+[^\W\d_](?![^\W_])\.?")
_RANK: Final = re.compile(r"(\d+)(?:st|nd|rd|th)")
_KEY: Final = attrgetter("key")
_NOT_LATIN: Final = re.compile(r"[^a-z0-9]+")
_CHARACTERS: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7a3]")
"""Scripts of which each character is a syllable or a word: Han and Hangul."""

_NO_VOWELS: Final = re.compile(r"[\u0590-\u074f\u0750-\u077f\u08a0-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
"""Scripts that leave vowels out: Hebrew, Arabic, Syriac."""


class UnreadableName(ValueError):
    """A text that is no name; the message says why, and does not repeat it."""


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """One word. ``latin``: in lower-case Latin letters and figures; ``character``: the Han or Hangul character that it
    is, or empty; ``without_vowels``: it was written so; ``folded``: as it sounds; ``written``: as it stood there.

    Words are the same when their ``key`` is: one text, since it is compared millions of times.
    """

    key: str
    latin: str
    folded: str
    character: str
    without_vowels: bool
    written: str

    @property
    def is_initial(self) -> bool:
        """Tell whether it is a single letter that may stand for a word."""
        return len(self.latin) == 1 and not self.character and self.latin.isalpha()

    @property
    def is_light(self) -> bool:
        """Tell whether it is a small word or a title, which many names hold."""
        return self.latin in LIGHT_WORDS and not self.character

    @property
    def skeleton(self) -> str:
        """Give its consonants."""
        return consonants(self.folded)


def word_of(latin: str, *, written: str, character: str = "", without_vowels: bool = False) -> Word:
    """Make a word of its Latin letters, which are not empty."""
    key = f"{latin} {character}{'~' if without_vowels else ''}"
    return Word(key, latin, fold(latin), character, without_vowels, written)


@dataclass(frozen=True, slots=True)
class Name:
    """A name to compare. ``words`` are sorted by key, so that their order in the text means nothing; ``left_out`` are
    legal forms.
    """

    text: str
    words: tuple[Word, ...]
    left_out: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Give the keys of its words: equal names have equal ones."""
        return tuple(word.key for word in self.words)


class NameReader:
    """Reads names. ``remembers``: what it made of a word is kept, which pays for a whole list, whose words return, and
    would never end for what strangers ask.
    """

    def __init__(self, transliterate: Transliterate, *, remembers: bool = False) -> None:
        self._transliterate = transliterate
        self._remembered: dict[str, list[Word]] | None = {} if remembers else None

    def read(self, text: str) -> Name:
        """Read a name.

        Raises:
            UnreadableName: it is longer than 1,000 characters, has more than 40 words, or no letter and no figure.
        """
        if len(text) > NAME_CHARACTERS_MAX:
            raise UnreadableName(f"it has {len(text)} characters, at most {NAME_CHARACTERS_MAX} are screened")
        plain = _plain(text)
        if "." in plain:
            plain = _ABBREVIATED.sub(lambda found: found[0].replace(".", "") + " ", plain)
        words = [word for written in plain.split() for word in self._words(written)]
        if not words:
            raise UnreadableName("it holds no letter and no figure")
        if len(words) > NAME_WORDS_MAX:
            raise UnreadableName(f"it has {len(words)} words, at most {NAME_WORDS_MAX} are screened")
        kept, left_out = _without_empty_words(words)
        return Name(text, tuple(sorted(kept, key=_KEY)), tuple(left_out))

    def _words(self, written: str) -> list[Word]:
        if self._remembered is None:
            return _words_of(written, self._transliterate)
        if written not in self._remembered:
            self._remembered[written] = _words_of(written, self._transliterate)
        return self._remembered[written]


def _plain(text: str) -> str:
    """Letters, figures, marks and dots; anything else separates, but for apostrophes, which join."""
    if text.isascii():
        whole = _POSSESSIVE.sub("", text) if "'" in text or "`" in text else text
        return _NO_ASCII_WORD.sub(" ", whole.translate(_ASCII_APOSTROPHES))
    return "".join(_sign(sign) for sign in _POSSESSIVE.sub("", unicodedata.normalize("NFKC", text)))


def _sign(sign: str) -> str:
    category = unicodedata.category(sign)
    if sign in _APOSTROPHES or (category in {"Cf", "Mn", "Lm"} and not _is_read(sign)):
        return ""
    return sign if sign == "." or category[0] in "LNM" else " "


def _is_read(sign: str) -> bool:
    """Marks that are vowels (of Indic scripts, for one) and signs that lengthen are part of the word; accents and
    points are not.
    """
    return unicodedata.category(sign) == "Lm" or (
        unicodedata.category(sign) == "Mn" and not unicodedata.combining(sign)
    )


def _words_of(written: str, transliterate: Transliterate) -> list[Word]:
    found: list[Word] = []
    for part in written.replace(".", " ").split():
        if part.isascii():
            found += _latin_words(part, part.lower())
            continue
        for piece in _pieces(part):
            is_character = _CHARACTERS.fullmatch(piece) is not None
            no_vowels = _NO_VOWELS.search(piece) is not None
            latin = _NOT_LATIN.sub("", transliterate(piece.casefold()).lower())
            found += _latin_words(piece, latin, character=piece if is_character else "", without_vowels=no_vowels)
    return found


def _pieces(part: str) -> list[str]:
    """Characters that are words of their own, and what stands between them."""
    return [piece for piece in re.split(f"({_CHARACTERS.pattern})", part) if piece]


def _latin_words(written: str, latin: str, *, character: str = "", without_vowels: bool = False) -> list[Word]:
    if not latin:
        return []
    rank = _RANK.fullmatch(latin)
    one = rank[1] if rank else ONE_WORD.get(latin, NUMBER_WORDS.get(latin, latin))
    return [word_of(one, written=written, character=character, without_vowels=without_vowels)]


def _without_empty_words(words: Sequence[Word]) -> tuple[list[Word], list[str]]:
    present = {word.latin for word in words}
    possible = {phrase for latin in present for phrase in PHRASES_BY_WORD.get(latin, ()) if present.issuperset(phrase)}
    gone: Counter[str] = Counter()
    if possible:
        left = Counter(word.latin for word in words)
        for phrase in sorted(possible, key=lambda phrase: (-len(phrase), phrase)):
            needed = Counter(phrase)
            if needed <= left:
                gone += needed
                left -= needed
    kept: list[Word] = []
    left_out: list[str] = []
    for word in words:
        if gone and gone[word.latin] > 0:
            gone[word.latin] -= 1
            left_out.append(word.written)
        elif word.latin in EMPTY_WORDS and not word.character:
            left_out.append(word.written)
        else:
            kept.append(word)
    return (kept, left_out) if kept else (list(words), [])
