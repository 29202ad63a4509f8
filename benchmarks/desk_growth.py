"""What does an assessment cost when many rules are in scope, and when many assessments are stored?"""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter, process_time_ns
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import msgspec
import psutil

from benchmarks.desk_end_to_end import RANGES, a_rule, access_token, loaded, rest_url
from benchmarks.desk_load import DeskLoad
from benchmarks.measuring import Table, verdict
from benchmarks.processes import cpu_of_us, serve_command, server_core, serving
from tidegate.bootstrap.system import SystemClock
from tidegate.core.assessment.decision import Decision
from tidegate.outbound.postgres.assessment_archive import PostgresAssessmentArchive
from tidegate.outbound.postgres.assessment_repository import PostgresRiskAssessments
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.outbound.postgres.migrate import migrate
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.paging import PageRequest
from tidegate.ports.risk_assessments import AssessmentClaim, AssessmentFilter, Claimed, ClaimTerms, Completion

FLAT_RATIO: Final = 1.5
"""Most that an assessment may cost among a million stored ones, times what it costs among ten thousand."""

EACH_SUBJECT: Final = 20
"""Stored assessments of each subject, one a day."""

ROUNDS: Final = 5
"""In which the tables are asked in turns."""

AT_ONCE: Final = 32

_DAY_US: Final = 86_400_000_000
_WINDOWS: Final = ("PT24H", "P30D")
_TERMS: Final = ClaimTerms(duplicate_window_us=_DAY_US, in_progress_timeout_us=5_000_000)
_RULE_ID: Final = "11111111-0000-4000-8000-000000000001"
_FILL: Final = """
INSERT INTO lt_risk_engine.risk_assessment (id, created_at, trace_id, subject_id, source_system, request_hash, status,
    total_score, decision, input_data_snapshot, rule_execution_log, holds_claim, versions, answer, ended_at)
SELECT lpad(n::text, 32, '0')::uuid, made, md5(n::text)::uuid, 's-' || n / $2::int, 'kyc', md5(n::text), 'COMPLETED',
    n % 1000, (ARRAY['APPROVED', 'MANUAL_REVIEW', 'REJECTED'])[1 + n % 3], '{}', '[]', true, '{}', '{}', made
FROM generate_series(1, $1::int) AS n,
    LATERAL (SELECT timezone('UTC', now()) - (1 + n % $2::int) * interval '1 day' AS made) AS at
"""


@dataclass(frozen=True, slots=True)
class Growth:
    """How much to measure: sizes, ``seconds`` of load for each number of rules, ``operations`` for each table.

    ``growing``: assessments that come at once into an empty table, of which the first and the last tenth are timed.
    """

    rules: Sequence[int] = (10, 100, 1_000)
    stored: Sequence[int] = (10_000, 1_000_000)
    seconds: float = 3.0
    warm_s: float = 1.0
    operations: int = 2_000
    growing: int = 10_000


@dataclass(frozen=True, slots=True)
class Figure:
    """CPU microseconds of one assessment, here and in PostgreSQL, and the median milliseconds that it takes."""

    size: str
    own_us: float
    postgres_us: float
    took_ms: float

    @property
    def cpu_us(self) -> float:
        """CPU microseconds on both sides."""
        return self.own_us + self.postgres_us


