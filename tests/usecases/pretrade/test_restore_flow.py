"""The sliding windows of a process that begins where another has ended."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.pretrade.told import an_order as a_told_order
from tests.core.pretrade.told import reported
from tests.inbound.events.desk import Durable
from tests.ports.builders import NOW_US, OTHER_USER, USER, a_record, a_refusal, an_order
from tests.usecases.pretrade.builders import HandClock, a_gate
from tests.usecases.pretrade.builders import an_order as an_asked_order

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.changes import EngineEventType, EngineReported
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.reasons import Decision
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import FlowFacts
from tidegate.outbound.memory.decisions import MemoryDecisionArchive
from tidegate.ports.decision_journal import DecisionRecord
from tidegate.usecases.pretrade.flow import DAY_US, HOUR_US, MINUTE_US, FlowWindows
from tidegate.usecases.pretrade.restore_flow import STEP_US, RestoredFlow, restore_flow

SETTINGS = GateSettings(duplicate_window_ms=5_000, repeat_max=3, repeat_window_ms=60_000)
ORDER = an_order("asks")


def passed(order_id: str, *, ago_us: int, notional: str = "1000", order: Order = ORDER) -> DecisionRecord:
    """An order that may proceed and adds this much to the notional of its user."""
    record = a_record(replace(order, order_id=order_id), at_us=NOW_US - ago_us)
    before = record.evidence.flow.notional_24h
    assert before is not None
    return replace(record, metrics=replace(record.metrics, notional_24h=before + Decimal(notional)))


def refused(order_id: str, *, ago_us: int, order: Order = ORDER) -> DecisionRecord:
    """An order that was refused; its notional is known all the same."""
    record = a_refusal(replace(order, order_id=order_id), at_us=NOW_US - ago_us)
    return replace(record, metrics=replace(record.metrics, notional_24h=Decimal(999_999)))


async def facts_after(
    *records: DecisionRecord,
    withdrawn: Sequence[str] = (),
    order: Order = ORDER,
    settings: GateSettings = SETTINGS,
    now_us: int = NOW_US,
) -> FlowFacts:
    """What a process that begins now knows of the user of an order."""
    durable = Durable()
    await durable.journal.record(records, margin_call_cooldown_us=0)
    await durable.journal.withdraw(withdrawn)
    flow = FlowWindows()
    await restore_flow(durable.archive, flow, clock=HandClock(NOW_US), settings=settings)
    return flow.facts(order, now_us=now_us, settings=settings, rearmed_us=None)


async def test_windows_after_a_restart_hold_what_was_decided_before_it() -> None:
    """PT-527, PT-718: notional of a day, refusals of an hour, orders of a minute; a refused order adds no notional."""
    facts = await facts_after(
        passed("day", ago_us=DAY_US - 1, notional="1"),
        passed("half", ago_us=DAY_US // 2, notional="20"),
        passed("now", ago_us=1, notional="300.12345678"),
        refused("hour", ago_us=HOUR_US - 1),
        refused("minute", ago_us=MINUTE_US - 1),
        refused("old", ago_us=2 * HOUR_US),
        passed("other's", ago_us=1, order=an_order(user_id=OTHER_USER)),
    )
    assert facts.notional_24h == Decimal("321.12345678")
    assert facts.rejects_last_hour == 2
    assert facts.orders_last_minute == 2


async def test_windows_after_a_restart_leave_out_what_is_older_and_what_was_withdrawn() -> None:
    """PT-527: a decision that never reached its caller counts as little as one that has left the window."""
    late = passed("late", ago_us=1)
    too_old = [passed("old", ago_us=DAY_US + MINUTE_US), refused("old reject", ago_us=HOUR_US + MINUTE_US)]
    facts = await facts_after(late, *too_old, withdrawn=[late.answer.decision_id])
    assert facts == FlowFacts(0, Decimal(0), 0)


async def test_notional_that_is_not_known_adds_nothing_after_a_restart_either() -> None:
    """PT-527: an order that passed without its notional is counted as a message and adds 0, as in a running process."""
    record = passed("blind", ago_us=1)
    facts = await facts_after(replace(record, metrics=replace(record.metrics, notional_24h=None)))
    assert facts == FlowFacts(1, Decimal(0), 0, equal_order_at_us=NOW_US - 1)


@pytest.mark.parametrize(
    ("ago_us", "expected_ago_us"),
    [(1, 1), (4_999_999, 4_999_999), (5_000_000, 5_000_000), (5_000_001, None)],
)
async def test_equal_order_inside_the_duplicate_window_is_known_after_a_restart(
    ago_us: int, expected_ago_us: int | None
) -> None:
    """PT-342: a restart does not let the same order through twice."""
    facts = await facts_after(passed("twin", ago_us=ago_us))
    assert facts.equal_order_at_us == (None if expected_ago_us is None else NOW_US - expected_ago_us)


async def test_equal_order_of_a_window_longer_than_a_minute_is_known_after_a_restart() -> None:
    """PT-342: the journal is read as far back as the window reaches, and the latest of equal orders stands."""
    settings = replace(SETTINGS, duplicate_window_ms=3_600_000)
    records = [passed(f"o-{minutes}", ago_us=minutes * MINUTE_US) for minutes in (61, 59, 30)]
    facts = await facts_after(*records, settings=settings)
    assert facts.equal_order_at_us == NOW_US - 30 * MINUTE_US
    assert facts.orders_last_minute == 0


async def test_refused_order_is_no_equal_order_after_a_restart() -> None:
    """PT-342: only an order that may have reached the engine makes the next one a duplicate."""
    assert (await facts_after(refused("no", ago_us=1))).equal_order_at_us is None


async def test_windows_without_duplicate_check_know_no_equal_order_after_a_restart() -> None:
    """PT-345: a check that is off reads nothing."""
    facts = await facts_after(passed("twin", ago_us=1), settings=replace(SETTINGS, duplicate_window_ms=0))
    assert facts.equal_order_at_us is None


AGES = st.integers(min_value=0, max_value=DAY_US + HOUR_US)


@given(st.lists(st.tuples(AGES, st.booleans(), st.integers(1, 10**6)), max_size=20), st.integers(0, DAY_US))
async def test_windows_after_a_restart_never_say_less_than_a_process_without_one(
    told: list[tuple[int, bool, int]], later_us: int
) -> None:
    """PT-527: at any time after the restart a window says what an unbroken process would say, or for the notional a
    little more: at most what passed in the one step that reaches out of the window.
    """
    now_us = NOW_US + later_us
    unbroken, records = FlowWindows(), []
    for place, (ago_us, passes, notional) in enumerate(sorted(told, reverse=True)):
        if passes:
            records.append(passed(f"o-{place}", ago_us=ago_us, notional=str(notional)))
            unbroken.count_accepted(ORDER, at_us=NOW_US - ago_us, notional_usdt=Decimal(notional), settings=SETTINGS)
        else:
            records.append(refused(f"o-{place}", ago_us=ago_us))
            unbroken.count_reject(ORDER, at_us=NOW_US - ago_us)
    before = unbroken.facts(ORDER, now_us=now_us, settings=SETTINGS, rearmed_us=None)
    after = await facts_after(*records, now_us=now_us)
    leaving = sum(
        notional for ago_us, passes, notional in told if passes and 0 <= ago_us + later_us - DAY_US <= STEP_US
    )
    assert before.notional_24h is not None
    assert after.notional_24h is not None
    assert before.notional_24h <= after.notional_24h <= before.notional_24h + leaving
    assert after.rejects_last_hour == before.rejects_last_hour


async def test_order_after_a_restart_is_decided_on_the_notional_before_it() -> None:
    """PT-527: what the gate has recorded is what the next process begins with, exactly."""
    journal = Durable().journal
    async with a_gate(journal=journal) as it:
        answers = [await it.gate.ask(an_asked_order(f"o-{number}")) for number in range(3)]
    assert {answer.decision for answer in answers} == {Decision.APPROVED}
    flow = FlowWindows()
    restored = await restore_flow(MemoryDecisionArchive(journal), flow, clock=HandClock(), settings=GateSettings())
    assert restored == RestoredFlow(totals=1, messages=3, contents=0)
    facts = flow.facts(an_asked_order(), now_us=NOW_US, settings=GateSettings(), rearmed_us=None)
    assert facts.notional_24h == 3 * Decimal("0.1") * 50_000
    assert facts.orders_last_minute == 3


async def test_restore_that_fails_counts_nothing_and_may_be_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """PT-718: windows are never filled by half, nor twice."""
    durable = Durable()
    await durable.journal.record([passed("o-1", ago_us=1)], margin_call_cooldown_us=0)
    flow, answers = FlowWindows(), durable.archive.flow_since

    async def away(since_us: int, *, until_us: int | None = None) -> Sequence[DecisionRecord]:
        raise DependencyFailed("journal", "away")

    monkeypatch.setattr(durable.archive, "flow_since", away)
    with pytest.raises(DependencyFailed):
        await restore_flow(durable.archive, flow, clock=HandClock(), settings=SETTINGS)
    assert flow.facts(ORDER, now_us=NOW_US, settings=SETTINGS, rearmed_us=None) == FlowFacts(0, Decimal(0), 0)
    monkeypatch.setattr(durable.archive, "flow_since", answers)
    await restore_flow(durable.archive, flow, clock=HandClock(), settings=SETTINGS)
    facts = flow.facts(ORDER, now_us=NOW_US, settings=SETTINGS, rearmed_us=None)
    assert facts.notional_24h == 1_000


def a_fill(
    last: str | None, *, filled: str, sequence: int = 1, event: EngineEventType = EngineEventType.FILLED
) -> EngineReported:
    """A report on an order of 2 at 50,000: ``last`` is the quantity of this fill, ``filled`` that of all so far."""
    change = reported(sequence, a_told_order(quantity="2", filled=filled, price="50000"), event=event)
    return replace(change, last_fill_quantity=None if last is None else Decimal(last))


def equal_fills(flow: FlowWindows, *, now_us: int) -> int:
    """How many fills of that order's content are counted."""
    order = replace(an_order("o-2"), quantity=Decimal(2))
    return flow.facts(order, now_us=now_us, settings=SETTINGS, rearmed_us=None).equal_fills


