"""Lists that names are screened against: every import is a version of its own, and none is ever edited.

Failure contract: ``DependencyFailed`` when the store does not answer; ``NotStored`` when there is no such list or
version. A write that fails leaves no part of itself.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tidegate.core.assessment.screening.entries import ListEntry
from tidegate.ports.stored import Change

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)


def list_name_fault(name: str) -> str | None:
    """Say why a list cannot be called so, or None: rules and commands name lists, so their names are plain."""
    if _NAME.fullmatch(name):
        return None
    return f"a list is called by 1 to 64 of a-z, 0-9, _, . and -, beginning with a letter or figure, not {name[:80]!r}"


@dataclass(frozen=True, slots=True)
class ListSource:
    """Where a version comes from: the format of its files, the date that the publisher wrote into them (empty where
    there is none), and SHA-256 over all of them, in hex digits.
    """

    list_format: str
    published_on: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ListVersion:
    """One version of a list, counted from 1: what it comes from, how many entries it has, who imported it, and when
    (microseconds since 1970).
    """

    name: str
    version: int
    source: ListSource
    entries: int
    imported_by: str
    imported_us: int


class ScreeningLists(Protocol):
    """Keeps the versions of all lists. The current version of a list is its latest."""

    async def publish(
        self, name: str, source: ListSource, *, entries: Sequence[ListEntry], by: Change
    ) -> tuple[ListVersion, bool]:
        """Store a new version, whole or not at all, and tell all replicas; True when it is new.

        A source that is the current version's already is not stored again: that version is given, with False. Ids of
        entries are distinct.
        """

    async def current(self) -> Sequence[ListVersion]:
        """Give the current version of every list, by name."""

    async def history(self, name: str) -> Sequence[ListVersion]:
        """Give every version of a list, the latest first; empty when there is no such list."""

    async def entries(self, name: str, version: int) -> Sequence[ListEntry]:
        """Give the entries of a version, in the order of the list."""

    def changes(self) -> AsyncIterator[str]:
        """Give an empty text as soon as it listens, so that nothing published before is missed, then the name of each
        list of which a version was committed anywhere; ends with ``DependencyFailed`` when the connection breaks.
        """
