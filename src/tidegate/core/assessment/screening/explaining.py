"""Why a hit is one, as JSON values and in words."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from tidegate.core.assessment.screening.bounds import FULL
from tidegate.core.assessment.screening.index import Hit
from tidegate.core.assessment.screening.likeness import Likeness, Reason
from tidegate.core.assessment.screening.names import Word
from tidegate.core.assessment.screening.pairing import Pair

_PLACES: Final = Decimal("0.0001")
_WORDS: Final[Mapping[Reason, str]] = {
    Reason.EQUAL: "is the same as",
    Reason.JOINED: "is, written together or apart,",
    Reason.SOUND: "is spelled differently but sounds like",
    Reason.HOMOPHONE: "is read like",
    Reason.CONSONANTS: "has the consonants of",
    Reason.INITIAL: "may stand for",
}


def share(ten_thousandths: int) -> Decimal:
    """Give a score or likeness as a Decimal of four places, 0 to 1."""
    return (Decimal(ten_thousandths) / FULL).quantize(_PLACES)


def explained(hit: Hit, list_name: str) -> dict[str, object]:
    """Give a hit as an answer holds it: which entry, by which name, how well, and why, word by word."""
    entry = hit.entry
    return {
        "list": list_name,
        "entry_id": entry.entry_id,
        "name": entry.names[0].text,
        "matched_name": hit.listed.text,
        "matched_alias": hit.listed.is_alias,
        "weak_alias": hit.listed.is_weak,
        "kind": entry.kind.value,
        "score": share(hit.score),
        "name_score": share(hit.name_score.score),
        "why": sentences(hit),
        "words": [_pair(pair) for pair in hit.name_score.pairing.pairs],
        "only_asked": _written(hit.name_score.pairing.left),
        "only_listed": _written(hit.name_score.pairing.right),
        "birth_dates": list(entry.birth_dates),
        "countries": list(entry.countries),
        "programmes": list(entry.programmes),
    }


def sentences(hit: Hit) -> list[str]:
    """Say why, one sentence a word, a surplus and a circumstance."""
    pairing = hit.name_score.pairing
    told = [_sentence(pair) for pair in pairing.pairs]
    if pairing.left:
        told.append(f"only the name asked for holds {_listing(pairing.left)}")
    if pairing.right:
        told.append(f"only the listed name holds {_listing(pairing.right)}")
    if pairing.left and pairing.right:
        told.append("where each holds what the other does not, the names disagree")
    for effect in hit.effects:
        told.append(f"{effect.why}: {'raises' if effect.raises else 'lowers'} the score")
    return told


def _pair(pair: Pair) -> dict[str, object]:
    return {
        "asked": " ".join(_written(pair.left)),
        "listed": " ".join(_written(pair.right)),
        "by": pair.likeness.reason.value,
        "likeness": share(pair.likeness.share),
    }


def _sentence(pair: Pair) -> str:
    asked, listed = " ".join(_written(pair.left)), " ".join(_written(pair.right))
    return f'"{asked}" {_relation(pair.likeness)} "{listed}"'


def _relation(likeness: Likeness) -> str:
    if likeness.reason is not Reason.LETTERS:
        return _WORDS[likeness.reason]
    return "is one letter from" if likeness.letters == 1 else f"is {likeness.letters} letters from"


def _written(words: Sequence[Word]) -> list[str]:
    return [word.written for word in words]


def _listing(words: Sequence[Word]) -> str:
    return ", ".join(f'"{word.written}"' for word in words)
