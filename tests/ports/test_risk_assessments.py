"""Contract of ``RiskAssessmentRepository``: who evaluates, what stands, what is written when it ends."""

import asyncio
from collections import Counter
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
    a_call,
    a_claim,
    a_completion,
    a_trace,
    an_id,
    ended_badly,
    memory_assessments,
    postgres_assessments,
)
from tests.postgres import fresh_pool

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.outside import CallStatus
from tidegate.core.assessment.risk_assessment import AssessmentStatus
from tidegate.ports.paging import PageRequest
from tidegate.ports.risk_assessments import (
    AssessmentFilter,
    Claimed,
    ClaimLost,
    Duplicate,
    IdempotencyKey,
    KeyTaken,
    Repeat,
    Running,
)

WINDOW_US = TERMS.duplicate_window_us
TIMEOUT_US = TERMS.in_progress_timeout_us
KEY = IdempotencyKey("service-account-kyc", "key-1")


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.servers)])
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[AssessmentStores]:
    """Empty stores of one implementation."""
    if request.param == "memory":
        yield memory_assessments()
        return
    async with fresh_pool(request.getfixturevalue("postgres_server")) as pool:
        yield postgres_assessments(pool)


async def test_claim_of_a_new_request_is_in_progress_until_completed(kept: AssessmentStores) -> None:
    """AS-310: an assessment is IN_PROGRESS under its claim, then COMPLETED with all that it was made on."""
    claim = a_claim(1)
    assert await kept.claimed(claim) == Claimed()
    begun = await kept.archive.get(claim.assessment_id)
    assert begun is not None
    assert (begun.status, begun.decision, begun.total_score) == (AssessmentStatus.IN_PROGRESS, None, None)
    assert begun.input_data_snapshot == claim.snapshot
    completion = a_completion(claim)
    await kept.repository.complete(completion)
    made = await kept.archive.get(claim.assessment_id)
    assert made is not None
    assert made.status is AssessmentStatus.COMPLETED
    assert (made.created_us, made.ended_us, made.processing_time_ms) == (NOW_US, NOW_US + 320_000, 320)
    assert (made.decision, made.total_score) == (Decision.APPROVED, 45)
    assert made.input_data_snapshot == completion.snapshot
    assert made.rule_execution_log == completion.rule_execution_log
    assert made.answer == completion.answer
    assert (made.versions, made.trace_id) == (claim.versions, claim.trace_id)


async def test_completion_logs_calls_with_what_jsonb_cannot_hold_replaced(kept: AssessmentStores) -> None:
    """AS-311: every call is logged with status, latency and raw answer, and no answer can break the row."""
    claim = a_claim(1)
    await kept.made(claim)
    (call,) = await kept.archive.calls(claim.assessment_id)
    sent = a_call(claim)
    assert replace(call, raw_response=None) == replace(sent, raw_response=None)
    assert isinstance(call.raw_response, dict)
    assert call.raw_response["uid"] == "CHE107787577"
    assert str(call.raw_response["capital"]) == "100000.00"


async def test_same_request_is_answered_with_what_was_recorded(kept: AssessmentStores) -> None:
    """AS-401: a COMPLETED assessment of the same subject and hash stands, and the repeat's trace finds it."""
    await kept.made(a_claim(1))
    repeat = a_claim(2, at_us=NOW_US + 60 * S)
    outcome = await kept.claimed(repeat)
    assert isinstance(outcome, Duplicate)
    recorded = outcome.recorded
    assert (recorded.assessment_id, recorded.decision, recorded.total_score) == (an_id(1), Decision.APPROVED, 45)
    assert recorded.answer == a_completion(a_claim(1)).answer
    assert recorded.versions == a_claim(1).versions
    assert await kept.archive.get(an_id(2)) is None
    found = await kept.archive.page(PageRequest(), AssessmentFilter(trace_id=a_trace(2)))
    assert [row.assessment_id for row in found.items] == [an_id(1)]
    (told,) = await kept.archive.repeats(an_id(1), limit=10)
    assert (told.trace_id, told.asked_us) == (a_trace(2), NOW_US + 60 * S)


