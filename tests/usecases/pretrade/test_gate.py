"""The batch loop: snapshot, decide, reserve, record, reply - and what remains when a step fails."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.usecases.pretrade.builders import NOW_US, USER, CountedIds, a_funded_user, a_gate, an_order

from tidegate.core.kernel.trouble import DependencyFailed, Overloaded
from tidegate.core.pretrade.decide import decide
from tidegate.core.pretrade.instrument import Mark
from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.core.pretrade.settings import GateSettings
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.decisions import MemoryDecisionJournal
from tidegate.outbound.memory.profiles import MemoryProfiles
from tidegate.ports.decision_journal import DecisionRecord, RememberedAnswer
from tidegate.usecases.pretrade.gate import GateLimits
from tidegate.usecases.pretrade.recording import Durability

OTHER = "0a4f0f34-6c0a-4c8f-8a8f-3f9ad2bb1a22"


class HaltingJournal(MemoryDecisionJournal):
    """A journal that does not answer while it is told not to, and can be held in the middle of a write."""

    def __init__(self) -> None:
        super().__init__(MemoryProfiles(MemoryConfigurationAreas()))
        self.down = False
        self.writing = asyncio.Event()
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.batches: list[int] = []

    async def record(
        self, batch: Sequence[DecisionRecord], *, margin_call_cooldown_us: int, book_epoch: int | None = None
    ) -> Mapping[int, RememberedAnswer]:
        """Write, unless the journal is down."""
        self.writing.set()
        await self.may_write.wait()
        if self.down:
            raise DependencyFailed("journal", "is down")
        self.batches.append(len(batch))
        return await super().record(batch, margin_call_cooldown_us=margin_call_cooldown_us, book_epoch=book_epoch)


async def test_gate_of_orders_asked_at_once_never_reserves_more_than_is_available() -> None:
    """PT-601, PT-604: 50 orders of one batch see each other's reservations; only as many pass as the margin carries."""
    async with a_gate(total=Decimal(10_000)) as it:
        answers = await asyncio.gather(*(it.gate.ask(an_order(f"o-{number}")) for number in range(50)))
        passed = [answer for answer in answers if answer.decision is Decision.APPROVED]
        refused = {answer.reject_reason for answer in answers if answer.decision is Decision.REJECTED}
        # One order of 0.1 at 50,000 and leverage 10 needs 500 and a fee of 2.5, which its reservation goes on holding.
        assert len(passed) == 10_000 // Decimal("502.5")
        assert refused == {RejectReason.INSUFFICIENT_MARGIN}
        assert len(await it.reserved()) == len(passed)


async def test_gate_asked_the_same_order_five_times_at_once_answers_the_same_and_reserves_once() -> None:
    """PT-103: the same content under the same id gives the recorded answer, word for word."""
    async with a_gate() as it:
        answers = await asyncio.gather(*(it.gate.ask(an_order("same")) for _ in range(5)))
        assert len(set(answers)) == 1
        assert answers[0].decision is Decision.APPROVED
        assert list(await it.reserved()) == ["same"]
        assert await it.gate.ask(an_order("same")) == answers[0]


async def test_gate_asked_the_same_id_with_other_content_refuses_it_and_keeps_the_first_answer() -> None:
    """PT-103: other content under an answered id is REJECTED DUPLICATE_ORDER; the first answer still stands."""
    async with a_gate() as it:
        first = await it.gate.ask(an_order("same"))
        other = await it.gate.ask(an_order("same", quantity=Decimal("0.2")))
        assert (other.decision, other.reject_reason) == (Decision.REJECTED, RejectReason.DUPLICATE_ORDER)
        assert await it.gate.ask(an_order("same")) == first
        assert await it.reserved() == {"same": Decimal("0.1")}


