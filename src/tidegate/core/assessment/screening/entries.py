"""What stands on a list: one entry a party, with every name it goes by."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class PartyKind(StrEnum):
    """What an entry is; a list that does not tell leaves UNKNOWN."""

    PERSON = "PERSON"
    ORGANISATION = "ORGANISATION"
    VESSEL = "VESSEL"
    AIRCRAFT = "AIRCRAFT"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class ListedName:
    """One name of an entry. ``is_alias``: it is not the one under which the list keeps the entry; ``is_weak``: the list
    itself calls the alias a low-quality one.
    """

    text: str
    is_alias: bool = False
    is_weak: bool = False


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One party. The first name is the one it is kept under; there is always one.

    ``birth_dates`` are ISO 8601 dates, or as much of one as the list tells (``1974``, ``1974-02``); ``countries`` are
    what the list says, as ISO 3166-1 alpha-2 codes or in words.
    """

    entry_id: str
    names: Sequence[ListedName]
    kind: PartyKind = PartyKind.UNKNOWN
    birth_dates: Sequence[str] = ()
    countries: Sequence[str] = ()
    programmes: Sequence[str] = ()
