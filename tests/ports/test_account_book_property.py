"""Never more is reserved and used than was available, whatever comes between reading and reserving (PT-604)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.account_books import Process, a_process, begin_life, memory_book
from tests.conftest import FULL
from tests.core.pretrade.told import (
    ACCOUNT,
    SECOND_US,
    START_US,
    USER,
    a_reservation,
    an_instrument,
    an_order,
    balance_set,
    commanded,
    reported,
)

from services.redis import Redis
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.account import OpenOrder, Reservation
from tidegate.core.pretrade.changes import EngineEventType, OrderRow, OrdersReplaced, StateChange
from tidegate.core.pretrade.instrument import Kind
from tidegate.core.pretrade.order import PositionSide, Side
from tidegate.core.pretrade.state import UserState
from tidegate.outbound.redis.link import Call, RedisLink, Reply
from tidegate.ports.account_book import AccountBook, Held, ReserveRequest

SPOT = replace(an_instrument(kind=Kind.SPOT), taker_fee_pct=Decimal(0))
PRICE = Decimal(100)
BATCHES_MAX = 3
PROCESSES = 3
TTL_US = 30 * SECOND_US


@dataclass
class Batch:
    """A batch between reading and reserving: the state it decides on, and what it holds in it."""

    book: AccountBook
    state: UserState
    version: int
    held: list[Held]
    moves_seen: int

    @property
    def request(self) -> ReserveRequest:
        return ReserveRequest(USER, self.version, tuple(self.held))

    @property
    def asked(self) -> Decimal:
        return sum((one.reservation.quantity * PRICE for one in self.held), Decimal(0))


processes = st.integers(0, PROCESSES - 1)
"""Which process does it; where there is but one, that one does."""


class ReservingBatches(RuleBasedStateMachine):
    """Batches that overlap, events and time between them. The model adds up from scratch what is final.

    One account that buys spot: an order is approved when its notional fits into what the state at hand leaves.
    """

    def make_books(self) -> list[AccountBook]:
        return [memory_book(SPOT).book]

    @initialize(total=st.integers(5, 20))
    def open_book(self, total: int) -> None:
        self.runner = asyncio.Runner()
        self.books = self.make_books()
        self.now_us = START_US
        self.balance = Decimal(0)
        self.final: dict[str, Reservation] = {}
        self.open: dict[str, OpenOrder] = {}
        self.batches: list[Batch] = []
        self.counts = {"wallet": 0, "command": 0, "engine": 0, "order": 0}
        self.moves = 0
        self.fund(total)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.close()

    def book(self, by: int) -> AccountBook:
        return self.books[by % len(self.books)]

    def hear(self, by: int, change: StateChange) -> None:
        self.runner.run(self.book(by).apply(change))
        self.moves += 1

    @rule(total=st.integers(1, 20), by=processes)
    def fund(self, total: int, by: int = 0) -> None:
        """The wallet changes, up or down."""
        self.balance = total * PRICE
        self.hear(by, balance_set(self.next("wallet"), str(self.balance)))

    @precondition(lambda self: len(self.batches) < BATCHES_MAX)
    @rule(quantities=st.lists(st.integers(1, 8), max_size=4), by=processes)
    def decide(self, quantities: list[int], by: int) -> None:
        """A batch reads the state and decides its orders, each seeing those before it."""
        state = self.read(by)
        batch = Batch(self.book(by), state, state.version, [], self.moves)
        for quantity in quantities:
            if quantity * PRICE <= left_in(state):
                order_id = f"o-{self.next('order')}"
                held = a_reservation(order_id, quantity=str(quantity), expires_at_us=self.now_us + TTL_US)
                state.hold(ACCOUNT, replace(held, extra=Decimal(0)), instrument=SPOT)
                batch.held.append(Held(ACCOUNT, state.account(ACCOUNT).reservations[order_id], SPOT))
        self.batches.append(batch)

    @precondition(lambda self: self.batches)
    @rule(place=st.integers(0, BATCHES_MAX))
    def reserve(self, place: int) -> None:
        """A batch asks for its reservations to be final: it gets all of them, rightly, or none."""
        batch = self.batches.pop(place % len(self.batches))
        moved = self.runner.run(batch.book.reserve([batch.request]))
        if batch.moves_seen == self.moves:
            assert not moved, "nothing has moved, so nothing is to be decided again"
        if not moved:
            self.make_final(batch)

    def make_final(self, batch: Batch) -> None:
        """Add up what a batch was given: never more than there was."""
        if batch.held:
            assert self.used() + batch.asked <= self.balance
            self.final |= {one.reservation.order_id: one.reservation for one in batch.held}
            self.moves += 1

    @precondition(lambda self: self.batches)
    @rule(place=st.integers(0, BATCHES_MAX))
    def forget(self, place: int) -> None:
        """A batch comes to nothing."""
        batch = self.batches.pop(place % len(self.batches))
        self.runner.run(batch.book.forget([batch.request]))
        self.moves += 1 if batch.held else 0

    @precondition(lambda self: self.final)
    @rule(place=st.integers(0, 10), by=processes)
    def release(self, place: int, by: int) -> None:
        """The journal did not take a batch: what was final is given back."""
        order_id = list(self.final)[place % len(self.final)]
        del self.final[order_id]
        self.runner.run(self.book(by).release(USER, account_id=ACCOUNT, order_ids=[order_id]))
        self.moves += 1

    @precondition(lambda self: self.final)
    @rule(place=st.integers(0, 10), fill=st.integers(0, 8), by=processes)
    def open_reserved(self, place: int, fill: int, *, by: int) -> None:
        """An order that was approved arrives at the engine, perhaps partly filled already."""
        held = self.final.pop(list(self.final)[place % len(self.final)])
        filled = min(Decimal(fill), held.quantity - 1)
        order = an_order(held.order_id, quantity=str(held.quantity), filled=str(filled), price=str(PRICE))
        self.open[held.order_id] = order
        self.hear(by, commanded(self.next("command"), order))

    @precondition(lambda self: self.open or self.final)
    @rule(place=st.integers(0, 10), event=st.sampled_from(EngineEventType), by=processes)
    def hear_engine(self, place: int, event: EngineEventType, *, by: int) -> None:
        """The engine speaks of an order, open or only reserved."""
        known = [*self.open, *self.final]
        order_id = known[place % len(known)]
        live = self.open.pop(order_id, None) or self.final.pop(order_id)
        filled = live.quantity if event is EngineEventType.FILLED else live.filled_quantity
        order = an_order(order_id, quantity=str(live.quantity), filled=str(filled), price=str(PRICE))
        if event is EngineEventType.ACCEPTED:
            self.open[order_id] = order
        self.hear(by, reported(self.next("engine"), order, event=event))

    @rule(by=processes)
    def retell(self, by: int) -> None:
        """A snapshot of all open orders; reservations are not touched by it."""
        stamp = commanded(self.next("command"), an_order()).stamp
        rows = tuple(OrderRow(order) for order in self.open.values())
        heals = {"engine.event.v1": self.counts["engine"]}
        self.hear(by, OrdersReplaced(USER, ACCOUNT, stamp, rows, heals))

    @rule(seconds=st.integers(1, 20))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.now_us += seconds * SECOND_US

    @invariant()
    def book_is_the_model_when_nobody_decides(self) -> None:
        """With no batch under way the state is what the model added up."""
        if self.batches:
            return
        expired = [order_id for order_id, held in self.final.items() if held.expires_at_us <= self.now_us]
        for order_id in expired:
            del self.final[order_id]
        for by in range(len(self.books)):
            state = self.read(by)
            assert state.account(ACCOUNT).reservations == self.final
            assert state.account(ACCOUNT).open_orders == self.open
            assert state.gap_reason(ACCOUNT) == ""
            assert left_in(state) == self.balance - self.used()

    def read(self, by: int) -> UserState:
        return self.runner.run(self.book(by).snapshot([USER], now_us=self.now_us))[USER]

    def used(self) -> Decimal:
        """What is live in the books: final reservations not expired, and what remains of open orders."""
        live = [held for held in self.final.values() if held.expires_at_us > self.now_us]
        sizes = [held.quantity for held in live] + [
            order.quantity - order.filled_quantity for order in self.open.values()
        ]
        return sum(sizes, Decimal(0)) * PRICE

    def next(self, what: str) -> int:
        self.counts[what] += 1
        return self.counts[what]


def left_in(state: UserState) -> Decimal:
    """What the running totals of the state leave of the balance."""
    account = state.account(ACCOUNT)
    book = account.symbols.get("BTCUSDT")
    totals = book.totals(Side.BUY, PositionSide.BOTH) if book is not None else None
    total = account.balances["USDT"].total if account.balances else Decimal(0)
    return total - (totals.notional if totals is not None else Decimal(0))


ReservingBatches.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestMemoryAccountBook = ReservingBatches.TestCase


class Arrives(Enum):
    """When what was sent and not answered arrives."""

    NEVER = "never"
    AT_ONCE = "at once"
    LATE = "late"


class LossyLink:
    """A connection on which one answer can be lost; ``late`` is what has still to arrive."""

    def __init__(self, link: RedisLink) -> None:
        self._evaluate = link.evaluate
        self.lose: Arrives | None = None
        self.late: Sequence[Call] = ()
        link.evaluate = self.evaluate  # type: ignore[method-assign]  # the way in between

    async def evaluate(self, calls: Sequence[Call]) -> list[Reply | DependencyFailed]:
        lose, self.lose = self.lose, None
        if lose is None:
            return await self._evaluate(calls)
        if lose is Arrives.AT_ONCE:
            await self._evaluate(calls)
        self.late = calls if lose is Arrives.LATE else ()
        raise DependencyFailed("account book", "no answer")

    async def deliver(self) -> None:
        calls, self.late = self.late, ()
        if calls:
            await self._evaluate(calls)


class SharingProcesses(ReservingBatches):
    """The same, by processes that share one Redis; what they ask at once, and what they are not answered."""

    url: ClassVar[str]

    def make_books(self) -> list[AccountBook]:
        self.processes: list[Process] = [a_process(self.url) for _ in range(PROCESSES)]
        self.links = {process.book: LossyLink(process.link) for process in self.processes}
        self.runner.run(self.processes[0].link.command("FLUSHALL"))
        self.runner.run(begin_life(self.processes, SPOT))
        return [process.book for process in self.processes]

    def teardown(self) -> None:
        for process in self.processes if hasattr(self, "processes") else ():
            self.runner.run(process.book.close())
            self.runner.run(process.link.close())
        super().teardown()

    @precondition(lambda self: self.batches)
    @rule(place=st.integers(0, BATCHES_MAX), total=st.integers(1, 20), by=processes)
    def reserve_while_the_wallet_changes(self, place: int, total: int, *, by: int) -> None:
        """A batch asks while some process hears of the wallet: one of the two is first, and what is given fits."""
        batch = self.batches.pop(place % len(self.batches))
        change = balance_set(self.next("wallet"), str(total * PRICE))

        async def at_once() -> Sequence[str]:
            moved, _ = await asyncio.gather(batch.book.reserve([batch.request]), self.book(by).apply(change))
            return moved

        if not self.runner.run(at_once()):
            self.make_final(batch)
        self.balance = total * PRICE
        self.moves += 1

    @precondition(lambda self: self.batches)
    @rule(place=st.integers(0, BATCHES_MAX), arrives=st.sampled_from(Arrives))
    def reserve_without_an_answer(self, place: int, arrives: Arrives) -> None:
        """A batch is not answered: what it asked for is not held any more once its process reads the user again, and
        what arrives after that reserves nothing.
        """
        batch = self.batches.pop(place % len(self.batches))
        book, link = batch.book, next(link for of, link in self.links.items() if of is batch.book)
        link.lose = arrives
        with pytest.raises(DependencyFailed):
            self.runner.run(book.reserve([batch.request]))
        self.runner.run(book.forget([batch.request]))
        self.runner.run(book.snapshot([USER], now_us=self.now_us))
        self.runner.run(link.deliver())
        self.moves += 1

    @rule(by=processes)
    def compact(self, by: int) -> None:
        """Somebody makes the state the base."""
        book = self.processes[by].book

        async def compacted() -> None:
            book._compact_soon(USER)
            await book.close()

        self.runner.run(compacted())

    @rule(by=processes)
    def evict(self, by: int) -> None:
        """A process has no room for the user any more."""
        self.processes[by].book._users._users.clear()


@pytest.mark.servers
def test_processes_that_share_a_book_never_reserve_more_than_there_is(redis_server: Redis) -> None:
    """RE-100: however processes interleave, and whatever is not answered, every approval fits into what those before
    it have left, and all processes read the same state.
    """
    sizes = settings(max_examples=400 if FULL else 30, stateful_step_count=40)
    on_this_server = type("OnThisServer", (SharingProcesses,), {"url": redis_server.url})
    run_state_machine_as_test(on_this_server, settings=sizes)
