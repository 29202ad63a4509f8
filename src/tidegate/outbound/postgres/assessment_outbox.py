"""The desk's outbox in PostgreSQL: a row for each assessment that has ended and was not announced yet."""

from collections.abc import Sequence
from typing import Final

from tidegate.outbound.postgres.assessment_rows import COLUMNS, assessment_of, naive_us
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.outbound.postgres.relay_claim import RelayClaim
from tidegate.ports.outbox import Backlog, PendingAnnouncement
from tidegate.ports.risk_assessments import EndedAssessment

# What an event tells; the request, the answers of providers and the log stay where they are.
_LEFT_OUT: Final = {
    "input_data_snapshot": """jsonb_build_object(
        'engine', made.input_data_snapshot -> 'engine', 'traceparent', made.input_data_snapshot -> 'traceparent'
    ) AS input_data_snapshot""",
    "rule_execution_log": "NULL AS rule_execution_log",
}
_COLUMNS: Final = ", ".join(
    _LEFT_OUT.get(column, f"made.{column}") for column in (each.strip() for each in COLUMNS.split(","))
)
_PENDING: Final = f"""
SELECT pending.position, pending.topic, {_COLUMNS}
FROM (
    SELECT position, assessment_id, topic FROM lt_risk_engine.assessment_outbox ORDER BY position LIMIT $1
) AS pending
JOIN lt_risk_engine.risk_assessment AS made ON made.id = pending.assessment_id
ORDER BY pending.position
"""  # noqa: S608 - made of constants
_BACKLOG: Final = """
SELECT (SELECT count(*) FROM (SELECT FROM lt_risk_engine.assessment_outbox LIMIT $1) AS waiting) AS decisions, (
    SELECT made.created_at
    FROM (SELECT assessment_id FROM lt_risk_engine.assessment_outbox ORDER BY position LIMIT 1) AS first
    JOIN lt_risk_engine.risk_assessment AS made ON made.id = first.assessment_id
) AS oldest
"""
_DONE: Final = "DELETE FROM lt_risk_engine.assessment_outbox WHERE position = ANY ($1::bigint[])"
_RELAY: Final = 0x6465_736B  # "desk": one relay of the desk a database


class PostgresAssessmentOutbox:
    """``Outbox`` of ended assessments on PostgreSQL. The claim lasts until ``close`` or until its connection breaks."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._claim = RelayClaim(pool, _RELAY)

    async def pending(self, limit: int) -> Sequence[PendingAnnouncement[EndedAssessment]]:
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_PENDING, limit)
        return [
            PendingAnnouncement(
                row["position"], EndedAssessment(assessment_of(row), row["topic"]), naive_us(row["created_at"])
            )
            for row in rows
        ]

    async def backlog(self, most: int) -> Backlog:
        async with self._pool.connection() as connection:
            row = await connection.fetchrow(_BACKLOG, most)
        assert row is not None, "a SELECT without FROM gives a row"
        return Backlog(row["decisions"], None if (oldest := row["oldest"]) is None else naive_us(oldest))

    async def done(self, positions: Sequence[int]) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(_DONE, positions)

    async def claim(self) -> bool:
        return await self._claim.take()

    async def close(self) -> None:
        """Give the claim up, so that another process may relay."""
        await self._claim.close()
