"""What ages in the desk's tables: each batch is one statement, and no two processes wait for each other."""

from typing import Final

from tidegate.outbound.postgres.assessment_claims import ABANDONED
from tidegate.outbound.postgres.assessment_rows import naive
from tidegate.outbound.postgres.instants import to_timestamp
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.wire.topics import ASSESSMENT_FAILED_TOPIC

_ABANDONED: Final = """
WITH old AS MATERIALIZED (
    SELECT id FROM lt_risk_engine.risk_assessment WHERE status = 'IN_PROGRESS' AND created_at <= $1
    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
), abandoned AS (
    UPDATE lt_risk_engine.risk_assessment AS made
    SET status = 'FAILED', holds_claim = false, rules_in_progress = NULL, fault = $3, ended_at = $4
    FROM old WHERE made.id = old.id RETURNING made.id
), told AS (
    INSERT INTO lt_risk_engine.assessment_outbox (assessment_id, topic) SELECT id, $5 FROM abandoned
)
SELECT count(*) FROM abandoned
"""
_KEYS: Final = """
WITH old AS MATERIALIZED (
    SELECT key_digest FROM lt_risk_engine.idempotency_key WHERE used_at <= $1
    ORDER BY used_at LIMIT $2 FOR UPDATE SKIP LOCKED
), deleted AS (
    DELETE FROM lt_risk_engine.idempotency_key AS forgotten USING old
    WHERE forgotten.key_digest = old.key_digest RETURNING 1
)
SELECT count(*) FROM deleted
"""
_RULE_USES: Final = """
WITH old AS MATERIALIZED (
    SELECT rule_id, minute FROM lt_risk_engine.rule_use WHERE minute < date_trunc('minute', $1::timestamp)
    ORDER BY minute LIMIT $2 FOR UPDATE SKIP LOCKED
), deleted AS (
    DELETE FROM lt_risk_engine.rule_use AS forgotten USING old
    WHERE forgotten.rule_id = old.rule_id AND forgotten.minute = old.minute RETURNING 1
)
SELECT count(*) FROM deleted
"""


class PostgresAssessmentUpkeep:
    """``AssessmentUpkeep`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def fail_abandoned(self, *, before_us: int, now_us: int, limit: int) -> int:
        values = (naive(before_us), limit, ABANDONED, to_timestamp(now_us), ASSESSMENT_FAILED_TOPIC)
        return await self._count(_ABANDONED, *values)

    async def forget_keys(self, *, before_us: int, limit: int) -> int:
        return await self._count(_KEYS, to_timestamp(before_us), limit)

    async def forget_rule_uses(self, *, before_us: int, limit: int) -> int:
        return await self._count(_RULE_USES, naive(before_us), limit)

    async def _count(self, statement: str, *values: object) -> int:
        async with self._pool.connection() as connection:
            return int(await connection.fetchval(statement, *values))
