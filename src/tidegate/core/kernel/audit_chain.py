"""The hash chain over what was decided: one entry a row, each bound to the one before it, and signed heads.

A partition is one kind of rows in one order, by ``position`` (microseconds since 1970, or a version) and then by id. An
entry holds the SHA-256 of a row's audited columns and its own: SHA-256 over itself and the entry before it. A head says
how far the chain went when it was signed; with it, whoever holds no key can change nothing that is not seen.

All hashes and signatures are taken over RFC 8785 canonical JSON of objects of texts.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

Place: TypeAlias = tuple[int, str]
"""Where a row stands in its partition: its position, then its id."""

BEFORE_ALL: Final = -(2**62)
"""A position that is before every row's."""

AFTER_ALL_IDS: Final = "\x7f"
"""An id that is after every row's (ids are ASCII)."""


@dataclass(frozen=True, slots=True)
class AuditedRow:
    """A row as it is kept now: each audited column as the store writes it, None for null."""

    position: int
    row_id: str
    columns: Mapping[str, str | None]

    @property
    def place(self) -> Place:
        """Give where it stands."""
        return self.position, self.row_id


@dataclass(frozen=True, slots=True)
class ChainEntry:
    """One link: the row it is about, the hash of what the row held, and the hash of the chain up to here.

    ``sequence`` begins at 1 and has no gaps.
    """

    sequence: int
    position: int
    row_id: str
    content_hash: bytes
    entry_hash: bytes

    @property
    def place(self) -> Place:
        """Give where its row stands."""
        return self.position, self.row_id


class HeadKind(StrEnum):
    """SEAL: the chain has come this far. CUT: rows up to here may be gone, on purpose; ``note`` says why."""

    SEAL = "SEAL"
    CUT = "CUT"


@dataclass(frozen=True, slots=True)
class ChainHead:
    """What is signed: the entry at ``sequence`` (0: none yet) has ``entry_hash``, and every row with a position of at
    most ``covered_to`` has its entry. ``number`` counts the heads of a partition from 1; ``made_us`` is when.
    """

    partition: str
    number: int
    kind: HeadKind
    sequence: int
    covered_to: int
    entry_hash: bytes
    made_us: int
    note: str = ""

    def text(self) -> bytes:
        """Give what the signature is over."""
        members = {
            "partition": self.partition,
            "number": str(self.number),
            "kind": self.kind.value,
            "sequence": str(self.sequence),
            "covered_to": str(self.covered_to),
            "entry_hash": self.entry_hash.hex(),
            "made_us": str(self.made_us),
            "note": self.note,
        }
        return canonical_texts(members)


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head, who signed it (``key_id`` names a public key) and the signature."""

    head: ChainHead
    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class ChainTip:
    """The end of a partition's chain as its last SEAL says, the place of its last entry, and the number of heads."""

    sequence: int = 0
    place: Place = (BEFORE_ALL, AFTER_ALL_IDS)
    entry_hash: bytes = b""
    heads: int = 0
    covered_to: int = BEFORE_ALL
    head_made_us: int = BEFORE_ALL

    @property
    def next_after(self) -> Place:
        """Give the place after which rows have no entry yet."""
        return max(self.place, (self.covered_to, AFTER_ALL_IDS))


def canonical_texts(members: Mapping[str, str | None]) -> bytes:
    """Write an object of texts and nulls under ASCII names: what ``canonical_json`` writes, an order quicker.

    Raises:
        ValueError: a text with an unpaired surrogate.
    """
    return json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def start_hash(partition: str) -> bytes:
    """Give what stands for the entry before the first one."""
    return hashlib.sha256(canonical_texts({"partition": partition})).digest()


def content_hash(row: AuditedRow) -> bytes:
    """Hash every audited column of a row."""
    return hashlib.sha256(canonical_texts(row.columns)).digest()


def entry_hash(partition: str, previous: bytes, *, sequence: int, place: Place, content: bytes) -> bytes:
    """Hash an entry with the one before it."""
    members = {
        "partition": partition,
        "sequence": str(sequence),
        "position": str(place[0]),
        "row_id": place[1],
        "content_hash": content.hex(),
        "previous_hash": previous.hex(),
    }
    return hashlib.sha256(canonical_texts(members)).digest()


def chained(partition: str, tip: ChainTip, *, rows: Iterable[AuditedRow]) -> list[ChainEntry]:
    """Give the entries of rows, in their order, that go on after ``tip``."""
    entries: list[ChainEntry] = []
    previous = tip.entry_hash or start_hash(partition)
    for sequence, row in enumerate(rows, start=tip.sequence + 1):
        content = content_hash(row)
        previous = entry_hash(partition, previous, sequence=sequence, place=row.place, content=content)
        entries.append(ChainEntry(sequence, row.position, row.row_id, content, previous))
    return entries


def next_head(partition: str, tip: ChainTip, *, last: ChainEntry | None, covered_to: int, made_us: int) -> ChainHead:
    """Give the head to sign after ``last`` was appended (None: nothing was; then only ``covered_to`` moves)."""
    return ChainHead(
        partition=partition,
        number=tip.heads + 1,
        kind=HeadKind.SEAL,
        sequence=tip.sequence if last is None else last.sequence,
        covered_to=covered_to,
        entry_hash=(tip.entry_hash or start_hash(partition)) if last is None else last.entry_hash,
        made_us=made_us,
    )
