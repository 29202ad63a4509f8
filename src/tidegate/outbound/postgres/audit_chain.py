"""The audit chain in PostgreSQL."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from tidegate.core.kernel.audit_chain import (
    AFTER_ALL_IDS,
    ChainEntry,
    ChainHead,
    ChainTip,
    HeadKind,
    SignedHead,
)
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.outbound.postgres.relay_claim import RelayClaim
from tidegate.ports.audit_chain import ChainMoved

_SEALER: Final = 0x7365_616C  # "seal": one sealer a database

_TIP: Final = """
SELECT head.sequence, head.covered_to, head.entry_hash, head.made_us, entry.position, entry.row_id,
    (SELECT max(number) FROM audit_heads WHERE partition = $1) AS heads
FROM audit_heads AS head
LEFT JOIN audit_entries AS entry ON entry.partition = $1 AND entry.sequence = head.sequence
WHERE head.partition = $1 AND head.kind = 'SEAL' ORDER BY head.number DESC LIMIT 1
"""
_APPEND: Final = """
INSERT INTO audit_entries (partition, sequence, position, row_id, content_hash, entry_hash)
SELECT $1::text, * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bytea[], $6::bytea[])
"""
_HEAD: Final = """
INSERT INTO audit_heads (partition, number, kind, sequence, covered_to, entry_hash, made_us, note, key_id, signature)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_ENTRIES: Final = """
SELECT sequence, position, row_id, content_hash, entry_hash FROM audit_entries
WHERE partition = $1 AND sequence > $2 ORDER BY sequence LIMIT $3
"""
_ENTRY: Final = """
SELECT sequence, position, row_id, content_hash, entry_hash FROM audit_entries
WHERE partition = $1 AND sequence = $2
"""
_LAST_SEQUENCE: Final = "SELECT max(sequence), min(sequence) FROM audit_entries WHERE partition = $1"
_HEADS: Final = "SELECT * FROM audit_heads WHERE partition = $1 AND number > $2 ORDER BY number LIMIT $3"
_LAST_CUT: Final = """
SELECT * FROM audit_heads WHERE partition = $1 AND kind = 'CUT' ORDER BY number DESC LIMIT 1
"""


class PostgresAuditChain:
    """``AuditChain`` on PostgreSQL. The claim lives on a connection of its own until ``close`` or until it breaks."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._claim = RelayClaim(pool, _SEALER)

    async def claim(self) -> bool:
        return await self._claim.take()

    async def close(self) -> None:
        await self._claim.close()

    async def tip(self, partition: str) -> ChainTip:
        async with self._pool.connection() as connection:
            row = await connection.fetchrow(_TIP, partition)
        if row is None:
            return ChainTip()
        # the last entry may have been deleted behind a cut
        place = (row["covered_to"], AFTER_ALL_IDS) if row["position"] is None else (row["position"], row["row_id"])
        return ChainTip(
            sequence=row["sequence"],
            place=place,
            entry_hash=row["entry_hash"],
            heads=row["heads"],
            covered_to=row["covered_to"],
            head_made_us=row["made_us"],
        )

    async def append(self, partition: str, entries: Sequence[ChainEntry], *, heads: Sequence[SignedHead]) -> None:
        columns = [
            [entry.sequence for entry in entries],
            [entry.position for entry in entries],
            [entry.row_id for entry in entries],
            [entry.content_hash for entry in entries],
            [entry.entry_hash for entry in entries],
        ]
        async with self._pool.transaction() as connection:
            try:
                for signed in heads:
                    await connection.execute(_HEAD, *_head_values(signed))
                if entries:
                    await connection.execute(_APPEND, partition, *columns)
            except asyncpg.UniqueViolationError as taken:
                raise ChainMoved(f"another process has sealed {partition}") from taken

    async def entries(self, partition: str, *, after: int, limit: int) -> Sequence[ChainEntry]:
        async with self._pool.connection() as connection:
            return [_entry(row) for row in await connection.fetch(_ENTRIES, partition, after, limit)]

    async def entry_at(self, partition: str, position: int) -> ChainEntry | None:
        """Halve the chain: positions rise with the sequence, so that no index on them is needed."""
        found: ChainEntry | None = None
        async with self._pool.connection() as connection:
            high, low = await connection.fetchrow(_LAST_SEQUENCE, partition) or (None, None)
            while low is not None and low <= high:
                middle = (low + high) // 2
                row = await connection.fetchrow(_ENTRY, partition, middle)
                if row is None or row["position"] > position:
                    high = middle - 1
                else:
                    found, low = _entry(row), middle + 1
        return found

    async def heads(self, partition: str, *, after: int, limit: int) -> Sequence[SignedHead]:
        async with self._pool.connection() as connection:
            return [_signed(row) for row in await connection.fetch(_HEADS, partition, after, limit)]

    async def last_cut(self, partition: str) -> SignedHead | None:
        async with self._pool.connection() as connection:
            row = await connection.fetchrow(_LAST_CUT, partition)
        return None if row is None else _signed(row)


def _entry(row: asyncpg.Record) -> ChainEntry:
    return ChainEntry(row["sequence"], row["position"], row["row_id"], row["content_hash"], row["entry_hash"])


def _head_values(signed: SignedHead) -> tuple[object, ...]:
    head = signed.head
    return (
        head.partition,
        head.number,
        head.kind.value,
        head.sequence,
        head.covered_to,
        head.entry_hash,
        head.made_us,
        head.note,
        signed.key_id,
        signed.signature,
    )


def _signed(row: asyncpg.Record) -> SignedHead:
    head = ChainHead(
        partition=row["partition"],
        number=row["number"],
        kind=HeadKind(row["kind"]),
        sequence=row["sequence"],
        covered_to=row["covered_to"],
        entry_hash=row["entry_hash"],
        made_us=row["made_us"],
        note=row["note"],
    )
    return SignedHead(head, row["key_id"], row["signature"])
