"""Reads assessments from PostgreSQL, newest first, by keyset; counts what a subject was answered before."""

from collections.abc import Collection, Sequence
from typing import Final

import asyncpg

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.history import DecisionCounts, HistoryCounts, window_starts
from tidegate.core.assessment.outside import PastAssessment
from tidegate.core.assessment.risk_assessment import ExternalCall, RiskAssessment
from tidegate.outbound.postgres.assessment_rows import (
    COLUMNS,
    assessment_of,
    call_of,
    naive,
    naive_us,
)
from tidegate.outbound.postgres.instants import to_us
from tidegate.outbound.postgres.listings import Conditions, page_of, read_place, uuid_or_none
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.paging import Page, PageRequest, write_cursor
from tidegate.ports.risk_assessments import AssessmentFilter, Repeat

_LISTING: Final = "assessments"
_SELECT: Final = f"SELECT {COLUMNS} FROM lt_risk_engine.risk_assessment"  # noqa: S608 - made of constants
_NEWEST_FIRST: Final = " ORDER BY created_at DESC, id DESC LIMIT "
_GET: Final = f"{_SELECT} WHERE id = $1"
_OF_TRACE: Final = """id IN (
    SELECT id FROM lt_risk_engine.risk_assessment WHERE trace_id = {}
    UNION SELECT assessment_id FROM lt_risk_engine.assessment_repeat WHERE trace_id = {}
)"""
_CALLS: Final = """
SELECT id, assessment_id, provider_name, status, latency_ms, raw_response, called_at, fault, from_cache, cost_micros
FROM lt_risk_engine.external_data_log WHERE assessment_id = $1 ORDER BY called_at, provider_name, id
"""
_REPEATS: Final = """
SELECT trace_id::text, asked_at FROM lt_risk_engine.assessment_repeat WHERE assessment_id = $1
ORDER BY position DESC LIMIT $2
"""
_COUNTS: Final = """
SELECT window_name, counted.* FROM unnest($2::text[], $3::timestamp[]) AS span (window_name, after_at)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE decision = 'APPROVED') AS approved,
        count(*) FILTER (WHERE decision = 'MANUAL_REVIEW') AS manual_review,
        count(*) FILTER (WHERE decision = 'REJECTED') AS rejected
    FROM lt_risk_engine.risk_assessment
    WHERE subject_id = $1 AND status = 'COMPLETED' AND created_at > span.after_at AND created_at <= $4
) AS counted
"""
_LAST: Final = """
SELECT created_at, decision, total_score FROM lt_risk_engine.risk_assessment
WHERE subject_id = $1 AND status = 'COMPLETED' AND created_at <= $2 ORDER BY created_at DESC, id DESC LIMIT 1
"""
# The notes say in which minutes the rule was evaluated; only the assessments of those are read, the latest first.
_IN_USE: Final = """
SELECT EXISTS (
    SELECT FROM lt_risk_engine.risk_assessment WHERE status = 'IN_PROGRESS' AND $1 = ANY (rules_in_progress)
) OR EXISTS (
    SELECT FROM (
        SELECT minute FROM lt_risk_engine.rule_use
        WHERE rule_id = $1 AND minute >= date_trunc('minute', $2::timestamp) ORDER BY minute DESC
    ) AS note
    CROSS JOIN LATERAL (
        SELECT FROM lt_risk_engine.risk_assessment AS made
        WHERE made.created_at >= note.minute AND made.created_at < note.minute + interval '1 minute'
            AND made.created_at > $2 AND made.status = 'COMPLETED'
            AND made.rule_execution_log @> jsonb_build_array(jsonb_build_object('rule_id', $1::text))
        LIMIT 1
    ) AS evaluated
)
"""


class PostgresAssessmentArchive:
    """``AssessmentArchive`` and ``SubjectHistory`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def page(self, request: PageRequest, wanted: AssessmentFilter) -> Page[RiskAssessment]:
        conditions = _conditions(wanted)
        if request.cursor is not None:
            after_us, assessment_id = read_place(_LISTING, request.cursor)
            conditions.add("(created_at, id) < ({}, {})", naive(after_us), assessment_id)
        if conditions.impossible:
            return Page((), None)
        query = f"{_SELECT}{conditions.where()}{_NEWEST_FIRST}{request.limit + 1:d}"
        async with self._pool.connection() as connection:
            rows = await connection.fetch(query, *conditions.values)
        return page_of(rows, request.limit, item_of=assessment_of, cursor_of=_cursor)

    async def get(self, assessment_id: str) -> RiskAssessment | None:
        wanted = uuid_or_none(assessment_id)
        if wanted is None:
            return None
        async with self._pool.connection() as connection:
            row = await connection.fetchrow(_GET, wanted)
        return None if row is None else assessment_of(row)

    async def calls(self, assessment_id: str) -> Sequence[ExternalCall]:
        wanted = uuid_or_none(assessment_id)
        async with self._pool.connection() as connection:
            return [call_of(row) for row in await connection.fetch(_CALLS, wanted)]

    async def repeats(self, assessment_id: str, *, limit: int) -> Sequence[Repeat]:
        wanted = uuid_or_none(assessment_id)
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_REPEATS, wanted, limit)
        return [Repeat(row["trace_id"], assessment_id, to_us(row["asked_at"])) for row in reversed(rows)]

    async def counts(self, subject_id: str, *, windows: Collection[str], now_us: int) -> HistoryCounts:
        starts = {window: naive(after_us) for window, after_us in window_starts(windows, now_us).items()}
        now = naive(now_us)
        async with self._pool.connection() as connection:
            last = await connection.fetchrow(_LAST, subject_id, now)
            rows = await connection.fetch(_COUNTS, subject_id, list(starts), list(starts.values()), now)
        counted = {
            row["window_name"]: DecisionCounts(row["approved"], row["manual_review"], row["rejected"]) for row in rows
        }
        if last is None:
            return HistoryCounts(counted)
        at_us, decision = naive_us(last["created_at"]), Decision(last["decision"])
        return HistoryCounts(counted, PastAssessment(subject_id, at_us, decision, last["total_score"]))


class PostgresRuleReferences:
    """``RuleReferences`` on PostgreSQL, for one duplicate window in microseconds."""

    def __init__(self, pool: PostgresPool, *, duplicate_window_us: int) -> None:
        self._pool = pool
        self._duplicate_window_us = duplicate_window_us

    async def in_use(self, rule_id: str, now_us: int) -> bool:
        wanted = uuid_or_none(rule_id)
        if wanted is None:
            return False
        async with self._pool.connection() as connection:
            return bool(await connection.fetchval(_IN_USE, wanted, naive(now_us - self._duplicate_window_us)))


def _conditions(wanted: AssessmentFilter) -> Conditions:
    conditions = Conditions()
    if wanted.trace_id is not None:
        trace = uuid_or_none(wanted.trace_id)
        conditions.impossible = trace is None
        conditions.add(_OF_TRACE, trace, trace)
    if wanted.subject_id is not None:
        conditions.add("subject_id = {}", wanted.subject_id)
    if wanted.decision is not None:
        conditions.add("decision = {}", wanted.decision)
    if wanted.status is not None:
        conditions.add("status = {}", wanted.status)
    if wanted.from_us is not None:
        conditions.add("created_at >= {}", naive(wanted.from_us))
    if wanted.to_us is not None:
        conditions.add("created_at < {}", naive(wanted.to_us))
    return conditions


def _cursor(last: asyncpg.Record) -> str:
    return write_cursor(_LISTING, after=naive_us(last["created_at"]), tie=str(last["id"]))
