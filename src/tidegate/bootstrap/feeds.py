"""Wires what events do: consumers of the topics, and the rebuild after a start."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.bootstrap.surroundings import Surroundings
from tidegate.core.pretrade.changes import StateChange
from tidegate.inbound.events.marks import MarkProcessor
from tidegate.inbound.events.processors import EventProcessors, Ingests, SettingAside
from tidegate.inbound.jobs.consume import Consumer, Subscription
from tidegate.outbound.memory.account_book import MemoryAccountBook
from tidegate.outbound.memory.feed_board import MemoryFeedBoard
from tidegate.ports.event_bus import OutgoingEvent
from tidegate.usecases.pretrade.account_feed import AccountFeed
from tidegate.usecases.pretrade.configuration import ConfigurationKeeper
from tidegate.usecases.pretrade.flow import FlowWindows
from tidegate.usecases.pretrade.ingest import AccountIngest, Counts, InstrumentIngest, MarkIngest, ProfileIngest
from tidegate.usecases.pretrade.rebuild import Rebuild, Stage
from tidegate.usecases.pretrade.replica import Replica
from tidegate.usecases.pretrade.restore_flow import restore_flow
from tidegate.wire.topics import INSTRUMENT_TOPICS, record_key, topic_name

STATE_GROUP = "tidegate.state"
MARK_GROUP = "tidegate.marks"


@dataclass(frozen=True, slots=True)
class Memory:
    """What this process keeps in memory."""

    replica: Replica
    book: MemoryAccountBook
    flow: FlowWindows
    keeper: ConfigurationKeeper


class Feeds:
    """Consumers and rebuild on the in-process bus."""

    def __init__(self, around: Surroundings, memory: Memory) -> None:
        stores, clock, alarm = around.stores, around.clock, around.alarm
        suffix = around.settings.topics.suffix
        self._stores = stores
        self._memory = memory
        self._clock = clock
        self._suffix = suffix
        self.codec = around.codec
        self.counts: Counts = Counts()
        replica, book = memory.replica, memory.book
        accounts = AccountIngest(book, self.counts, heard=self._heard)
        profiles = ProfileIngest(stores.profiles, accounts, replica=replica, refresh=memory.keeper.refresh_profiles)
        self.instruments = InstrumentIngest(book, replica.market, counts=self.counts)
        ingests = Ingests(accounts, profiles, self.instruments)
        aside = self.aside = SettingAside(stores.dead_letters, clock, alarm)
        self.marks = MarkIngest(replica.market)
        self._processors = EventProcessors(self.codec, ingests, aside=aside, environment=suffix)
        self._mark_processor = MarkProcessor(self.codec, self.marks, aside=aside, environment=suffix)
        self._account_feed = AccountFeed(MemoryFeedBoard(), stores.bus, topics=self._processors.topics, replica=replica)
        process = around.tracing.process(self._processors.process, group=STATE_GROUP)
        self.state = self._consumer(STATE_GROUP, self._processors.topics, process=process)
        self.state_marks = self._consumer(MARK_GROUP, self._mark_processor.topics, process=self._mark_processor.process)

    def _consumer(self, group: str, topics: tuple[str, ...], *, process: Callable[[Any], Awaitable[None]]) -> Consumer:
        of_accounts = group == STATE_GROUP
        return Consumer(
            self._stores.bus,
            process,
            subscription=Subscription(group, topics),
            clock=self._clock,
            caught_up=self._account_feed.tell if of_accounts else None,
        )

    def _heard(self, change: StateChange) -> None:
        """Let the flow windows hear what was applied, at first or when it is told again after a start."""
        self._memory.flow.hear(change, settings=self._memory.replica.configuration.settings)

    async def rebuild(self) -> None:
        """Rebuild book, market, reservations and flow windows from what is durable.

        Raises:
            DependencyFailed: something did not answer; nothing is ready.
        """
        instruments = tuple(topic_name(topic, environment=self._suffix) for topic in sorted(INSTRUMENT_TOPICS))
        others = tuple(topic for topic in self._processors.topics if topic not in instruments)
        rebuild = Rebuild(
            self._stores.bus,
            self._stores.archive,
            book=self._memory.book,
            replica=self._memory.replica,
            clock=self._clock,
        )
        await rebuild.run(
            [
                Stage(instruments, self._processors.retell),
                Stage(others, self._processors.retell),
                Stage(self._mark_processor.topics, self._mark_processor.process),
            ]
        )
        settings = self._memory.replica.configuration.settings
        await restore_flow(self._stores.archive, self._memory.flow, clock=self._clock, settings=settings)

    async def publish(self, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Put records (topic's base name, record) on the bus, in order; durable when it returns."""
        await self._stores.bus.publish(
            [
                OutgoingEvent(
                    topic_name(topic, environment=self._suffix),
                    record_key(topic, record).decode(),
                    self.codec.encode(topic, record),
                    str(record["event_id"]),
                )
                for topic, record in events
            ]
        )

    async def settled(self) -> None:
        """Apply everything that lies on the bus now."""
        for consumer in (self.state, self.state_marks):
            while await consumer.step():
                pass

    def jobs(self) -> list[asyncio.Task[None]]:
        """Start what runs by itself."""
        return [
            asyncio.create_task(self.state.run(), name="consume state"),
            asyncio.create_task(self.state_marks.run(), name="consume marks"),
        ]
