"""What a process holds of accounts, market and configuration, and what feeds it: roles gate and consumers."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.bootstrap.books import Books
from tidegate.bootstrap.engines import rule_engines
from tidegate.bootstrap.feeds import Feeds
from tidegate.bootstrap.processing import Memory
from tidegate.bootstrap.sole_book import SoleBook
from tidegate.bootstrap.surroundings import Jobs, Surroundings, end
from tidegate.core.pretrade.scenario import Scenario
from tidegate.inbound.jobs.refresh import ConfigurationRefresh
from tidegate.inbound.rest.dependencies import Probe
from tidegate.usecases.pretrade.configuration import ConfigurationKeeper, ConfigurationStores
from tidegate.usecases.pretrade.seed import (
    SEED_ACCOUNT,
    SeedStores,
    seed_events,
    seed_reservations,
    seed_stores,
)


class Accounts:
    """Account book, market, configuration and flow windows of this process, kept the published ones."""

    def __init__(self, around: Surroundings, books: Books, *, sole: SoleBook | None) -> None:
        self._around = around
        self._sole = sole
        stores, replica = around.stores, books.replica
        keeper = ConfigurationKeeper(
            replica,
            ConfigurationStores(stores.profiles, stores.rules, stores.tiers, stores.trading_states, stores.watch),
            engines=rule_engines(),
            clock=around.clock,
            report=around.reporter("configuration"),
        )
        self.memory = Memory(replica, books.book, books.flow, keeper)
        self.feeds = Feeds(around, self.memory, books=books)
        self._refresh = ConfigurationRefresh(keeper, stores.watch)
        self._jobs: Jobs = []
        self._watch_gauges()

    def _watch_gauges(self) -> None:
        replica, watch, clock = self.memory.replica, self._around.figures.watch, self._around.clock
        self._around.figures.watch_each(
            "tidegate_events_heard_total",
            help_text="Events of accounts and instruments, by topic and what became of them.",
            labels=("topic", "outcome"),
            rows=lambda: {(topic, outcome): count for (topic, outcome), count in self.feeds.counts.items()},
        )
        watch(
            "tidegate_dead_letters_total",
            help_text="Records set aside because they cannot be read.",
            gauge=lambda: self.feeds.aside.count,
        )
        watch(
            "tidegate_configuration_age_seconds",
            help_text="Time since the configuration was confirmed.",
            gauge=lambda: (clock.now_us() - replica.confirmed_at_us) / 1e6,
        )
        watch(
            "tidegate_account_feed_lag_seconds",
            help_text="Time since everything told of accounts had been applied; -1: never yet.",
            gauge=lambda: -1 if (lag := replica.account_lag_ms(clock.now_us())) is None else lag / 1e3,
        )
        watch(
            "tidegate_marks_applied_total",
            help_text="Marks applied.",
            gauge=lambda: self.feeds.marks.applied,
        )

    def probes(self) -> Mapping[str, Probe]:
        """Give what ``/readyz`` asks: whether book and market are rebuilt and fed."""
        replica = self.memory.replica

        async def book() -> str | None:
            if not replica.rebuilt:
                return "is being rebuilt"
            trouble = self.feeds.state.trouble or self.feeds.state_marks.trouble
            if trouble is not None:
                return str(trouble)
            return "the account feed was not heard yet" if replica.account_feed_seen_us is None else None

        return {"account_book": book}

    async def load(self, seed: Scenario | None) -> None:
        """Rebuild what memory holds, load the seed, confirm the configuration: after it the gate may decide.

        Raises:
            DependencyFailed: something did not answer.
        """
        keeper, clock, stores = self.memory.keeper, self._around.clock, self._around.stores
        await keeper.confirm()
        await self.feeds.rebuilding.make_whole()
        if seed is not None:
            now_us = clock.now_us()
            places = SeedStores(stores.profiles, stores.rules, stores.tiers, stores.trading_states)
            await seed_stores(seed, places, now_us=now_us)
            await self.publish(seed_events(seed, now_us=now_us))
        await self.settled()
        await keeper.confirm()
        if seed is not None and seed.profile is not None:
            for held in seed_reservations(seed, now_us=clock.now_us()):
                await self.memory.book.restore(seed.profile.user_id, account_id=SEED_ACCOUNT, reservation=held)

    async def publish(self, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Put events on the bus, in order; durable when it returns."""
        await self.feeds.publish(events)

    async def settled(self) -> None:
        """Apply everything that lies on the bus."""
        await self.feeds.settled()

    def start(self) -> Jobs:
        """Start the consumers, and what keeps the configuration fresh."""
        refreshing = asyncio.create_task(self._refresh.run(), name="refresh configuration")
        self._jobs = [*self.feeds.jobs(), refreshing]
        if self._sole is not None:
            self._jobs.append(asyncio.create_task(self._sole.hold(), name="hold the account book"))
        return self._jobs

    async def stop(self) -> None:
        """End the consumers; what they have applied is committed, and in the mirror."""
        await end(self._jobs)
        await self.feeds.close()