async def test_repeat_that_the_claimer_could_answer_itself_is_found_by_its_trace(kept: AssessmentStores) -> None:
    """AS-401: many are recorded at once, and each trace finds the assessment."""
    await kept.made(a_claim(1))
    repeats = [Repeat(a_trace(number), an_id(1), NOW_US + number * S) for number in range(2, 9)]
    await asyncio.gather(*(kept.repository.record_repeat(repeat) for repeat in repeats))
    assert sorted(await kept.archive.repeats(an_id(1), limit=10), key=lambda told: told.asked_us) == repeats
    found = await kept.archive.page(PageRequest(), AssessmentFilter(trace_id=a_trace(5)))
    assert [row.assessment_id for row in found.items] == [an_id(1)]


@pytest.mark.parametrize(
    ("subject", "request_hash"), [("Kunde-8", "aa"), ("Kunde-7", "bb"), ("kunde-7", "aa"), ("Kunde-7 ", "aa")]
)
async def test_other_subject_or_other_hash_is_another_request(
    subject: str, request_hash: str, kept: AssessmentStores
) -> None:
    """AS-401: only the same subject with the same hash is a duplicate."""
    await kept.made(a_claim(1))
    assert await kept.claimed(a_claim(2, subject=subject, request_hash=request_hash)) == Claimed()


@pytest.mark.parametrize(("age_us", "stands"), [(0, True), (WINDOW_US - 1, True), (WINDOW_US, False), (-S, True)])
async def test_completed_assessment_stands_for_the_duplicate_window(
    age_us: int, stands: bool, kept: AssessmentStores
) -> None:
    """AS-402: one exactly as old as the window no longer stands, and is replaced without being lost."""
    await kept.made(a_claim(1))
    outcome = await kept.claimed(a_claim(2, at_us=NOW_US + age_us))
    assert isinstance(outcome, Duplicate) is stands
    if not stands:
        await kept.repository.complete(a_completion(a_claim(2, at_us=NOW_US + age_us)))
        again = await kept.claimed(a_claim(3, at_us=NOW_US + age_us))
        assert isinstance(again, Duplicate)
        assert again.recorded.assessment_id == an_id(2)
    first = await kept.archive.get(an_id(1))
    assert first is not None
    assert first.status is AssessmentStatus.COMPLETED


@pytest.mark.parametrize(("age_us", "runs"), [(0, True), (TIMEOUT_US - 1, True), (TIMEOUT_US, False)])
async def test_running_assessment_is_taken_over_after_its_time(age_us: int, runs: bool, kept: AssessmentStores) -> None:
    """AS-403: an IN_PROGRESS one is waited for until the timeout, then it is FAILED and the next is made."""
    await kept.claimed(a_claim(1))
    outcome = await kept.claimed(a_claim(2, at_us=NOW_US + age_us))
    assert outcome == (Running(an_id(1)) if runs else Claimed())
    first = await kept.archive.get(an_id(1))
    assert first is not None
    assert (first.status is AssessmentStatus.FAILED) is not runs
    assert ("abandoned" in first.fault) is not runs


async def test_assessment_that_was_taken_over_cannot_be_completed(kept: AssessmentStores) -> None:
    """AS-404: the slow process finds its claim lost and changes nothing."""
    slow, quick = a_claim(1), a_claim(2, at_us=NOW_US + TIMEOUT_US)
    await kept.claimed(slow)
    await kept.claimed(quick)
    with pytest.raises(ClaimLost):
        await kept.repository.complete(a_completion(slow))
    with pytest.raises(ClaimLost):
        await kept.repository.complete(a_completion(a_claim(9)))
    assert await kept.archive.calls(slow.assessment_id) == []
    await kept.repository.complete(a_completion(quick))
    with pytest.raises(ClaimLost):
        await kept.repository.fail(a_breakdown(quick))
    made = await kept.archive.get(quick.assessment_id)
    assert made is not None
    assert made.status is AssessmentStatus.COMPLETED


