"""Never more is reserved and used than was available, whatever comes between reading and reserving (PT-604)."""

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
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

from tidegate.core.pretrade.account import OpenOrder, Reservation
from tidegate.core.pretrade.changes import EngineEventType, OrderRow, OrdersReplaced
from tidegate.core.pretrade.instrument import Kind
from tidegate.core.pretrade.order import PositionSide, Side
from tidegate.core.pretrade.snapshot import Market
from tidegate.core.pretrade.state import UserState
from tidegate.outbound.memory.account_book import MemoryAccountBook
from tidegate.ports.account_book import AccountBook, Held, ReserveRequest

SPOT = replace(an_instrument(kind=Kind.SPOT), taker_fee_pct=Decimal(0))
PRICE = Decimal(100)
BATCHES_MAX = 3
TTL_US = 30 * SECOND_US


@dataclass
class Batch:
    """A batch between reading and reserving: the state it decides on, and what it holds in it."""

    state: UserState
    version: int
    held: list[Held]
    moves_seen: int


class ReservingBatches(RuleBasedStateMachine):
    """Batches that overlap, events and time between them. The model adds up from scratch what is final.

    One account that buys spot: an order is approved when its notional fits into what the state at hand leaves.
    """

    def make_book(self) -> AccountBook:
        market = Market()
        market.put_instrument(SPOT)
        return MemoryAccountBook(market)

    @initialize(total=st.integers(5, 20))
    def open_book(self, total: int) -> None:
        self.runner = asyncio.Runner()
        self.book = self.make_book()
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

    @rule(total=st.integers(1, 20))
    def fund(self, total: int) -> None:
        """The wallet changes, up or down."""
        self.balance = total * PRICE
        self.runner.run(self.book.apply(balance_set(self.next("wallet"), str(self.balance))))
        self.moves += 1

    @precondition(lambda self: len(self.batches) < BATCHES_MAX)
    @rule(quantities=st.lists(st.integers(1, 8), max_size=4))
    def decide(self, quantities: list[int]) -> None:
        """A batch reads the state and decides its orders, each seeing those before it."""
        expired = [order_id for order_id, held in self.final.items() if held.expires_at_us <= self.now_us]
        state = self.runner.run(self.book.snapshot([USER], now_us=self.now_us))[USER]
        self.moves += 1 if expired else 0
        batch = Batch(state, state.version, [], self.moves)
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
        request = ReserveRequest(USER, batch.version, tuple(batch.held))
        moved = self.runner.run(self.book.reserve([request]))
        if batch.moves_seen == self.moves:
            assert not moved, "nothing has moved, so nothing is to be decided again"
        if moved or not batch.held:
            return
        asked = sum((one.reservation.quantity * PRICE for one in batch.held), Decimal(0))
        assert self.used() + asked <= self.balance
        self.final |= {one.reservation.order_id: one.reservation for one in batch.held}
        self.moves += 1

    @precondition(lambda self: self.batches)
    @rule(place=st.integers(0, BATCHES_MAX))
    def forget(self, place: int) -> None:
        """A batch comes to nothing."""
        batch = self.batches.pop(place % len(self.batches))
        self.runner.run(self.book.forget([ReserveRequest(USER, batch.version, tuple(batch.held))]))
        self.moves += 1 if batch.held else 0

    @precondition(lambda self: self.final)
    @rule(place=st.integers(0, 10))
    def release(self, place: int) -> None:
        """The journal did not take a batch: what was final is given back."""
        order_id = list(self.final)[place % len(self.final)]
        del self.final[order_id]
        self.runner.run(self.book.release(USER, account_id=ACCOUNT, order_ids=[order_id]))
        self.moves += 1

    @precondition(lambda self: self.final)
    @rule(place=st.integers(0, 10), fill=st.integers(0, 8))
    def open_reserved(self, place: int, fill: int) -> None:
        """An order that was approved arrives at the engine, perhaps partly filled already."""
        held = self.final.pop(list(self.final)[place % len(self.final)])
        filled = min(Decimal(fill), held.quantity - 1)
        order = an_order(held.order_id, quantity=str(held.quantity), filled=str(filled), price=str(PRICE))
        self.open[held.order_id] = order
        self.runner.run(self.book.apply(commanded(self.next("command"), order)))
        self.moves += 1

    @precondition(lambda self: self.open or self.final)
    @rule(place=st.integers(0, 10), event=st.sampled_from(EngineEventType))
    def hear_engine(self, place: int, event: EngineEventType) -> None:
        """The engine speaks of an order, open or only reserved."""
        known = [*self.open, *self.final]
        order_id = known[place % len(known)]
        live = self.open.pop(order_id, None) or self.final.pop(order_id)
        filled = live.quantity if event is EngineEventType.FILLED else live.filled_quantity
        order = an_order(order_id, quantity=str(live.quantity), filled=str(filled), price=str(PRICE))
        if event is EngineEventType.ACCEPTED:
            self.open[order_id] = order
        self.runner.run(self.book.apply(reported(self.next("engine"), order, event=event)))
        self.moves += 1

    @rule()
    def retell(self) -> None:
        """A snapshot of all open orders; reservations are not touched by it."""
        stamp = commanded(self.next("command"), an_order()).stamp
        rows = tuple(OrderRow(order) for order in self.open.values())
        heals = {"engine.event.v1": self.counts["engine"]}
        self.runner.run(self.book.apply(OrdersReplaced(USER, ACCOUNT, stamp, rows, heals)))
        self.moves += 1

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
        state = self.runner.run(self.book.snapshot([USER], now_us=self.now_us))[USER]
        assert state.account(ACCOUNT).reservations == self.final
        assert state.account(ACCOUNT).open_orders == self.open
        assert state.gap_reason(ACCOUNT) == ""
        assert left_in(state) == self.balance - self.used()

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
