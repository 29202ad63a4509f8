"""The contract of the account book, on every implementation of it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.account_books import Kept, memory_book, sharing
from tests.core.pretrade.told import (
    ACCOUNT,
    SECOND_US,
    START_US,
    USER,
    a_position,
    a_reservation,
    an_instrument,
    an_order,
    balance_set,
    commanded,
    position_set,
    reported,
)

from services.redis_cluster import RedisCluster
from tidegate.core.pretrade import feeds
from tidegate.core.pretrade.account import Reservation
from tidegate.core.pretrade.changes import EngineEventType, LeftOut
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.order import PositionSide, Side
from tidegate.core.pretrade.state import UserState
from tidegate.outbound.memory.account_book import MemoryAccountBook
from tidegate.ports.account_book import Held, ReserveRequest

OTHER = "0a4f0f34-6c0a-4c8f-8a8f-3f9ad2bb1a22"


@pytest.fixture(scope="module")
def redis_cluster() -> Iterator[RedisCluster]:
    """A running cluster, empty at first."""
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture(params=["memory", *(pytest.param(kind, marks=pytest.mark.servers) for kind in ("redis", "cluster"))])
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[Kept]:
    """A book that holds nothing, of one implementation, and knows one instrument."""
    if request.param == "memory":
        yield memory_book()
        return
    server = request.getfixturevalue("redis_server" if request.param == "redis" else "redis_cluster")
    async with sharing(server.url) as (process,):
        yield process


def hold(state: UserState, reservation: Reservation) -> Held:
    """What a batch does with an approval."""
    state.hold(ACCOUNT, reservation, instrument=an_instrument())
    return Held(ACCOUNT, reservation, an_instrument())


def remaining_of(state: UserState) -> Decimal:
    book = state.account(ACCOUNT).symbols.get("BTCUSDT")
    totals = book.totals(Side.BUY, PositionSide.BOTH) if book is not None else None
    return totals.quantity if totals is not None else Decimal(0)


async def reserved(kept: Kept, reservation: Reservation) -> None:
    state = await kept.state()
    request = ReserveRequest(USER, state.version, (hold(state, reservation),))
    assert await kept.book.reserve([request]) == []


async def test_snapshot_of_a_user_never_heard_of_is_empty(kept: Kept) -> None:
    """PT-604: every user has a state; that of a stranger holds nothing."""
    states = await kept.book.snapshot([USER, OTHER], now_us=START_US)
    assert [(state.user_id, state.version, state.accounts) for state in states.values()] == [
        (USER, 0, {}),
        (OTHER, 0, {}),
    ]


async def test_reserve_at_the_version_that_was_read_is_final(kept: Kept) -> None:
    """PT-601: a reservation made final is there for whoever reads next, and the version has moved."""
    before = (await kept.state()).version
    await reserved(kept, a_reservation("o-1"))
    state = await kept.state()
    assert list(state.account(ACCOUNT).reservations) == ["o-1"]
    assert state.version > before


async def test_reserve_of_a_state_that_moved_is_refused_and_undone(kept: Kept) -> None:
    """PT-604: of two batches that read the same state the second one decides again."""
    first, second = await kept.state(), await kept.state()
    requests = [
        ReserveRequest(USER, first.version, (hold(first, a_reservation("o-1")),)),
        ReserveRequest(USER, second.version, (hold(second, a_reservation("o-2")),)),
    ]
    assert await kept.book.reserve(requests[:1]) == []
    assert await kept.book.reserve(requests[1:]) == [USER]
    state = await kept.state()
    assert list(state.account(ACCOUNT).reservations) == ["o-1"]
    assert remaining_of(state) == 1


async def test_reserve_refuses_one_user_and_takes_the_others(kept: Kept) -> None:
    """PT-604: users of one batch do not hang on each other."""
    states = await kept.book.snapshot([USER, OTHER], now_us=START_US)
    requests = [
        ReserveRequest(user_id, state.version, (hold(state, a_reservation(f"o-{user_id}")),))
        for user_id, state in states.items()
    ]
    await kept.book.apply(balance_set(1))
    assert await kept.book.reserve(requests) == [USER]
    assert not (await kept.state()).account(ACCOUNT).reservations
    assert (await kept.state(OTHER)).account(ACCOUNT).reservations


async def test_orders_of_one_batch_see_each_other(kept: Kept) -> None:
    """PT-604: what an approval holds counts for the next order of the batch before anything is final."""
    state = await kept.state()
    hold(state, a_reservation("o-1", quantity="2"))
    hold(state, a_reservation("o-2", quantity="3"))
    assert remaining_of(state) == 5
    assert state.account(ACCOUNT).is_live("o-1")


async def test_forget_undoes_what_was_held_and_nothing_else(kept: Kept) -> None:
    """PT-603: a batch that came to nothing leaves nothing, and what was final before stays."""
    await reserved(kept, a_reservation("o-1", quantity="2"))
    state = await kept.state()
    request = ReserveRequest(USER, state.version, (hold(state, a_reservation("o-2", quantity="3")),))
    await kept.book.forget([request])
    left = await kept.state()
    assert list(left.account(ACCOUNT).reservations) == ["o-1"]
    assert remaining_of(left) == 2


async def test_forget_leaves_the_order_that_the_reservation_has_become(kept: Kept) -> None:
    """PT-602: between holding and forgetting the engine may have spoken."""
    state = await kept.state()
    request = ReserveRequest(USER, state.version, (hold(state, a_reservation("o-1", quantity="3")),))
    await kept.book.apply(commanded(1, an_order("o-1", quantity="3")))
    await kept.book.forget([request])
    assert remaining_of(await kept.state()) == 3


async def test_release_gives_back_and_passes_over_what_is_not_reserved(kept: Kept) -> None:
    """PT-603: only a reservation is given back, never an open order."""
    await reserved(kept, a_reservation("o-1"))
    await kept.book.apply(commanded(1, an_order("o-2")))
    before = (await kept.state()).version
    await kept.book.release(USER, account_id=ACCOUNT, order_ids=["o-1", "o-2", "o-3"])
    await kept.book.release(OTHER, account_id=ACCOUNT, order_ids=["o-1"])
    await kept.book.release(USER, account_id="other", order_ids=["o-1"])
    state = await kept.state()
    assert (list(state.account(ACCOUNT).reservations), list(state.account(ACCOUNT).open_orders)) == ([], ["o-2"])
    assert state.version == before + 1


@pytest.mark.parametrize(("after_us", "live"), [(-1, True), (0, False), (1, False)])
async def test_reservation_expires_at_its_time(kept: Kept, after_us: int, *, live: bool) -> None:
    """PT-603: live while expires_at is after now; at that moment it is not any more. Time is nobody's move: a batch
    that read the state before was right to count it, and need not decide again.
    """
    held = a_reservation("o-1")
    await reserved(kept, held)
    version = (await kept.state()).version
    state = await kept.state(now_us=held.expires_at_us + after_us)
    assert state.account(ACCOUNT).is_live("o-1") is live
    assert remaining_of(state) == (1 if live else 0)
    assert state.version == version


async def test_snapshot_lets_go_of_everything_that_has_expired_at_once(kept: Kept) -> None:
    """PT-603: reservations that expire between two looks all go at the second, not one a look."""
    for number in range(5):
        await reserved(kept, a_reservation(f"o-{number}", expires_at_us=START_US + SECOND_US))
    state = await kept.state(now_us=START_US + SECOND_US)
    assert (state.live_count(), remaining_of(state)) == (0, Decimal(0))


async def test_apply_moves_the_version_only_with_the_state(kept: Kept) -> None:
    """PT-604, PT-705: an event that changes nothing moves no batch back."""
    assert await kept.book.apply(balance_set(1)) is Applied.APPLIED
    version = (await kept.state()).version
    assert await kept.book.apply(balance_set(1)) is Applied.REPEATED
    assert (await kept.state()).version == version
    assert await kept.book.apply(LeftOut(USER, feeds.BALANCE_CHANGED)) is Applied.GAP
    assert (await kept.state()).version > version


async def test_recount_counts_orders_that_waited_for_their_instrument(kept: Kept) -> None:
    """PT-704: the account is stale until the instrument is known, then the order counts."""
    ether = an_instrument("ETHUSDT")
    order = replace(an_order(quantity="3"), symbol="ETHUSDT")
    await kept.book.apply(commanded(1, order))
    assert (await kept.state()).gap_reason(ACCOUNT) == "instrument ETHUSDT unknown"
    await kept.book.recount(ether)
    state = await kept.state()
    assert state.gap_reason(ACCOUNT) == ""
    assert kept.market.instruments["ETHUSDT"] == ether


async def test_recount_of_a_changed_instrument_counts_at_its_new_terms(kept: Kept) -> None:
    """PT-404: notional hangs on the contract size, so live orders are counted anew when it changes."""
    await kept.book.apply(position_set(1, a_position("1")))
    await kept.book.apply(commanded(1, an_order("o-1", quantity="2", price="100")))
    await reserved(kept, a_reservation("o-2", quantity="1", price="100"))
    await kept.book.recount(replace(an_instrument(), contract_size=Decimal("0.5")))
    book = (await kept.state()).account(ACCOUNT).symbols["BTCUSDT"]
    totals = book.totals(Side.BUY, PositionSide.BOTH)
    assert totals is not None
    assert (totals.count, totals.notional, book.extra) == (2, Decimal(150), Decimal("0.5"))
    await kept.book.release(USER, account_id=ACCOUNT, order_ids=["o-2"])
    totals = (await kept.state()).account(ACCOUNT).symbols["BTCUSDT"].totals(Side.BUY, PositionSide.BOTH)
    assert totals is not None
    assert totals.notional == Decimal(100)


async def test_restore_puts_a_reservation_back_until_it_expires(kept: Kept) -> None:
    """PT-718: after a restart what was reserved is reserved again, and given back by time like any other."""
    held = a_reservation("o-1")
    assert await kept.book.restore(USER, account_id=ACCOUNT, reservation=held)
    assert (await kept.state()).account(ACCOUNT).is_live("o-1")
    assert not (await kept.state(now_us=held.expires_at_us)).account(ACCOUNT).is_live("o-1")


async def test_restore_passes_over_an_order_that_is_open_or_has_ended(kept: Kept) -> None:
    """PT-603, PT-718: the bus knows more than the journal: nothing is held twice or raised from the dead."""
    await kept.book.apply(commanded(1, an_order("o-1")))
    await kept.book.apply(reported(1, an_order("o-2"), event=EngineEventType.REJECTED))
    for order_id in ("o-1", "o-2"):
        assert not await kept.book.restore(USER, account_id=ACCOUNT, reservation=a_reservation(order_id))
    assert remaining_of(await kept.state()) == 1
    assert await kept.book.restore(USER, account_id=ACCOUNT, reservation=a_reservation("o-3"))
    assert not await kept.book.restore(USER, account_id=ACCOUNT, reservation=a_reservation("o-3"))


async def test_asking_for_strangers_keeps_nothing() -> None:
    """PT-604: a user that nobody ever told of costs memory only while somebody looks at it."""
    kept = memory_book()
    assert isinstance(kept.book, MemoryAccountBook)
    states = await kept.book.snapshot([USER], now_us=START_US + SECOND_US)
    assert len(kept.book._strangers) == 1
    del states
    assert len(kept.book._strangers) == len(kept.book._users) == 0