async def test_completion_written_twice_stands_once(kept: AssessmentStores) -> None:
    """AS-404: an answer of the database that was lost is no reason to do anything twice."""
    claim = a_claim(1)
    await kept.made(claim)
    await kept.repository.complete(a_completion(claim))
    assert len(await kept.outbox.pending(10)) == 1
    assert len(await kept.archive.calls(claim.assessment_id)) == 1


async def test_failed_assessment_does_not_stand(kept: AssessmentStores) -> None:
    """AS-403: a FAILED one is recorded with its fault and its event, and the same request is evaluated anew at once."""
    claim = a_claim(1)
    await kept.claimed(claim)
    await kept.repository.fail(a_breakdown(claim))
    await kept.repository.fail(a_breakdown(claim))
    failed = await kept.archive.get(claim.assessment_id)
    assert failed is not None
    assert (failed.status, failed.fault, failed.ended_us) == (AssessmentStatus.FAILED, "it broke", NOW_US + 1)
    assert [pending.record.topic for pending in await kept.outbox.pending(10)] == ["risk.assessment.failed.v1"]
    assert await kept.claimed(a_claim(2)) == Claimed()


async def test_of_many_claims_at_once_one_is_granted(kept: AssessmentStores) -> None:
    """AS-405: the database decides who evaluates, however many ask at the same moment."""
    outcomes = await asyncio.gather(*(kept.claimed(a_claim(number)) for number in range(1, 41)))
    kinds = Counter(type(outcome) for outcome in outcomes)
    assert kinds == {Claimed: 1, Running: 39}


async def test_of_many_claims_at_once_on_a_dead_one_one_takes_over(kept: AssessmentStores) -> None:
    """AS-403, AS-405: those who find an abandoned assessment at the same moment agree on its successor."""
    await kept.claimed(a_claim(99))
    late = [a_claim(number, at_us=NOW_US + TIMEOUT_US) for number in range(1, 31)]
    kinds = Counter(type(outcome) for outcome in await asyncio.gather(*map(kept.claimed, late)))
    assert kinds == {Claimed: 1, Running: 29}
    assert [pending.record.assessment.assessment_id for pending in await kept.outbox.pending(10)] == [an_id(99)]


async def test_key_with_another_request_is_refused(kept: AssessmentStores) -> None:
    """AS-406: an idempotency key belongs to the request it was first used with, for the duplicate window."""
    assert await kept.claimed(a_claim(1), key=KEY) == Claimed()
    other = a_claim(2, request_hash="bb")
    assert await kept.claimed(other, key=KEY) == KeyTaken()
    assert await kept.archive.get(other.assessment_id) is None
    later = a_claim(3, request_hash="bb", at_us=NOW_US + WINDOW_US)
    assert await kept.claimed(later, key=KEY) == Claimed()


async def test_key_of_another_token_subject_is_another_key(kept: AssessmentStores) -> None:
    """AS-406: two callers cannot collide, however they choose subject and key."""
    one, other = IdempotencyKey("ab", "c"), IdempotencyKey("a", "bc")
    assert await kept.claimed(a_claim(1), key=one) == Claimed()
    assert await kept.claimed(a_claim(2, request_hash="bb"), key=other) == Claimed()
    assert await kept.claimed(a_claim(3, request_hash="bb"), key=one) == KeyTaken()


