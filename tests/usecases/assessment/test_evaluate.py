"""The workflow: one evaluation of what is asked, whoever asks, however often, whatever breaks."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.core.assessment.builders import NOW_US, a_rule, answered, ranges
from tests.usecases.assessment.workflow import LIMITS, FakeProvider, S, Workflow, asking, traced

from tidegate.core.assessment.outside import CallStatus
from tidegate.core.assessment.risk_assessment import AssessmentStatus
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.ports.risk_assessments import IdempotencyKey
from tidegate.usecases.assessment.evaluate import DEFECT, RULES_CHANGED, KeyReused

KEY = IdempotencyKey("caller", "k-1")


async def test_evaluation_answers_and_records_what_it_was_made_on() -> None:
    """AS-303, AS-316: what is answered is recorded whole: request, answers, history, versions, engine and clock."""
    desk = Workflow([asking("zefix", weight=40), a_rule("FIRES", weight=5)], providers=[FakeProvider("zefix")])
    request = traced(1, context_data={"amount": Decimal("1E+2"), "a": Decimal("-0.00")})
    evaluated = await desk.service.evaluate(request)
    assert (evaluated.answer["decision"], evaluated.answer["risk_score"]) == ("APPROVED", 45)
    assert evaluated.answer["reason_codes"] == ["ASKS_ZEFIX", "FIRES"]
    assert (evaluated.trace_id, evaluated.repeated) == (request.trace_id, False)
    row = await desk.only_row()
    assert row.assessment_id == evaluated.assessment_id
    assert row.status is AssessmentStatus.COMPLETED
    snapshot = row.input_data_snapshot
    assert snapshot["request"] == {
        "trace_id": request.trace_id,
        "subject_id": "s-1",
        "source_system": "kyc",
        "country": "CH",
        "product_type": "LOAN",
        "risk_category": "STANDARD",
        "context_data": {"a": Decimal("0.00"), "amount": Decimal(100)},
    }
    assert snapshot["providers"] == {"zefix": {"status": "SUCCESS", "fields": {"found": True}, "fault": ""}}
    assert (snapshot["engine"], snapshot["now_us"]) == ("1.2.3", NOW_US)
    assert snapshot["versions"] == {"rules": 1, "thresholds": 1, "lists": 0}
    (call,) = await desk.archive.calls(row.assessment_id)
    assert (call.provider_name, call.status, call.raw_response) == ("zefix", CallStatus.SUCCESS, {"raw": "zefix"})


async def test_history_is_asked_for_when_a_rule_reads_it() -> None:
    """AS-340: velocity counts the subject's other COMPLETED assessments up to now."""
    velocity = a_rule("FAST", {"type": "velocity", "window": "PT1H", "count_gt": 1, "by": "subject_id"})
    desk = Workflow([velocity])
    scores = []
    for number in range(4):
        desk.clock.us = NOW_US + number * S
        evaluated = await desk.service.evaluate(traced(number, context_data={"n": number}))
        scores.append(evaluated.answer["risk_score"])
    assert scores == [0, 0, 100, 100]
    newest = (await desk.rows())[0]
    history = newest.input_data_snapshot["history"]
    assert isinstance(history, dict)
    assert history["count"] == {"PT1H": Decimal(3)}


async def test_same_request_is_answered_with_what_was_recorded() -> None:
    """AS-401: same assessment, this request's trace, no provider asked again."""
    provider = FakeProvider("zefix")
    desk = Workflow([asking("zefix")], providers=[provider])
    first = await desk.service.evaluate(traced(1, context_data={"n": Decimal("1.0")}))
    again = await desk.service.evaluate(traced(2, context_data={"n": Decimal(1)}))
    assert again.answer == first.answer
    assert (again.assessment_id, again.repeated) == (first.assessment_id, True)
    assert again.trace_id == traced(2).trace_id
    assert again.processing_time_ms == first.processing_time_ms
    assert len(provider.asked) == 1
    assert [repeat.trace_id for repeat in desk.store.repeats] == [traced(2).trace_id]


