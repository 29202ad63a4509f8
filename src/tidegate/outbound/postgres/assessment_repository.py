"""Writes assessments to PostgreSQL: an end is one statement with all that belongs to it, so it stands whole or not."""

from collections.abc import Sequence
from typing import Final

from tidegate.core.assessment.risk_assessment import AssessmentStatus, ExternalCall
from tidegate.outbound.postgres.assessment_claims import BATCH_MAX, Claims
from tidegate.outbound.postgres.assessment_rows import call_columns, json_text
from tidegate.outbound.postgres.batches import Batches
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
    Repeat,
)
from tidegate.wire.topics import ASSESSMENT_COMPLETED_TOPIC, ASSESSMENT_FAILED_TOPIC

_LOG_COLUMNS: Final = "id, provider_name, status, latency_ms, raw_response, called_at, fault, from_cache, cost_micros"
_ON_REPEAT: Final = """
ON CONFLICT (id) DO UPDATE SET status = excluded.status, latency_ms = excluded.latency_ms, fault = excluded.fault,
    raw_response = excluded.raw_response, from_cache = excluded.from_cache, cost_micros = excluded.cost_micros
"""
_LOG: Final = f"""
INSERT INTO lt_risk_engine.external_data_log ({_LOG_COLUMNS}, assessment_id)
SELECT call.* FROM ended JOIN unnest($1::uuid[], $2::varchar[], $3::varchar[], $4::int[], $5::jsonb[],
    $6::timestamptz[], $7::text[], $8::boolean[], $9::bigint[], $10::uuid[]) AS call ({_LOG_COLUMNS}, assessment_id)
    ON call.assessment_id = ended.id
{_ON_REPEAT}
"""  # noqa: S608 - made of constants
_TELL: Final = "INSERT INTO lt_risk_engine.assessment_outbox (assessment_id, topic) SELECT id, $11 FROM ended"
_COMPLETE: Final = f"""
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($12::uuid[], $13::timestamptz[], $14::int[], $15::varchar[], $16::jsonb[], $17::jsonb[],
        $18::jsonb[], $19::int[]) AS given (id, ended_at, total_score, decision, snapshot, log, answer, took_ms)
), ended AS (
    UPDATE lt_risk_engine.risk_assessment AS made SET status = 'COMPLETED', rules_in_progress = NULL,
        ended_at = given.ended_at, total_score = given.total_score, decision = given.decision,
        input_data_snapshot = given.snapshot, rule_execution_log = given.log, answer = given.answer,
        processing_time_ms = given.took_ms
    FROM given WHERE made.id = given.id AND made.status = 'IN_PROGRESS' RETURNING made.id, made.created_at
), logged AS ({_LOG}), told AS ({_TELL}), used AS (
    INSERT INTO lt_risk_engine.rule_use (rule_id, minute)
    SELECT DISTINCT used.rule_id, date_trunc('minute', ended.created_at)
    FROM ended JOIN unnest($20::uuid[], $21::uuid[]) AS used (assessment_id, rule_id) ON used.assessment_id = ended.id
    ORDER BY 1, 2 ON CONFLICT DO NOTHING
)
SELECT id::text FROM ended
"""  # noqa: S608 - made of constants
_FAIL: Final = f"""
WITH ended AS (
    UPDATE lt_risk_engine.risk_assessment SET status = 'FAILED', holds_claim = false, rules_in_progress = NULL,
        ended_at = $13, fault = $14
    WHERE id = $12 AND status = 'IN_PROGRESS' RETURNING id
), logged AS ({_LOG}), told AS ({_TELL})
SELECT id::text FROM ended
"""  # noqa: S608 - made of constants
_REPEATS: Final = """
INSERT INTO lt_risk_engine.assessment_repeat (trace_id, assessment_id, asked_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
"""
_STATUS: Final = "SELECT status FROM lt_risk_engine.risk_assessment WHERE id = $1"
_LOG_ONE: Final = f"""
INSERT INTO lt_risk_engine.external_data_log ({_LOG_COLUMNS}, assessment_id)
VALUES ($2, $3, $4, $5, $6, $7, $8, $9, $10, $1) {_ON_REPEAT}
"""  # noqa: S608 - made of constants


