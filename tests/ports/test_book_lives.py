"""Contract of ``BookLives``, and of the journal that writes on one of them."""

import asyncio
from dataclasses import replace

import pytest
from tests.ports.builders import DECISION_TOPIC, MARGIN_CALL, NOW_US, SECOND_US, a_profile, a_record, an_order, by
from tests.ports.stores import Stores

from tidegate.ports.book_mirror import BookLife
from tidegate.ports.shared_book import BookLost

INSTANCE = "run-1"


async def test_lives_none_before_the_first(stores: Stores) -> None:
    """RE-150: where no book was ever built no life counts."""
    assert await stores.new_lives().current() == BookLife(0, None)


async def test_lives_each_begins_behind_the_last_and_is_not_whole(stores: Stores) -> None:
    """RE-150: a life has a number of its own, and is not whole until its builder says so."""
    lives = stores.new_lives()
    assert [await lives.begin(), await lives.begin()] == [1, 2]
    assert await lives.current() == BookLife(2, None)
    await lives.complete(BookLife(2, INSTANCE))
    assert await stores.new_lives().current() == BookLife(2, INSTANCE)
    assert await lives.begin() == 3
    assert await lives.current() == BookLife(3, None)


async def test_lives_builder_that_was_overtaken_completes_nothing(stores: Stores) -> None:
    """RE-150: a builder that was believed dead cannot say that its life is whole."""
    lives = stores.new_lives()
    overtaken = await lives.begin()
    await lives.begin()
    with pytest.raises(BookLost):
        await lives.complete(BookLife(overtaken, INSTANCE))
    assert await lives.current() == BookLife(2, None)


async def test_lives_one_claims_the_rebuild_until_it_gives_it_up(stores: Stores) -> None:
    """RE-151: one process rebuilds at a time; asking again keeps the claim, giving up what one has not does nothing."""
    first, second = stores.new_lives(), stores.new_lives()
    assert await first.claim()
    assert await first.claim()
    assert not await second.claim()
    await second.release()
    assert not await second.claim()
    await first.release()
    assert await second.claim()
    await second.release()


async def test_journal_writes_on_the_life_that_counts(stores: Stores) -> None:
    """RE-152: a batch is written on the life it was decided on, and one that is bound to no life always."""
    lives = stores.new_lives()
    record, unbound = a_record(an_order("o-1")), a_record(an_order("o-2"))
    epoch = await lives.begin()
    assert await stores.journal.record([record], margin_call_cooldown_us=0, book_epoch=epoch) == {}
    assert await stores.journal.record([unbound], margin_call_cooldown_us=0) == {}
    assert await stores.archive.get(record.answer.decision_id) == record
    assert await stores.archive.get(unbound.answer.decision_id) == unbound


@pytest.mark.parametrize("announces", [(DECISION_TOPIC,), (DECISION_TOPIC, MARGIN_CALL)], ids=["plain", "margin-call"])
async def test_journal_refuses_what_was_decided_on_a_life_that_ended(
    stores: Stores, announces: tuple[str, ...]
) -> None:
    """RE-152: nothing of such a batch is written, announced or remembered, also where a margin call goes with it."""
    lives = stores.new_lives()
    await stores.profiles.put(a_profile(), by=by())
    ended = await lives.begin()
    await lives.begin()
    record = a_record(announces=announces)
    with pytest.raises(BookLost):
        await stores.journal.record([record], margin_call_cooldown_us=SECOND_US, book_epoch=ended)
    assert await stores.archive.get(record.answer.decision_id) is None
    assert await stores.journal.remembered(record.order.user_id, record.order.order_id, since_us=0) is None
    assert await stores.new_outbox().pending(10) == []
    assert (await stores.profiles.get(record.order.user_id)).row.last_margin_call_us is None


async def test_journal_refuses_a_life_that_never_was(stores: Stores) -> None:
    """RE-152: unknown never means allowed."""
    with pytest.raises(BookLost):
        await stores.journal.record([a_record()], margin_call_cooldown_us=0, book_epoch=1)


async def test_lives_whoever_begins_one_finds_all_that_was_recorded_on_those_before(stores: Stores) -> None:
    """RE-152: among batches that are recorded while a life begins, each is there when that returns, or is refused."""
    lives, taken, enough = stores.new_lives(), set[str](), asyncio.Event()
    ended = await lives.begin()

    async def record(caller: int) -> None:
        for place in range(1_000):
            written = a_record(an_order(f"o-{caller}-{place}"), at_us=NOW_US + place)
            written = replace(written, remembered=False)
            try:
                await stores.journal.record([written], margin_call_cooldown_us=0, book_epoch=ended)
            except BookLost:
                return
            taken.add(written.answer.decision_id)
            if len(taken) == 20:
                enough.set()
            await asyncio.sleep(0)

    async def begin() -> set[str]:
        await enough.wait()
        await lives.begin()
        return {found.answer.decision_id for found in await stores.archive.flow_since(0)}

    _, _, _, _, found = await asyncio.gather(*(record(caller) for caller in range(4)), begin())
    assert taken
    assert taken == found
