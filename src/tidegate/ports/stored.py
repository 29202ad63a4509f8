"""Rows that officers change: how one stands, who changed it, and how a write can fail.

Every write bumps the version of its area in the same transaction and tells all replicas (``ConfigurationWatch``);
nothing published is edited: each write keeps the former version with actor and time. Failure contract of every store
of such rows: ``DependencyFailed`` when the store does not answer; ``NotStored`` when the row does not exist;
``VersionMoved`` when the row is not at the version the caller saw; ``Conflict`` when the write would break an
invariant, which changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")


class NotStored(LookupError):
    """No row of this id."""


class VersionMoved(Exception):
    """The row is at another version than the caller saw; ``current`` is the one it is at."""

    def __init__(self, current: int) -> None:
        super().__init__(f"the row is at version {current}")
        self.current = current


class Conflict(Exception):
    """The write would break an invariant; ``faults`` says which, in words. Nothing was changed."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes, and when (microseconds since 1970)."""

    actor: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Stored(Generic[Row]):
    """One row as it stands: ``row_id`` is the table's bigserial, ``version`` counts its changes from 1."""

    row_id: int
    row: Row
    version: int
    created_us: int
    updated_us: int


@dataclass(frozen=True, slots=True)
class Kept(Generic[Row]):
    """One row whose id, a UUID, was made by its caller and stands in the row itself, as its version does.

    ``changed_by``: who made this version.
    """

    row: Row
    created_us: int
    updated_us: int
    changed_by: str
