"""The outbox in PostgreSQL: a row for each decision that has still to be announced, written with the decision."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from tidegate.outbound.postgres.decision_codec import decode_decision
from tidegate.outbound.postgres.instants import to_us
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.outbound.postgres.trouble import dependency
from tidegate.ports.outbox import Backlog, PendingAnnouncement

# A row that commits late under a low position is found by the next read, since rows leave one by one. Positions of one
# user rise with time: a decision that was answered before another was asked for has the lower one.
_PENDING: Final = """
SELECT pending.position, decision.announces, decision.payload
FROM (SELECT position, decision_id FROM outbox ORDER BY position LIMIT $1) AS pending
JOIN decisions AS decision USING (decision_id)
ORDER BY pending.position
"""
_BACKLOG: Final = """
SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS waiting) AS decisions, (
    SELECT decision.evaluated_at FROM (SELECT decision_id FROM outbox ORDER BY position LIMIT 1) AS first
    JOIN decisions AS decision USING (decision_id)
) AS oldest
"""
_DONE: Final = "DELETE FROM outbox WHERE position = ANY ($1::bigint[])"
_CLAIM: Final = "SELECT pg_try_advisory_lock($1)"
_RELAY: Final = 0x7265_6C61  # "rela": one relay a database


class PostgresOutbox:
    """``Outbox`` on PostgreSQL. The claim lives on a connection of its own until ``close`` or until it breaks."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._claim: asyncpg.Connection[asyncpg.Record] | None = None

    async def pending(self, limit: int) -> Sequence[PendingAnnouncement]:
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_PENDING, limit)
        return [
            PendingAnnouncement(row["position"], decode_decision(row["payload"], announces=row["announces"]))
            for row in rows
        ]

    async def backlog(self, most: int) -> Backlog:
        async with self._pool.connection() as connection:
            row = await connection.fetchrow(_BACKLOG, most)
        assert row is not None, "a SELECT without FROM gives a row"
        return Backlog(row["decisions"], to_us(row["oldest"]))

    async def done(self, positions: Sequence[int]) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(_DONE, positions)

    async def claim(self) -> bool:
        if self._claim is not None and not self._claim.is_closed():
            return True
        connection = await self._pool.own_connection()
        claimed = False
        try:
            with dependency():
                claimed = bool(await connection.fetchval(_CLAIM, _RELAY))
        finally:
            if claimed:
                self._claim = connection
            else:
                connection.terminate()
        return claimed

    async def close(self) -> None:
        """Give the claim up, so that another process may relay."""
        connection, self._claim = self._claim, None
        if connection is not None and not connection.is_closed():
            with dependency():
                await connection.close(timeout=1.0)
