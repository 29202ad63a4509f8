"""Switzerland's list of SECO (``swiss-sanctions-list``, the SESAM export).

A target's ``modification`` elements repeat former contents: they tell whether the target still is on the list, and
nothing else of them is read.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from tidegate.core.assessment.screening.entries import ListedName, ListEntry, PartyKind
from tidegate.outbound.screening.country_names import countries_of
from tidegate.outbound.screening.reading import ListDraft, SourceFile, distinct_names, partial_date
from tidegate.outbound.screening.xml_records import Element, xml_records

_PROGRAMME: Final = "sanctions-program"
_TARGET: Final = "target"
_KINDS: Final[Mapping[str, PartyKind]] = {"individual": PartyKind.PERSON, "entity": PartyKind.ORGANISATION}
_OBJECTS: Final[Mapping[str, PartyKind]] = {"vessel": PartyKind.VESSEL, "aircraft": PartyKind.AIRCRAFT}
_SPELLINGS_MAX: Final = 32
"""Whole names that the spellings of one name's parts may make."""


def read_seco(file: SourceFile) -> ListDraft:
    """Read the list; every record that cannot be read is a fault of the draft.

    Raises:
        UnreadableList: the file is no such list.
    """
    draft = ListDraft()
    programmes: dict[str, str] = {}
    records = xml_records(file, root="swiss-sanctions-list", records=(_PROGRAMME, _TARGET))
    draft.published_on = next(records).attribute("date")[:10]
    for record in records:
        if record.name == _PROGRAMME:
            programmes |= dict.fromkeys(_sets(record), _programme(record))
            continue
        if _is_delisted(record):
            draft.left_out += 1
            continue
        draft.take(_entry(record, programmes), file, line=record.line, without_id="has no ssid")
    return draft


def _sets(programme: Element) -> list[str]:
    return [element.attribute("ssid") for element in programme.all("sanctions-set")]


def _programme(programme: Element) -> str:
    keys = list(programme.all("program-key"))
    english = [key for key in keys if key.attribute("lang") == "eng"]
    return next((" ".join(key.text.split()) for key in (*english, *keys)), programme.attribute("ssid"))


def _is_delisted(target: Element) -> bool:
    """What happened last counts; dates are compared as texts, for the list holds some that no calendar has."""
    happened = [
        (change.attribute("effective-date") or change.attribute("publication-date"), -place, change)
        for place, change in enumerate(target.all("modification"))
    ]
    if not happened:
        return False
    _, _, last = max(happened, key=lambda change: change[:2])
    return last.attribute("modification-type") == "de-listed"


def _entry(target: Element, programmes: Mapping[str, str]) -> ListEntry:
    party = next((child for child in target.children if child.name in {*_KINDS, "object"}), target)
    identities = sorted(party.all("identity"), key=lambda identity: identity.attribute("main") != "true")
    names = [name for identity in identities for name in _names(identity)]
    countries = [
        country.attribute("iso-code") or country.text
        for identity in identities
        for place in ("nationality", "address", "place-of-birth")
        for country in identity.all(place, "country")
    ]
    sets = target.texts("sanctions-set-id")
    return ListEntry(
        target.attribute("ssid"),
        distinct_names(names),
        kind=_KINDS.get(party.name) or _OBJECTS.get(party.attribute("object-type"), PartyKind.UNKNOWN),
        birth_dates=tuple(dict.fromkeys(date for identity in identities for date in _birth_dates(identity))),
        countries=countries_of(countries),
        programmes=tuple(dict.fromkeys(programmes.get(each, each) for each in sets)),
    )


def _names(identity: Element) -> Iterator[ListedName]:
    """The primary name first, each with the spellings of its parts."""
    written = sorted(identity.all("name"), key=lambda name: name.attribute("name-type") != "primary-name")
    for name in written:
        is_weak = name.attribute("quality") == "low"
        parts = sorted(name.all("name-part"), key=lambda part: (len(part.attribute("order")), part.attribute("order")))
        yield ListedName(" ".join(part.first("value") for part in parts), is_weak=is_weak)
        spellings = [[part.first("value"), *part.texts("spelling-variant")] for part in parts]
        for number, whole in enumerate(product(*spellings)):
            if number >= _SPELLINGS_MAX:
                break
            yield ListedName(" ".join(whole), is_weak=is_weak)


def _birth_dates(identity: Element) -> Iterator[str]:
    for born in identity.all("day-month-year"):
        found = partial_date(born.attribute("year"), born.attribute("month"), day=born.attribute("day"))
        if found:
            yield found