async def test_key_with_the_same_request_waits_and_is_answered(kept: AssessmentStores) -> None:
    """AS-406: the same key and request waits for what runs and gets what was recorded."""
    await kept.claimed(a_claim(1), key=KEY)
    assert await kept.claimed(a_claim(2), key=KEY) == Running(an_id(1))
    await kept.repository.complete(a_completion(a_claim(1)))
    outcome = await kept.claimed(a_claim(3), key=KEY)
    assert isinstance(outcome, Duplicate)
    assert outcome.recorded.assessment_id == an_id(1)
    assert [repeat.trace_id for repeat in await kept.archive.repeats(an_id(1), limit=5)] == [a_trace(3)]


async def test_key_keeps_its_answer_for_a_window_of_its_own(kept: AssessmentStores) -> None:
    """AS-406: a key first used on a duplicate is answered alike for the whole window, though the first no longer is."""
    await kept.made(a_claim(1))
    assert isinstance(await kept.claimed(a_claim(2, at_us=NOW_US + WINDOW_US - 1), key=KEY), Duplicate)
    late = NOW_US + WINDOW_US + S
    outcome = await kept.claimed(a_claim(3, at_us=late), key=KEY)
    assert isinstance(outcome, Duplicate)
    assert outcome.recorded.assessment_id == an_id(1)
    assert await kept.claimed(a_claim(4, at_us=late)) == Claimed()


async def test_key_of_a_failed_assessment_makes_a_new_one(kept: AssessmentStores) -> None:
    """AS-406, AS-403: a key does not hold a request to what broke."""
    await kept.claimed(a_claim(1), key=KEY)
    await kept.repository.fail(a_breakdown(a_claim(1)))
    assert await kept.claimed(a_claim(2), key=KEY) == Claimed()
    assert await kept.claimed(a_claim(3), key=KEY) == Running(an_id(2))


async def test_of_two_requests_under_one_key_at_once_one_is_refused(kept: AssessmentStores) -> None:
    """AS-406: the key is taken by one of them, whoever is first."""
    claims = [a_claim(number, request_hash="aa" if number % 2 else "bb") for number in range(1, 21)]
    outcomes = await asyncio.gather(*(kept.claimed(claim, key=KEY) for claim in claims))
    kinds = Counter(type(outcome) for outcome in outcomes)
    assert kinds == {Claimed: 1, Running: 9, KeyTaken: 10}


async def test_billed_call_is_logged_before_and_after(kept: AssessmentStores) -> None:
    """AS-312: the row of a call that costs stands before the call, and says afterwards how it ended."""
    claim = a_claim(1)
    await kept.claimed(claim)
    call = a_call(claim)
    await kept.repository.log_billed_call(ended_badly(call))
    (before,) = await kept.archive.calls(claim.assessment_id)
    assert (before.status, before.raw_response, before.fault) == (CallStatus.FAILURE, None, "the call was sent")
    await kept.repository.log_billed_call(call)
    await kept.repository.complete(a_completion(claim))
    (after,) = await kept.archive.calls(claim.assessment_id)
    assert (after.status, after.fault, after.cost_micros) == (CallStatus.SUCCESS, "", 1_500_000)


async def test_rule_is_in_use_while_an_assessment_rests_on_it(kept: AssessmentStores) -> None:
    """AS-330: a rule is in use by what is IN_PROGRESS, and by what was COMPLETED inside the duplicate window."""
    claim = a_claim(1)
    assert not await kept.references.in_use(RULE, NOW_US)
    await kept.claimed(claim)
    assert await kept.references.in_use(RULE, NOW_US)
    await kept.repository.complete(a_completion(claim))
    assert await kept.references.in_use(RULE, NOW_US + WINDOW_US - 1)
    assert not await kept.references.in_use(RULE, NOW_US + WINDOW_US)
    assert not await kept.references.in_use("11111111-0000-4000-8000-0000000000ff", NOW_US)


async def test_rule_is_not_in_use_by_what_failed(kept: AssessmentStores) -> None:
    """AS-330: an assessment that broke evaluated nothing that stands."""
    await kept.claimed(a_claim(1))
    await kept.repository.fail(a_breakdown(a_claim(1)))
    assert not await kept.references.in_use(RULE, NOW_US)
