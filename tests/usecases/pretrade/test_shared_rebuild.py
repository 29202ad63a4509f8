"""The next life of the shared book is built from mirror, topics and journal, or not at all."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.core.pretrade.told import ACCOUNT, SECOND_US, START_US, USER, a_reservation, balance_set, reported
from tests.core.pretrade.told import an_order as a_told_order
from tests.ports.builders import a_record, an_order
from tests.usecases.pretrade.shared_world import PLACES, Killed, Process, Shared

from tidegate.core.pretrade.account import Reservation
from tidegate.core.pretrade.changes import EngineEventType
from tidegate.core.pretrade.settings import GateSettings
from tidegate.ports.account_book import FlowKept
from tidegate.ports.book_mirror import BookLife
from tidegate.ports.event_bus import Place
from tidegate.ports.shared_book import BookLost
from tidegate.usecases.pretrade.adoption import Standing
from tidegate.usecases.pretrade.flow import MINUTE_US

BALANCE: Place = ("wallet.balance_changed.v1", 0)
ENGINE: Place = ("engine.event.v1", 0)


async def a_process(shared: Shared) -> Process:
    """A process on a whole book, which reads all partitions."""
    process = Process(shared)
    while await process.adoption.step() is not Standing.ADOPTED:
        pass
    await process.assign(PLACES)
    return process


async def told_approval(shared: Shared, reservation: Reservation, *, epoch: int) -> None:
    """What the journal has of an approval that was told."""
    record = replace(a_record(an_order(reservation.order_id), at_us=START_US), reservation=reservation)
    record = replace(record, metrics=replace(record.metrics, notional_24h=Decimal(5_000)))
    await shared.journal.record([record], margin_call_cooldown_us=0, book_epoch=epoch)


async def reservations(process: Process) -> set[str]:
    """Give what is held for the user."""
    state = (await process.book.snapshot([USER], now_us=process.shared.clock.now_us()))[USER]
    return set(state.account(ACCOUNT).reservations)


async def test_rebuild_begins_where_the_mirror_ends() -> None:
    """RE-159: users come from the mirror, and only what lies behind its places is told again."""
    shared = Shared()
    process = await a_process(shared)
    await shared.tell(balance_set(1, "100"), balance_set(2, "200"), balance_set(3, "300"))
    await process.consume(BALANCE, limit=2)
    await process.mirroring.save()
    await process.consume(BALANCE, limit=1)
    shared.content.lose()
    built = await process.build()
    assert (built.life, built.users, built.records) == (BookLife(2, shared.content.instance), 1, 1)
    await process.adoption.step()
    state = (await process.book.snapshot([USER], now_us=START_US))[USER]
    balances = state.account(ACCOUNT).balances or {}
    assert balances["USDT"].total == 300
    assert state.gap_reason(ACCOUNT) == ""


async def test_rebuild_tells_whole_stages_from_their_beginning() -> None:
    """RE-159: what the mirror does not hold, such as instruments, is told from its beginning whatever the places."""
    shared = Shared()
    process = await a_process(shared)
    await shared.tell(balance_set(1), balance_set(2))
    await process.consume(BALANCE, limit=2)
    await process.mirroring.save()
    shared.content.lose()
    process.whole = True
    assert (await process.build()).records == 2


async def test_rebuild_holds_what_was_told_and_is_still_live() -> None:
    """RE-159: approvals that were told are reserved again; not those that expired, were withdrawn, or have ended."""
    shared = Shared()
    process = await a_process(shared)
    live = START_US + 30 * SECOND_US
    for order_id, expires_us in {"live": live, "expired": START_US, "withdrawn": live, "ended": live}.items():
        await told_approval(shared, a_reservation(order_id, expires_at_us=expires_us), epoch=process.book.epoch)
    withdrawn = [record for record in shared.journal.oldest_first() if record.order.order_id == "withdrawn"]
    await shared.journal.withdraw([record.answer.decision_id for record in withdrawn])
    await shared.tell(reported(1, a_told_order("ended"), event=EngineEventType.REJECTED))
    shared.content.lose()
    assert (await process.build()).reservations == 1
    await process.adoption.step()
    assert await reservations(process) == {"live"}


async def test_rebuild_takes_an_instrument_that_nothing_tells_of_from_the_decision() -> None:
    """PT-718: the decision knows the instrument it was made on."""
    shared = Shared()
    process = await a_process(shared)
    await told_approval(shared, a_reservation("o-1", expires_at_us=START_US + SECOND_US), epoch=1)
    del shared.content.market.instruments["BTCUSDT"]
    shared.content.lose()
    await process.build()
    await process.adoption.step()
    assert await reservations(process) == {"o-1"}
    assert "BTCUSDT" in shared.content.market.instruments


async def test_rebuild_counts_windows_by_the_journal_and_keeps_what_only_the_book_knows() -> None:
    """RE-162: messages, notional and equal orders are those of the journal; fills and tokens those of the mirror and of
    what was told behind it.
    """
    shared = Shared(settings=GateSettings(duplicate_window_ms=5_000, repeat_max=3, repeat_window_ms=60_000))
    process = await a_process(shared)
    await process.book.put_flows({USER: FlowKept(level=Decimal(3), message_us=START_US, orders=(1, 2, 3))})
    fill = replace(
        reported(1, a_told_order("o-1", filled="1"), event=EngineEventType.FILLED), last_fill_quantity=Decimal(1)
    )
    await shared.tell(fill)
    await process.mirroring.save()
    await told_approval(shared, a_reservation("told", expires_at_us=START_US + SECOND_US), epoch=1)
    shared.clock.at_us = START_US + SECOND_US
    shared.content.lose()
    assert (await process.build()).windows == 1
    kept = shared.flow.kept(USER)
    assert kept is not None
    assert (kept.level, kept.message_us, kept.orders) == (Decimal(3), START_US, (START_US,))
    assert [minute for minute, _ in kept.notional] == [START_US // MINUTE_US]
    assert len(kept.equal) == 1
    assert [times for _, times in kept.fills] == [(fill.stamp.at_us,)]


async def test_rebuild_during_which_servers_are_replaced_is_not_whole() -> None:
    """RE-159: what the former servers had not passed on is lost with them, so the life is begun again."""
    shared = Shared()
    process = await a_process(shared)
    await process.book.apply(balance_set(1))
    await process.mirroring.save()

    async def replace_servers() -> None:
        shared.content.replace_servers("others")

    process.before_put = replace_servers
    shared.content.lose()
    with pytest.raises(BookLost):
        await process.build()
    assert shared.lives.life == BookLife(2, None)
    assert shared.content.published is None


async def test_rebuild_that_was_overtaken_publishes_nothing() -> None:
    """RE-150: a builder believed dead that goes on finds the next one's life, and leaves it alone."""
    shared = Shared()
    slow, quick = await a_process(shared), Process(shared)
    await slow.book.apply(balance_set(1))
    await slow.mirroring.save()
    shared.content.lose()

    async def overtake() -> None:
        await quick.build()

    slow.before_put = overtake
    with pytest.raises(BookLost):
        await slow.build()
    assert shared.lives.life == BookLife(3, shared.content.instance)
    assert shared.content.published == 3
    assert await quick.adoption.step() is Standing.ADOPTED
    assert await slow.adoption.step() is Standing.ADOPTED


