"""Asking the outside: everyone at once, inside one budget; nobody's failure is another's."""

import asyncio

import pytest
from tests.core.assessment.builders import FAILED, FIRES, a_rule
from tests.usecases.assessment.workflow import SHORT, FakeProvider, StubbornProvider, Workflow, asking, traced

from tidegate.core.assessment.outside import CallStatus
from tidegate.core.assessment.risk_assessment import AssessmentStatus
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.usecases.assessment.collecting import DEFECT as ADAPTER_DEFECT
from tidegate.usecases.assessment.collecting import OUT_OF_BUDGET, SENT


async def test_only_providers_of_rules_in_scope_are_called() -> None:
    """AS-315: a rule out of scope costs no call, and a provider that is not configured was not called."""
    here, elsewhere = FakeProvider("zefix"), FakeProvider("crif")
    scope = {"country": frozenset({"LI"})}
    desk = Workflow([asking("zefix"), asking("crif", scope=scope), asking("sst")], providers=[here, elsewhere])
    evaluated = await desk.service.evaluate(traced(1))
    assert (len(here.asked), elsewhere.asked) == (1, [])
    assert evaluated.answer["warnings"] == ["sst: NOT_CALLED", "ASKS_SST: UNKNOWN"]
    row = await desk.only_row()
    assert here.asked[0].assessment_id == row.assessment_id
    assert [call.provider_name for call in await desk.archive.calls(row.assessment_id)] == ["zefix"]


async def test_providers_are_asked_at_once() -> None:
    """AS-313: nobody waits for another."""
    one, other = FakeProvider("zefix"), FakeProvider("crif")
    one.may_end.clear()
    desk = Workflow([asking("zefix"), asking("crif")], providers=[one, other])
    asked = asyncio.create_task(desk.service.evaluate(traced(1)))
    async with asyncio.timeout(5):
        await asyncio.gather(one.begun.wait(), other.begun.wait())
        one.may_end.set()
        await asked


@pytest.mark.parametrize("kind", [FakeProvider, StubbornProvider])
async def test_late_provider_is_given_up_inside_the_budget(kind: type[FakeProvider]) -> None:
    """AS-313: what is not there when the budget is spent is cancelled, logged TIMEOUT, and does not hold the answer."""
    late, quick = kind("zefix"), FakeProvider("crif")
    late.may_end.clear()
    desk = Workflow([asking("zefix"), asking("crif")], providers=[late, quick], limits=SHORT)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    evaluated = await desk.service.evaluate(traced(1))
    assert loop.time() - begun < 0.060 + 0.5  # the machine may be busy; tests/system measures the promise of 50 ms
    assert evaluated.answer["warnings"] == ["zefix: TIMEOUT", "ASKS_ZEFIX: UNKNOWN"]
    calls = {call.provider_name: call for call in await desk.archive.calls(evaluated.assessment_id)}
    assert (calls["zefix"].status, calls["zefix"].fault) == (CallStatus.TIMEOUT, OUT_OF_BUDGET)
    assert calls["zefix"].latency_ms >= 50
    assert calls["crif"].status is CallStatus.SUCCESS
    assert late.cancelled == 1
    late.may_end.set()


@pytest.mark.parametrize(
    ("breaks", "fault", "alarms"),
    [
        (RuntimeError("a bug"), ADAPTER_DEFECT, 1),
        (DependencyFailed("cache", "gone"), "gone", 0),
        (TimeoutError(), ADAPTER_DEFECT, 1),
    ],
)
async def test_provider_that_raises_stands_as_failure(breaks: Exception, fault: str, alarms: int) -> None:
    """AS-314: whatever one adapter does, the others count and the request is answered."""
    broken = FakeProvider("zefix")
    broken.breaks = breaks
    desk = Workflow([asking("zefix"), asking("crif")], providers=[broken, FakeProvider("crif")])
    evaluated = await desk.service.evaluate(traced(1))
    assert evaluated.answer["reason_codes"] == ["ASKS_CRIF"]
    assert evaluated.answer["warnings"] == ["zefix: FAILURE", "ASKS_ZEFIX: UNKNOWN"]
    calls = {call.provider_name: call for call in await desk.archive.calls(evaluated.assessment_id)}
    assert (calls["zefix"].status, calls["zefix"].fault) == (CallStatus.FAILURE, fault)
    assert len(desk.alarms) == alarms


async def test_billed_call_is_logged_before_it_is_made() -> None:
    """AS-312: the row stands before the call goes out, and says afterwards how it ended and what it cost."""
    billed = FakeProvider("crif", billed=True)
    billed.may_end.clear()
    desk = Workflow([asking("crif")], providers=[billed])
    asked = asyncio.create_task(desk.service.evaluate(traced(1)))
    await billed.begun.wait()
    (row,) = desk.store.calls.values()
    assert (row.status, row.fault) == (CallStatus.FAILURE, SENT)
    billed.may_end.set()
    evaluated = await asked
    (row,) = await desk.archive.calls(evaluated.assessment_id)
    assert (row.status, row.cost_micros) == (CallStatus.SUCCESS, 5)


async def test_billed_call_whose_row_cannot_be_written_is_not_made() -> None:
    """AS-312: what cannot be logged is not paid for; the caller is told to come back."""
    billed = FakeProvider("crif", billed=True)
    desk = Workflow([asking("crif")], providers=[billed])
    desk.store.fails["log"] = 1
    with pytest.raises(DependencyFailed):
        await desk.service.evaluate(traced(1))
    assert billed.asked == []
    failed = await desk.only_row()
    assert (failed.status, failed.fault) == (AssessmentStatus.FAILED, "postgres did not answer")
    assert (await desk.service.evaluate(traced(1))).answer["reason_codes"] == ["ASKS_CRIF"]


async def test_failed_answer_of_a_provider_is_recorded_for_the_replay() -> None:
    """AS-316: the snapshot tells failures apart from what was not called."""
    desk = Workflow([asking("zefix"), a_rule("FIRES", FIRES)], providers=[FakeProvider("zefix", FAILED)])
    await desk.service.evaluate(traced(1))
    snapshot = (await desk.only_row()).input_data_snapshot
    assert snapshot["providers"] == {"zefix": {"status": "FAILURE", "fields": {}, "fault": "status 500"}}