@pytest.mark.parametrize(
    ("reports", "counted"),
    [
        ([("2", "2")], 1),
        ([("1", "1")], 1),
        ([("1", "1"), ("1", "2")], 1),
        ([("0.5", "0.5"), ("0.5", "1"), ("1", "2")], 1),
        ([("1", "2")], 0),
        ([(None, "1"), (None, "2")], 1),
    ],
    ids=["whole", "partly", "in two", "in three", "its first fill was lost", "fills that name no quantity"],
)
def test_order_is_counted_once_by_the_repeat_throttle(reports: list[tuple[str | None, str]], counted: int) -> None:
    """PT-344: an order counts at its first fill, whatever it is filled in, at the time of the event."""
    flow = FlowWindows()
    for sequence, (last, cumulative) in enumerate(reports, start=1):
        flow.hear(a_fill(last, filled=cumulative, sequence=sequence), settings=SETTINGS)
    told_us = a_fill("2", filled="2").stamp.at_us
    assert equal_fills(flow, now_us=told_us) == counted
    assert equal_fills(flow, now_us=told_us + HOUR_US) == 0


@pytest.mark.parametrize("event", [event for event in EngineEventType if event is not EngineEventType.FILLED])
def test_report_that_is_no_fill_is_not_counted_by_the_repeat_throttle(event: EngineEventType) -> None:
    """PT-344: only an execution counts."""
    flow = FlowWindows()
    flow.hear(a_fill("2", filled="2", event=event), settings=SETTINGS)
    assert equal_fills(flow, now_us=NOW_US) == 0


