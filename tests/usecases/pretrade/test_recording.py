"""What stands when a caller does not hear its answer, or the journal does not say whether it has written it."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from tests.usecases.pretrade.builders import USER, GateUnderTest, a_gate, an_order

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.decisions import MemoryDecisionJournal
from tidegate.outbound.memory.profiles import MemoryProfiles
from tidegate.ports.decision_journal import DecisionRecord, RememberedAnswer
from tidegate.usecases.pretrade.answering import Decided
from tidegate.usecases.pretrade.recording import Durability


class TroubledJournal(MemoryDecisionJournal):
    """A journal that can be held in the middle of a write, lose its acknowledgement, or not answer at all."""

    def __init__(self) -> None:
        super().__init__(MemoryProfiles(MemoryConfigurationAreas()))
        self.down = self.forgets_to_say = False
        self.writing = asyncio.Event()
        self.may_write = asyncio.Event()
        self.may_write.set()

    async def record(
        self, batch: Sequence[DecisionRecord], *, margin_call_cooldown_us: int, book_epoch: int | None = None
    ) -> Mapping[int, RememberedAnswer]:
        """Write, and say so unless it was told not to."""
        self.writing.set()
        await self.may_write.wait()
        if self.down:
            raise DependencyFailed("journal", "is down")
        standing = await super().record(batch, margin_call_cooldown_us=margin_call_cooldown_us, book_epoch=book_epoch)
        if self.forgets_to_say:
            raise DependencyFailed("journal", "the connection was lost")
        return standing

    async def withdraw(self, decision_ids: Sequence[str]) -> None:
        """Withdraw, if it answers."""
        if self.down:
            raise DependencyFailed("journal", "is down")
        await super().withdraw(decision_ids)


async def test_recorder_whose_acknowledgement_is_lost_lets_no_approval_stand_that_holds_nothing() -> None:
    """PT-106, PT-604: the caller was told UNAVAILABLE, so a repeat is decided anew and holds what it is told."""
    journal = TroubledJournal()
    async with a_gate(journal=journal) as it:
        journal.forgets_to_say = True
        with pytest.raises(DependencyFailed):
            await it.gate.ask(an_order("o-1"))
        assert await it.reserved() == {}
        journal.forgets_to_say = False
        again = await it.gate.ask(an_order("o-1"))
        assert again.decision is Decision.APPROVED
        assert await it.reserved() == {"o-1": Decimal("0.1")}
        assert len(journal.withdrawn) == 1


async def test_recorder_that_cannot_withdraw_decides_nothing_until_it_can() -> None:
    """PT-107, PL-307: what nobody was told is withdrawn before anything else is decided; answers told before stand."""
    journal = TroubledJournal()
    async with a_gate(journal=journal) as it:
        assert (await it.gate.ask(an_order("first"))).decision is Decision.APPROVED
        late, heard = await _one_gives_up_while_the_journal_writes(it, journal)
        assert heard.decision is Decision.APPROVED
        assert await it.reserved() == {"first": Decimal("0.1"), "heard": Decimal("0.1")}
        journal.down = True
        with pytest.raises(DependencyFailed):
            await it.gate.ask(an_order(late))
        assert await it.reserved() == {"first": Decimal("0.1"), "heard": Decimal("0.1")}
        journal.down = False
        async with asyncio.timeout(5):
            again = await _asked_until_answered(it, late)
        assert again.decision is Decision.APPROVED


async def _asked_until_answered(it: GateUnderTest, order_id: str) -> Answer:
    while True:
        try:
            return await it.gate.ask(an_order(order_id, quantity=Decimal("0.2")))
        except DependencyFailed:
            await asyncio.sleep(0)


async def _one_gives_up_while_the_journal_writes(it: GateUnderTest, journal: TroubledJournal) -> tuple[str, Answer]:
    """Ask two orders in one batch; give the id of the one whose caller gave up, and the answer of the other.

    The journal goes down as soon as it has written.
    """
    journal.writing.clear()
    journal.may_write.clear()
    late, heard = (asyncio.create_task(it.gate.ask(an_order(name))) for name in ("late", "heard"))
    await journal.writing.wait()
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    journal.may_write.set()
    return "late", await heard


@pytest.mark.parametrize("durability", list(Durability))
async def test_recorder_undoes_an_answer_that_was_told_to_nobody(durability: Durability) -> None:
    """PT-107: a deadline that is spent between the answer and its caller leaves no reservation."""
    journal = TroubledJournal()
    async with a_gate(journal=journal, durability=durability) as it:
        call = asyncio.create_task(it.gate.ask(an_order("late")))
        told = it.recorder.answers.put

        def tell_and_give_up(*arguments: Any, **named: Any) -> None:
            told(*arguments, **named)
            call.cancel()

        it.recorder.answers.put = tell_and_give_up  # type: ignore[method-assign]  # the moment between the two
        await asyncio.gather(call, return_exceptions=True)
        assert call.cancelled()
        it.recorder.answers.put = told  # type: ignore[method-assign]
        again = await it.gate.ask(an_order("late", quantity=Decimal("0.2")))
        assert again.decision is Decision.APPROVED
        assert await it.reserved() == {"late": Decimal("0.2")}


async def test_recorder_lets_an_unheard_answer_stand_that_a_repeat_was_told() -> None:
    """PT-103, PT-107: two callers asked the same; one gave up, the other was told, so the order may proceed."""
    journal = TroubledJournal()
    async with a_gate(journal=journal) as it:
        first = asyncio.create_task(it.gate.ask(an_order("same")))
        second = asyncio.create_task(it.gate.ask(an_order("same")))
        told = it.recorder.answers.get

        def repeat_and_give_up(*arguments: Any, **named: Any) -> RememberedAnswer | None:
            found = told(*arguments, **named)
            if found is not None:
                first.cancel()
            return found

        it.recorder.answers.get = repeat_and_give_up  # type: ignore[method-assign]  # the moment between the two
        answer = await second
        await asyncio.gather(first, return_exceptions=True)
        assert answer.decision is Decision.APPROVED
        other = await it.gate.ask(an_order("same", quantity=Decimal("0.2")))
        assert other.reject_reason is RejectReason.DUPLICATE_ORDER
        assert await it.reserved() == {"same": Decimal("0.1")}


async def test_recorder_that_loses_the_journal_in_a_batch_keeps_what_was_told_before() -> None:
    """PT-604: an order refused for its other content fails to be recorded; approvals of its batch stay reserved."""
    journal = TroubledJournal()
    async with a_gate(journal=journal) as it:
        await it.gate.ask(an_order("same"))
        it.recorder.answers.forget((USER, "same"))
        await it.book.release(USER, account_id="main", order_ids=["same"])
        writes = journal.record

        async def once(
            batch: Sequence[DecisionRecord], *, margin_call_cooldown_us: int, book_epoch: int | None = None
        ) -> Mapping[int, RememberedAnswer]:
            standing = await writes(batch, margin_call_cooldown_us=margin_call_cooldown_us, book_epoch=book_epoch)
            journal.down = True
            return standing

        journal.record = once  # type: ignore[method-assign]
        good = asyncio.create_task(it.gate.ask(an_order("good")))
        bad = asyncio.create_task(it.gate.ask(an_order("same", quantity=Decimal("0.2"))))
        assert (await good).decision is Decision.APPROVED
        with pytest.raises(DependencyFailed):
            await bad
        assert await it.reserved() == {"good": Decimal("0.1")}


async def test_recorder_when_relaxed_withdraws_what_it_has_still_to_write() -> None:
    """PT-107, PL-304: an answer whose caller gave up is written, then withdrawn; a repeat is decided anew for good."""
    journal = TroubledJournal()
    async with a_gate(journal=journal, durability=Durability.RELAXED) as it:
        real = it.gate._decider.decide

        def decide_and_give_up(*arguments: Any, **named: Any) -> Decided:
            decided = real(*arguments, **named)
            arguments[0].reply.cancel()
            return decided

        it.gate._decider.decide = decide_and_give_up  # type: ignore[method-assign]  # the deadline while it decides
        call = asyncio.create_task(it.gate.ask(an_order("late")))
        await asyncio.gather(call, return_exceptions=True)
        it.gate._decider.decide = real  # type: ignore[method-assign]
        assert (await it.gate.ask(an_order("late", quantity=Decimal("0.2")))).decision is Decision.APPROVED
        await it.recorder.flush()
        assert await it.reserved() == {"late": Decimal("0.2")}
        standing = await journal.remembered(USER, "late", since_us=0)
        assert standing is not None
        assert standing.answer.decision is Decision.APPROVED
        assert standing.answer.decision_id not in journal.withdrawn
