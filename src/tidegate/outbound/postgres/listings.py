"""What the listings of decisions and of assessments have in common: their conditions, their ids, pages by keyset."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

import asyncpg

from tidegate.ports.paging import Page, UnreadableCursor, read_cursor

Item = TypeVar("Item")


class Conditions:
    """Conditions of a query, each with its values; the texts are constants, the values are always parameters.

    ``impossible`` is for a condition that no row can meet, such as an id that is none: nothing need be asked then.
    """

    def __init__(self) -> None:
        self.values: list[object] = []
        self.impossible = False
        self._texts: list[str] = []

    def add(self, text: str, *values: object) -> None:
        """Add one condition; each ``{}`` of its text is the place of a value."""
        places = [f"${len(self.values) + place}" for place in range(1, len(values) + 1)]
        self._texts.append(text.format(*places))
        self.values += values

    def where(self) -> str:
        """Give the WHERE clause, empty when everything is wanted."""
        return " WHERE " + " AND ".join(self._texts) if self._texts else ""


def uuid_or_none(text: str) -> UUID | None:
    """Read a UUID; None for what is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def read_place(listing: str, cursor: str) -> tuple[int, UUID]:
    """Read the instant, in microseconds since 1970, and the id of the row that the page before ended with.

    Raises:
        UnreadableCursor: no page of the listing gave this cursor.
    """
    after_us, tie = read_cursor(listing, cursor)
    row_id = uuid_or_none(tie)
    if row_id is None:
        raise UnreadableCursor("this cursor was given by no page of this listing")
    return after_us, row_id


def page_of(
    rows: Sequence[asyncpg.Record],
    limit: int,
    *,
    item_of: Callable[[asyncpg.Record], Item],
    cursor_of: Callable[[asyncpg.Record], str],
) -> Page[Item]:
    """Make a page of at most ``limit`` rows; one row more was asked for, and its being there tells of another page."""
    given = rows[:limit]
    cursor = cursor_of(given[-1]) if len(rows) > limit else None
    return Page(tuple(item_of(row) for row in given), cursor)
