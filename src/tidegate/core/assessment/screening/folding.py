"""One spelling for what sounds alike: a name goes through many hands and scripts before it is on a list."""

import re
from collections.abc import Mapping
from typing import Final

_SOUNDS: Final[Mapping[str, str]] = {
    "schtsch": "s", "shch": "s", "tsch": "c", "tch": "c", "sch": "s", "sh": "s", "ch": "c", "cz": "c", "cs": "c",
    "kh": "k", "gh": "g", "ph": "f", "th": "t", "dh": "d", "zh": "z", "dj": "j", "dzh": "j", "ck": "k", "x": "ks",
    "tz": "s", "ts": "s", "ou": "u", "oo": "u", "oe": "u", "ue": "u", "ee": "i", "ei": "i", "ai": "i", "ay": "i",
    "ey": "i", "ie": "i", "ce": "si", "ci": "si", "cy": "si", "qu": "k",
    "q": "k", "c": "k", "w": "v", "y": "i", "z": "s", "o": "u", "e": "i",
}  # fmt: skip
_SOUND: Final = re.compile("|".join(sorted(_SOUNDS, key=lambda sound: (-len(sound), sound))))
_FIGURE_LETTERS: Final = str.maketrans("013457", "oieast")
_LAST: Final = re.compile(r"(?<=[a-z])[jh]\b|(?<=[aiu])h(?![aiu])")
_TWICE: Final = re.compile(r"(.)\1+")
_VOWELS: Final = re.compile(r"[aiu]+")


def fold(word: str) -> str:
    """Give a word of Latin letters as it sounds, roughly; words that sound alike in any of the usual transcriptions
    become one. Never empty for a word that is not. A number stays as it is.
    """
    if word.isdigit():
        return word
    if not word.isalpha():
        word = word.translate(_FIGURE_LETTERS)
    sounds = _SOUND.sub(lambda found: _SOUNDS[found[0]], word)
    if sounds.endswith("j"):
        sounds = sounds[:-1] + "i"
    return _TWICE.sub(r"\1", _LAST.sub("", sounds)) or word


def consonants(folded: str) -> str:
    """Give the consonants of a folded word: all that a script without vowels keeps."""
    return _VOWELS.sub("", folded).replace("v", "").replace("j", "")
