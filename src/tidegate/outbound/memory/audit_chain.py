"""The audit chain in memory, and rows that somebody hands in."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from tidegate.core.kernel.audit_chain import AuditedRow, ChainEntry, ChainTip, HeadKind, Place, SignedHead
from tidegate.ports.audit_chain import ChainMoved


class MemoryAuditedRows:
    """``AuditedRows`` in memory: each partition is what its function gives at the moment."""

    def __init__(self, sources: Mapping[str, Callable[[], Iterable[AuditedRow]]]) -> None:
        self._sources = sources

    def partitions(self) -> Sequence[str]:
        return tuple(self._sources)

    async def settled(self, partition: str, *, now_us: int, settle_us: int) -> int:
        assert partition in self._sources
        return now_us - settle_us

    async def rows(self, partition: str, *, after: Place, until: int, limit: int) -> Sequence[AuditedRow]:
        found = [row for row in self._sources[partition]() if row.place > after and row.position <= until]
        return sorted(found, key=lambda row: row.place)[:limit]


class MemoryAuditChain:
    """``AuditChain`` in memory. ``entries_of`` and ``heads_of`` are what is kept, so that a test may tamper with it."""

    def __init__(self) -> None:
        self.entries_of: dict[str, list[ChainEntry]] = {}
        self.heads_of: dict[str, list[SignedHead]] = {}

    async def claim(self) -> bool:
        return True

    async def close(self) -> None:
        """Hold nothing."""

    async def tip(self, partition: str) -> ChainTip:
        heads = self.heads_of.get(partition, [])
        sealed = [signed.head for signed in heads if signed.head.kind is HeadKind.SEAL]
        if not sealed:
            return ChainTip()
        last = sealed[-1]
        found = [entry.place for entry in self.entries_of.get(partition, []) if entry.sequence == last.sequence]
        place = found[0] if found else ChainTip(covered_to=last.covered_to).next_after
        return ChainTip(
            last.sequence, place, last.entry_hash, heads[-1].head.number, last.covered_to, head_made_us=last.made_us
        )

    async def append(self, partition: str, entries: Sequence[ChainEntry], *, heads: Sequence[SignedHead]) -> None:
        kept, signed = self.entries_of.setdefault(partition, []), self.heads_of.setdefault(partition, [])
        taken = {entry.sequence for entry in kept} & {entry.sequence for entry in entries}
        if taken or {each.head.number for each in signed} & {each.head.number for each in heads}:
            raise ChainMoved(f"another process has sealed {partition}")
        kept.extend(entries)
        signed.extend(heads)

    async def entries(self, partition: str, *, after: int, limit: int) -> Sequence[ChainEntry]:
        return [entry for entry in self.entries_of.get(partition, []) if entry.sequence > after][:limit]

    async def entry_at(self, partition: str, position: int) -> ChainEntry | None:
        found = [entry for entry in self.entries_of.get(partition, []) if entry.position <= position]
        return found[-1] if found else None

    async def heads(self, partition: str, *, after: int, limit: int) -> Sequence[SignedHead]:
        return [signed for signed in self.heads_of.get(partition, []) if signed.head.number > after][:limit]

    async def last_cut(self, partition: str) -> SignedHead | None:
        cuts = [signed for signed in self.heads_of.get(partition, []) if signed.head.kind is HeadKind.CUT]
        return cuts[-1] if cuts else None
