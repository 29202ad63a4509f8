"""Verifies a partition: every row against its entry, every entry against the one before, every head against its key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tidegate.core.kernel.audit_chain import (
    AFTER_ALL_IDS,
    BEFORE_ALL,
    AuditedRow,
    ChainEntry,
    ChainHead,
    ChainTip,
    Place,
    SignedHead,
)
from tidegate.core.kernel.chain_check import ChainCheck, ChainFault, ChainFaultKind
from tidegate.ports.audit_chain import AuditChain, AuditedRows, HeadVerifier

FAULTS_TOLD_MAX: Final = 100
_BATCH: Final = 1_000
_NO_END: Final = -BEFORE_ALL

Progress = Callable[[int], None]
"""Told how many rows have been looked at, now and then."""


@dataclass(frozen=True, slots=True)
class PartitionReport:
    """What was found. ``faults`` in the order of the chain, 100 at most; ``fault_count`` counts them all.

    ``pending_rows`` are too young to be sealed, or no sealer runs. ``cut`` is the signed cut that the check began
    behind.
    """

    partition: str
    verified_rows: int
    pending_rows: int
    covered_to: int
    fault_count: int = 0
    faults: Sequence[ChainFault] = ()
    cut: ChainHead | None = None

    @property
    def whole(self) -> bool:
        """True when nothing was found to be wrong."""
        return not self.fault_count


@dataclass(slots=True)
class _Found:
    faults: list[ChainFault] = field(default_factory=list)
    count: int = 0

    def add(self, faults: Sequence[ChainFault]) -> None:
        self.count += len(faults)
        self.faults += faults[: FAULTS_TOLD_MAX - len(self.faults)]


class Verifier:
    """Reads rows, entries and heads side by side, a page of each in memory."""

    def __init__(self, chain: AuditChain, rows: AuditedRows, *, keys: HeadVerifier, batch: int = _BATCH) -> None:
        self._chain = chain
        self._rows = rows
        self._keys = keys
        self._batch = batch

    def partitions(self) -> tuple[str, ...]:
        """Name what is audited."""
        return tuple(self._rows.partitions())

    async def verify(
        self, partition: str, *, pinned: Sequence[SignedHead] = (), progress: Progress = lambda _: None
    ) -> PartitionReport:
        """Verify one partition; ``pinned`` are heads of it that were exported earlier and kept elsewhere.

        Raises:
            DependencyFailed: the store did not answer.
        """
        found = _Found()
        for signed in pinned:
            if not self._keys.holds(signed):
                message = f"the signature of the kept head {signed.head.number} does not hold"
                found.add([ChainFault(ChainFaultKind.HEAD_CHANGED, message, signed.head.number)])
        cut = await self._cut(partition, found)
        kept = [signed.head for signed in pinned if cut is None or signed.head.number >= cut.number]
        check = ChainCheck(partition, cut=cut, pinned=kept)
        tip = await self._chain.tip(partition)
        reading = _Reading(self._chain, self._rows, batch=self._batch, cut=cut, tip=tip)
        while (wanted := check.wants) is not None:
            if wanted == "entries":
                found.add(check.feed_entries(await reading.entries(partition)))
            elif wanted == "heads":
                heads = await reading.heads(partition)
                forged = [signed.head.number for signed in heads if not self._keys.holds(signed)]
                found.add(check.feed_heads([signed.head for signed in heads], forged=forged))
            else:
                found.add(check.feed_rows(await reading.rows(partition)))
                progress(check.verified_rows)
        found.add(await self._unsigned(partition, tip))
        return PartitionReport(
            partition, check.verified_rows, check.pending_rows, check.covered_to, found.count, found.faults, cut
        )

    async def _unsigned(self, partition: str, tip: ChainTip) -> list[ChainFault]:
        """Entries behind the last head have a head of their own, if a sealer has written them meanwhile."""
        later = await self._chain.entries(partition, after=tip.sequence, limit=1)
        if not later or await self._chain.heads(partition, after=tip.heads, limit=1):
            return []
        entry = later[0]
        message = f"no head was signed since entry {tip.sequence}"
        return [ChainFault(ChainFaultKind.ENTRY_NOT_SIGNED, message, entry.sequence, entry.row_id, entry.position)]

    async def _cut(self, partition: str, found: _Found) -> ChainHead | None:
        """Give the last cut, if its signature holds: a forged one excuses nothing."""
        signed = await self._chain.last_cut(partition)
        if signed is None:
            return None
        if self._keys.holds(signed):
            return signed.head
        message = f"the signature of the cut, head {signed.head.number}, does not hold"
        found.add([ChainFault(ChainFaultKind.HEAD_CHANGED, message, signed.head.number)])
        return None


class _Reading:
    """Where the three streams of one check have come to; entries and heads go to where the chain ended at its start."""

    def __init__(
        self, chain: AuditChain, rows: AuditedRows, *, batch: int, cut: ChainHead | None, tip: ChainTip
    ) -> None:
        self._chain = chain
        self._audited = rows
        self._batch = batch
        self._tip = tip
        self._sequence = 0 if cut is None else cut.sequence
        self._number = 0 if cut is None else cut.number - 1
        self._place: Place = (BEFORE_ALL if cut is None else cut.covered_to, AFTER_ALL_IDS)

    async def entries(self, partition: str) -> Sequence[ChainEntry]:
        left = min(self._batch, self._tip.sequence - self._sequence)
        found = await self._chain.entries(partition, after=self._sequence, limit=left) if left > 0 else ()
        self._sequence = found[-1].sequence if found else self._sequence
        return found

    async def heads(self, partition: str) -> Sequence[SignedHead]:
        left = min(self._batch, self._tip.heads - self._number)
        found = await self._chain.heads(partition, after=self._number, limit=left) if left > 0 else ()
        self._number = found[-1].head.number if found else self._number
        return found

    async def rows(self, partition: str) -> Sequence[AuditedRow]:
        found = await self._audited.rows(partition, after=self._place, until=_NO_END, limit=self._batch)
        self._place = found[-1].place if found else self._place
        return found
