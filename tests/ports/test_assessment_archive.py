"""Contracts of ``AssessmentArchive``, ``SubjectHistory``, ``AssessmentUpkeep`` and the desk's ``Outbox``."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.ports.assessment_stores import (
    NOW_US,
    RULE,
    TERMS,
    AssessmentStores,
    S,
    a_breakdown,
    a_claim,
    a_trace,
    an_id,
    memory_assessments,
    postgres_assessments,
)
from tests.postgres import fresh_pool
from tests.traces import TRACEPARENT

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.history import DecisionCounts, HistoryCounts
from tidegate.core.assessment.outside import PastAssessment
from tidegate.core.assessment.risk_assessment import AssessmentStatus
from tidegate.ports.outbox import Backlog
from tidegate.ports.paging import PageRequest, UnreadableCursor
from tidegate.ports.risk_assessments import AssessmentFilter, Claimed, IdempotencyKey, KeyTaken, Running

MINUTE_US = 60 * S


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.servers)])
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[AssessmentStores]:
    """Empty stores of one implementation."""
    if request.param == "memory":
        yield memory_assessments()
        return
    async with fresh_pool(request.getfixturevalue("postgres_server")) as pool:
        yield postgres_assessments(pool)


async def some_history(kept: AssessmentStores) -> None:
    """Make six assessments, a minute apart: three of one subject, two of another, one that runs."""
    for number, subject, decision in (
        (1, "Kunde-7", Decision.APPROVED),
        (2, "Kunde-8", Decision.REJECTED),
        (3, "Kunde-7", Decision.REJECTED),
        (4, "Kunde-8", Decision.APPROVED),
        (5, "Kunde-7", Decision.MANUAL_REVIEW),
    ):
        at_us = NOW_US + number * MINUTE_US
        await kept.made(a_claim(number, subject=subject, request_hash=f"h{number}", at_us=at_us), decision=decision)
    await kept.claimed(a_claim(6, request_hash="h6", at_us=NOW_US + 6 * MINUTE_US))


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (AssessmentFilter(), [6, 5, 4, 3, 2, 1]),
        (AssessmentFilter(subject_id="Kunde-7"), [6, 5, 3, 1]),
        (AssessmentFilter(subject_id="kunde-7"), []),
        (AssessmentFilter(decision=Decision.REJECTED), [3, 2]),
        (AssessmentFilter(subject_id="Kunde-8", decision=Decision.REJECTED), [2]),
        (AssessmentFilter(status=AssessmentStatus.IN_PROGRESS), [6]),
        (AssessmentFilter(trace_id=a_trace(4)), [4]),
        (AssessmentFilter(trace_id=a_trace(40)), []),
        (AssessmentFilter(from_us=NOW_US + 2 * MINUTE_US, to_us=NOW_US + 4 * MINUTE_US), [3, 2]),
        (AssessmentFilter(from_us=NOW_US + 2 * MINUTE_US, decision=Decision.APPROVED), [4]),
    ],
)
async def test_page_gives_what_matches_newest_first(
    wanted: AssessmentFilter, numbers: list[int], kept: AssessmentStores
) -> None:
    """AS-320: assessments are found by trace, subject, decision and time, [from, to)."""
    await some_history(kept)
    page = await kept.archive.page(PageRequest(), wanted)
    assert [row.assessment_id for row in page.items] == [an_id(number) for number in numbers]
    assert page.next_cursor is None


async def test_page_after_page_gives_each_once(kept: AssessmentStores) -> None:
    """AS-320: cursors lead through all that match, also where times are equal."""
    for number in range(1, 8):
        await kept.claimed(a_claim(number, request_hash=f"h{number}"))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await kept.archive.page(PageRequest(3, cursor), AssessmentFilter(subject_id="Kunde-7"))
        seen += [row.assessment_id for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [an_id(number) for number in range(7, 0, -1)]
    with pytest.raises(UnreadableCursor):
        await kept.archive.page(PageRequest(3, "bm9uc2Vuc2U"), AssessmentFilter())


async def test_get_of_what_is_not_there_is_none(kept: AssessmentStores) -> None:
    """AS-321: an id that names nothing finds nothing."""
    assert await kept.archive.get(an_id(1)) is None
    assert await kept.archive.get("no uuid") is None


async def test_history_counts_completed_ones_in_each_window(kept: AssessmentStores) -> None:
    """AS-340: (now - window, now], COMPLETED only, of this subject; the last one up to now."""
    await some_history(kept)
    counts = await kept.history.counts("Kunde-7", windows=["PT2M", "PT3M", "P1D"], now_us=NOW_US + 5 * MINUTE_US)
    assert counts == HistoryCounts(
        {
            "PT2M": DecisionCounts(manual_review=1),
            "PT3M": DecisionCounts(manual_review=1, rejected=1),
            "P1D": DecisionCounts(approved=1, manual_review=1, rejected=1),
        },
        PastAssessment("Kunde-7", NOW_US + 5 * MINUTE_US, Decision.MANUAL_REVIEW, 45),
    )
    before = await kept.history.counts("Kunde-7", windows=["PT2M"], now_us=NOW_US + 5 * MINUTE_US - 1)
    assert before.windows == {"PT2M": DecisionCounts(rejected=1)}
    assert before.last is not None
    assert before.last.created_us == NOW_US + 3 * MINUTE_US
    assert await kept.history.counts("Kunde-9", windows=[], now_us=NOW_US) == HistoryCounts({})


async def test_history_counts_in_the_widest_window(kept: AssessmentStores) -> None:
    """AS-340: a window that reaches beyond all calendars counts from their first day."""
    await some_history(kept)
    counts = await kept.history.counts("Kunde-7", windows=["P99999999D"], now_us=NOW_US + 9 * MINUTE_US)
    assert counts.windows["P99999999D"] == DecisionCounts(approved=1, manual_review=1, rejected=1)


async def test_abandoned_assessments_are_failed_without_being_asked_for(kept: AssessmentStores) -> None:
    """AS-350: what a dead process left IN_PROGRESS is FAILED after its time, with its event."""
    await some_history(kept)
    ran_us = NOW_US + 6 * MINUTE_US
    assert await kept.upkeep.fail_abandoned(before_us=ran_us - 1, now_us=ran_us, limit=10) == 0
    assert await kept.claimed(a_claim(7, request_hash="h6", at_us=ran_us)) == Running(an_id(6))
    assert await kept.upkeep.fail_abandoned(before_us=ran_us, now_us=ran_us, limit=10) == 1
    failed = await kept.archive.get(an_id(6))
    assert failed is not None
    assert failed.status is AssessmentStatus.FAILED
    assert [row.record.topic for row in await kept.outbox.pending(10)][-1] == "risk.assessment.failed.v1"
    assert await kept.claimed(a_claim(7, request_hash="h6", at_us=ran_us)) == Claimed()


async def test_old_keys_and_rule_uses_are_forgotten(kept: AssessmentStores) -> None:
    """AS-350: keys are kept for the duplicate window; what is still needed is not forgotten."""
    key = IdempotencyKey("sub", "key")
    await kept.claimed(a_claim(1), key=key)
    assert await kept.upkeep.forget_keys(before_us=NOW_US - 1, limit=10) == 0
    assert await kept.claimed(a_claim(2, request_hash="bb"), key=key) == KeyTaken()
    assert await kept.upkeep.forget_keys(before_us=NOW_US, limit=10) == 1
    assert await kept.claimed(a_claim(2, request_hash="bb"), key=key) == Claimed()
    await kept.made(a_claim(3, request_hash="cc"))
    await kept.upkeep.forget_rule_uses(before_us=NOW_US - TERMS.duplicate_window_us, limit=10)
    assert await kept.references.in_use(RULE, NOW_US)


async def test_outbox_gives_ended_assessments_in_the_order_of_their_ends(kept: AssessmentStores) -> None:
    """AS-381: what ended is announced once, in order, COMPLETED and FAILED alike; what runs is not."""
    for number in (1, 2, 3):
        await kept.claimed(a_claim(number, request_hash=f"h{number}", at_us=NOW_US + number))
    await kept.repository.fail(a_breakdown(a_claim(2, at_us=NOW_US + 2)))
    await kept.made(a_claim(4, request_hash="h4", at_us=NOW_US + 4))
    assert await kept.outbox.backlog(1) == Backlog(1, NOW_US + 2)
    pending = await kept.outbox.pending(10)
    assert [(row.record.assessment.assessment_id, row.record.topic, row.made_us) for row in pending] == [
        (an_id(2), "risk.assessment.failed.v1", NOW_US + 2),
        (an_id(4), "risk.assessment.completed.v1", NOW_US + 4),
    ]
    await kept.outbox.done([pending[0].position])
    assert [row.record.assessment.assessment_id for row in await kept.outbox.pending(10)] == [an_id(4)]
    await kept.outbox.done([pending[1].position])
    assert await kept.outbox.backlog(10) == Backlog(0, None)


async def test_outbox_gives_the_place_in_the_trace_that_the_snapshot_keeps(kept: AssessmentStores) -> None:
    """RE-404: whoever relays it learns where in a trace the assessment was asked for."""
    traced = a_claim(1)
    await kept.made(replace(traced, snapshot={**traced.snapshot, "traceparent": TRACEPARENT}))
    await kept.made(a_claim(2, request_hash="bb"))
    snapshots = [row.record.assessment.input_data_snapshot for row in await kept.outbox.pending(10)]
    assert [snapshot.get("traceparent") for snapshot in snapshots] == [TRACEPARENT, None]


async def test_outbox_of_the_desk_has_one_relay(kept: AssessmentStores) -> None:
    """AS-381: one runner at a time; another takes over when the first is gone."""
    try:
        assert [await kept.outbox.claim(), await kept.outbox.claim()] == [True, True]
        assert not await kept.second_outbox.claim()
        await kept.outbox.close()
        assert await kept.second_outbox.claim()
    finally:
        await kept.outbox.close()
        await kept.second_outbox.close()
