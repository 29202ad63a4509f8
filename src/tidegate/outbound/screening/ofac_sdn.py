"""OFAC's list of Specially Designated Nationals: ``sdn.csv``, with ``alt.csv`` (aliases) and ``add.csv`` (addresses).

The tables have no header, ``-0-`` stands for nothing, rows of the three belong together by the first column, and dates
of birth, nationalities and weak aliases stand in the remarks.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tidegate.core.assessment.screening.entries import ListedName, ListEntry, PartyKind
from tidegate.outbound.screening.country_names import countries_of
from tidegate.outbound.screening.reading import (
    ListDraft,
    ListFault,
    SourceFile,
    dates_in,
    distinct_names,
    names_fault,
    text_of,
)

ENTRY_COLUMNS: Final = 12
ALIAS_COLUMNS: Final = 5
ADDRESS_COLUMNS: Final = 6

_NOTHING: Final = "-0-"
_KINDS: Final[Mapping[str, PartyKind]] = {
    "": PartyKind.ORGANISATION,
    "individual": PartyKind.PERSON,
    "vessel": PartyKind.VESSEL,
    "aircraft": PartyKind.AIRCRAFT,
}
_BORN: Final = re.compile(r"\bDOB ([^;]*?)(?=[;.]|$)")
_OF_COUNTRY: Final = re.compile(r"\b(?:nationality|citizen|Nationality of Registration) ([^;.]+)")
_WEAK_ALIAS: Final = re.compile(r"\b[afn]\.k\.a\. ['\"]([^;]+?)['\"](?=[;.,]|$)")
_UNSAID: Final = frozenset({"undetermined", "None Identified"})


def read_ofac_sdn(entries: SourceFile, *, aliases: SourceFile | None, addresses: SourceFile | None) -> ListDraft:
    """Read the tables; every row that cannot be read is a fault of the draft.

    Raises:
        UnreadableList: a file is no text.
    """
    draft = ListDraft()
    rows: dict[str, list[str]] = {}
    for line, row in _rows(entries, ENTRY_COLUMNS, draft=draft):
        if row[0] in rows:
            draft.faults.append(ListFault(entries.name, line, f"entry {row[0]} is there twice"))
        elif fault := _row_fault(row):
            draft.faults.append(ListFault(entries.name, line, fault))
        else:
            rows[row[0]] = row
    named: dict[str, list[str]] = defaultdict(list)
    for number, row in _belonging(aliases, ALIAS_COLUMNS, rows=rows, draft=draft):
        named[number].append(row[3])
    living: dict[str, list[str]] = defaultdict(list)
    for number, row in _belonging(addresses, ADDRESS_COLUMNS, rows=rows, draft=draft):
        living[number].append(row[4])
    draft.entries = [_entry(row, named[number], countries=living[number]) for number, row in rows.items()]
    return draft


def _rows(file: SourceFile, columns: int, *, draft: ListDraft) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text_of(file).splitlines(keepends=True), strict=True)
    line = 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as broken:
            draft.faults.append(ListFault(file.name, line, f"is no row of comma-separated values: {broken}"))
            row = []
        if row is None:
            return
        if row and len(row) != columns:
            draft.faults.append(ListFault(file.name, line, f"has {len(row)} columns, not {columns}"))
        elif row:
            yield line, ["" if value.strip() == _NOTHING else value.strip() for value in row]
        line = reader.line_num + 1


def _belonging(
    file: SourceFile | None, columns: int, *, rows: Mapping[str, list[str]], draft: ListDraft
) -> Iterator[tuple[str, list[str]]]:
    if file is None:
        return
    for line, row in _rows(file, columns, draft=draft):
        if row[0] in rows:
            yield row[0], row
        else:
            draft.faults.append(ListFault(file.name, line, f"belongs to entry {row[0][:40]}, which is not there"))


def _row_fault(row: Sequence[str]) -> str:
    if not row[0].isdecimal():
        return f"its number is {row[0][:40]!r}, not a number"
    if row[2].lower() not in _KINDS:
        return f"its type is {row[2][:40]!r}, not one of individual, vessel, aircraft or -0-"
    return names_fault([ListedName(row[1])] if row[1] else [])


def _entry(row: Sequence[str], aliases: Sequence[str], *, countries: Sequence[str]) -> ListEntry:
    number, name, kind, programme, remarks = row[0], row[1], row[2].lower(), row[3], row[11]
    names = [ListedName(name), *(ListedName(alias) for alias in aliases)]
    names += [ListedName(alias, is_weak=True) for alias in _WEAK_ALIAS.findall(remarks)]
    of_countries = [*countries, row[9], *_OF_COUNTRY.findall(remarks)]
    return ListEntry(
        number,
        distinct_names(names),
        kind=_KINDS[kind],
        birth_dates=tuple(dict.fromkeys(date for text in _BORN.findall(remarks) for date in dates_in(text))),
        countries=countries_of(text for text in of_countries if text not in _UNSAID),
        programmes=tuple(part for part in re.split(r"[\[\];]+\s*", programme.replace("] [", ";")) if part.strip()),
    )
