"""The consolidated list of the United Nations Security Council (``consolidated.xml``)."""

from collections.abc import Iterator
from typing import Final

from tidegate.core.assessment.screening.entries import ListedName, ListEntry, PartyKind
from tidegate.outbound.screening.country_names import countries_of
from tidegate.outbound.screening.reading import (
    ListDraft,
    SourceFile,
    dates_in,
    distinct_names,
    partial_date,
)
from tidegate.outbound.screening.xml_records import Element, xml_records

_PERSON: Final = "INDIVIDUAL"
_ORGANISATION: Final = "ENTITY"
_NAME_PARTS: Final = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
_WEAK: Final = "low"
_UNSAID: Final = frozenset({"na", "n/a"})


def read_un(file: SourceFile) -> ListDraft:
    """Read the list; every record that cannot be read is a fault of the draft.

    Raises:
        UnreadableList: the file is no such list.
    """
    draft = ListDraft()
    records = xml_records(file, root="CONSOLIDATED_LIST", records=(_PERSON, _ORGANISATION))
    draft.published_on = next(records).attribute("dateGenerated")[:10]
    for record in records:
        draft.take(_entry(record), file, line=record.line, without_id="has neither REFERENCE_NUMBER nor DATAID")
    return draft


def _entry(record: Element) -> ListEntry:
    kind = record.name
    primary = " ".join(record.first(part) for part in _NAME_PARTS)
    names = [ListedName(primary), ListedName(record.first("NAME_ORIGINAL_SCRIPT"))]
    for alias in record.all(f"{kind}_ALIAS"):
        is_weak = alias.first("QUALITY").casefold() == _WEAK
        names.append(ListedName(alias.first("ALIAS_NAME"), is_weak=is_weak))
    countries = [
        *record.texts("NATIONALITY", "VALUE"),
        *record.texts(f"{kind}_ADDRESS", "COUNTRY"),
        *record.texts(f"{kind}_PLACE_OF_BIRTH", "COUNTRY"),
    ]
    return ListEntry(
        record.first("REFERENCE_NUMBER") or record.first("DATAID"),
        distinct_names(name for name in names if name.text.casefold().strip() not in _UNSAID),
        kind=PartyKind.PERSON if kind == _PERSON else PartyKind.ORGANISATION,
        birth_dates=tuple(dict.fromkeys(_birth_dates(record))),
        countries=countries_of(text for text in countries if text.casefold() not in _UNSAID),
        programmes=tuple(dict.fromkeys(record.texts("UN_LIST_TYPE"))),
    )


def _birth_dates(record: Element) -> Iterator[str]:
    for born in record.all("INDIVIDUAL_DATE_OF_BIRTH"):
        exact = born.first("DATE")
        if exact:
            yield exact[:10] if exact[:4].isdecimal() else next(dates_in(exact), "")
            continue
        for part in ("YEAR", "FROM_YEAR", "TO_YEAR"):
            year = partial_date(born.first(part))
            if year:
                yield year
