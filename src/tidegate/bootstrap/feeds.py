"""Wires what events do: who reads them, what they are applied to, and how far that has come."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tidegate.bootstrap.books import Books
from tidegate.bootstrap.processing import Memory, Processing
from tidegate.bootstrap.rebuilding import rebuilding_of
from tidegate.bootstrap.surroundings import Jobs, Surroundings
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.changes import StateChange
from tidegate.inbound.events.marks import MarkProcessor
from tidegate.inbound.events.processors import SettingAside
from tidegate.inbound.jobs.backoff import Backoff
from tidegate.inbound.jobs.consume import Consumer, Subscription
from tidegate.inbound.jobs.hear_feed import FeedHearing
from tidegate.ports.event_bus import OutgoingEvent, Place
from tidegate.settings import Role
from tidegate.usecases.pretrade.account_feed import AccountFeed
from tidegate.usecases.pretrade.ingest import Counts, MarkIngest
from tidegate.usecases.pretrade.mirroring import NotedSource
from tidegate.wire.topics import record_key, topic_name

MARK_GROUP: Final = "tidegate.marks"

SETTLED_S_MAX: Final = 60.0
"""How long a start waits until what lay on the bus has been applied."""


class Feeds:
    """Consumers of the account topics (role consumers) and of marks (role gate)."""

    def __init__(self, around: Surroundings, memory: Memory, *, books: Books) -> None:
        settings, clock, bus = around.settings, around.clock, around.bus
        self._around = around
        self._memory = memory
        self._shared = books.shared
        self.counts: Counts = Counts()
        self.aside = SettingAside(bus.letters, clock, around.alarm)
        # a shared book tells the windows of every process what was applied, whoever applied it
        heard = self._heard if books.shared is None else None
        processing = Processing(around, memory, aside=self.aside, counts=self.counts, heard=heard)
        self.instruments = processing.instruments
        self.marks = MarkIngest(memory.replica.market)
        self._marks_heard_us = dict[Place, int]()
        processors = processing.processors
        mark_processor = MarkProcessor(around.codec, self.marks, aside=self.aside, environment=settings.topics.suffix)
        self.rebuilding = rebuilding_of(around, memory, books=books, processing=processing, marks=mark_processor)
        feed = AccountFeed(books.board, bus.source, topics=processors.topics, replica=memory.replica)
        self.hearing = FeedHearing(feed)
        source = bus.source if books.shared is None else NotedSource(bus.source, books.shared.copying.mirroring)
        group = settings.kafka.group
        self.state = Consumer(
            source,
            around.tracing.process(around.writers.before(processors.process), group=group),
            subscription=Subscription(group, processors.topics),
            clock=clock,
            caught_up=feed.tell,
        )
        self.state_marks = Consumer(
            bus.marks,
            around.writers.before(mark_processor.process),
            subscription=Subscription(MARK_GROUP, mark_processor.topics),
            clock=clock,
            caught_up=self._hear_marks,
        )

    def _heard(self, change: StateChange) -> None:
        """Let the flow windows hear what was applied, at first or when it is told again after a start."""
        self._memory.flow.hear(change, settings=self._memory.replica.configuration.settings)

    async def _hear_marks(self, complete: Mapping[Place, int]) -> None:
        self._marks_heard_us.update(complete)

    async def publish(self, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Put records (topic's base name, record) on the bus, in order; durable when it returns."""
        suffix, codec = self._around.settings.topics.suffix, self._around.codec
        await self._around.bus.publisher.publish(
            [
                OutgoingEvent(
                    topic_name(topic, environment=suffix),
                    record_key(topic, record).decode(),
                    codec.encode(topic, record),
                    str(record["event_id"]),
                )
                for topic, record in events
            ]
        )

    async def settled(self) -> None:
        """Have everything applied that lies on the bus now, by this process or by those that it shares the topics with.

        Raises:
            DependencyFailed: after a minute it was not; or the embedded bus did not answer.
        """
        since_us, backoff = self._around.clock.now_us(), Backoff()
        try:
            async with asyncio.timeout(SETTLED_S_MAX):
                while not await self._applied_since(since_us):
                    try:
                        for consumer in self._consumers():
                            await consumer.step()
                        await self.hearing.step()
                    except DependencyFailed:
                        await backoff.wait()
        except TimeoutError:
            raise DependencyFailed("bus", f"not all of it was applied within {SETTLED_S_MAX:.0f} s") from None

    async def _applied_since(self, since_us: int) -> bool:
        seen_us = self._memory.replica.account_feed_seen_us
        if seen_us is None or seen_us < since_us:
            return False
        if self.state_marks not in self._consumers():
            return True
        places = await self._around.bus.marks.partitions(self.state_marks.topics)
        return all(self._marks_heard_us.get(place, 0) >= since_us for place in places)

    def _consumers(self) -> tuple[Consumer, ...]:
        roles = self._around.settings.serve.roles
        chosen = ((Role.CONSUMERS, self.state), (Role.GATE, self.state_marks))
        return tuple(consumer for role, consumer in chosen if role in roles)

    def jobs(self) -> Jobs:
        """Start what runs by itself."""
        jobs = [asyncio.create_task(each.run(), name=f"consume {each.group}") for each in self._consumers()]
        jobs += self.rebuilding.jobs()
        if self._shared is not None:
            jobs.append(asyncio.create_task(self.hearing.run(), name="hear how far the feed is"))
            jobs.append(asyncio.create_task(self._shared.copying.run(), name="mirror the account book"))
        return jobs

    async def close(self) -> None:
        """Save what the mirror lacks, after the consumers have ended."""
        if self._shared is not None:
            await self._shared.copying.flush()
