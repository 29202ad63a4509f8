"""The book as a whole: a life is begun, filled from rows, said to be whole, adopted; and rows are copied from it."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.account_books import EPOCH, Process
from tests.core.pretrade.told import (
    ACCOUNT,
    START_US,
    USER,
    a_reservation,
    an_order,
    balance_set,
    commanded,
)
from tests.outbound.redis.test_sharing import checked, decided, facts, quantity

from tidegate.core.pretrade.feeds import Applied
from tidegate.ports.account_book import FlowKept
from tidegate.ports.shared_book import BookLost

pytestmark = pytest.mark.servers

OTHER = "0a4f0f34-6c0a-4c8f-8a8f-3f9ad2bb1a22"


async def some_user(process: Process) -> None:
    """A user with a balance, an open order and a reservation that was counted: version 3."""
    await process.book.apply(balance_set(1))
    await process.book.apply(commanded(1, an_order("o-1", quantity="2")))
    _, request = await decided(process, "o-2", checks=[checked(START_US)])
    await process.book.reserve([request])


async def test_rows_that_were_exported_are_the_user_again_in_another_life(pair: list[Process]) -> None:
    """RE-111: state, windows and version go on where the row ends, whatever life the row was of."""
    one, other = pair
    await some_user(one)
    rows = await one.book.export([USER, OTHER])
    assert [(row.user_id, row.epoch, row.version) for row in rows] == [(USER, EPOCH, 3)]
    instance = await one.book.instance()
    await one.book.begin(EPOCH + 1, instance=instance)
    assert (await one.state()).version == 0
    assert facts(one).orders_last_minute == 0
    await one.book.put(rows)
    await one.book.publish(EPOCH + 1)
    assert await other.book.published() == EPOCH + 1
    await other.book.adopt(EPOCH + 1, instance=instance)
    for process in pair:
        state = await process.state()
        assert (state.version, quantity(state), set(state.account(ACCOUNT).reservations)) == (3, 3, {"o-2"})
        assert facts(process).orders_last_minute == 1
    assert await other.book.apply(balance_set(1)) is Applied.REPEATED
    assert await other.book.apply(balance_set(2)) is Applied.APPLIED
    assert (await one.state()).version == 4


async def test_row_replaces_what_is_held_of_its_user(pair: list[Process]) -> None:
    """RE-111: news that came before the row is told again after it; what the row says stands until then."""
    one = pair[0]
    await some_user(one)
    (row,) = await one.book.export([USER])
    await one.book.apply(balance_set(2, "7"))
    await one.book.begin(EPOCH + 1, instance=await one.book.instance())
    await one.book.apply(balance_set(2, "7"))
    await one.book.put([row])
    assert (await one.state()).version == 3


async def test_windows_that_are_put_in_count_from_now_on(pair: list[Process]) -> None:
    """RE-111: what moved the user before is not counted a second time; what moves it after is."""
    one, other = pair
    await some_user(one)
    await other.book.put_flows(
        {USER: FlowKept(orders=(START_US, START_US), notional=((START_US // 60_000_000, Decimal(7)),))}
    )
    state = await other.state()
    assert (state.version, quantity(state), set(state.account(ACCOUNT).reservations)) == (3, 3, {"o-2"})
    _, request = await decided(other, "o-3", checks=[checked(START_US)])
    await other.book.reserve([request])
    for process in pair:
        process.book._users.drop(USER)
        await process.state()
        assert (facts(process).orders_last_minute, facts(process).notional_24h) == (3, Decimal(107))


async def test_windows_of_a_user_that_is_not_held_are_kept(pair: list[Process]) -> None:
    """RE-111: who has only been refused has windows and no state."""
    one, other = pair
    await one.book.put_flows({USER: FlowKept(orders=(START_US,))})
    assert (await other.state()).version == 0
    assert facts(other).orders_last_minute == 1
    (row,) = await one.book.export([USER])
    await one.book.begin(EPOCH + 1, instance=await one.book.instance())
    await one.book.put([row])
    await one.book.apply(balance_set(1))
    await one.state()
    assert facts(one).orders_last_minute == 1


async def test_life_that_was_overtaken_goes_no_further(pair: list[Process]) -> None:
    """RE-111: neither is it begun, nor filled, nor published."""
    late, builder = pair
    await some_user(late)
    rows = await late.book.export([USER])
    instance = await builder.book.instance()
    await builder.book.begin(EPOCH + 2, instance=instance)
    await builder.book.publish(EPOCH + 2)
    for epoch in (EPOCH + 1, EPOCH + 2):
        with pytest.raises(BookLost):
            await late.book.begin(epoch, instance=instance)
    with pytest.raises(BookLost):
        await late.book.publish(EPOCH + 1)
    with pytest.raises(BookLost):
        await late.book.put(rows)
    assert (await builder.state()).version == 0


async def test_life_of_other_servers_is_lost_at_once(pair: list[Process]) -> None:
    """RE-104: adopted on servers that are not those that answer, it is none."""
    await pair[0].state()
    await pair[0].book.adopt(EPOCH, instance="somebody else")
    with pytest.raises(BookLost):
        await pair[0].state()
    assert pair[0].book.lost


async def test_book_tells_whom_it_has_moved(pair: list[Process]) -> None:
    """RE-111: of whom the mirror is to be written, once each; reading moves nobody, and adopting forgets nobody."""
    one, other = pair
    await some_user(one)
    await other.state()
    assert other.book.dirty() == set()
    assert one.book.dirty() == {USER}
    assert one.book.dirty() == set()
    await one.book.apply(balance_set(1))
    await one.book.adopt(EPOCH, instance=await one.book.instance())
    assert one.book.dirty() == {USER}
    await one.book.release(USER, account_id=ACCOUNT, order_ids=["o-2"])
    assert one.book.dirty() == {USER}
    await one.book.restore(USER, account_id=ACCOUNT, reservation=a_reservation("o-9"))
    assert one.book.dirty() == {USER}
    await one.book.put(await one.book.export([USER]))
    assert one.book.dirty() == {USER}
    _, request = await decided(one, checks=[checked(START_US, None)])
    await one.book.reserve([request])
    assert one.book.dirty() == {USER}


async def test_many_users_are_put_in_and_exported_page_by_page(pair: list[Process]) -> None:
    """RE-111: more users than a process keeps, each as it was."""
    one, other = pair
    await some_user(one)
    (row,) = await one.book.export([USER])
    users = [f"{number:08x}-6c0a-4c8f-8a8f-3f9ad2bb1a22" for number in range(1_500)]
    await one.book.put([replace(row, user_id=user_id) for user_id in users])
    exported = await other.book.export(users)
    assert [each.user_id for each in exported] == users
    assert {(each.version, each.state, each.moves) for each in exported} == {(row.version, row.state, row.moves)}
    assert len(one.book._users._users) <= 1_000