async def test_gate_that_forgot_an_answer_gives_the_one_the_journal_knows() -> None:
    """PT-103: the journal's unique index is the arbiter; nothing is reserved a second time."""
    async with a_gate() as it:
        first = await it.gate.ask(an_order("same"))
        it.recorder.answers.forget((USER, "same"))
        await it.book.release(USER, account_id="main", order_ids=["same"])
        assert await it.gate.ask(an_order("same")) == first
        assert await it.reserved() == {}


async def test_gate_decides_a_refusal_that_time_heals_anew() -> None:
    """PT-103: STALE_DATA is not remembered; when the mark is fresh again the same order passes."""
    async with a_gate() as it:
        it.replica.market.marks.clear()
        stale = await it.gate.ask(an_order("o-1"))
        it.replica.market.marks["BTCUSDT"] = Mark(Decimal(50000), NOW_US)
        assert stale.reject_reason is RejectReason.STALE_DATA
        assert (await it.gate.ask(an_order("o-1"))).decision is Decision.APPROVED


async def test_gate_asked_for_a_dry_run_decides_and_leaves_no_trace() -> None:
    """PT-101: nothing is reserved, stored or remembered, and the answer names no stored decision."""
    async with a_gate() as it:
        answer = await it.gate.ask(an_order("dry"), dry_run=True)
        assert (answer.decision, answer.decision_id, answer.reservation_expires_at_us) == (Decision.APPROVED, "", None)
        assert await it.reserved() == {}
        assert await it.journal.remembered(USER, "dry", since_us=0) is None
        assert (await it.gate.ask(an_order("dry", quantity=Decimal("0.2")))).decision is Decision.APPROVED


async def test_gate_whose_journal_is_down_tells_unavailable_and_gives_the_reservation_back() -> None:
    """PT-107, PL-304: what could not be recorded is not answered, and holds nothing."""
    journal = HaltingJournal()
    async with a_gate(journal=journal) as it:
        journal.down = True
        with pytest.raises(DependencyFailed):
            await it.gate.ask(an_order("o-1"))
        assert await it.reserved() == {}
        journal.down = False
        assert (await it.gate.ask(an_order("o-1"))).decision is Decision.APPROVED


async def test_gate_whose_caller_ran_out_of_time_leaves_no_reservation_and_decides_a_repeat_anew() -> None:
    """PT-108: a deadline spent while the decision is written takes its reservation back."""
    journal = HaltingJournal()
    async with a_gate(journal=journal) as it:
        journal.may_write.clear()
        call = asyncio.create_task(it.gate.ask(an_order("late")))
        await journal.writing.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        journal.may_write.set()
        again = await it.gate.ask(an_order("late", quantity=Decimal("0.2")))
        assert again.decision is Decision.APPROVED
        assert await it.reserved() == {"late": Decimal("0.2")}


