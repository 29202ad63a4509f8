"""The tables of assessments by themselves: the source's columns, and what the database refuses whoever writes."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.ports.assessment_stores import NOW_US, TERMS, S, a_claim, a_completion, an_id, postgres_assessments
from tests.postgres import fresh_pool, postgres_server
from tests.system.processes import RecordFigure

from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.risk_assessments import Duplicate

__all__ = ["postgres_server"]
pytestmark = pytest.mark.servers

SOURCE_COLUMNS = {
    "risk_assessment": [
        ("id", "uuid"),
        ("created_at", "timestamp without time zone"),
        ("trace_id", "uuid"),
        ("subject_id", "character varying"),
        ("source_system", "character varying"),
        ("request_hash", "character varying"),
        ("status", "character varying"),
        ("total_score", "integer"),
        ("decision", "character varying"),
        ("input_data_snapshot", "jsonb"),
        ("rule_execution_log", "jsonb"),
    ],
    "external_data_log": [
        ("id", "uuid"),
        ("assessment_id", "uuid"),
        ("provider_name", "character varying"),
        ("status", "character varying"),
        ("latency_ms", "integer"),
        ("raw_response", "jsonb"),
    ],
}
INSERT = """
INSERT INTO lt_risk_engine.risk_assessment (id, created_at, trace_id, subject_id, source_system, request_hash, status,
    input_data_snapshot, holds_claim, versions)
