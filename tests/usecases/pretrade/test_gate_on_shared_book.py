"""The gate on a book that can be lost: what was decided on a life that has ended is told to nobody."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest
from tests.usecases.pretrade.builders import NOW_US, USER, a_funded_user, a_gate, an_order

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.reasons import Decision
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import Market
from tidegate.core.pretrade.state import UserState
from tidegate.outbound.memory.book_mirror import LivesKept, MemoryBookLives
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.decisions import MemoryDecisionJournal
from tidegate.outbound.memory.profiles import MemoryProfiles
from tidegate.outbound.memory.shared_book import MemorySharedBook, SharedContent
from tidegate.ports.account_book import AccountBook, ReserveRequest
from tidegate.ports.decision_journal import DecisionRecord, RememberedAnswer
from tidegate.ports.shared_book import BookLost
from tidegate.usecases.pretrade.flow import FlowWindows
from tidegate.usecases.pretrade.recording import Durability
from tidegate.usecases.pretrade.replica import Replica
from tidegate.usecases.pretrade.shared_flows import SharedFlows


class SlowBook(MemorySharedBook):
    """One process's book, which can be held after reading, and after reserving."""

    def __init__(self, content: SharedContent) -> None:
        super().__init__(content)
        self.reading, self.may_go_on = asyncio.Event(), asyncio.Event()
        self.reserving, self.may_return = asyncio.Event(), asyncio.Event()
        self.may_go_on.set()
        self.may_return.set()
        self.reserved_in: list[int] = []
        """Lives in which reservations were made."""

    async def snapshot(self, user_ids: Sequence[str], *, now_us: int) -> Mapping[str, UserState]:
        """Read, then wait until it may go on."""
        states = await super().snapshot(user_ids, now_us=now_us)
        self.reading.set()
        await self.may_go_on.wait()
        return states

    async def reserve(self, requests: Sequence[ReserveRequest]) -> Sequence[str]:
        """Reserve, then wait until it may go on."""
        moved = await super().reserve(requests)
        self.reserved_in.append(self.epoch)
        self.reserving.set()
        await self.may_return.wait()
        return moved


class SlowJournal(MemoryDecisionJournal):
    """A journal that can be held before it writes."""

    def __init__(self, lives: LivesKept) -> None:
        super().__init__(MemoryProfiles(MemoryConfigurationAreas()), lives)
        self.writing, self.may_write = asyncio.Event(), asyncio.Event()
        self.may_write.set()

    async def record(
        self, batch: Sequence[DecisionRecord], *, margin_call_cooldown_us: int, book_epoch: int | None = None
    ) -> Mapping[int, RememberedAnswer]:
        """Write when it may."""
        self.writing.set()
        await self.may_write.wait()
        return await super().record(batch, margin_call_cooldown_us=margin_call_cooldown_us, book_epoch=book_epoch)


class Shared:
    """A shared book in its first life, and the journal that knows which life counts."""

    def __init__(self) -> None:
        lives = LivesKept()
        self.lives, self.journal = MemoryBookLives(lives), SlowJournal(lives)
        self.content: SharedContent
        self.book: SlowBook

    async def open(self, market: Market) -> AccountBook:
        """Open the book of one process on a life that is whole."""
        settings = GateSettings()
        self.content = SharedContent(market, SharedFlows(FlowWindows(), lambda: settings))
        self.book = SlowBook(self.content)
        await self.book.begin(await self.lives.begin(), instance=self.content.instance)
        return self.book

    async def begin_next(self, replica: Replica) -> None:
        """Lose everything, and let another process build the next life, of the same funds."""
        self.content.lose()
        other = MemorySharedBook(self.content)
        await other.begin(await self.lives.begin(), instance=self.content.instance)
        await a_funded_user(other, replica, user_id=USER, total=Decimal(10_000))

    async def adopt_next(self) -> None:
        """Hear of the life that counts."""
        await self.book.adopt((await self.lives.current()).epoch, instance=self.content.instance)


