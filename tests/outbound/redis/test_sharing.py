"""What processes that share a book know of each other, in whatever order replies come."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.account_books import SETTINGS, HeldBack, Process, sharing
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
from tests.ports.builders import an_order as an_asked_order

from services.redis import Redis
from tidegate.core.pretrade.changes import EngineEventType
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.order import Order, OrderType, PositionSide, Side
from tidegate.core.pretrade.snapshot import FlowFacts
from tidegate.core.pretrade.state import UserState
from tidegate.outbound.redis.keys import user_keys
from tidegate.ports.account_book import Checked, Held, ReserveRequest

pytestmark = pytest.mark.servers

ORDER = replace(an_asked_order(), user_id=USER, quantity=Decimal(1), price=Decimal(100))
CONTENT = ("BTCUSDT", Side.BUY, OrderType.LIMIT, Decimal(100), Decimal(1))
MOVES_KEPT = 128


def checked(at_us: int, notional: int | None = 100) -> Checked:
    return Checked(at_us, CONTENT, None if notional is None else Decimal(notional))


def facts(process: Process, order: Order = ORDER) -> FlowFacts:
    """What a check reads of the windows."""
    return process.flow.facts(order, now_us=START_US + SECOND_US, settings=SETTINGS, rearmed_us=None)


async def decided(
    process: Process, *order_ids: str, checks: Iterable[Checked] = ()
) -> tuple[UserState, ReserveRequest]:
    """What a batch asks for after it has read the user and counted its checks."""
    state = await process.state()
    held = [Held(ACCOUNT, a_reservation(order_id), an_instrument()) for order_id in order_ids]
    for one in held:
        state.hold(ACCOUNT, one.reservation, instrument=one.instrument)
    for check in checks:
        process.flow.count_checked(USER, check, settings=SETTINGS)
    return state, ReserveRequest(USER, state.version, tuple(held), tuple(checks))


async def moves_of(process: Process) -> int:
    length: int = await process.link.command("LLEN", user_keys(USER)[2])
    return length


def quantity(state: UserState) -> int:
    """The running total of what is bought."""
    book = state.account(ACCOUNT).symbols.get("BTCUSDT")
    totals = book.totals(Side.BUY, PositionSide.BOTH) if book is not None else None
    return int(totals.quantity) if totals is not None else 0


async def test_each_process_sees_what_the_others_did(pair: list[Process]) -> None:
    """RE-100: news, reservations and releases of one are in the state that another reads next, at the same version."""
    one, other = pair
    await one.book.apply(balance_set(1))
    _, request = await decided(other, "o-1", "o-2")
    assert await other.book.reserve([request]) == []
    await one.book.release(USER, account_id=ACCOUNT, order_ids=["o-1"])
    await other.book.apply(commanded(1, an_order("o-3", quantity="5")))
    states = [await process.state() for process in pair]
    assert [state.version for state in states] == [4, 4]
    assert [set(state.account(ACCOUNT).reservations) for state in states] == [{"o-2"}] * 2
    assert [quantity(state) for state in states] == [6, 6]


async def test_of_two_processes_that_read_the_same_state_one_reserves(pair: list[Process]) -> None:
    """RE-100: the second decides again, on a state that has the first one's reservation and none of its own."""
    (_, first), (_, second) = [await decided(process, f"o-{place}") for place, process in enumerate(pair)]
    assert await pair[0].book.reserve([first]) == []
    assert await pair[1].book.reserve([second]) == [USER]
    assert set((await pair[1].state()).account(ACCOUNT).reservations) == {"o-0"}


async def test_refusal_on_a_state_that_moved_is_decided_again(pair: list[Process]) -> None:
    """RE-100: a batch that holds nothing of a user is judged like any other, and counts only when it was right."""
    _, request = await decided(pair[0], checks=[checked(START_US, None)])
    await pair[1].book.apply(balance_set(1))
    assert await pair[0].book.reserve([request]) == [USER]
    assert (await pair[1].state()).version == 1
    assert facts(pair[1]).rejects_last_hour == 0


async def test_replies_that_overtake_each_other_are_played_in_the_order_of_the_log(pair: list[Process]) -> None:
    """RE-103: whoever is answered first, each move is played once, and each caller is told what became of its news."""
    book = pair[0].book
    await book.apply(balance_set(1))
    back = HeldBack(pair[0])
    first = asyncio.create_task(book.apply(commanded(1, an_order("o-1", quantity="2"))))
    await back.done.wait()
    ended = reported(1, an_order("o-1", quantity="2"), event=EngineEventType.CANCELLED)
    assert await book.apply(ended) is Applied.APPLIED
    back.through.set()
    assert await first is Applied.APPLIED
    state = await pair[0].state()
    assert (state.version, quantity(state), state.live_count()) == (3, 0, 0)
    assert set(state.account(ACCOUNT).heard.ended) == {"o-1"}


