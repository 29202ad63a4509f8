"""Pages of a long answer: at most ``limit`` items, and the cursor of the next page."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """``limit`` 1 to 200; ``cursor`` as an earlier page gave it, ``None`` for the first page."""

    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Items in a stable order; ``next_cursor`` ``None`` on the last page."""

    items: tuple[Item, ...]
    next_cursor: str | None


class UnreadableCursor(ValueError):
    """A cursor that no page gave."""


def write_cursor(listing: str, *, after: int, tie: str = "") -> str:
    """Write the place behind an item as an opaque text: its number in the order, and what parts equal numbers."""
    return urlsafe_b64encode(f"{listing}:{after}:{tie}".encode()).decode().rstrip("=")


def read_cursor(listing: str, cursor: str) -> tuple[int, str]:
    """Read a place that ``write_cursor`` wrote for the same listing.

    Raises:
        UnreadableCursor: any other text, one of another listing among them.
    """
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
        written_for, number, tie = text.split(":", 2)
        after = int(number)
    except ValueError:
        raise UnreadableCursor("this cursor was given by no page") from None
    if written_for != listing or write_cursor(listing, after=after, tie=tie) != cursor or not 0 <= after < 2**63:
        raise UnreadableCursor("this cursor was given by no page of this listing")
    return after, tie
