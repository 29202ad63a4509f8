"""Writes assessments to PostgreSQL: each end is one statement, so all of it stands or nothing."""

from typing import Final

from tidegate.core.assessment.risk_assessment import AssessmentStatus, ExternalCall
from tidegate.outbound.postgres.assessment_claims import Claims
from tidegate.outbound.postgres.assessment_rows import call_columns, json_text
from tidegate.outbound.postgres.instants import to_timestamp
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.risk_assessments import (
    AssessmentClaim,
    Breakdown,
    ClaimLost,
    ClaimOutcome,
    ClaimTerms,
    Completion,
    IdempotencyKey,
)
from tidegate.wire.topics import ASSESSMENT_COMPLETED_TOPIC, ASSESSMENT_FAILED_TOPIC

_LOG_COLUMNS: Final = "id, provider_name, status, latency_ms, raw_response, called_at, fault, from_cache, cost_micros"
_ON_REPEAT: Final = """
ON CONFLICT (id) DO UPDATE SET status = excluded.status, latency_ms = excluded.latency_ms, fault = excluded.fault,
    raw_response = excluded.raw_response, from_cache = excluded.from_cache, cost_micros = excluded.cost_micros
"""
_LOG: Final = f"""
INSERT INTO lt_risk_engine.external_data_log ({_LOG_COLUMNS}, assessment_id)
SELECT call.*, ended.id FROM ended, unnest($2::uuid[], $3::varchar[], $4::varchar[], $5::int[], $6::jsonb[],
    $7::timestamptz[], $8::text[], $9::boolean[], $10::bigint[]) AS call ({_LOG_COLUMNS})
{_ON_REPEAT}
"""  # noqa: S608 - made of constants
_TELL: Final = "INSERT INTO lt_risk_engine.assessment_outbox (assessment_id, topic) SELECT id, $11 FROM ended"
_COMPLETE: Final = f"""
WITH ended AS (
    UPDATE lt_risk_engine.risk_assessment SET status = 'COMPLETED', rules_in_progress = NULL, ended_at = $12,
        total_score = $13, decision = $14, input_data_snapshot = $15, rule_execution_log = $16, answer = $17,
        processing_time_ms = $18
    WHERE id = $1 AND status = 'IN_PROGRESS' RETURNING id, created_at
), logged AS ({_LOG}), told AS ({_TELL}), used AS (
    INSERT INTO lt_risk_engine.rule_use (rule_id, minute)
    SELECT rule_id, date_trunc('minute', ended.created_at) FROM ended, unnest($19::uuid[]) AS rule_id
    ORDER BY rule_id ON CONFLICT DO NOTHING
)
SELECT id FROM ended
"""  # noqa: S608 - made of constants
_FAIL: Final = f"""
WITH ended AS (
    UPDATE lt_risk_engine.risk_assessment SET status = 'FAILED', holds_claim = false, rules_in_progress = NULL,
        ended_at = $12, fault = $13
    WHERE id = $1 AND status = 'IN_PROGRESS' RETURNING id
), logged AS ({_LOG}), told AS ({_TELL})
SELECT id FROM ended
"""  # noqa: S608 - made of constants
_STATUS: Final = "SELECT status FROM lt_risk_engine.risk_assessment WHERE id = $1"
_LOG_ONE: Final = f"""
INSERT INTO lt_risk_engine.external_data_log ({_LOG_COLUMNS}, assessment_id)
VALUES ($2, $3, $4, $5, $6, $7, $8, $9, $10, $1) {_ON_REPEAT}
"""  # noqa: S608 - made of constants


class PostgresRiskAssessments:
    """``RiskAssessmentRepository`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._claims = Claims(pool)

    async def claim(
        self, claim: AssessmentClaim, *, terms: ClaimTerms, key: IdempotencyKey | None = None
    ) -> ClaimOutcome:
        return await self._claims.claim(claim, terms=terms, key=key)

    async def complete(self, completion: Completion) -> None:
        rule_ids = {str(rule["rule_id"]) for rule in completion.rule_execution_log if rule["rule_id"]}
        await self._end(
            _COMPLETE,
            AssessmentStatus.COMPLETED,
            completion,
            ASSESSMENT_COMPLETED_TOPIC,
            to_timestamp(completion.ended_us),
            completion.total_score,
            completion.decision,
            json_text(completion.snapshot),
            json_text(completion.rule_execution_log),
            json_text(completion.answer),
            completion.processing_time_ms,
            sorted(rule_ids),
        )

    async def fail(self, breakdown: Breakdown) -> None:
        ended = (to_timestamp(breakdown.ended_us), breakdown.fault)
        await self._end(_FAIL, AssessmentStatus.FAILED, breakdown, ASSESSMENT_FAILED_TOPIC, *ended)

    async def log_billed_call(self, call: ExternalCall) -> None:
        columns = [column[0] for column in call_columns([call])]
        async with self._pool.connection() as connection:
            await connection.execute(_LOG_ONE, call.assessment_id, *columns)

    # tidy: allow-keyword-only - what follows the end are the parameters of its statement
    async def _end(
        self, statement: str, status: AssessmentStatus, end: Completion | Breakdown, *values: object
    ) -> None:
        """Write an end; one that was written already is passed over, for an answer may have been lost on the way."""
        async with self._pool.connection() as connection:
            written = await connection.fetchval(statement, end.assessment_id, *call_columns(end.calls), *values)
            if written is None and await connection.fetchval(_STATUS, end.assessment_id) != status:
                raise ClaimLost(f"assessment {end.assessment_id} is somebody else's, or has ended otherwise")