async def test_repeat_is_answered_the_same_by_the_process_that_made_it_and_by_another() -> None:
    """AS-401: who completed it remembers the answer and claims nothing; any other finds it in the store."""
    desk = Workflow()
    first = await desk.service.evaluate(traced(1))
    again, beside = await desk.service.evaluate(traced(2)), await desk.beside().service.evaluate(traced(3))
    assert desk.store.claimed == 2
    assert (
        (again.answer, again.assessment_id)
        == (beside.answer, beside.assessment_id)
        == (first.answer, first.assessment_id)
    )
    assert [repeat.trace_id for repeat in desk.store.repeats] == [traced(2).trace_id, traced(3).trace_id]


async def test_repeat_after_the_window_is_evaluated_anew() -> None:
    """AS-401: at exactly the window's length the answer stands no longer, remembered or not."""
    desk = Workflow()
    first = await desk.service.evaluate(traced(1))
    desk.clock.us += LIMITS.terms.duplicate_window_us - 1
    assert (await desk.service.evaluate(traced(2))).assessment_id == first.assessment_id
    desk.clock.us += 1
    anew = await desk.service.evaluate(traced(3))
    assert (anew.repeated, anew.assessment_id == first.assessment_id) == (False, False)
    assert (await desk.service.evaluate(traced(4))).assessment_id == anew.assessment_id


async def test_repeat_that_cannot_be_recorded_is_not_answered() -> None:
    """AS-401: a trace that would not be found is told to come back."""
    desk = Workflow()
    await desk.service.evaluate(traced(1))
    desk.store.fails["repeat"] = 1
    with pytest.raises(DependencyFailed):
        await desk.service.evaluate(traced(2))
    assert (await desk.service.evaluate(traced(2))).repeated


async def test_repeat_after_a_change_of_rules_is_told_so() -> None:
    """AS-408: the recorded answer stands, with the warning RULES_CHANGED and with nothing else changed."""
    desk = Workflow([a_rule("FIRES", weight=800)])
    first = await desk.service.evaluate(traced(1))
    desk.rule_sets.use([a_rule("FIRES", weight=1)], ranges(300, 700))
    again = await desk.service.evaluate(traced(2))
    assert again.answer == {**first.answer, "warnings": [RULES_CHANGED]}
    row = await desk.only_row()
    assert row.answer == first.answer


async def test_many_at_once_in_one_process_are_one_evaluation() -> None:
    """AS-407: one evaluates, the others wait for its answer."""
    provider = FakeProvider("zefix")
    provider.may_end.clear()
    desk = Workflow([asking("zefix")], providers=[provider])
    asked = [asyncio.create_task(desk.service.evaluate(traced(number))) for number in range(50)]
    await provider.begun.wait()
    assert desk.store.claimed == 1
    provider.may_end.set()
    evaluated = await asyncio.gather(*asked)
    assert len({each.assessment_id for each in evaluated}) == 1
    assert [each.repeated for each in evaluated] == [False] + [True] * 49
    assert [each.trace_id for each in evaluated] == [traced(number).trace_id for number in range(50)]
    assert len(provider.asked) == 1


async def test_two_processes_at_once_are_one_evaluation() -> None:
    """AS-407: whoever finds it running elsewhere waits and gets the same answer."""
    provider = FakeProvider("zefix")
    provider.may_end.clear()
    desk = Workflow([asking("zefix")], providers=[provider])
    other = desk.beside()
    first = asyncio.create_task(desk.service.evaluate(traced(1)))
    await provider.begun.wait()
    second = asyncio.create_task(other.service.evaluate(traced(2)))
    await desk.store.claims_reach(4)  # it has asked, and asked again
    provider.may_end.set()
    one, two = await asyncio.gather(first, second)
    assert (one.assessment_id, one.answer) == (two.assessment_id, two.answer)
    assert (one.repeated, two.repeated, len(provider.asked)) == (False, True, 1)


