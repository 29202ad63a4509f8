"""Rows of the desk's configuration in memory, with every version they ever had, deletions too."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from tidegate.outbound.memory.configuration_areas import require_version
from tidegate.ports.paging import Page, PageRequest, read_cursor, write_cursor
from tidegate.ports.stored import Change, Kept, NotStored

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class _Published(Generic[Row]):
    """One version of a row: valid from area version ``since`` until its successor's; ``kept`` None: deleted."""

    since: int
    version: int
    kept: Kept[Row] | None
    by: Change


class DeskRows(Generic[Row]):
    """Rows by id, in the order of their creation; a write adds a version and keeps the former ones."""

    def __init__(self, listing: str) -> None:
        self._listing = listing
        self._history: dict[str, list[_Published[Row]]] = {}

    def get(self, row_id: str) -> Kept[Row]:
        """Give a row as it stands.

        Raises:
            NotStored: there is none of this id, or it was deleted.
        """
        kept = self._history[row_id][-1].kept if row_id in self._history else None
        if kept is None:
            raise NotStored(row_id)
        return kept

    def at_version(self, row_id: str, seen: int | None) -> tuple[Kept[Row], int]:
        """Give a row that stands at the version its writer saw, and that version."""
        kept = self.get(row_id)
        version = self._history[row_id][-1].version
        require_version(version, seen=seen)
        return kept, version

    def write(self, row_id: str, row: Row, *, by: Change, area_version: int) -> Kept[Row]:
        """Add a version of a row, its first one among them."""
        history = self._history.setdefault(row_id, [])
        first = history[0].kept if history else None
        created_us = by.at_us if first is None else first.created_us
        kept = Kept(row, created_us=created_us, updated_us=by.at_us, changed_by=by.actor)
        history.append(_Published(area_version, len(history) + 1, kept, by))
        return kept

    def delete(self, row_id: str, *, by: Change, area_version: int) -> None:
        """Add a last version of a row: that it is gone."""
        history = self._history[row_id]
        history.append(_Published(area_version, len(history) + 1, None, by))

    def known(self, row_id: str) -> bool:
        """Tell whether there is, or was, a row of this id."""
        return row_id in self._history

    def current(self) -> Iterator[tuple[str, Kept[Row]]]:
        """Give all rows as they stand, with their ids."""
        for row_id, history in self._history.items():
            kept = history[-1].kept
            if kept is not None:
                yield row_id, kept

    def as_of(self, area_version: int) -> Iterator[Row]:
        """Give the rows as they stood at an area version."""
        for history in self._history.values():
            valid = [published.kept for published in history if published.since <= area_version]
            if valid and valid[-1] is not None:
                yield valid[-1].row

    def page(self, request: PageRequest, wanted: Callable[[Row], bool]) -> Page[Kept[Row]]:
        """Give a page of the rows that are wanted."""
        after = 0 if request.cursor is None else read_cursor(self._listing, request.cursor)[0]
        places = {row_id: place for place, row_id in enumerate(self._history, start=1)}
        found = [(places[row_id], kept) for row_id, kept in self.current()]
        found = [(place, kept) for place, kept in found if place > after and wanted(kept.row)]
        shown = found[: request.limit]
        more = len(found) > request.limit
        return Page(tuple(kept for _, kept in shown), write_cursor(self._listing, after=shown[-1][0]) if more else None)