async def test_late_reply_releases_nothing_that_was_reserved_since(pair: list[Process]) -> None:
    """RE-103: a move that has been played is not played again, though its order was reserved anew meanwhile."""
    one, other = pair
    _, request = await decided(one, "o-1")
    await one.book.reserve([request])
    await other.book.release(USER, account_id=ACCOUNT, order_ids=["o-1"])
    back = HeldBack(one)
    late = asyncio.create_task(one.state())
    await back.done.wait()
    _, again = await decided(one, "o-1")
    assert await one.book.reserve([again]) == []
    back.through.set()
    assert set((await late).account(ACCOUNT).reservations) == {"o-1"}
    assert quantity(await one.state()) == quantity(await other.state()) == 1


@pytest.mark.parametrize("unsent", [False, True])
async def test_reservation_whose_state_was_read_anew_meanwhile_is_held_and_counted(
    pair: list[Process], *, unsent: bool
) -> None:
    """RE-103: between asking and the answer the user may be dropped; the reservation is final all the same."""
    one, other = pair
    _, request = await decided(one, "o-1", checks=[checked(START_US)])
    back = HeldBack(one, unsent=unsent)
    reserving = asyncio.create_task(one.book.reserve([request]))
    await back.done.wait()
    one.book._users.drop(USER)
    await one.state()
    back.through.set()
    assert await reserving == []
    for process in (one, other):
        assert quantity(await process.state()) == 1
        assert (facts(process).orders_last_minute, facts(process).notional_24h) == (1, Decimal(100))


async def test_own_reservation_that_another_reply_brings_first_is_counted_once(pair: list[Process]) -> None:
    """RE-102, RE-103: what this process decided it has counted when it decided."""
    one = pair[0]
    _, request = await decided(one, "o-1", checks=[checked(START_US)])
    back = HeldBack(one)
    reserving = asyncio.create_task(one.book.reserve([request]))
    await back.done.wait()
    await one.book.apply(balance_set(1))
    back.through.set()
    assert await reserving == []
    state = await one.state()
    assert (state.version, quantity(state)) == (2, 1)
    assert (facts(one).orders_last_minute, facts(one).notional_24h) == (1, Decimal(100))


async def test_windows_are_the_same_in_every_process(pair: list[Process]) -> None:
    """RE-102: whoever checked and whoever heard, each process counts each check and each fill once."""
    one, other = pair
    await other.state()
    for place, process in enumerate([one, other, one, one]):
        _, request = await decided(process, f"o-{place}", checks=[checked(START_US + place)])
        assert await process.book.reserve([request]) == []
    _, request = await decided(other, checks=[checked(START_US + 9, None)])
    assert await other.book.reserve([request]) == []
    await one.book.apply(reported(1, an_order("o-1", quantity="1", filled="1"), event=EngineEventType.FILLED))
    for process in pair:
        await process.state()
    assert facts(one) == facts(other)
    counted = facts(one)
    assert (counted.orders_last_minute, counted.notional_24h, counted.rejects_last_hour) == (5, Decimal(400), 1)
    assert (counted.equal_order_at_us, counted.equal_fills) == (START_US + 3, 1)


@pytest.mark.parametrize("compacted", [False, True])
async def test_windows_come_with_a_state_that_is_read_whole(redis_server: Redis, *, compacted: bool) -> None:
    """RE-102: a process that has never seen the user counts what all others have counted, from base and moves."""
    async with sharing(redis_server.url, 2) as (one, other):
        _, request = await decided(one, "o-1", checks=[checked(START_US), checked(START_US + 1, None)])
        await one.book.reserve([request])
        if compacted:
            one.book._compact_soon(USER)
            await one.book.close()
            assert await moves_of(one) == 0
        _, request = await decided(one, "o-2", checks=[checked(START_US + 2)])
        await one.book.reserve([request])
        await other.state()
        assert facts(other) == facts(one)
        assert facts(other).orders_last_minute == 3


async def test_release_counts_in_all_processes_as_in_the_log(pair: list[Process]) -> None:
    """RE-102: who gives back no longer counts the order; the log does: a little too much, and everywhere the same."""
    one = pair[0]
    _, request = await decided(one, "o-1", checks=[checked(START_US)])
    await one.book.reserve([request])
    one.flow.take_back_accepted(ORDER, at_us=START_US, notional_usdt=Decimal(100))
    await one.book.release(USER, account_id=ACCOUNT, order_ids=["o-1"])
    for process in pair:
        assert quantity(await process.state()) == 0
        assert facts(process).notional_24h == 100


async def test_log_is_cut_when_it_is_long(pair: list[Process]) -> None:
    """RE-107: after 128 moves the state becomes the base; nobody's state changes by it, whoever reads it how."""
    one, other = pair
    await one.state()
    for number in range(1, MOVES_KEPT + 1):
        await other.book.apply(balance_set(number, str(number)))
    await other.book.close()
    assert await moves_of(one) == 0
    await other.book.apply(commanded(1, an_order("o-1")))
    for process in pair:
        state = await process.state()
        assert state.version == MOVES_KEPT + 1
        balances = state.account(ACCOUNT).balances
        assert balances is not None
        assert balances["USDT"].total == MOVES_KEPT
        assert quantity(state) == 1


