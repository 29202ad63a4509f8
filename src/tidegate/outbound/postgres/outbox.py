"""The outbox in PostgreSQL: a row for each decision that has still to be announced, written with the decision."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tidegate.outbound.postgres.decision_codec import decode_announces, decode_decision, encode_announces
from tidegate.outbound.postgres.instants import to_us
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.outbound.postgres.recent_decisions import RecentDecisions
from tidegate.outbound.postgres.relay_claim import RelayClaim
from tidegate.ports.decision_journal import DecisionRecord
from tidegate.ports.outbox import Backlog, PendingAnnouncement

# A row that commits late under a low position is found by the next read, since rows leave one by one. Positions of one
# user rise with time: a decision that was answered before another was asked for has the lower one.
_PENDING: Final = """
SELECT pending.position, decision.decision_id::text, decision.announces
FROM (SELECT position, decision_id FROM outbox ORDER BY position LIMIT $1) AS pending
JOIN decisions AS decision USING (decision_id)
ORDER BY pending.position
"""
_PAYLOADS: Final = "SELECT decision_id::text, payload FROM decisions WHERE decision_id = ANY ($1::uuid[])"
_BACKLOG: Final = """
SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS waiting) AS decisions, (
    SELECT decision.evaluated_at FROM (SELECT decision_id FROM outbox ORDER BY position LIMIT 1) AS first
    JOIN decisions AS decision USING (decision_id)
) AS oldest
"""
_DONE: Final = "DELETE FROM outbox WHERE position = ANY ($1::bigint[])"
_RELAY: Final = 0x7265_6C61  # "rela": one relay a database


class PostgresOutbox:
    """``Outbox`` on PostgreSQL. The claim lives on a connection of its own until ``close`` or until it breaks.

    ``recent``: what this process wrote itself need not be read back.
    """

    def __init__(self, pool: PostgresPool, recent: RecentDecisions | None = None) -> None:
        self._pool = pool
        self._recent = RecentDecisions() if recent is None else recent
        self._claim = RelayClaim(pool, _RELAY)

    async def pending(self, limit: int) -> Sequence[PendingAnnouncement[DecisionRecord]]:
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_PENDING, limit)
            recent = {decision_id: self._recent.take(decision_id) for _, decision_id, _ in rows}
            forgotten = [decision_id for decision_id, record in recent.items() if record is None]
            payloads = await connection.fetch(_PAYLOADS, forgotten) if forgotten else []
        read: dict[str, bytes] = {row["decision_id"]: row["payload"] for row in payloads}
        found: list[PendingAnnouncement[DecisionRecord]] = []
        for position, decision_id, announces in rows:
            record = recent[decision_id]
            if record is None:
                record = decode_decision(read[decision_id], announces=announces)
            elif encode_announces(record.announces) != announces:
                record = replace(record, announces=decode_announces(announces))
            found.append(PendingAnnouncement(position, record, record.answer.evaluated_at_us))
        return found

    async def backlog(self, most: int) -> Backlog:
        async with self._pool.connection() as connection:
            row = await connection.fetchrow(_BACKLOG, most)
        assert row is not None, "a SELECT without FROM gives a row"
        return Backlog(row["decisions"], to_us(row["oldest"]))

    async def done(self, positions: Sequence[int]) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(_DONE, positions)

    async def claim(self) -> bool:
        return await self._claim.take()

    async def close(self) -> None:
        """Give the claim up, so that another process may relay."""
        await self._claim.close()
