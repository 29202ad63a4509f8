"""What rules ask of screening, and the answer they read: pure, on lists that are ready to be searched.

A check that cannot be read (its field is missing, no text, or no name; a list is not there) has no answer below
``checks``, so that what reads it is UNKNOWN, and is told in ``unreadable``. ``found`` at the top is left out, and so
UNKNOWN too, when nothing was found but not all was read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.core.assessment.screening.bounds import MATCHES_MAX, SCORE_FOUND
from tidegate.core.assessment.screening.circumstances import Circumstances, is_birth_date
from tidegate.core.assessment.screening.explaining import explained, share
from tidegate.core.assessment.screening.index import Hit, ScreeningIndex
from tidegate.core.assessment.screening.names import NameReader, UnreadableName
from tidegate.core.rules.values import Lookup, type_name

CHECKS: Final = "checks"


@dataclass(frozen=True, slots=True)
class ScreeningCheck:
    """One question: which field of the request holds the name, and which lists are searched for it."""

    key: str
    field: str
    lists: Sequence[str]
    birth_date_field: str = ""
    country_field: str = ""


@dataclass(frozen=True, slots=True)
class ReadyList:
    """A version of a list that can be searched."""

    name: str
    version: int
    index: ScreeningIndex


class UnreadableCheck(ValueError):
    """A check that cannot be answered; the message says why and repeats nothing of the request."""


@dataclass(frozen=True, slots=True)
class ScreeningAnswer:
    """The answer's fields, and what of the question could not be read (all of it when ``is_empty``)."""

    fields: Mapping[str, object]
    unreadable: Sequence[str]
    is_empty: bool


def read_checks(parameters: Mapping[str, object]) -> Sequence[ScreeningCheck]:
    """Read what rules ask (``{"checks": [{"key", "field", "lists"}, ...]}``).

    Raises:
        UnreadableCheck: it has another shape, or asks nothing.
    """
    rows = parameters.get(CHECKS)
    if not isinstance(rows, list | tuple) or not rows:
        raise UnreadableCheck("no rule says which field is screened against which lists")
    return [_check(row, place) for place, row in enumerate(rows)]


def answer_checks(
    checks: Sequence[ScreeningCheck], lists: Mapping[str, ReadyList], *, look: Lookup, reader: NameReader
) -> ScreeningAnswer:
    """Answer every check that can be read; ``look`` reads the request's fields."""
    answers: dict[str, object] = {}
    unreadable: list[str] = []
    used: dict[str, int] = {}
    found = False
    for check in checks:
        try:
            searched = [_list(lists, name) for name in check.lists]
            hits = _hits(check, searched, look=look, reader=reader)
        except UnreadableCheck as fault:
            unreadable.append(str(fault))
            continue
        used |= {ready.name: ready.version for ready in searched}
        best = hits[0][0].score if hits else 0
        found = found or best >= SCORE_FOUND
        answers[check.key] = {
            "found": best >= SCORE_FOUND,
            "score": share(best),
            "matches": [explained(hit, name) for hit, name in hits],
        }
    fields: dict[str, object] = {CHECKS: answers, "lists": dict(sorted(used.items()))}
    if found or not unreadable:
        fields["found"] = found
    if unreadable:
        fields["unreadable"] = unreadable
    return ScreeningAnswer(fields, unreadable, is_empty=not answers)


def _check(row: object, place: int) -> ScreeningCheck:
    if not isinstance(row, Mapping):
        raise UnreadableCheck(f"check {place} is {type_name(row)}, not an object")
    key, path, lists = row.get("key"), row.get("field"), row.get("lists")
    optional = [row.get(name, "") for name in ("birth_date_field", "country_field")]
    if not (isinstance(key, str) and key and isinstance(path, str) and path):
        raise UnreadableCheck(f"check {place} names no key or no field")
    if not isinstance(lists, list | tuple) or not lists or not all(isinstance(name, str) for name in lists):
        raise UnreadableCheck(f"check {place} names no lists")
    if not all(isinstance(value, str) for value in optional):
        raise UnreadableCheck(f"check {place} names a field by something else than a text")
    return ScreeningCheck(key, path, tuple(lists), str(optional[0]), str(optional[1]))


def _list(lists: Mapping[str, ReadyList], name: str) -> ReadyList:
    if name not in lists:
        raise UnreadableCheck(f"there is no screening list {name[:80]}")
    return lists[name]


def _hits(
    check: ScreeningCheck, searched: Sequence[ReadyList], *, look: Lookup, reader: NameReader
) -> list[tuple[Hit, str]]:
    text = look(check.field)
    if not isinstance(text, str):
        raise UnreadableCheck(f"{check.field} is {'missing' if text is None else type_name(text)}, not a name")
    try:
        asked = reader.read(text)
    except UnreadableName as unreadable:
        raise UnreadableCheck(f"{check.field} is no name: {unreadable}") from unreadable
    known = _circumstances(check, look)
    hits = [(hit, ready.name) for ready in searched for hit in ready.index.search(asked, known)]
    return sorted(hits, key=lambda found: -found[0].score)[:MATCHES_MAX]


def _circumstances(check: ScreeningCheck, look: Lookup) -> Circumstances:
    """What the request tells beside the name; what is not there or cannot be compared moves nothing."""
    born = look(check.birth_date_field) if check.birth_date_field else None
    country = look(check.country_field) if check.country_field else None
    return Circumstances(
        born if isinstance(born, str) and is_birth_date(born) else "",
        country if isinstance(country, str) else "",
    )
