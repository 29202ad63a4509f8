"""Claiming assessments: a unique index decides who makes one, one statement for many in the common case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import asyncpg

from tidegate.core.assessment.decision import Decision
from tidegate.outbound.postgres.assessment_rows import json_object, json_text, naive, versions_of
from tidegate.outbound.postgres.batches import Batches
from tidegate.outbound.postgres.instants import to_timestamp
from tidegate.outbound.postgres.pool import Connection, PostgresPool
from tidegate.ports.risk_assessments import (
    AssessmentClaim,
    Claimed,
    ClaimOutcome,
    ClaimTerms,
    Duplicate,
    IdempotencyKey,
    KeyTaken,
    RecordedAnswer,
    Running,
)
from tidegate.wire.topics import ASSESSMENT_FAILED_TOPIC

ABANDONED: Final = "abandoned: it was not ended within the time given"

BATCH_MAX: Final = 64
"""Claims made in one statement at most."""

_ANSWERED: Final = """made.id::text AS id, made.decision, made.total_score, made.answer, made.versions,
    made.processing_time_ms"""
_COLUMNS: Final = """id, trace_id, subject_id, source_system, request_hash, created_at, input_data_snapshot,
    rules_in_progress, versions"""
_INSERT: Final = f"INSERT INTO lt_risk_engine.risk_assessment ({_COLUMNS}, status, holds_claim)"
_UNLESS_CLAIMED: Final = "ON CONFLICT (subject_id, request_hash) WHERE holds_claim DO NOTHING RETURNING id"
# What stands is looked up by the snapshot of the statement; a claim that is committed meanwhile makes the insertion do
# nothing, and the longer way is taken. It is looked up one by one: a join planned while the table was empty would read
# all of it later. Rules come as the text of an array, for arrays of arrays are rectangular. Two
# batches insert in the same order, so that they never wait for each other crosswise.
_AT_ONCE: Final = f"""
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::varchar[], $4::varchar[], $5::varchar[], $6::timestamp[],
        $7::jsonb[], $8::text[], $9::jsonb[], $10::timestamp[], $11::timestamptz[]) WITH ORDINALITY
    AS asked ({_COLUMNS}, answers_since, asked_at, place)
), standing AS MATERIALIZED (
    SELECT asked.place, made.status, made.created_at > asked.answers_since AS answers, {_ANSWERED}
    FROM asked CROSS JOIN LATERAL (
        SELECT * FROM lt_risk_engine.risk_assessment AS one
        WHERE one.subject_id = asked.subject_id AND one.request_hash = asked.request_hash AND one.holds_claim LIMIT 1
    ) AS made
), valid AS MATERIALIZED (
    SELECT * FROM standing WHERE status = 'COMPLETED' AND answers
), repeated AS (
    INSERT INTO lt_risk_engine.assessment_repeat (trace_id, assessment_id, asked_at)
    SELECT asked.trace_id, valid.id::uuid, asked.asked_at FROM asked JOIN valid USING (place) ORDER BY place
), claimed AS (
    {_INSERT}
    SELECT id, trace_id, subject_id, source_system, request_hash, created_at, input_data_snapshot,
        rules_in_progress::uuid[], versions, 'IN_PROGRESS', true
    FROM asked WHERE NOT EXISTS (SELECT FROM standing WHERE standing.place = asked.place)
    ORDER BY subject_id, request_hash
    {_UNLESS_CLAIMED}
)
SELECT claimed.id IS NOT NULL AS claimed, valid.*
FROM asked LEFT JOIN claimed ON claimed.id = asked.id LEFT JOIN valid ON valid.place = asked.place
ORDER BY asked.place
"""  # noqa: S608 - made of constants
_ONE_BY_ONE: Final = f"""
{_INSERT} VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::uuid[], $9, 'IN_PROGRESS', true) {_UNLESS_CLAIMED}
"""
_STANDING: Final = f"""
SELECT {_ANSWERED}, status, created_at > $3 AS answers, created_at > $4 AS runs
FROM lt_risk_engine.risk_assessment AS made
WHERE subject_id = $1 AND request_hash = $2 AND holds_claim FOR UPDATE
"""  # noqa: S608 - made of constants
_UNDER_KEY: Final = f"""
SELECT {_ANSWERED}, status, true AS answers, created_at > $2 AS runs
FROM lt_risk_engine.risk_assessment AS made WHERE id = $1
"""  # noqa: S608 - made of constants
_REPEAT: Final = """
INSERT INTO lt_risk_engine.assessment_repeat (trace_id, assessment_id, asked_at) VALUES ($1, $2, $3)
"""
_RELEASE: Final = "UPDATE lt_risk_engine.risk_assessment SET holds_claim = false WHERE id = $1"
_ABANDON: Final = """
WITH abandoned AS (
    UPDATE lt_risk_engine.risk_assessment
    SET status = 'FAILED', holds_claim = false, rules_in_progress = NULL, fault = $2, ended_at = $3
    WHERE id = $1 AND status = 'IN_PROGRESS' RETURNING id
)
INSERT INTO lt_risk_engine.assessment_outbox (assessment_id, topic) SELECT id, $4 FROM abandoned
"""
# Locks the key's row until the transaction ends: two claims under one key stand in line.
_TAKE_KEY: Final = """
INSERT INTO lt_risk_engine.idempotency_key AS standing (key_digest, request_hash, used_at) VALUES ($1, $2, $3)
ON CONFLICT (key_digest) DO UPDATE SET
    request_hash = CASE WHEN standing.used_at > $4 THEN standing.request_hash ELSE excluded.request_hash END,
    assessment_id = CASE WHEN standing.used_at > $4 THEN standing.assessment_id END,
    used_at = CASE WHEN standing.used_at > $4 THEN standing.used_at ELSE excluded.used_at END