@pytest.mark.parametrize("steps", range(12))
async def test_rebuild_killed_at_any_step_is_begun_again(steps: int) -> None:
    """RE-158: wherever a builder dies, the next one builds the whole book; nobody worked on the half of it."""
    shared = Shared()
    first = await a_process(shared)
    await shared.tell(balance_set(1), balance_set(2), reported(1, a_told_order("o-1"), event=EngineEventType.ACCEPTED))
    await first.consume(BALANCE, limit=1)
    await first.mirroring.save()
    await told_approval(shared, a_reservation("r-1", expires_at_us=START_US + SECOND_US), epoch=first.book.epoch)
    shared.content.lose()
    dying, second = Process(shared), Process(shared)
    dying.fuse.left = steps
    try:
        await dying.adoption.step()
    except Killed:
        dying.die()
        assert shared.lives.life.instance is None
        assert await second.adoption.step() is Standing.BUILT
    assert await second.adoption.step() is Standing.ADOPTED
    state = (await second.book.snapshot([USER], now_us=START_US))[USER]
    account = state.account(ACCOUNT)
    assert (set(account.open_orders), set(account.reservations)) == ({"o-1"}, {"r-1"})
    assert (account.balances or {})["USDT"].total == 100
    assert state.gap_reason(ACCOUNT) == ""
