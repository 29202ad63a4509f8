"""After a crash everything is as if nothing had happened: rebuilt from the bus and the journal."""

from dataclasses import replace
from random import Random

import pytest
from tests.core.pretrade.event_world import SYMBOLS, World, interleaved
from tests.core.pretrade.told import (
    ACCOUNT,
    USER,
    a_reservation,
    an_instrument,
    an_order,
    balance_set,
    commanded,
    reported,
)
from tests.inbound.events.desk import NOW_US, Desk, Durable
from tests.inbound.events.records import (
    LIMITS,
    an_event,
    user_record,
)
from tests.inbound.events.story import held_by, listed, published
from tests.ports.builders import a_record
from tests.ports.builders import an_order as an_asked_order

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.account import Reservation
from tidegate.core.pretrade.changes import EngineEventType
from tidegate.inbound.jobs.consume import Consumer, Subscription
from tidegate.outbound.memory.feed_board import MemoryFeedBoard
from tidegate.ports.account_book import Held, ReserveRequest
from tidegate.usecases.pretrade.account_feed import AccountFeed
from tidegate.usecases.pretrade.rebuild import Rebuild, Rebuilt, Stage

SECOND_US = 1_000_000


async def rebuilt(durable: Durable) -> tuple[Desk, Rebuilt]:
    """A new process on what is durable."""
    desk = Desk(durable)
    await desk.keeper.confirm()
    instruments = tuple(topic for topic in desk.processors.topics if topic.startswith("md."))
    others = tuple(topic for topic in desk.processors.topics if topic not in instruments)
    rebuild = Rebuild(durable.bus, durable.archive, book=desk.book, replica=desk.replica, clock=desk.clock)
    stages = [
        Stage(instruments, desk.processors.retell),
        Stage(desk.marks.topics, desk.marks.process),
        Stage(others, desk.processors.retell),
    ]
    return desk, await rebuild.run(stages)


def a_consumer(desk: Desk, batch_max: int = 500) -> Consumer:
    subscription = Subscription("gate", desk.processors.topics, batch_max=batch_max)
    bus = desk.durable.bus
    feed = AccountFeed(MemoryFeedBoard(), bus, topics=desk.processors.topics, replica=desk.replica)
    return Consumer(bus, desk.processors.process, subscription=subscription, clock=desk.clock, caught_up=feed.tell)


async def reserved(desk: Desk, reservation: Reservation) -> None:
    """What the gate does with an approval: final in the book, then written to the journal."""
    state = (await desk.book.snapshot([USER], now_us=NOW_US))[USER]
    state.hold(ACCOUNT, reservation, instrument=an_instrument(reservation.symbol))
    request = ReserveRequest(USER, state.version, (Held(ACCOUNT, reservation, an_instrument(reservation.symbol)),))
    assert not await desk.book.reserve([request])
    record = replace(a_record(an_asked_order(reservation.order_id), at_us=NOW_US), reservation=reservation)
    await desk.durable.journal.record([record], margin_call_cooldown_us=0)


@pytest.mark.parametrize("seed", range(40))
async def test_crash_at_any_place_leaves_what_a_process_without_crash_has(seed: int) -> None:
    """PT-704, PT-718: applied or not, committed or not, told again or not: the state is the truth."""
    random, durable = Random(seed), Durable()
    world = World(random)
    world.live(60)
    delivered = interleaved(world)
    first = Desk(durable)
    await listed(first, *SYMBOLS)
    told = random.randrange(len(delivered))
    await published(first, *delivered[:told])
    consumer = a_consumer(first, batch_max=random.randint(1, 20))
    for _ in range(random.randint(0, 12)):
        await consumer.step()
    if random.random() < 0.5:  # dies between applying and committing
        batch = await durable.bus.read("gate", first.processors.topics, limit=10, now_us=NOW_US)
        await first.processors.process(batch.records)
    await published(first, *delivered[told:])
    second, _ = await rebuilt(durable)
    while await a_consumer(second).step():
        pass
    truth, reservations, gap = await held_by(second)
    assert (truth, reservations, gap) == (world.truth(), {}, "")