RETURNING request_hash, assessment_id
"""
_KEEP_KEY: Final = "UPDATE lt_risk_engine.idempotency_key SET assessment_id = $2 WHERE key_digest = $1"


@dataclass(frozen=True, slots=True)
class _Terms:
    """Since when what stands does stand."""

    answers_since_us: int
    runs_since_us: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """One claim of a batch."""

    claim: AssessmentClaim
    since: _Terms


class Claims:
    """Claims assessments for ``PostgresRiskAssessments``; those that come at once go into one statement."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._batches: Batches[_Asked, ClaimOutcome | None] = Batches(self._at_once, most=BATCH_MAX)

    async def claim(self, claim: AssessmentClaim, *, terms: ClaimTerms, key: IdempotencyKey | None) -> ClaimOutcome:
        """Do what the port says."""
        since = _Terms(claim.at_us - terms.duplicate_window_us, claim.at_us - terms.in_progress_timeout_us)
        if key is None:
            outcome = await self._batches.ask(_Asked(claim, since))
            if outcome is not None:
                return outcome
        async with self._pool.transaction() as connection:
            turn = _Turn(connection, claim, since=since)
            return await (turn.take() if key is None else turn.take_under(key))

    async def _at_once(self, asked: Sequence[_Asked]) -> Sequence[ClaimOutcome | None]:
        """Claim many; None where something stands that has to be looked at under a lock."""
        rows = [
            (*_columns(each.claim), naive(each.since.answers_since_us), to_timestamp(each.claim.at_us))
            for each in asked
        ]
        async with self._pool.connection() as connection:
            found = await connection.fetch(_AT_ONCE, *([*column] for column in zip(*rows, strict=True)))
        return [_outcome(row) for row in found]


def _outcome(row: asyncpg.Record) -> ClaimOutcome | None:
    if row["claimed"]:
        return Claimed()
    return None if row["id"] is None else Duplicate(_answered(row))