def test_repeat_throttle_that_is_off_keeps_no_fills() -> None:
    """PT-345: what no check reads is not kept either, however long the history that is told again."""
    flow = FlowWindows()
    flow.hear(a_fill("2", filled="2"), settings=replace(SETTINGS, repeat_max=0))
    assert equal_fills(flow, now_us=NOW_US) == 0


def test_repeat_throttle_forgets_contents_whose_fills_have_left_the_window() -> None:
    """PT-344: thousands of prices told again after a start do not stay, and none inside the window is lost."""
    flow, second_us = FlowWindows(), 1_000_000
    for sequence in range(1, 3_001):
        change = a_fill("2", filled="2", sequence=sequence)
        priced = replace(change.row.order, price=Decimal(sequence))
        flow.hear(replace(change, row=replace(change.row, order=priced)), settings=SETTINGS)
    now_us = a_fill("2", filled="2", sequence=3_000).stamp.at_us
    order = replace(an_order("o-2"), quantity=Decimal(2))
    counted = [
        flow.facts(replace(order, price=Decimal(price)), now_us=now_us, settings=SETTINGS, rearmed_us=None).equal_fills
        for price in range(1, 3_001)
    ]
    in_window = SETTINGS.repeat_window_ms * 1_000 // second_us
    assert counted == [0] * (3_000 - in_window) + [1] * in_window
    assert len(flow._user(USER).fills) <= 1_000