async def test_reservations_of_the_journal_are_held_again() -> None:
    """PT-718: what was approved and is not yet an order is reserved after the crash as before it."""
    first = Desk()
    await listed(first, "BTCUSDT")
    await published(first, balance_set(1))
    await a_consumer(first).step()
    expiring = a_reservation("o-gone", expires_at_us=NOW_US)
    await first.durable.journal.record(
        [replace(a_record(an_asked_order("o-gone")), reservation=expiring)], margin_call_cooldown_us=0
    )
    for order_id in ("o-held", "o-open", "o-ended"):
        await reserved(first, a_reservation(order_id))
    await published(
        first, commanded(1, an_order("o-open")), reported(1, an_order("o-ended"), event=EngineEventType.REJECTED)
    )
    second, result = await rebuilt(first.durable)
    truth, reservations, gap = await held_by(second)
    assert (set(reservations), set(truth.orders), gap) == ({"o-held"}, {"o-open"}, "")
    assert result.reservations == 1
    assert reservations["o-held"] == a_reservation("o-held")
    assert second.replica.rebuilt


async def test_reservation_in_an_instrument_the_bus_has_not_kept_brings_its_terms() -> None:
    """PT-718: the decision knows the instrument it was made on."""
    durable = Durable()
    record = a_record(an_asked_order("o-1"))
    await durable.journal.record([record], margin_call_cooldown_us=0)
    desk, result = await rebuilt(durable)
    assert result.reservations == 1
    assert desk.market.instruments["BTCUSDT"] == record.evidence.instruments[0]


async def test_rebuilt_process_knows_profiles_and_what_waits_for_one() -> None:
    """PT-718: profiles outlive a process, what waited in its memory is told again by the bus."""
    first = Desk()
    other = "0a4f0f34-6c0a-4c8f-8a8f-3f9ad2bb1a22"
    frozen = {
        **user_record("user.frozen.v1", 1, at_ms=NOW_US // 1_000 + 9_000, reason="r", actor="a"),
        "user_id": other,
    }
    records = [("user.created.v1", user_record("user.created.v1", 1, **LIMITS)), ("user.frozen.v1", frozen)]
    await first.durable.bus.publish([an_event(first.codec, topic, record=record) for topic, record in records])
    await a_consumer(first).step()
    second, _ = await rebuilt(first.durable)
    assert set(second.replica.profiles) == {USER}
    created = {**user_record("user.created.v1", 1, **LIMITS), "user_id": other, "event_id": other}
    await first.durable.bus.publish([an_event(second.codec, "user.created.v1", record=created)])
    await a_consumer(second).step()
    assert second.replica.profiles[other].profile.frozen


async def test_rebuild_that_fails_is_not_ready_and_may_be_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """PT-718: not ready until rebuilt."""
    durable = Durable()
    record = a_record(an_asked_order("o-1"))
    await durable.journal.record([record], margin_call_cooldown_us=0)
    desk = Desk(durable)
    rebuild = Rebuild(durable.bus, durable.archive, book=desk.book, replica=desk.replica, clock=desk.clock)
    live = durable.archive.live_reservations

    async def away(now_us: int) -> object:
        raise DependencyFailed("journal", "away")

    monkeypatch.setattr(durable.archive, "live_reservations", away)
    with pytest.raises(DependencyFailed):
        await rebuild.run([Stage(desk.processors.topics, desk.processors.retell)])
    assert not desk.replica.rebuilt
    monkeypatch.setattr(durable.archive, "live_reservations", live)
    assert await rebuild.run([Stage(desk.processors.topics, desk.processors.retell)]) == Rebuilt(0, 1)
    assert desk.replica.rebuilt


async def test_feed_is_alive_once_everything_was_applied() -> None:
    """PT-333: after a start the lag is unknown until the consumer has been at the end of its topics."""
    desk = Desk()
    await published(desk, balance_set(1), balance_set(2))
    consumer = a_consumer(desk, batch_max=1)
    assert desk.replica.account_lag_ms(NOW_US) is None
    await consumer.step()
    await consumer.step()
    assert desk.replica.account_lag_ms(NOW_US) is None
    await consumer.step()
    assert desk.replica.account_lag_ms(NOW_US + 2 * SECOND_US) == 2_000
