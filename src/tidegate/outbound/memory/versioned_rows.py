"""Rows in memory with every version they ever had."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from tidegate.outbound.memory.configuration_areas import require_version
from tidegate.ports.paging import Page, PageRequest, read_cursor, write_cursor
from tidegate.ports.stored import Change, NotStored, Stored

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class _Published(Generic[Row]):
    """One version of a row: valid from area version ``since`` until its successor's."""

    since: int
    stored: Stored[Row]
    actor: str


class VersionedRows(Generic[Row]):
    """Rows by id, counted from 1; a write adds a version and keeps the former ones."""

    def __init__(self, listing: str) -> None:
        self._listing = listing
        self._history: dict[int, list[_Published[Row]]] = {}

    def get(self, row_id: int) -> Stored[Row]:
        """Give a row as it stands.

        Raises:
            NotStored: there is none of this id.
        """
        if row_id not in self._history:
            raise NotStored(row_id)
        return self._history[row_id][-1].stored

    def at_version(self, row_id: int, seen: int | None) -> Stored[Row]:
        """Give a row that stands at the version its writer saw."""
        stored = self.get(row_id)
        require_version(stored.version, seen=seen)
        return stored

    def next_id(self) -> int:
        """Give the id of the next new row."""
        return len(self._history) + 1

    def write(self, row_id: int, row: Row, *, by: Change, area_version: int) -> Stored[Row]:
        """Add a version of a row, its first one among them."""
        history = self._history.setdefault(row_id, [])
        created_us = history[0].stored.created_us if history else by.at_us
        stored = Stored(row_id, row, len(history) + 1, created_us=created_us, updated_us=by.at_us)
        history.append(_Published(area_version, stored, by.actor))
        return stored

    def amend(self, row_id: int, row: Row) -> Stored[Row]:
        """Change what is remembered beside a row, without a new version of it."""
        latest = self._history[row_id][-1]
        before = latest.stored
        stored = Stored(row_id, row, before.version, created_us=before.created_us, updated_us=before.updated_us)
        self._history[row_id][-1] = _Published(latest.since, stored, latest.actor)
        return stored

    def current(self) -> Iterator[Stored[Row]]:
        """Give all rows as they stand, by id."""
        return (history[-1].stored for history in self._history.values())

    def changed_after(self, area_version: int) -> list[Stored[Row]]:
        """Give the rows whose latest version is younger than an area version, in the order of their change."""
        latest = sorted((history[-1] for history in self._history.values()), key=lambda published: published.since)
        return [published.stored for published in latest if published.since > area_version]

    def as_of(self, area_version: int) -> Iterator[Stored[Row]]:
        """Give the rows as they stood at an area version, by id."""
        for history in self._history.values():
            valid = [published.stored for published in history if published.since <= area_version]
            if valid:
                yield valid[-1]

    def page(self, request: PageRequest, wanted: Callable[[Row], bool]) -> Page[Stored[Row]]:
        """Give a page of the rows that are wanted, by id."""
        after = 0 if request.cursor is None else read_cursor(self._listing, request.cursor)[0]
        found = [stored for stored in self.current() if stored.row_id > after and wanted(stored.row)]
        items = tuple(found[: request.limit])
        more = len(found) > request.limit
        return Page(items, write_cursor(self._listing, after=items[-1].row_id) if more else None)