async def test_gate_with_a_full_queue_says_when_to_come_back() -> None:
    """PT-107, PL-307: the bounded queue refuses with a retry time instead of growing."""
    journal = HaltingJournal()
    async with a_gate(journal=journal, limits=GateLimits(queue_max=3, batch_max=3, retry_after_ms=70)) as it:
        journal.may_write.clear()
        first = asyncio.create_task(it.gate.ask(an_order("first")))
        await journal.writing.wait()
        waiting = [asyncio.create_task(it.gate.ask(an_order(f"o-{number}"))) for number in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            await it.gate.ask(an_order("one too many"))
        assert refused.value.retry_after_ms == 70
        journal.may_write.set()
        assert all(answer.decision is Decision.APPROVED for answer in await asyncio.gather(first, *waiting))


async def test_gate_records_what_queued_meanwhile_in_one_commit() -> None:
    """PL-301: one journal commit for a whole batch (group commit)."""
    journal = HaltingJournal()
    async with a_gate(journal=journal) as it:
        journal.may_write.clear()
        first = asyncio.create_task(it.gate.ask(an_order("first")))
        await journal.writing.wait()
        rest = [asyncio.create_task(it.gate.ask(an_order(f"o-{number}"))) for number in range(8)]
        await asyncio.sleep(0)
        journal.may_write.set()
        await asyncio.gather(first, *rest)
        assert journal.batches == [1, 8]


async def test_gate_on_a_configuration_not_confirmed_lately_is_unavailable() -> None:
    """PT-201: at config_age_ms_max it still decides, beyond it answers UNAVAILABLE."""
    async with a_gate(settings=GateSettings(config_age_ms_max=100, mark_age_ms_max=1_000)) as it:
        it.clock.at_us = NOW_US + 100_000
        assert (await it.gate.ask(an_order("o-1"))).decision is Decision.APPROVED
        it.clock.at_us = NOW_US + 100_001
        with pytest.raises(DependencyFailed, match="configuration"):
            await it.gate.ask(an_order("o-2"))


async def test_gate_whose_clock_was_set_back_is_unavailable_until_the_next_confirmation() -> None:
    """PT-201: a configuration confirmed in the future is of unknown age, and not as young as it looks."""
    async with a_gate(settings=GateSettings(future_ms_max=50)) as it:
        it.clock.at_us = NOW_US - 50_000
        assert (await it.gate.ask(an_order("o-1"))).decision is Decision.APPROVED
        it.clock.at_us = NOW_US - 50_001
        with pytest.raises(DependencyFailed, match="configuration"):
            await it.gate.ask(an_order("o-2"))


async def test_gate_that_meets_a_bug_in_one_order_answers_it_internal_error_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PT-109: the order with the bug is refused INTERNAL_ERROR, an alarm is raised, the others are decided."""
    real = decide

    def decide_or_break(order, snapshot):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - stands in for decide
        if order.order_id == "bad":
            raise ZeroDivisionError("a bug")
        return real(order, snapshot)

    monkeypatch.setattr("tidegate.usecases.pretrade.deciding.decide", decide_or_break)
    async with a_gate() as it:
        bad, good = await asyncio.gather(it.gate.ask(an_order("bad")), it.gate.ask(an_order("good")))
        assert (bad.decision, bad.reject_reason) == (Decision.REJECTED, RejectReason.INTERNAL_ERROR)
        assert good.decision is Decision.APPROVED
        assert [type(alarm) for alarm in it.alarms] == [ZeroDivisionError]
        monkeypatch.undo()
        assert (await it.gate.ask(an_order("bad"))).decision is Decision.APPROVED


async def test_gate_that_drains_answers_what_waits_and_takes_no_more() -> None:
    """PL-304: shutdown drains."""
    async with a_gate() as it:
        waiting = [asyncio.create_task(it.gate.ask(an_order(f"o-{number}"))) for number in range(5)]
        await asyncio.sleep(0)
        it.gate.drain()
        assert all(answer.decision is Decision.APPROVED for answer in await asyncio.gather(*waiting))
        with pytest.raises(Overloaded):
            await it.gate.ask(an_order("after"))


async def test_gate_when_relaxed_answers_at_once_and_writes_soon() -> None:
    """PL-302: the answer does not wait for the journal; the backlog is written behind it."""
    journal = HaltingJournal()
    async with a_gate(journal=journal, durability=Durability.RELAXED) as it:
        journal.may_write.clear()
        answer = await it.gate.ask(an_order("o-1"))
        assert answer.decision is Decision.APPROVED
        assert await journal.remembered(USER, "o-1", since_us=0) is None
        journal.may_write.set()
        await it.recorder.flush()
        standing = await journal.remembered(USER, "o-1", since_us=0)
        assert standing is not None
        assert standing.answer == answer


async def test_gate_when_relaxed_stops_as_soon_as_the_journal_is_known_to_be_down() -> None:
    """PL-302: no more is answered than the 50 ms that may be lost."""
    journal = HaltingJournal()
    async with a_gate(journal=journal, durability=Durability.RELAXED) as it:
        journal.down = True
        await it.gate.ask(an_order("o-1"))
        while it.recorder.trouble is None:  # noqa: ASYNC110 - a turn of the loop each, no waiting for time
            await asyncio.sleep(0)
        with pytest.raises(DependencyFailed):
            await it.gate.ask(an_order("o-2"))


async def test_gate_keeps_users_apart() -> None:
    """PT-604: what one user reserves is not missing to another."""
    async with a_gate(total=Decimal("502.5")) as it:
        await a_funded_user(it.book, it.replica, user_id=OTHER, total=Decimal("502.5"))
        mine, theirs = await asyncio.gather(
            it.gate.ask(an_order("o-1")), it.gate.ask(replace(an_order("o-1"), user_id=OTHER))
        )
        assert (mine.decision, theirs.decision) == (Decision.APPROVED, Decision.APPROVED)


def test_ids_of_the_builders_are_never_given_twice() -> None:
    """The tests above tell decisions apart by id."""
    ids = CountedIds()
    assert ids.new() != ids.new()


async def test_gate_of_orders_asked_at_once_counts_each_before_it_decides_the_next() -> None:
    """PT-340, PT-342: a burst that arrives as one batch meets the throttle and the duplicate window like any other."""
    throttled = GateSettings(orders_per_second_max=3, duplicate_window_ms=1_000)
    async with a_gate(settings=throttled) as it:
        burst = [an_order(f"o-{number}", price=Decimal(50000 - number)) for number in range(6)]
        answers = await asyncio.gather(*(it.gate.ask(order) for order in burst))
        reasons = [answer.reject_reason for answer in answers]
        assert reasons == [None] * 3 + [RejectReason.RATE_LIMIT_EXCEEDED] * 3
    async with a_gate(settings=throttled) as it:
        first, equal = await asyncio.gather(it.gate.ask(an_order("o-1")), it.gate.ask(an_order("o-2")))
        assert (first.reject_reason, equal.reject_reason) == (None, RejectReason.DUPLICATE_ORDER)


async def test_gate_counts_an_order_that_could_not_be_recorded_no_longer() -> None:
    """PT-524: notional_24h and the duplicate window know only what was answered."""
    journal = HaltingJournal()
    async with a_gate(journal=journal, settings=GateSettings(duplicate_window_ms=60_000)) as it:
        journal.down = True
        with pytest.raises(DependencyFailed):
            await it.gate.ask(an_order("o-1"))
        journal.down = False
        assert (await it.gate.ask(an_order("o-2"))).decision is Decision.APPROVED


class ForgetfulJournal(HaltingJournal):
    """A journal whose acknowledgement of the next commit is lost on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.loses_next = False

    async def record(
        self, batch: Sequence[DecisionRecord], *, margin_call_cooldown_us: int, book_epoch: int | None = None
    ) -> Mapping[int, RememberedAnswer]:
        """Write, and lose the acknowledgement when told to."""
        found = await super().record(batch, margin_call_cooldown_us=margin_call_cooldown_us, book_epoch=book_epoch)
        if self.loses_next:
            self.loses_next = False
            raise DependencyFailed("journal", "the connection broke after the commit")
        return found


async def test_gate_when_relaxed_keeps_the_reservation_of_a_commit_whose_acknowledgement_was_lost() -> None:
    """PL-302, PT-601: the backlog is written again, meets its own row, and the answer that was told still holds."""
    journal = ForgetfulJournal()
    async with a_gate(journal=journal, durability=Durability.RELAXED) as it:
        journal.loses_next = True
        assert (await it.gate.ask(an_order("o-1"))).decision is Decision.APPROVED
        while journal.loses_next or it.recorder.trouble is not None:  # noqa: ASYNC110 - a turn of the loop each
            await asyncio.sleep(0)
        await it.recorder.flush()
        assert list(await it.reserved()) == ["o-1"]