async def test_gate_batch_recorded_after_the_next_life_began_is_told_to_nobody() -> None:
    """RE-152: decided and reserved on a book that is lost before it is written: UNAVAILABLE, and nothing is left."""
    shared = Shared()
    async with a_gate(journal=shared.journal, make_book=shared.open) as it:
        assert (await it.gate.ask(an_order("before"))).decision is Decision.APPROVED
        shared.journal.writing.clear()
        shared.journal.may_write.clear()
        asked = asyncio.gather(*(it.gate.ask(an_order(f"o-{place}")) for place in range(3)), return_exceptions=True)
        await shared.journal.writing.wait()
        await shared.begin_next(it.replica)
        shared.journal.may_write.set()
        assert [type(answer) for answer in await asked] == [BookLost] * 3
        written = [record.order.order_id for record in shared.journal.oldest_first()]
        assert written == ["before"]
        await shared.adopt_next()
        assert await it.reserved() == {}
        assert (await it.gate.ask(an_order("o-0"))).decision is Decision.APPROVED
        assert await it.reserved() == {"o-0": Decimal("0.1")}


async def test_gate_decides_again_what_it_read_from_a_life_that_has_ended() -> None:
    """RE-156: the next life was adopted between reading and reserving: the order is decided on that one, once."""
    shared = Shared()
    async with a_gate(journal=shared.journal, make_book=shared.open) as it:
        shared.book.may_go_on.clear()
        shared.book.reading.clear()
        asked = asyncio.create_task(it.gate.ask(an_order("o-1")))
        await shared.book.reading.wait()
        await shared.begin_next(it.replica)
        await shared.adopt_next()
        shared.book.may_go_on.set()
        assert (await asked).decision is Decision.APPROVED
        assert await it.reserved() == {"o-1": Decimal("0.1")}
        assert [record.evidence.flow.notional_24h for record in shared.journal.oldest_first()] == [0]
        assert shared.book.reserved_in == [2]


async def test_gate_decides_again_what_it_reserved_in_a_life_that_has_ended() -> None:
    """RE-156: the next life was adopted before the book had answered: what it answers is of a book that is no more."""
    shared = Shared()
    async with a_gate(journal=shared.journal, make_book=shared.open) as it:
        shared.book.may_return.clear()
        asked = asyncio.create_task(it.gate.ask(an_order("o-1")))
        await shared.book.reserving.wait()
        await shared.begin_next(it.replica)
        await shared.adopt_next()
        shared.book.may_return.set()
        assert (await asked).decision is Decision.APPROVED
        assert await it.reserved() == {"o-1": Decimal("0.1")}
        assert shared.book.reserved_in == [1, 2]


@pytest.mark.parametrize("durability", list(Durability))
async def test_gate_decides_nothing_while_the_book_is_lost(durability: Durability) -> None:
    """RE-156: unknown never means allowed: between a loss and the next life every caller is told to come back."""
    shared = Shared()
    async with a_gate(journal=shared.journal, make_book=shared.open, durability=durability) as it:
        shared.content.lose()
        for _ in range(2):
            with pytest.raises(DependencyFailed):
                await it.gate.ask(an_order("o-1"))
        assert shared.journal.oldest_first() == []
        await shared.begin_next(it.replica)
        await shared.adopt_next()
        assert (await it.gate.ask(an_order("o-1"))).evaluated_at_us == NOW_US


async def test_gate_that_cannot_give_back_withdraws_all_the_same() -> None:
    """PT-106: nothing for sure was written and the book is gone too: no answer stands that nobody was told."""
    shared = Shared()
    async with a_gate(journal=shared.journal, make_book=shared.open) as it:
        shared.journal.writing.clear()
        shared.journal.may_write.clear()
        asked = [asyncio.create_task(it.gate.ask(an_order(f"o-{place}"))) for place in range(2)]
        await shared.journal.writing.wait()
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        shared.content.lose()
        shared.journal.may_write.set()
        with pytest.raises(DependencyFailed):
            await it.gate.ask(an_order("o-2"))
        assert shared.journal.withdrawn == {record.answer.decision_id for record in shared.journal.oldest_first()}
        assert len(shared.journal.withdrawn) == 2
