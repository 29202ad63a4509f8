"""Holds rows, chain and heads of one partition against one another, in one pass and in flat memory.

It is told all three in their order, a batch at a time, and tells every place that does not fit. What it cannot see is
what no key protects: a change made before a row got its entry, and the end of a chain together with its heads when no
head was kept elsewhere.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tidegate.core.kernel.audit_chain import (
    BEFORE_ALL,
    AuditedRow,
    ChainEntry,
    ChainHead,
    HeadKind,
    content_hash,
    entry_hash,
    start_hash,
)


class ChainFaultKind(StrEnum):
    """What does not fit."""

    ROW_CHANGED = "ROW_CHANGED"
    ROW_MISSING = "ROW_MISSING"
    ROW_INSERTED = "ROW_INSERTED"
    ENTRY_CHANGED = "ENTRY_CHANGED"
    ENTRY_MISSING = "ENTRY_MISSING"
    ENTRY_NOT_SIGNED = "ENTRY_NOT_SIGNED"
    HEAD_CHANGED = "HEAD_CHANGED"
    HEAD_MISSING = "HEAD_MISSING"
    HEAD_DIFFERS = "HEAD_DIFFERS"
    TAIL_MISSING = "TAIL_MISSING"


@dataclass(frozen=True, slots=True)
class ChainFault:
    """One place that does not fit: the entry's ``sequence`` or the head's number where there is one, and the row."""

    kind: ChainFaultKind
    message: str
    sequence: int | None = None
    row_id: str | None = None
    position: int | None = None


@dataclass(slots=True)
class ChainCheck:
    """The check of one partition. Feed what ``wants`` names; an empty batch says that there is no more of it.

    ``cut`` is the last signed CUT: rows and entries up to it are not asked for. ``pinned`` are heads that were kept
    elsewhere, their signatures verified: the chain must still go through them.
    """

    partition: str
    cut: ChainHead | None = None
    pinned: Sequence[ChainHead] = ()
    verified_rows: int = 0
    pending_rows: int = 0
    covered_to: int = BEFORE_ALL
    _sequence: int = 0
    _hash: bytes = b""
    _heads_seen: int = 0
    _last_head: ChainHead | None = None
    _rows: deque[AuditedRow] = field(default_factory=deque)
    _entries: deque[ChainEntry] = field(default_factory=deque)
    _heads: deque[ChainHead] = field(default_factory=deque)
    _ended: set[str] = field(default_factory=set)
    _pins: dict[int, list[ChainHead]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._hash = start_hash(self.partition)
        if self.cut is not None:
            self._sequence, self._hash = self.cut.sequence, self.cut.entry_hash
            self._heads_seen = self.cut.number - 1
            self.covered_to = self.cut.covered_to
        for head in self.pinned:
            self._pins.setdefault(head.sequence, []).append(head)

    @property
    def wants(self) -> str | None:
        """Give ``entries``, ``heads`` or ``rows``, or None when all has been seen."""
        for name, waiting in (("entries", self._entries), ("heads", self._heads), ("rows", self._rows)):
            if not waiting and name not in self._ended:
                return name
        return None

    def feed_entries(self, batch: Sequence[ChainEntry]) -> list[ChainFault]:
        """Take the next entries; give what does not fit."""
        self._entries.extend(batch)
        return list(self._fed("entries", ended=not batch))

    def feed_rows(self, batch: Sequence[AuditedRow]) -> list[ChainFault]:
        """Take the next rows; give what does not fit."""
        self._rows.extend(batch)
        return list(self._fed("rows", ended=not batch))

    def feed_heads(self, batch: Sequence[ChainHead], *, forged: Collection[int]) -> list[ChainFault]:
        """Take the next heads, with the numbers of those whose signature does not hold; give what does not fit."""
        self._heads.extend(batch)
        faults = [
            ChainFault(ChainFaultKind.HEAD_CHANGED, f"the signature of head {number} does not hold", number)
            for number in forged
        ]
        return [*faults, *self._fed("heads", ended=not batch)]

    def _fed(self, name: str, *, ended: bool) -> Iterator[ChainFault]:
        if ended:
            self._ended.add(name)
        while self.wants is None and (self._entries or self._heads or self._rows):
            yield from self._step()
        if self.wants is None and "done" not in self._ended:
            self._ended.add("done")
            yield from self._at_the_end()

    def _step(self) -> Iterator[ChainFault]:
        """Take the first head, row or entry off, whichever is due."""
        head = self._heads[0] if self._heads else None
        if head is not None and (head.sequence <= self._sequence or not self._entries):
            self._heads.popleft()
            yield from self._check_head(head)
        elif self._rows and (not self._entries or self._rows[0].place < self._entries[0].place):
            yield from self._check_lone_row(self._rows.popleft())
        else:
            entry = self._entries.popleft()
            yield from self._check_entry(entry)
            if self._rows and self._rows[0].place == entry.place:
                yield from self._check_row(entry, self._rows.popleft())
            else:
                yield _about(ChainFaultKind.ROW_MISSING, entry, message="the row of this entry is gone")

    def _check_entry(self, entry: ChainEntry) -> Iterator[ChainFault]:
        if entry.sequence != self._sequence + 1:
            gap = f"after entry {self._sequence} comes entry {entry.sequence}"
            yield _about(ChainFaultKind.ENTRY_MISSING, entry, message=gap)
        wanted = entry_hash(
            self.partition, self._hash, sequence=entry.sequence, place=entry.place, content=entry.content_hash
        )
        if wanted != entry.entry_hash:
            yield _about(
                ChainFaultKind.ENTRY_CHANGED, entry, message="this entry does not go on from the one before it"
            )
        self._sequence, self._hash = entry.sequence, entry.entry_hash
        for pin in self._pins.pop(entry.sequence, ()):
            if pin.entry_hash != entry.entry_hash:
                kept = f"the head {pin.number} that was kept elsewhere has another hash"
                yield _about(ChainFaultKind.HEAD_DIFFERS, entry, message=kept)

    def _check_row(self, entry: ChainEntry, row: AuditedRow) -> Iterator[ChainFault]:
        if content_hash(row) == entry.content_hash:
            self.verified_rows += 1
        else:
            yield _about(ChainFaultKind.ROW_CHANGED, entry, message="the row is not what it was when it got its entry")

    def _check_lone_row(self, row: AuditedRow) -> Iterator[ChainFault]:
        """A row before the next entry, or after the last, has none: in a covered range it was put in later."""
        covered = max([self.covered_to, *(pin.covered_to for pin in self.pinned)])
        if self._entries or row.position <= covered:
            message = "this row has no entry, though everything up to it was sealed: it came later"
            yield ChainFault(ChainFaultKind.ROW_INSERTED, message, None, row.row_id, row.position)
        else:
            self.pending_rows += 1

    def _check_head(self, head: ChainHead) -> Iterator[ChainFault]:
        if head.number != self._heads_seen + 1:
            message = f"after head {self._heads_seen} comes head {head.number}"
            yield ChainFault(ChainFaultKind.HEAD_MISSING, message, head.number)
        self._heads_seen = head.number
        if head.sequence > self._sequence:
            message = f"head {head.number} was signed at entry {head.sequence}, the chain ends at {self._sequence}"
            yield ChainFault(ChainFaultKind.TAIL_MISSING, message, head.sequence)
        elif head.kind is HeadKind.SEAL and head.sequence == self._sequence and head.entry_hash != self._hash:
            message = f"head {head.number} was signed with another hash of entry {head.sequence}"
            yield ChainFault(ChainFaultKind.HEAD_DIFFERS, message, head.sequence)
        self.covered_to = max(self.covered_to, head.covered_to)
        self._last_head = head

    def _at_the_end(self) -> Iterator[ChainFault]:
        signed = 0 if self._last_head is None else self._last_head.sequence
        if self._sequence > signed:
            message = f"the chain ends at entry {self._sequence}, the last head was signed at {signed}"
            yield ChainFault(ChainFaultKind.ENTRY_NOT_SIGNED, message, self._sequence)
        for pin in self.pinned:
            if pin.sequence > self._sequence or pin.number > self._heads_seen:
                message = f"head {pin.number} at entry {pin.sequence} was kept elsewhere; the chain ends before it"
                yield ChainFault(ChainFaultKind.TAIL_MISSING, message, pin.sequence)


def _about(kind: ChainFaultKind, entry: ChainEntry, *, message: str) -> ChainFault:
    return ChainFault(kind, message, entry.sequence, entry.row_id, entry.position)
