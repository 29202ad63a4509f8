"""The European Union's consolidated list of financial sanctions (``export`` of the FSF service, schema 1.1)."""

from collections.abc import Iterator
from typing import Final

from tidegate.core.assessment.screening.entries import ListedName, ListEntry, PartyKind
from tidegate.outbound.screening.country_names import countries_of
from tidegate.outbound.screening.reading import ListDraft, SourceFile, distinct_names, partial_date
from tidegate.outbound.screening.xml_records import Element, xml_records

_ENTITY: Final = "sanctionEntity"
_NO_COUNTRY: Final = "00"


def read_eu(file: SourceFile) -> ListDraft:
    """Read the list; every record that cannot be read is a fault of the draft.

    Raises:
        UnreadableList: the file is no such list.
    """
    draft = ListDraft()
    records = xml_records(file, root="export", records=(_ENTITY,))
    draft.published_on = next(records).attribute("generationDate")[:10]
    for record in records:
        draft.take(_entry(record), file, line=record.line, without_id="has neither euReferenceNumber nor logicalId")
    return draft


def _entry(record: Element) -> ListEntry:
    codes = {subject.attribute("code").casefold() for subject in record.all("subjectType")}
    kind = PartyKind.PERSON if "person" in codes else PartyKind.ORGANISATION if codes else PartyKind.UNKNOWN
    # the strong names first: the first of all is the one that a hit is told under
    aliases = sorted(record.all("nameAlias"), key=lambda alias: alias.attribute("strong") == "false")
    countries = [
        element.attribute("countryIso2Code") or element.attribute("countryDescription")
        for name in ("citizenship", "address", "birthdate")
        for element in record.all(name)
    ]
    return ListEntry(
        record.attribute("euReferenceNumber") or record.attribute("logicalId"),
        distinct_names(
            ListedName(_whole_name(alias), is_weak=alias.attribute("strong") == "false") for alias in aliases
        ),
        kind=kind,
        birth_dates=tuple(dict.fromkeys(_birth_dates(record))),
        countries=countries_of(text for text in countries if text != _NO_COUNTRY),
        programmes=tuple(
            dict.fromkeys(filter(None, (rule.attribute("programme") for rule in record.all("regulation"))))
        ),
    )


def _whole_name(alias: Element) -> str:
    parts = " ".join(alias.attribute(part) for part in ("firstName", "middleName", "lastName"))
    return alias.attribute("wholeName") or parts


def _birth_dates(record: Element) -> Iterator[str]:
    for born in record.all("birthdate"):
        exact = born.attribute("birthdate")[:10]
        parts = [born.attribute(part) for part in ("year", "monthOfYear", "dayOfMonth")]
        found = exact or partial_date(parts[0], parts[1], day=parts[2])
        if found:
            yield found
        for part in ("yearRangeFrom", "yearRangeTo"):
            year = partial_date(born.attribute(part))
            if year and year != found:
                yield year
