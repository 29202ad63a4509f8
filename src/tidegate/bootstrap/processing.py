"""Wires what turns records of the shared group into state, on one account book."""

from collections.abc import Callable
from dataclasses import dataclass

from tidegate.bootstrap.surroundings import Surroundings
from tidegate.core.pretrade.changes import StateChange
from tidegate.inbound.events.processors import EventProcessors, Ingests, SettingAside
from tidegate.outbound.postgres.early_news import PostgresEarlyNews
from tidegate.ports.account_book import AccountBook
from tidegate.usecases.pretrade.configuration import ConfigurationKeeper
from tidegate.usecases.pretrade.flow import FlowWindows
from tidegate.usecases.pretrade.ingest import AccountIngest, Counts, InstrumentIngest, ProfileIngest
from tidegate.usecases.pretrade.replica import Replica


@dataclass(frozen=True, slots=True)
class Memory:
    """What this process knows: market and configuration, flow windows, and the account book, wherever that is."""

    replica: Replica
    book: AccountBook
    flow: FlowWindows
    keeper: ConfigurationKeeper


class Processing:
    """Processors on a book; ``heard`` is told of the news that was applied, where the book does not tell it itself."""

    def __init__(
        self,
        around: Surroundings,
        memory: Memory,
        *,
        aside: SettingAside,
        counts: Counts,
        heard: Callable[[StateChange], None] | None,
    ) -> None:
        stores, self.aside = around.stores, aside
        accounts = AccountIngest(memory.book, counts, heard=heard)
        replica, refresh = memory.replica, memory.keeper.refresh_profiles
        early = PostgresEarlyNews(stores.pool)
        profiles = ProfileIngest(stores.profiles, accounts, early=early, replica=replica, refresh=refresh)
        self.instruments = InstrumentIngest(memory.book, counts)
        ingests = Ingests(accounts, profiles, self.instruments)
        suffix = around.settings.topics.suffix
        self.processors = EventProcessors(around.codec, ingests, aside=aside, environment=suffix)