async def test_waiting_for_others_ends() -> None:
    """AS-409: a request that waits too long for another's evaluation is told to come back, not held for ever."""
    provider = FakeProvider("zefix")
    provider.may_end.clear()
    desk = Workflow([asking("zefix")], providers=[provider], limits=replace(LIMITS, in_progress_timeout_ms=50))
    other = desk.beside()
    first = asyncio.create_task(desk.service.evaluate(traced(1)))
    await provider.begun.wait()
    with pytest.raises(DependencyFailed, match="busy"):
        await other.service.evaluate(traced(2))
    provider.may_end.set()
    await first


async def test_slow_process_gives_the_answer_of_who_took_over() -> None:
    """AS-404: what was taken over is not completed twice; both callers get the one answer that stands."""
    slow, quick = FakeProvider("zefix"), FakeProvider("zefix", answered(found=False))
    slow.may_end.clear()
    desk = Workflow([asking("zefix")], providers=[slow])
    other = Workflow([asking("zefix")], providers=[quick], store=desk.store)
    other.ids = desk.ids
    first = asyncio.create_task(desk.service.evaluate(traced(1)))
    await slow.begun.wait()
    other.clock.us = desk.clock.us = NOW_US + LIMITS.in_progress_timeout_ms * 1_000
    taken = await Workflow.beside(other).service.evaluate(traced(2))
    slow.may_end.set()
    told = await first
    assert told.assessment_id == taken.assessment_id
    assert (told.answer, told.repeated) == (taken.answer, True)
    statuses = {row.assessment_id: row.status for row in await desk.rows()}
    assert sorted(statuses.values()) == [AssessmentStatus.COMPLETED, AssessmentStatus.FAILED]


async def test_evaluation_that_breaks_is_failed_and_told() -> None:
    """AS-317: a defect is recorded with its event and an alarm, is no decision, and does not block the next request."""

    class Defect(Exception):
        """Stands for a bug."""

    desk = Workflow()
    good = desk.rule_sets.rule_set

    class Broken:
        """A rule set whose providers cannot be told."""

        def __getattr__(self, name: str) -> object:
            return getattr(good, name)

        def providers_for(self, _attributes: object) -> object:
            raise Defect

    desk.rule_sets.rule_set = Broken()  # type: ignore[assignment]  # it stands for one with a bug in it
    with pytest.raises(Defect):
        await desk.service.evaluate(traced(1))
    failed = await desk.only_row()
    assert (failed.status, failed.fault, len(desk.alarms)) == (AssessmentStatus.FAILED, DEFECT, 1)
    assert [topic for _, topic in desk.store.outbox.values()] == ["risk.assessment.failed.v1"]
    desk.rule_sets.rule_set = good
    assert not (await desk.service.evaluate(traced(1))).repeated


async def test_answer_that_cannot_be_written_is_tried_on() -> None:
    """AS-318: the caller is told to come back, the calls are not paid for again, and the answer is there then."""
    provider = FakeProvider("crif", billed=True)
    desk = Workflow([asking("crif")], providers=[provider])
    desk.store.fails["complete"] = 2
    with pytest.raises(DependencyFailed):
        await desk.service.evaluate(traced(1))
    async with asyncio.timeout(5):
        await desk.store.completed.wait()
    again = await desk.service.evaluate(traced(2))
    assert (again.repeated, len(provider.asked)) == (True, 1)


async def test_answer_that_cannot_be_written_in_time_is_given_up() -> None:
    """AS-318: trying on ends when others may take over."""
    desk = Workflow()
    desk.store.fails["complete"] = 10_000
    with pytest.raises(DependencyFailed):
        await desk.service.evaluate(traced(1))
    desk.clock.us += LIMITS.in_progress_timeout_ms * 1_000
    await desk.service.drain(5)
    desk.store.fails.clear()
    again = await desk.service.evaluate(traced(2))
    assert not again.repeated