SELECT gen_random_uuid(), 'now', gen_random_uuid(), 's', 'kyc', 'aa', $1, '{}', $2, '{}'
"""


@pytest.fixture
async def pool(postgres_server: EmbeddedPostgres) -> AsyncIterator[PostgresPool]:
    """An empty database."""
    async with fresh_pool(postgres_server) as opened:
        yield opened


async def run(pool: PostgresPool, statement: str, *values: object) -> list[asyncpg.Record]:
    """Run one statement as anyone with SQL would."""
    connection = await pool.own_connection()
    try:
        return await connection.fetch(statement, *values)
    finally:
        await connection.close()


@pytest.mark.parametrize("table", list(SOURCE_COLUMNS))
async def test_table_has_the_sources_columns(table: str, pool: PostgresPool) -> None:
    """AS-370: names and types of the source, in its order, before what was added."""
    rows = await run(
        pool,
        """SELECT column_name::text, data_type::text FROM information_schema.columns
        WHERE table_schema = 'lt_risk_engine' AND table_name = $1 ORDER BY ordinal_position""",
        table,
    )
    expected = SOURCE_COLUMNS[table]
    assert [tuple(row) for row in rows][: len(expected)] == expected


@pytest.mark.parametrize(
    ("status", "holds_claim"),
    [("DONE", True), ("IN_PROGRESS", False), ("FAILED", True), ("COMPLETED", True), ("COMPLETED", False)],
)
async def test_row_that_contradicts_itself_is_refused(status: str, holds_claim: bool, pool: PostgresPool) -> None:
    """AS-370: an unknown status, a claim that does not fit it, a COMPLETED one without its answer."""
    with pytest.raises(asyncpg.CheckViolationError):
        await run(pool, INSERT, status, holds_claim)


async def test_second_claim_of_a_request_is_refused(pool: PostgresPool) -> None:
    """AS-370, AS-405: the index, and no reading before, keeps one request from being evaluated twice at once."""
    await run(pool, INSERT, "IN_PROGRESS", True)
    with pytest.raises(asyncpg.UniqueViolationError):
        await run(pool, INSERT, "IN_PROGRESS", True)
    await run(pool, INSERT, "FAILED", False)


@pytest.mark.parametrize(
    "change",
    [
        "decision = 'REJECTED'",
        "total_score = 1",
        "status = 'IN_PROGRESS'",
        "input_data_snapshot = '{}'",
        "rule_execution_log = '[]'",
        "subject_id = 'other', holds_claim = false",
        "holds_claim = true",
    ],
)
async def test_assessment_that_has_ended_is_never_changed(change: str, pool: PostgresPool) -> None:
    """AS-370: what was answered stays as it was answered; only its claim can be released."""
    kept = postgres_assessments(pool)
    await kept.made(a_claim(1))
    with pytest.raises(asyncpg.RestrictViolationError):
        await run(pool, f"UPDATE lt_risk_engine.risk_assessment SET {change}")
    await run(pool, "UPDATE lt_risk_engine.risk_assessment SET holds_claim = false")
    row = await kept.archive.get(an_id(1))
    assert row is not None
    assert row.answer == a_completion(a_claim(1)).answer


async def test_call_of_no_assessment_is_refused(pool: PostgresPool) -> None:
    """AS-370, AS-311: a row of the log belongs to an assessment."""
    statement = """INSERT INTO lt_risk_engine.external_data_log (id, assessment_id, provider_name, status, latency_ms,
        called_at, fault, from_cache, cost_micros)
        SELECT gen_random_uuid(), gen_random_uuid(), 'crif', 'SUCCESS', 1, 'now', '', false, 0"""
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await run(pool, statement)


PLANS = {
    "claim": """SELECT FROM lt_risk_engine.risk_assessment
        WHERE subject_id = 's' AND request_hash = 'h' AND holds_claim""",
    "of a subject": """SELECT FROM lt_risk_engine.risk_assessment WHERE subject_id = 's'
        ORDER BY created_at DESC, id DESC LIMIT 50""",
    "of a decision": """SELECT FROM lt_risk_engine.risk_assessment WHERE decision = 'REJECTED'
        ORDER BY created_at DESC, id DESC LIMIT 50""",
    "newest": "SELECT FROM lt_risk_engine.risk_assessment ORDER BY created_at DESC, id DESC LIMIT 50",
    "history": """SELECT count(*) FROM lt_risk_engine.risk_assessment WHERE subject_id = 's'
        AND status = 'COMPLETED' AND created_at > 'epoch'""",
    "in progress": """SELECT FROM lt_risk_engine.risk_assessment WHERE status = 'IN_PROGRESS'
        AND created_at <= 'epoch' ORDER BY created_at LIMIT 10""",
}


@pytest.mark.parametrize("question", list(PLANS))
async def test_question_is_answered_over_an_index(question: str, pool: PostgresPool) -> None:
    """AS-371: what is asked at each request or by auditors reads an index from its place on, and sorts nothing."""
    connection = await pool.own_connection()
    try:
        rows = await connection.fetch(f"EXPLAIN {PLANS[question]}")
    finally:
        await connection.close()
    plan = "\n".join(row[0] for row in rows)
    assert "Index" in plan
    assert "Sort" not in plan
    assert "Seq Scan" not in plan


async def test_costs_stay_flat_while_the_table_grows(
    pool: PostgresPool, full_sizes: bool, record_property: RecordFigure
) -> None:
    """AS-371: claims, repeats, counts and pages cost the same blocks with a few rows as with very many."""
    rows = 1_000_000 if full_sizes else 20_000
    kept = postgres_assessments(pool)
    await kept.made(a_claim(1, subject="probe"))
    small = await blocks(pool)
    await run(pool, FILL, rows)
    await run(pool, "VACUUM ANALYZE lt_risk_engine.risk_assessment")
    large = await blocks(pool)
    record_property("figure", f"blocks read with 1 and with {rows} assessments: {small} and {large}")
    assert all(large[name] <= small[name] + 12 for name in small), (small, large)
    late = a_claim(2, subject="probe", at_us=NOW_US + TERMS.duplicate_window_us - S)
    assert isinstance(await kept.claimed(late), Duplicate)


FILL = """
INSERT INTO lt_risk_engine.risk_assessment (id, created_at, trace_id, subject_id, source_system, request_hash, status,
    total_score, decision, input_data_snapshot, rule_execution_log, holds_claim, versions, answer, ended_at)
SELECT gen_random_uuid(), timestamp '2025-01-01' + n * interval '1 second', gen_random_uuid(), 's-' || n % 5000, 'kyc',
    md5(n::text), 'COMPLETED', n % 1000, (ARRAY['APPROVED', 'MANUAL_REVIEW', 'REJECTED'])[1 + n % 3], '{}', '[]', true,
    '{}', '{}', 'now'
FROM generate_series(1, $1::int) AS n
"""
QUESTIONS = {
    name: text.replace("'s'", "'probe'").replace("'h'", "'aa'") for name, text in PLANS.items() if name != "newest"
}


async def blocks(pool: PostgresPool) -> dict[str, int]:
    """Give how many blocks each question touches."""
    connection = await pool.own_connection()
    found: dict[str, int] = {}
    try:
        for name, question in QUESTIONS.items():
            await connection.fetch(question)
            rows = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT TEXT) {question}")
            told = next((row[0] for row in rows if "Buffers:" in row[0]), "shared hit=0")
            found[name] = sum(int(part.split("=")[1]) for part in told.replace(",", " ").split() if "=" in part)
    finally:
        await connection.close()
    return found