class PostgresRiskAssessments:
    """``RiskAssessmentRepository`` on PostgreSQL; what is completed at once goes into one statement."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._claims = Claims(pool)
        self._repeats: Batches[Repeat, None] = Batches(self._record_repeats, most=BATCH_MAX)
        self._completions: Batches[Completion, bool] = Batches(self._complete, most=BATCH_MAX)

    async def claim(
        self, claim: AssessmentClaim, *, terms: ClaimTerms, key: IdempotencyKey | None = None
    ) -> ClaimOutcome:
        return await self._claims.claim(claim, terms=terms, key=key)

    async def complete(self, completion: Completion) -> None:
        if not await self._completions.ask(completion):
            await self._require_ended(completion.assessment_id, AssessmentStatus.COMPLETED)

    async def _complete(self, completions: Sequence[Completion]) -> Sequence[bool]:
        """Complete many; tell which were in progress."""
        rows = [
            (
                each.assessment_id,
                to_timestamp(each.ended_us),
                each.total_score,
                each.decision,
                json_text(each.snapshot),
                json_text(each.rule_execution_log),
                json_text(each.answer),
                each.processing_time_ms,
            )
            for each in completions
        ]
        uses = [
            (each.assessment_id, str(rule["rule_id"]))
            for each in completions
            for rule in each.rule_execution_log
            if rule["rule_id"]
        ]
        columns = [[*column] for column in zip(*rows, strict=True)]
        users, rules = [user for user, _ in uses], [rule for _, rule in uses]
        calls = [call for each in completions for call in each.calls]
        async with self._pool.connection() as connection:
            written = await connection.fetch(
                _COMPLETE, *_logged(calls), ASSESSMENT_COMPLETED_TOPIC, *columns, users, rules
            )
        ended = {row["id"] for row in written}
        return [each.assessment_id in ended for each in completions]

    async def fail(self, breakdown: Breakdown) -> None:
        ended = (breakdown.assessment_id, to_timestamp(breakdown.ended_us), breakdown.fault)
        async with self._pool.connection() as connection:
            written = await connection.fetchval(_FAIL, *_logged(breakdown.calls), ASSESSMENT_FAILED_TOPIC, *ended)
        if written is None:
            await self._require_ended(breakdown.assessment_id, AssessmentStatus.FAILED)

    async def record_repeat(self, repeat: Repeat) -> None:
        await self._repeats.ask(repeat)

    async def _record_repeats(self, repeats: Sequence[Repeat]) -> Sequence[None]:
        columns = (
            [each.trace_id for each in repeats],
            [each.assessment_id for each in repeats],
            [to_timestamp(each.asked_us) for each in repeats],
        )
        async with self._pool.connection() as connection:
            await connection.execute(_REPEATS, *columns)
        return [None] * len(repeats)

    async def log_billed_call(self, call: ExternalCall) -> None:
        columns = [column[0] for column in call_columns([call])]
        async with self._pool.connection() as connection:
            await connection.execute(_LOG_ONE, call.assessment_id, *columns)

    async def _require_ended(self, assessment_id: str, status: AssessmentStatus) -> None:
        """Pass over an end that was written already, for an answer may have been lost on the way.

        Raises:
            ClaimLost: it did not end so.
        """
        async with self._pool.connection() as connection:
            if await connection.fetchval(_STATUS, assessment_id) != status:
                raise ClaimLost(f"assessment {assessment_id} is somebody else's, or has ended otherwise")


def _logged(calls: Sequence[ExternalCall]) -> list[list[object]]:
    return [*call_columns(calls), [call.assessment_id for call in calls]]
