"""The consumer loop: apply, then commit; wait out what fails; know how far it is."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from tests.inbound.events.desk import NOW_US, SetClock

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.backoff import Backoff
from tidegate.inbound.jobs.consume import Consumer, Subscription
from tidegate.outbound.memory.event_bus import MemoryEventBus
from tidegate.ports.event_bus import Batch, BusRecord, OutgoingEvent, Place

TOPICS = ("a.v1.test", "b.v1.test")
FAST = Subscription("gate", TOPICS, batch_max=3, poll_s=0.001)


def events(count: int, topic: str = TOPICS[0]) -> list[OutgoingEvent]:
    return [OutgoingEvent(topic, "k", bytes([place]), str(place)) for place in range(count)]


@dataclass
class Sink:
    """What was processed, and what fails on the way."""

    records: list[BusRecord] = field(default_factory=list)
    failures: int = 0
    until: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def process(self, records: Sequence[BusRecord]) -> None:
        if self.failures:
            self.failures -= 1
            raise DependencyFailed("book", "away")
        self.records += records
        if len(self.records) >= self.until:
            self.enough.set()


class FlakyBus(MemoryEventBus):
    """A bus that now and then does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.commits_lost = self.reads_lost = self.listens_lost = 0
        self.committed: list[Mapping[Place, int]] = []

    async def read(self, group: str, topics: Sequence[str], *, limit: int, now_us: int) -> Batch:
        if self.reads_lost:
            self.reads_lost -= 1
            raise DependencyFailed("bus", "away")
        return await super().read(group, topics, limit=limit, now_us=now_us)

    async def commit(self, group: str, places: Mapping[Place, int]) -> None:
        if self.commits_lost:
            self.commits_lost -= 1
            raise DependencyFailed("bus", "away")
        self.committed.append(places)
        await super().commit(group, places)

    async def arrivals(self, topics: Sequence[str] = ()) -> AsyncIterator[None]:
        if self.listens_lost:
            self.listens_lost -= 1
            raise DependencyFailed("bus", "away")
        async for arrival in super().arrivals(topics):
            yield arrival


@pytest.fixture
def bus() -> FlakyBus:
    return FlakyBus()


async def run_until(consumer: Consumer, sink: Sink, *, records: int) -> None:
    sink.until = records
    running = asyncio.create_task(consumer.run())
    try:
        await asyncio.wait_for(sink.enough.wait(), 10)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_step_commits_the_next_place_of_each_topic_after_applying(bus: FlakyBus) -> None:
    """PT-704: a position is committed only after its state is applied."""
    sink = Sink()
    consumer = Consumer(bus, sink.process, subscription=FAST, clock=SetClock())
    await bus.publish([*events(2), *events(1, TOPICS[1])])
    assert await consumer.step() == 3
    assert bus.committed == [{(TOPICS[0], 0): 2, (TOPICS[1], 0): 1}]
    assert await consumer.step() == 0
    assert len(bus.committed) == 1


async def test_step_that_fails_commits_nothing(bus: FlakyBus) -> None:
    """PT-704: what was not applied is read again."""
    sink = Sink(failures=1)
    consumer = Consumer(bus, sink.process, subscription=FAST, clock=SetClock())
    await bus.publish(events(2))
    with pytest.raises(DependencyFailed):
        await consumer.step()
    assert bus.committed == []
    assert await consumer.step() == 2
    assert [record.offset for record in sink.records] == [0, 1]


async def test_step_whose_commit_is_lost_applies_again(bus: FlakyBus) -> None:
    """PT-704, PT-705: at least once to the processors, which apply exactly once."""
    sink = Sink()
    bus.commits_lost = 1
    consumer = Consumer(bus, sink.process, subscription=FAST, clock=SetClock())
    await bus.publish(events(1))
    with pytest.raises(DependencyFailed):
        await consumer.step()
    await consumer.step()
    assert [record.offset for record in sink.records] == [0, 0]


async def test_caught_up_is_told_only_with_nothing_left(bus: FlakyBus) -> None:
    """PT-333: while a full batch is read there may be more, so the feed lags from the last time it had all."""
    seen: list[Mapping[Place, int]] = []
    clock, sink = SetClock(), Sink()

    async def hear(complete: Mapping[Place, int]) -> None:
        seen.append(complete)

    consumer = Consumer(bus, sink.process, subscription=FAST, clock=clock, caught_up=hear)
    await bus.publish(events(4))
    await consumer.step()
    assert seen == []
    clock.now += 5
    await consumer.step()
    assert seen == [{(topic, 0): NOW_US + 5 for topic in TOPICS}]


async def test_caught_up_is_not_told_when_the_bus_does_not_answer(bus: FlakyBus) -> None:
    """PT-333: a feed that cannot be read is a feed that lags."""
    seen: list[Mapping[Place, int]] = []
    bus.reads_lost = 1

    async def hear(complete: Mapping[Place, int]) -> None:
        seen.append(complete)

    consumer = Consumer(bus, Sink().process, subscription=FAST, clock=SetClock(), caught_up=hear)
    with pytest.raises(DependencyFailed):
        await consumer.step()
    assert seen == []


async def test_run_consumes_everything_through_every_trouble(bus: FlakyBus) -> None:
    """PT-704: bus and book may fail at any place; nothing is passed over and order is kept."""
    sink = Sink(failures=1)
    bus.reads_lost = bus.listens_lost = 1
    await bus.publish(events(10))
    consumer = Consumer(bus, sink.process, subscription=FAST, clock=SetClock())
    await run_until(consumer, sink, records=10)
    assert [record.offset for record in sink.records] == list(range(10))


async def test_run_wakes_for_what_arrives(bus: FlakyBus) -> None:
    """PT-704: a record published while the loop waits is taken at once, not at the next poll."""
    sink = Sink()
    slow = Subscription("gate", TOPICS, batch_max=3, poll_s=3_600)
    consumer = Consumer(bus, sink.process, subscription=slow, clock=SetClock())
    sink.until = 1
    running = asyncio.create_task(consumer.run())
    for _ in range(10):
        await asyncio.sleep(0)
    await bus.publish(events(1))
    await asyncio.wait_for(sink.enough.wait(), 10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert consumer.trouble is None


def test_backoff_doubles_to_its_bound_and_begins_anew() -> None:
    """PT-704: the longer something fails, the less it is asked."""
    backoff = Backoff(first_s=1, most_s=5)
    assert [backoff.next_s() for _ in range(5)] == [1, 2, 4, 5, 5]
    backoff.reset()
    assert backoff.next_s() == 1
