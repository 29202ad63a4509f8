"""Which life of the shared account book counts, and the copy of the book, in PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from tidegate.outbound.postgres.book_epoch import book_epoch_required
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.outbound.postgres.relay_claim import RelayClaim
from tidegate.ports.book_mirror import BookLife, Places
from tidegate.ports.shared_book import BookLost, BookRow

REBUILD_LOCK: Final = 0x7265_6275  # "rebu": one process rebuilds at a time

_COMPLETE: Final = "UPDATE account_book_epoch SET instance = $2 WHERE epoch = $1 RETURNING true"

# Rows and places are written in the order of their keys, so that two processes never wait for each other crosswise.
_SAVE: Final = """
WITH fence AS MATERIALIZED (
    SELECT require_book_epoch($1) AS held
), saved AS (
    INSERT INTO account_book_mirror AS standing (user_id, epoch, version, base_version, state, flow, moves)
    SELECT item.* FROM fence CROSS JOIN unnest(
        $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[], $8::bytea[]
    ) AS item (user_id, epoch, version, base_version, state, flow, moves)
    ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE
    SET epoch = excluded.epoch, version = excluded.version, base_version = excluded.base_version,
        state = excluded.state, flow = excluded.flow, moves = excluded.moves
    WHERE (standing.epoch, standing.version) < (excluded.epoch, excluded.version)
), placed AS (
    INSERT INTO account_book_places AS standing (topic, partition, next_offset)
    SELECT item.* FROM fence CROSS JOIN unnest($9::text[], $10::integer[], $11::bigint[])
        AS item (topic, partition, next_offset)
    ORDER BY topic, partition
    ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset
    WHERE standing.next_offset < excluded.next_offset
)
SELECT held FROM fence
"""
_PAGE: Final = """
SELECT user_id, epoch, version, base_version, state, flow, moves FROM account_book_mirror
WHERE user_id >= $1 ORDER BY user_id LIMIT $2
"""
_PLACES: Final = "SELECT topic, partition, next_offset FROM account_book_places"

_FIRST: Final = UUID(int=0)
_LAST: Final = UUID(int=2**128 - 1)
_MOVES: Final = msgspec.msgpack.Decoder(tuple[bytes, ...])


class PostgresBookLives:
    """``BookLives`` on PostgreSQL; the claim is an advisory lock on a connection of its own."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._claim = RelayClaim(pool, REBUILD_LOCK)

    async def current(self) -> BookLife:
        async with self._pool.connection() as connection:
            row = await connection.fetchrow("SELECT epoch, instance FROM account_book_epoch")
        return BookLife() if row is None else BookLife(row["epoch"], row["instance"])

    async def claim(self) -> bool:
        return await self._claim.take()

    async def release(self) -> None:
        await self._claim.close()

    async def begin(self) -> int:
        async with self._pool.connection() as connection:
            return int(await connection.fetchval("SELECT begin_book_epoch()"))

    async def complete(self, life: BookLife) -> None:
        async with self._pool.connection() as connection:
            counts = await connection.fetchval(_COMPLETE, life.epoch, life.instance)
        if not counts:
            raise BookLost(f"epoch {life.epoch} does not count any more")


class PostgresBookMirror:
    """``BookMirror`` on PostgreSQL: what is saved at once is one statement."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def save(self, epoch: int, rows: Sequence[BookRow], *, places: Places) -> None:
        columns = [
            [row.user_id for row in rows],
            [row.epoch for row in rows],
            [row.version for row in rows],
            [row.base_version for row in rows],
            [row.state for row in rows],
            [row.flow for row in rows],
            [msgspec.msgpack.encode(row.moves) for row in rows],
            [topic for topic, _ in places],
            [partition for _, partition in places],
            list(places.values()),
        ]
        async with self._pool.connection() as connection:
            with book_epoch_required():
                await connection.execute(_SAVE, epoch, *columns)

    async def rows(self, *, page: int = 2_000) -> AsyncIterator[Sequence[BookRow]]:
        start, found = _FIRST, page
        while found == page:
            async with self._pool.connection() as connection:
                records = await connection.fetch(_PAGE, start, page)
            found = len(records)
            if not records:
                return
            yield [_row(record) for record in records]
            last = UUID(int=records[-1][0].int)
            if last == _LAST:
                return
            start = UUID(int=last.int + 1)

    async def places(self) -> Places:
        async with self._pool.connection() as connection:
            return {(row["topic"], row["partition"]): row["next_offset"] for row in await connection.fetch(_PLACES)}


def _row(record: asyncpg.Record) -> BookRow:
    user_id, epoch, version, base_version, state, flow, moves = record
    return BookRow(str(user_id), epoch, version, base_version, state, flow, _MOVES.decode(moves))
