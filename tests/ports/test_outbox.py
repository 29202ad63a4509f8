"""Contract of ``Outbox``."""

import asyncio
from dataclasses import replace

from tests.ports.builders import NOW_US, OTHER_USER, USER, a_record, an_order
from tests.ports.stores import Stores
from tests.traces import TRACEPARENT

from tidegate.ports.outbox import Backlog


async def decided(stores: Stores, user_id: str, *order_ids: str) -> None:
    """Record orders one by one, as their answers come."""
    for place, order_id in enumerate(order_ids):
        order = an_order(order_id, user_id=user_id)
        await stores.journal.record([a_record(order, at_us=NOW_US + place)], margin_call_cooldown_us=0)


async def test_outbox_gives_the_announcements_of_each_user_in_order(stores: Stores) -> None:
    """PT-715: what one user was answered later is announced later, whatever other users do meanwhile."""
    names = [f"o-{number}" for number in range(12)]
    await asyncio.gather(decided(stores, USER, *names), decided(stores, OTHER_USER, *names))
    pending = await stores.new_outbox().pending(100)
    assert [announcement.position for announcement in pending] == sorted(entry.position for entry in pending)
    for user in (USER, OTHER_USER):
        of_user = [entry.record.order.order_id for entry in pending if entry.record.order.user_id == user]
        assert of_user == names


async def test_outbox_gives_the_place_in_the_trace(stores: Stores) -> None:
    """RE-404: whichever process relays, and when, learns where in a trace the order was asked."""
    record = a_record(an_order("o-1"))
    traced = replace(a_record(an_order("o-2")), traceparent=TRACEPARENT)
    await stores.journal.record([record, traced], margin_call_cooldown_us=0)
    assert [entry.record.traceparent for entry in await stores.new_outbox().pending(2)] == ["", TRACEPARENT]


async def test_outbox_forgets_what_is_done_and_nothing_else(stores: Stores) -> None:
    """PT-715: an announcement is given again until it is done, and none is skipped by the others that are."""
    await decided(stores, USER, "a", "b", "c", "d")
    outbox = stores.new_outbox()
    first = await outbox.pending(3)
    assert [entry.record.order.order_id for entry in first] == ["a", "b", "c"]
    assert await outbox.pending(3) == first
    await outbox.done([first[0].position, first[2].position])
    await outbox.done([first[0].position])
    assert [entry.record.order.order_id for entry in await outbox.pending(3)] == ["b", "d"]


async def test_outbox_tells_how_much_waits_and_since_when(stores: Stores) -> None:
    """PT-715: how far the relay is behind can be seen, and asking stays cheap however much that is."""
    outbox = stores.new_outbox()
    assert await outbox.backlog(10) == Backlog(0, None)
    await decided(stores, USER, "a", "b", "c")
    assert await outbox.backlog(10) == Backlog(3, NOW_US)
    assert await outbox.backlog(2) == Backlog(2, NOW_US)
    await outbox.done([(await outbox.pending(1))[0].position])
    assert await outbox.backlog(10) == Backlog(2, NOW_US + 1)


async def test_outbox_has_one_relay_until_it_closes(stores: Stores) -> None:
    """PT-715: order needs one relay at a time; another takes over when the first is gone."""
    one, other = stores.new_outbox(), stores.new_outbox()
    try:
        assert [await one.claim(), await one.claim(), await other.claim()] == [True, True, False]
        await one.close()
        assert await other.claim()
    finally:
        await one.close()
        await other.close()