def measure(growth: Growth) -> Table:
    """Load a desk for each number of rules, then ask the store with few and with many rows."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        (Path(folder) / "rows").mkdir()
        ruled = [_with_rules(count, Path(folder) / f"rules-{count}", growth=growth) for count in growth.rules]
        stored, grown = asyncio.run(_with_rows(Path(folder) / "rows", growth))
    return Table(
        title="The desk as it grows",
        question="What does an assessment cost with many rules in scope, and among many that are stored?",
        method=(
            "Rules: `tidegate serve` with a seed, pinned to one core, 32 connections, each request of a new subject;"
            " two leaves a rule, none fires, every result is stored with the assessment. Stored: claim, history over"
            f" {' and '.join(_WINDOWS)}, completion and lookup by trace through the product's own stores, one after the"
            f" other, the tables in turns, for subjects that have {EACH_SUBJECT} assessments each; what is stored was"
            " put there by one statement, without snapshots. Empty table: claims and completions,"
            f" {AT_ONCE} at once, over connections that saw it empty. CPU time of this side, and of all PostgreSQL"
            " processes."
        ),
        columns=("with", "CPU us", "PostgreSQL CPU us", "p50 ms"),
        rows=tuple(
            (each.size, f"{each.own_us:.0f}", f"{each.postgres_us:.0f}", f"{each.took_ms:.2f}")
            for each in (*ruled, *stored, *grown)
        ),
        findings=(*_rule_findings(growth.rules, ruled), _stored_finding(growth.stored, stored), _grown_finding(grown)),
    )


def _rule_findings(rules: Sequence[int], figures: Sequence[Figure]) -> tuple[str, ...]:
    first, last = figures[0], figures[-1]
    ratio, linear = last.own_us / first.own_us, rules[-1] / rules[0]
    each_us = (last.own_us - first.own_us) / (rules[-1] - rules[0])
    steps = ", ".join(
        f"x {other.own_us / one.own_us:.2f} from {one.size} to {other.size}" for one, other in pairwise(figures)
    )
    return (
        f"server CPU: {steps}; a rule in scope takes {each_us:.1f} us",
        (
            f"{rules[-1]} rules in scope take x {ratio:.2f} of what {rules[0]} take; goal under x {linear:g}, as many"
            f" times more: {verdict(met=ratio < linear)}"
        ),
    )


def _stored_finding(stored: Sequence[int], figures: Sequence[Figure]) -> str:
    ratio = figures[-1].cpu_us / figures[0].cpu_us
    waiting = figures[-1].took_ms / figures[0].took_ms
    return (
        f"{stored[-1]} assessments stored: x {ratio:.2f} of the CPU with {stored[0]} (x {waiting:.2f} of the time);"
        f" goal at most x {FLAT_RATIO:g}: {verdict(met=ratio <= FLAT_RATIO)}"
    )


def _grown_finding(figures: Sequence[Figure]) -> str:
    if not figures[0].postgres_us:
        # The kernel tells of CPU time in ticks of 10 ms; a quick run can stay below one.
        return f"{figures[0].size}: takes less CPU of PostgreSQL than one tick of the clock, so there is no ratio"
    ratio = figures[-1].postgres_us / figures[0].postgres_us
    return (
        f"{figures[-1].size}: x {ratio:.2f} of the CPU of PostgreSQL for {figures[0].size}; goal at most"
        f" x {FLAT_RATIO:g}: {verdict(met=ratio <= FLAT_RATIO)}"
    )


def _with_rules(count: int, folder: Path, *, growth: Growth) -> Figure:
    folder.mkdir()
    seed = folder / "seed.json"
    rules = [a_rule(number) for number in range(count)]
    thresholds = [{**row, "scope": {}} for row in RANGES]
    seed.write_text(json.dumps({"assessment_rules": rules, "thresholds": thresholds}), encoding="utf-8")
    with serving([*serve_command(folder / "desk"), "--seed", str(seed)]) as desk:
        desk.pin(server_core())
        load = DeskLoad(rest_url(desk), access_token(folder / "desk"), growth.seconds)
        loaded(desk, msgspec.structs.replace(load, seconds=growth.warm_s))
        seen = loaded(desk, load)
    return Figure(f"{count} rules in scope", seen.server_us, seen.postgres_us, seen.seen.latency_ms["p50"])


async def _with_rows(folder: Path, growth: Growth) -> tuple[list[Figure], list[Figure]]:
    server = EmbeddedPostgres(folder / "postgres")
    await server.start()
    try:
        async with AsyncExitStack() as stack:
            asking = [await _filled(server, rows, stack=stack) for rows in growth.stored]
            for each in asking:
                await each.figure(growth.operations // 5)
            share = growth.operations // ROUNDS
            rounds = [[await each.figure(share) for each in asking] for _ in range(ROUNDS)]
            fresh = await _filled(server, 0, stack=stack)
            tenths = [await fresh.at_once(growth.growing // 10) for _ in range(10)]
    finally:
        await server.stop()
    grown = [
        replace(tenths[0], size=f"the first {growth.growing // 10} in an empty table"),
        replace(tenths[-1], size=f"the last {growth.growing // 10} of {growth.growing}"),
    ]
    return [_middle([one[at] for one in rounds]) for at in range(len(asking))], grown


async def _filled(server: EmbeddedPostgres, rows: int, *, stack: AsyncExitStack) -> "_Asking":
    """Make a database with that many assessments."""
    name = f"stored_{rows}"
    await _run(server.dsn, f"CREATE DATABASE {name}")
    dsn = server.dsn_of(name)
    await migrate(dsn)
    if rows:
        await _run(dsn, _FILL, rows, EACH_SUBJECT)
        await _run(dsn, "VACUUM ANALYZE lt_risk_engine.risk_assessment")
    await _run(dsn, "CHECKPOINT")
    pool = await PostgresPool.open(dsn)
    stack.push_async_callback(pool.close)
    return _Asking(pool, dsn, rows=rows)


def _middle(figures: Sequence[Figure]) -> Figure:
    return Figure(
        figures[0].size,
        median(each.own_us for each in figures),
        median(each.postgres_us for each in figures),
        median(each.took_ms for each in figures),
    )


async def _run(dsn: str, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement, *values, timeout=300)
    finally:
        await connection.close()


class _Asking:
    """Takes assessments through the stores, one after the other."""

    def __init__(self, pool: PostgresPool, dsn: str, *, rows: int) -> None:
        self._repository = PostgresRiskAssessments(pool)
        self._archive = PostgresAssessmentArchive(pool)
        self._clock = SystemClock()
        self._dsn = dsn
        self._rows = rows
        self._subjects = max(1, rows // EACH_SUBJECT)
        self._number = 0

    async def figure(self, operations: int) -> Figure:
        """Time that many."""
        postgres = await self._postgres()
        postgres_us, own_ns = _all_us(postgres), process_time_ns()
        took = [await _timed_ms(self._one) for _ in range(operations)]
        own_us = (process_time_ns() - own_ns) / 1_000 / operations
        postgres_us = (_all_us(postgres) - postgres_us) / operations
        return Figure(f"{self._rows} assessments stored", own_us, postgres_us, median(took))

    async def at_once(self, operations: int) -> Figure:
        """Time that many claims and completions, ``AT_ONCE`` at a time, each of a new subject."""
        took: list[float] = []

        async def one() -> None:
            self._number += 1
            claim = self._claim(f"new-{self._number}")
            await self._repository.claim(claim, terms=_TERMS)
            await self._repository.complete(_completion(claim))

        async def some(count: int) -> None:
            for _ in range(count):
                took.append(await _timed_ms(one))

        await asyncio.gather(*(some(1) for _ in range(AT_ONCE)))
        took.clear()
        postgres = await self._postgres()
        postgres_us, own_ns = _all_us(postgres), process_time_ns()
        await asyncio.gather(*(some(-(-operations // AT_ONCE)) for _ in range(AT_ONCE)))
        own_us = (process_time_ns() - own_ns) / 1_000 / len(took)
        postgres_us = (_all_us(postgres) - postgres_us) / len(took)
        return Figure("", own_us, postgres_us, median(took))

    async def _one(self) -> None:
        """Do what one evaluation asks of the stores, and what looking it up does."""
        self._number += 1
        # a step that is no divisor of their number: subjects from everywhere in the table
        subject = f"s-{self._number * 7_919 % self._subjects}"
        claim = self._claim(subject)
        if not isinstance(await self._repository.claim(claim, terms=_TERMS), Claimed):
            raise AssertionError("nobody has asked for this before")
        counts = await self._archive.counts(subject, windows=_WINDOWS, now_us=claim.at_us)
        if counts.fields() == {}:
            raise AssertionError("the subject has a past")
        await self._repository.complete(_completion(claim))
        found = await self._archive.page(PageRequest(50), AssessmentFilter(trace_id=claim.trace_id))
        if [row.assessment_id for row in found.items] != [claim.assessment_id]:
            raise AssertionError("an assessment is found by its trace")

    def _claim(self, subject: str) -> AssessmentClaim:
        return AssessmentClaim(
            assessment_id=str(uuid4()),
            trace_id=str(uuid4()),
            subject_id=subject,
            source_system="lt-kyc-service",
            request_hash=f"{UUID(int=self._number).hex}{self._subjects:x}",
            at_us=self._clock.now_us(),
            snapshot={"request": {"subject_id": subject, "context_data": {"employees": 12, "legal_form": "GmbH"}}},
            rule_ids=(_RULE_ID,),
            versions={"rules": 1, "thresholds": 1, "lists": 0},
        )

    async def _postgres(self) -> list[int]:
        """Give the processes of the server: the parent of any backend, and its children."""
        connection = await asyncpg.connect(self._dsn)
        try:
            parent = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()")).parent()
            assert parent is not None, "a backend has the server for a parent"
            return [parent.pid, *(child.pid for child in parent.children())]
        finally:
            await connection.close()


def _completion(claim: AssessmentClaim) -> Completion:
    return Completion(
        assessment_id=claim.assessment_id,
        decision=Decision.APPROVED,
        total_score=45,
        snapshot={**claim.snapshot, "providers": {}, "history": {}, "now_us": claim.at_us},
        rule_execution_log=[{"rule_code": "RULE", "rule_id": _RULE_ID, "result": "TRUE", "contribution": 45}],
        answer={"reason_codes": ["RULE"], "warnings": [], "risk_score": 45},
        calls=(),
        ended_us=claim.at_us + 1_000,
        processing_time_ms=1,
    )


def _all_us(pids: Sequence[int]) -> float:
    return sum(map(cpu_of_us, pids))


async def _timed_ms(work: Callable[[], Awaitable[None]]) -> float:
    begun = perf_counter()
    await work()
    return (perf_counter() - begun) * 1_000
