"""Everything between the bus and the state, on the memory twins: what a started process has."""

from dataclasses import dataclass, field

from tests.inbound.events.records import ENVIRONMENT

from tidegate.core.pretrade.changes import StateChange
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import Market
from tidegate.core.rules.parse import NO_ENGINES
from tidegate.inbound.events.marks import MarkProcessor
from tidegate.inbound.events.processors import EventProcessors, Ingests, SettingAside
from tidegate.outbound.memory.account_book import MemoryAccountBook
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas, MemoryConfigurationWatch
from tidegate.outbound.memory.decisions import MemoryDecisionArchive, MemoryDecisionJournal, MemoryOutbox
from tidegate.outbound.memory.early_news import MemoryEarlyNews
from tidegate.outbound.memory.event_bus import MemoryDeadLetters, MemoryEventBus
from tidegate.outbound.memory.margin_tiers import MemoryMarginTiers
from tidegate.outbound.memory.profiles import MemoryProfiles
from tidegate.outbound.memory.risk_rules import MemoryRiskRules
from tidegate.outbound.memory.trading_states import MemoryTradingStates
from tidegate.usecases.pretrade.configuration import (
    ConfigurationKeeper,
    ConfigurationStores,
    empty_configuration,
)
from tidegate.usecases.pretrade.ingest import AccountIngest, Counts, InstrumentIngest, MarkIngest, ProfileIngest
from tidegate.usecases.pretrade.replica import Replica
from tidegate.wire.codec import AvroCodec
from tidegate.wire.schemas import SchemaCatalogue

NOW_US = 1_767_225_600_000_000


@dataclass
class SetClock:
    """A clock that stands until it is moved."""

    now: int = NOW_US

    def now_us(self) -> int:
        return self.now


class Durable:
    """What outlives a process: the bus, the stores, the journal."""

    def __init__(self) -> None:
        areas = MemoryConfigurationAreas()
        self.profiles = MemoryProfiles(areas)
        self.rules = MemoryRiskRules(areas)
        self.tiers = MemoryMarginTiers(areas)
        self.trading_states = MemoryTradingStates(areas)
        self.watch = MemoryConfigurationWatch(areas)
        self.journal = MemoryDecisionJournal(self.profiles)
        self.archive = MemoryDecisionArchive(self.journal)
        self.outbox = MemoryOutbox(self.journal)
        self.bus = MemoryEventBus()
        self.letters = MemoryDeadLetters()
        self.early = MemoryEarlyNews()


@dataclass
class Desk:
    """One process on what is durable."""

    durable: Durable = field(default_factory=Durable)
    clock: SetClock = field(default_factory=SetClock)
    alarms: list[Exception] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    heard: list[StateChange] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        durable = self.durable
        self.codec = AvroCodec(SchemaCatalogue.load())
        self.market = Market()
        self.book = MemoryAccountBook(self.market)
        self.replica = Replica(self.market, empty_configuration(GateSettings()))
        stores = ConfigurationStores(
            durable.profiles, durable.rules, durable.tiers, durable.trading_states, durable.watch
        )
        self.keeper = ConfigurationKeeper(
            self.replica, stores, engines=NO_ENGINES, clock=self.clock, report=self.reports.append
        )
        accounts = AccountIngest(self.book, self.counts, heard=self.heard.append)
        self.profile_ingest = ProfileIngest(
            durable.profiles,
            accounts,
            early=durable.early,
            replica=self.replica,
            refresh=self.keeper.refresh_profiles,
        )
        self.instrument_ingest = InstrumentIngest(self.book, self.counts)
        self.ingests = Ingests(accounts, self.profile_ingest, self.instrument_ingest)
        self.mark_ingest = MarkIngest(self.market)
        self.aside = SettingAside(durable.letters, self.clock, self.alarms.append)
        self.processors = EventProcessors(self.codec, self.ingests, aside=self.aside, environment=ENVIRONMENT)
        self.marks = MarkProcessor(self.codec, self.mark_ingest, aside=self.aside, environment=ENVIRONMENT)