async def test_base_has_nothing_of_a_batch_that_is_not_final(pair: list[Process]) -> None:
    """RE-107: what a batch holds in the state at hand is not written into the base."""
    one, other = pair
    await one.book.apply(balance_set(1))
    _, request = await decided(one, "o-1", checks=[checked(START_US)])
    one.book._compact_soon(USER)
    await one.book.close()
    assert await moves_of(one) == 0
    assert not (await other.state()).account(ACCOUNT).reservations
    assert facts(other).orders_last_minute == 0
    assert await one.book.reserve([request]) == []


async def test_user_for_whom_there_is_no_room_is_read_again(redis_server: Redis) -> None:
    """RE-107: a process keeps so many states; of the others neither state nor windows stay in memory."""
    async with sharing(redis_server.url, users_max=2) as (process,):
        _, request = await decided(process, "o-1", checks=[checked(START_US)])
        await process.book.reserve([request])
        await process.book.snapshot(
            [f"0a4f0f34-6c0a-4c8f-8a8f-3f9ad2bb1a2{digit}" for digit in range(2)], now_us=START_US
        )
        assert len(process.book._users._users) == 2
        assert process.flow.kept(USER) is None
        assert quantity(await process.state()) == 1
        assert facts(process).orders_last_minute == 1
        assert list(process.book._users._users)[-1] == USER
        await process.state("0a4f0f34-6c0a-4c8f-8a8f-3f9ad2bb1a25")
        await process.state()
        await process.state("0a4f0f34-6c0a-4c8f-8a8f-3f9ad2bb1a20")
        assert facts(process).orders_last_minute == 1, "who was asked for last stays"


@pytest.mark.parametrize("ages", [((5, False), (4, True)), ((5, True), (5, False)), ((5, False), (0, False))])
async def test_latest_news_of_an_instrument_stands_whoever_heard_it(
    pair: list[Process], ages: tuple[tuple[int, bool], tuple[int, bool]]
) -> None:
    """RE-108: an older one changes nothing, and whoever brought it has the later one instead."""
    newer, older = (replace(an_instrument("ETHUSDT"), contract_size=Decimal(size)) for size in (2, 3))
    await pair[0].book.recount(newer, ages[0])
    await pair[1].book.recount(older, ages[1])
    for process in pair:
        await process.state()
        assert process.market.instruments["ETHUSDT"] == newer


async def test_process_counts_anew_before_it_decides_on_an_instrument_that_changed(pair: list[Process]) -> None:
    """RE-108: whoever is asked next counts live orders at the new terms."""
    one, other = pair
    await other.book.apply(commanded(1, an_order("o-1", quantity="2", price="100")))
    changed = replace(an_instrument(), contract_size=Decimal("0.5"))
    await one.book.recount(changed, (1, True))
    state = await other.state()
    totals = state.account(ACCOUNT).symbols["BTCUSDT"].totals(Side.BUY, PositionSide.BOTH)
    assert totals is not None
    assert totals.notional == 100
    assert other.market.instruments["BTCUSDT"] == changed


async def test_reservation_in_an_instrument_of_another_process_is_read_with_it(pair: list[Process]) -> None:
    """RE-108: what a state refers to is read before it, also where only news was to be told."""
    ether: Instrument = an_instrument("ETHUSDT")
    one, other = pair
    await other.state()
    await one.book.recount(ether)
    state = await one.state()
    held = Held(ACCOUNT, replace(a_reservation("o-1"), symbol="ETHUSDT"), ether)
    state.hold(ACCOUNT, held.reservation, instrument=ether)
    await one.book.reserve([ReserveRequest(USER, state.version, (held,))])
    assert await other.book.apply(balance_set(1)) is Applied.APPLIED
    assert set((await other.state()).account(ACCOUNT).reservations) == {"o-1"}
    assert "ETHUSDT" in other.market.instruments


async def test_instruments_that_were_lost_are_put_in_again(pair: list[Process]) -> None:
    """RE-108: what a process knows and Redis has lost is there again when that process looks."""
    one, other = pair
    await one.book.recount(an_instrument("ETHUSDT"), (5, True))
    await one.link.command("DEL", "tidegate:{instruments}", "tidegate:{instruments}:ages")
    await one.link.command("INCR", "tidegate:{instruments}:revision")
    await one.state()
    await other.state()
    assert "ETHUSDT" in other.market.instruments
    await other.book.recount(replace(an_instrument("ETHUSDT"), contract_size=Decimal(7)), (4, True))
    assert other.market.instruments["ETHUSDT"].contract_size == 1