async def test_claim_that_was_written_though_its_answer_was_lost_does_not_block() -> None:
    """AS-318: a claim whose confirmation was lost is let go, so that the caller's next attempt is evaluated at once."""
    desk = Workflow()
    desk.store.written_all_the_same = True
    desk.store.fails["claim"] = 1
    with pytest.raises(DependencyFailed):
        await desk.service.evaluate(traced(1))
    desk.store.written_all_the_same = False
    await desk.service.drain(5)
    assert (await desk.only_row()).status is AssessmentStatus.FAILED
    assert not (await desk.service.evaluate(traced(2))).repeated


async def test_caller_that_goes_away_loses_nothing() -> None:
    """AS-319: what was begun is completed though nobody waits for it."""
    provider = FakeProvider("zefix")
    provider.may_end.clear()
    desk = Workflow([asking("zefix")], providers=[provider])
    asked = asyncio.create_task(desk.service.evaluate(traced(1)))
    await provider.begun.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    provider.may_end.set()
    async with asyncio.timeout(5):
        await desk.store.completed.wait()
    assert (await desk.service.evaluate(traced(2))).repeated
    assert provider.cancelled == 0


async def test_key_with_another_request_is_refused() -> None:
    """AS-406: an idempotency key is for one request."""
    desk = Workflow()
    await desk.service.evaluate(traced(1), key=KEY)
    with pytest.raises(KeyReused):
        await desk.service.evaluate(traced(2, country="LI"), key=KEY)
    assert (await desk.service.evaluate(traced(3), key=KEY)).repeated
    assert len(await desk.rows()) == 1


async def test_two_under_one_key_at_once_are_one_evaluation() -> None:
    """AS-406: the same key and request, still running, waits."""
    provider = FakeProvider("zefix")
    provider.may_end.clear()
    desk = Workflow([asking("zefix")], providers=[provider])
    other = desk.beside()
    first = asyncio.create_task(desk.service.evaluate(traced(1), key=KEY))
    await provider.begun.wait()
    second = asyncio.create_task(other.service.evaluate(traced(2), key=KEY))
    await desk.store.claims_reach(3)
    provider.may_end.set()
    one, two = await asyncio.gather(first, second)
    assert one.assessment_id == two.assessment_id
    assert len(provider.asked) == 1


async def test_drain_lets_what_was_begun_end() -> None:
    """AS-319: a process that ends answers those who wait, and abandons what does not end in time."""
    quick, endless = FakeProvider("zefix"), FakeProvider("crif")
    quick.may_end.clear()
    endless.may_end.clear()
    only_li = {"country": frozenset({"LI"})}
    desk = Workflow(
        [asking("zefix", scope={"country": frozenset({"CH"})}), asking("crif", scope=only_li)],
        providers=[quick, endless],
    )
    asked = [asyncio.create_task(desk.service.evaluate(traced(n, country=c))) for n, c in enumerate(("CH", "LI"))]
    await asyncio.gather(quick.begun.wait(), endless.begun.wait())
    asyncio.get_running_loop().call_later(0.05, quick.may_end.set)
    await desk.service.drain(0.3)
    ended, abandoned = await asyncio.gather(*asked, return_exceptions=True)
    assert not isinstance(ended, BaseException)
    assert isinstance(abandoned, DependencyFailed)
    assert endless.cancelled == 1


async def test_no_rule_set_means_come_back() -> None:
    """AS-318: without a configuration nothing is decided, and nothing is stored."""
    desk = Workflow()

    class Empty:
        """A replica that has loaded nothing yet."""

        @property
        def rule_set(self) -> object:
            raise DependencyFailed("desk configuration", "has not been loaded yet")

    desk.service._rule_sets = Empty()  # type: ignore[assignment]  # it stands for a keeper before its first load
    with pytest.raises(DependencyFailed, match="not been loaded"):
        await desk.service.evaluate(traced(1))
    assert await desk.rows() == ()
