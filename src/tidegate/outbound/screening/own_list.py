"""Lists of one's own: a table with a header (csv), or JSON.

=============  ========================================================  ======================
column or key  holds                                                     in JSON
=============  ========================================================  ======================
id             the entry's id, each once                                 a text
name           the name it is kept under                                 a text
aliases        further names, ``;`` between them                         a list of texts
kind           PERSON, ORGANISATION, VESSEL, AIRCRAFT, or nothing        a text
birth_dates    ISO 8601 dates, or as much as is known, ``;`` between     a list of texts
countries      codes or English names, ``;`` between                     a list of texts
programmes     why it is on the list, ``;`` between                      a list of texts
=============  ========================================================  ======================

``id`` and ``name`` must be there. Other columns of a table are passed over; a key of JSON that is none of these is a
fault. ``columns`` names the column of a table that holds one of these under another name.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from tidegate.core.assessment.screening.circumstances import is_birth_date
from tidegate.core.assessment.screening.entries import ListedName, ListEntry, PartyKind
from tidegate.core.rules.faults import InvalidJson
from tidegate.core.rules.json_exact import read_json
from tidegate.outbound.screening.country_names import countries_of
from tidegate.outbound.screening.reading import (
    ListDraft,
    ListFault,
    SourceFile,
    UnreadableList,
    distinct_names,
    names_fault,
    text_of,
)

COLUMNS: Final = ("id", "name", "aliases", "kind", "birth_dates", "countries", "programmes")
_REQUIRED: Final = ("id", "name")
_LISTS: Final = ("aliases", "birth_dates", "countries", "programmes")
_KINDS: Final[Mapping[str, PartyKind]] = {"": PartyKind.UNKNOWN, **{kind.value: kind for kind in PartyKind}}


def read_own(file: SourceFile, columns: Mapping[str, str]) -> ListDraft:
    """Read a list of one's own; every row that cannot be read is a fault of the draft.

    Raises:
        UnreadableList: the file is neither such a table nor JSON.
    """
    text = text_of(file)
    is_json = text.lstrip()[:1] in {"[", "{"}
    rows = _json_rows(file.name, text) if is_json else _table_rows(file.name, text, columns=columns)
    draft = ListDraft()
    seen: set[str] = set()
    for line, read in rows:
        try:
            entry = _entry(read())
            if entry.entry_id in seen:
                raise _Unfit(f"entry {entry.entry_id[:80]} is there twice")
        except _Unfit as unfit:
            draft.faults.append(ListFault(file.name, line, str(unfit)))
            continue
        seen.add(entry.entry_id)
        draft.entries.append(entry)
    return draft


class _Unfit(ValueError):
    """A row that cannot be read."""


_Row = Mapping[str, str | Sequence[str]]
_Rows = Iterator[tuple[int, Callable[[], _Row]]]


def _table_rows(name: str, text: str, *, columns: Mapping[str, str]) -> _Rows:
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
    except csv.Error as broken:
        raise UnreadableList(
            [ListFault(name, 1, f"its header is no row of comma-separated values: {broken}")]
        ) from broken
    wanted = {column: columns.get(column, column) for column in COLUMNS}
    lacking = [wanted[column] for column in (*_REQUIRED, *columns) if wanted.get(column, column) not in header]
    if lacking:
        message = f"its header lacks {', '.join(dict.fromkeys(lacking))}; it has {', '.join(header)[:200] or 'nothing'}"
        raise UnreadableList([ListFault(name, 1, message)])
    places = {column: header.index(cell) for column, cell in wanted.items() if cell in header}
    line = reader.line_num + 1
    while True:
        try:
            cells = next(reader, None)
            fault = ""
        except csv.Error as broken:
            cells, fault = [], f"is no row of comma-separated values: {broken}"
        if cells is None:
            return
        if cells or fault:
            yield line, _table_row(cells, places, width=len(header), fault=fault)
        line = reader.line_num + 1


def _table_row(cells: Sequence[str], places: Mapping[str, int], *, width: int, fault: str) -> Callable[[], _Row]:
    def read() -> _Row:
        if fault or len(cells) != width:
            raise _Unfit(fault or f"has {len(cells)} columns, the header {width}")
        row: dict[str, str | Sequence[str]] = {}
        for column, place in places.items():
            cell = cells[place].strip()
            row[column] = [part.strip() for part in cell.split(";") if part.strip()] if column in _LISTS else cell
        return row

    return read


def _json_rows(name: str, text: str) -> _Rows:
    try:
        document = read_json(text)
    except InvalidJson as invalid:
        faults = [ListFault(name, 0, f"{fault.pointer or '(root)'}: {fault.message}") for fault in invalid.faults]
        raise UnreadableList(faults) from invalid
    rows = document.get("entries") if isinstance(document, Mapping) else document
    if not isinstance(rows, list):
        raise UnreadableList([ListFault(name, 0, 'is neither a list of entries nor {"entries": [...]}')])
    for place, row in enumerate(rows):
        yield 0, _json_row(row, place)


def _json_row(row: object, place: int) -> Callable[[], _Row]:
    def read() -> _Row:
        if not isinstance(row, Mapping):
            raise _Unfit(f"/{place} is not an object")
        unknown = [str(key) for key in row if key not in COLUMNS]
        if unknown:
            raise _Unfit(f"/{place} has {unknown[0][:80]}, which is none of {', '.join(COLUMNS)}")
        fit: dict[str, str | Sequence[str]] = {}
        for key, value in row.items():
            if key in _LISTS:
                if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
                    raise _Unfit(f"/{place}/{key} is not a list of texts")
                fit[key] = value
            elif isinstance(value, str):
                fit[key] = value
            else:
                raise _Unfit(f"/{place}/{key} is not a text")
        return fit

    return read


def _entry(row: _Row) -> ListEntry:
    for required in _REQUIRED:
        if not row.get(required):
            raise _Unfit(f"has no {required}")
    kind = str(row.get("kind", "")).upper()
    if kind not in _KINDS:
        raise _Unfit(f"its kind is {kind[:40]}, not one of {', '.join(filter(None, _KINDS))}")
    births = row.get("birth_dates", ())
    unfit = [date for date in births if not is_birth_date(date)]
    if unfit:
        raise _Unfit(f"its date of birth {unfit[0][:40]} is no ISO 8601 date, nor the beginning of one")
    names = distinct_names([ListedName(str(row["name"])), *(ListedName(alias) for alias in row.get("aliases", ()))])
    if fault := names_fault(names):
        raise _Unfit(fault)
    return ListEntry(
        str(row["id"]),
        names,
        kind=_KINDS[kind],
        birth_dates=tuple(births),
        countries=countries_of(row.get("countries", ())),
        programmes=tuple(row.get("programmes", ())),
    )
