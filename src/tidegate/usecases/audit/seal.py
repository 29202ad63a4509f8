"""Seals rows into the chain of their partition, behind the gate's back: it reads what was committed, and appends."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.core.kernel.audit_chain import (
    AuditedRow,
    ChainEntry,
    ChainHead,
    ChainTip,
    HeadKind,
    chained,
    next_head,
    start_hash,
)
from tidegate.ports.audit_chain import AuditChain, AuditedRows, HeadSigner
from tidegate.ports.clock import Clock

ROWS_A_TURN: Final = 16
"""Rows hashed before the loop is let go on with orders: about half a millisecond."""


@dataclass(frozen=True, slots=True)
class SealingTerms:
    """A row is sealed once it is ``settle_us`` old, ``batch_max`` at once with one signed head for all of them.

    Without new rows a head is signed every ``idle_head_us``: from then on no row can be put in before it unseen.
    """

    settle_us: int = 30_000_000
    batch_max: int = 100
    idle_head_us: int = 60_000_000


DEFAULT_TERMS: Final = SealingTerms()


class NothingToCut(ValueError):
    """No row before that moment has an entry, or they are cut off already."""


class Sealer:
    """Appends entries and signed heads. Two at once are safe: the later one is told ChainMoved and writes nothing."""

    def __init__(
        self,
        chain: AuditChain,
        rows: AuditedRows,
        *,
        signer: HeadSigner,
        clock: Clock,
        terms: SealingTerms = DEFAULT_TERMS,
    ) -> None:
        self._chain = chain
        self._rows = rows
        self._signer = signer
        self._clock = clock
        self._terms = terms

    def partitions(self) -> tuple[str, ...]:
        """Name what is sealed."""
        return tuple(self._rows.partitions())

    async def seal(self, partition: str) -> int:
        """Seal one batch; give the number of rows sealed. As many as ``batch_max`` may mean that there are more.

        Raises:
            DependencyFailed: the store did not answer; what was not told is sealed by the next call.
            ChainMoved: another process has sealed meanwhile.
        """
        terms, now_us = self._terms, self._clock.now_us()
        tip = await self._chain.tip(partition)
        until = await self._rows.settled(partition, now_us=now_us, settle_us=terms.settle_us)
        if until <= tip.covered_to:
            return 0
        rows = await self._rows.rows(partition, after=tip.next_after, until=until, limit=terms.batch_max)
        if not rows and now_us < tip.head_made_us + terms.idle_head_us:
            return 0
        # of rows at the last position of a full batch there may be more
        covered_to = rows[-1].position - 1 if len(rows) >= terms.batch_max else until
        entries = await self._chained(partition, tip, rows=rows)
        head = next_head(
            partition,
            tip,
            last=entries[-1] if entries else None,
            covered_to=max(covered_to, tip.covered_to),
            made_us=now_us,
        )
        await self._chain.append(partition, entries, heads=[self._signer.sign(head)])
        return len(rows)

    async def _chained(self, partition: str, tip: ChainTip, *, rows: Sequence[AuditedRow]) -> list[ChainEntry]:
        entries: list[ChainEntry] = []
        for start in range(0, len(rows), ROWS_A_TURN):
            slice_ = chained(partition, tip, rows=rows[start : start + ROWS_A_TURN])
            entries += slice_
            tip = ChainTip(sequence=slice_[-1].sequence, entry_hash=slice_[-1].entry_hash)
            await asyncio.sleep(0)
        return entries

    async def cut(self, partition: str, *, until: int, note: str) -> int:
        """Sign that rows and entries up to a position may be deleted; give the number of entries that are cut off.

        Raises:
            NothingToCut: there is nothing up to there.
            DependencyFailed, ChainMoved: as ``seal``; nothing was written.
        """
        tip = await self._chain.tip(partition)
        last = await self._chain.entry_at(partition, min(until, tip.covered_to))
        before = await self._chain.last_cut(partition)
        already = 0 if before is None else before.head.sequence
        if last is None or last.sequence <= already:
            raise NothingToCut(f"no row of {partition} up to there is in the chain")
        now_us = self._clock.now_us()
        cut = ChainHead(
            partition,
            tip.heads + 1,
            HeadKind.CUT,
            last.sequence,
            min(until, tip.covered_to),
            last.entry_hash,
            now_us,
            note,
        )
        # signed again as it stands, so that what the cut leaves is still under a head
        seal = ChainHead(
            partition,
            tip.heads + 2,
            HeadKind.SEAL,
            tip.sequence,
            tip.covered_to,
            tip.entry_hash or start_hash(partition),
            now_us,
        )
        await self._chain.append(partition, [], heads=[self._signer.sign(cut), self._signer.sign(seal)])
        return last.sequence - already