class _Turn:
    """One claim inside its transaction, where what stands is locked before it is judged."""

    def __init__(self, connection: Connection, claim: AssessmentClaim, *, since: _Terms) -> None:
        self._connection = connection
        self._claim = claim
        self._since = since

    async def take_under(self, key: IdempotencyKey) -> ClaimOutcome:
        """Claim under a key: what was answered under it stands before anything else."""
        digest = _digest(key)
        used_at, since = to_timestamp(self._claim.at_us), to_timestamp(self._since.answers_since_us)
        row = await self._connection.fetchrow(_TAKE_KEY, digest, self._claim.request_hash, used_at, since)
        assert row is not None, "an INSERT that updates on conflict gives a row"
        if row["request_hash"] != self._claim.request_hash:
            return KeyTaken()
        if row["assessment_id"] is not None:
            runs_since = naive(self._since.runs_since_us)
            standing = await self._connection.fetchrow(_UNDER_KEY, row["assessment_id"], runs_since)
            outcome = None if standing is None else await self._judged(standing)
            if outcome is not None:
                return outcome
        outcome = await self.take()
        await self._connection.execute(_KEEP_KEY, digest, _assessment_of(outcome, self._claim))
        return outcome

    async def take(self) -> ClaimOutcome:
        """Claim, or say what stands; what stands no longer makes room."""
        claim, since = self._claim, self._since
        while await self._connection.fetchrow(_ONE_BY_ONE, *_columns(claim)) is None:
            standing = await self._connection.fetchrow(
                _STANDING,
                claim.subject_id,
                claim.request_hash,
                naive(since.answers_since_us),
                naive(since.runs_since_us),
            )
            if standing is None:
                continue  # it made room between the two statements
            outcome = await self._judged(standing)
            if outcome is not None:
                return outcome
            if standing["status"] == "COMPLETED":
                await self._connection.execute(_RELEASE, standing["id"])
        return Claimed()

    async def _judged(self, standing: asyncpg.Record) -> ClaimOutcome | None:
        """Give what an assessment means to the claim; None when it does not stand (any more)."""
        if standing["status"] == "COMPLETED" and standing["answers"]:
            asked_at = to_timestamp(self._claim.at_us)
            await self._connection.execute(_REPEAT, self._claim.trace_id, standing["id"], asked_at)
            return Duplicate(_answered(standing))
        if standing["status"] == "IN_PROGRESS":
            if standing["runs"]:
                return Running(standing["id"])
            await abandon(self._connection, standing["id"], now_us=self._claim.at_us)
        return None


async def abandon(connection: Connection, assessment_id: str, *, now_us: int) -> None:
    """Write that an assessment IN_PROGRESS has been abandoned, with its event."""
    await connection.execute(_ABANDON, assessment_id, ABANDONED, to_timestamp(now_us), ASSESSMENT_FAILED_TOPIC)


def _columns(claim: AssessmentClaim) -> tuple[Any, ...]:
    return (
        claim.assessment_id,
        claim.trace_id,
        claim.subject_id,
        claim.source_system,
        claim.request_hash,
        naive(claim.at_us),
        json_text(claim.snapshot),
        "{" + ",".join(claim.rule_ids) + "}",
        json_text(claim.versions),
    )


def _answered(row: asyncpg.Record) -> RecordedAnswer:
    answer: Mapping[str, object] = json_object(row["answer"])
    versions = versions_of(row["versions"])
    took_ms: int = row["processing_time_ms"]
    return RecordedAnswer(row["id"], Decision(row["decision"]), row["total_score"], answer, versions, took_ms)


def _assessment_of(outcome: ClaimOutcome, claim: AssessmentClaim) -> str:
    if isinstance(outcome, Duplicate):
        return outcome.recorded.assessment_id
    return outcome.assessment_id if isinstance(outcome, Running) else claim.assessment_id


def _digest(key: IdempotencyKey) -> bytes:
    subject = key.token_subject.encode("utf-8", "surrogatepass")
    return sha256(len(subject).to_bytes(8, "big") + subject + key.key.encode("utf-8", "surrogatepass")).digest()
