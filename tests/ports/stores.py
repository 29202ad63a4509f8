"""Every store port at once, on one implementation: what the contract suites run on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tests.buses import Bus

from tidegate.outbound.memory.book_mirror import LivesKept, MemoryBookLives, MemoryBookMirror
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas, MemoryConfigurationWatch
from tidegate.outbound.memory.decisions import MemoryDecisionArchive, MemoryDecisionJournal, MemoryOutbox
from tidegate.outbound.memory.desk_configuration import MemoryDeskConfiguration
from tidegate.outbound.memory.early_news import MemoryEarlyNews
from tidegate.outbound.memory.event_bus import MemoryDeadLetters, MemoryEventBus
from tidegate.outbound.memory.margin_tiers import MemoryMarginTiers
from tidegate.outbound.memory.profiles import MemoryProfiles
from tidegate.outbound.memory.retention import MemoryRetention
from tidegate.outbound.memory.risk_rules import MemoryRiskRules
from tidegate.outbound.memory.trading_states import MemoryTradingStates
from tidegate.outbound.postgres.book_mirror import PostgresBookLives, PostgresBookMirror
from tidegate.outbound.postgres.configuration_watch import PostgresConfigurationWatch
from tidegate.outbound.postgres.dead_letters import PostgresDeadLetters
from tidegate.outbound.postgres.decision_archive import PostgresDecisionArchive
from tidegate.outbound.postgres.decision_journal import PostgresDecisionJournal
from tidegate.outbound.postgres.desk_configuration import PostgresDeskConfiguration
from tidegate.outbound.postgres.early_news import PostgresEarlyNews
from tidegate.outbound.postgres.event_bus import PostgresEventBus
from tidegate.outbound.postgres.margin_tiers import PostgresMarginTiers
from tidegate.outbound.postgres.outbox import PostgresOutbox
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.outbound.postgres.profiles import PostgresProfiles
from tidegate.outbound.postgres.retention import PostgresRetention
from tidegate.outbound.postgres.risk_rules import PostgresRiskRules
from tidegate.outbound.postgres.trading_states import PostgresTradingStates
from tidegate.ports.book_mirror import BookLives, BookMirror
from tidegate.ports.configuration import MarginTiers, Profiles, RiskRules, TradingStates
from tidegate.ports.configuration_watch import ConfigurationWatch
from tidegate.ports.decision_journal import DecisionArchive, DecisionJournal, DecisionRecord
from tidegate.ports.desk_configuration import RuleConfigurationRepository
from tidegate.ports.early_news import EarlyNews
from tidegate.ports.event_bus import DeadLetters
from tidegate.ports.outbox import Outbox, Record_co
from tidegate.ports.retention import Retention


class ClosingOutbox(Outbox[Record_co], Protocol[Record_co]):
    """An outbox whose claim ends with ``close``."""

    async def close(self) -> None:
        """Give the claim up."""


@dataclass(frozen=True, slots=True)
class Stores:
    """One implementation of each port, all on the same rows."""

    profiles: Profiles
    rules: RiskRules
    tiers: MarginTiers
    trading_states: TradingStates
    desk: RuleConfigurationRepository
    watch: ConfigurationWatch
    journal: DecisionJournal
    archive: DecisionArchive
    new_outbox: Callable[[], ClosingOutbox[DecisionRecord]]
    bus: Bus
    dead_letters: DeadLetters
    retention: Retention
    new_lives: Callable[[], BookLives]
    mirror: BookMirror
    early_news: EarlyNews


def memory_stores() -> Stores:
    """Make empty stores in memory."""
    areas = MemoryConfigurationAreas()
    profiles = MemoryProfiles(areas)
    lives = LivesKept()
    journal, bus = MemoryDecisionJournal(profiles, lives), MemoryEventBus()
    return Stores(
        profiles=profiles,
        rules=MemoryRiskRules(areas),
        tiers=MemoryMarginTiers(areas),
        trading_states=MemoryTradingStates(areas),
        desk=MemoryDeskConfiguration(areas),
        watch=MemoryConfigurationWatch(areas),
        journal=journal,
        archive=MemoryDecisionArchive(journal),
        new_outbox=lambda: MemoryOutbox(journal),
        bus=bus,
        dead_letters=MemoryDeadLetters(),
        retention=MemoryRetention(journal, bus, profiles=profiles),
        new_lives=lambda: MemoryBookLives(lives),
        mirror=MemoryBookMirror(lives),
        early_news=MemoryEarlyNews(),
    )


def postgres_stores(pool: PostgresPool) -> Stores:
    """Make the stores of a database."""
    return Stores(
        profiles=PostgresProfiles(pool),
        rules=PostgresRiskRules(pool),
        tiers=PostgresMarginTiers(pool),
        trading_states=PostgresTradingStates(pool),
        desk=PostgresDeskConfiguration(pool),
        watch=PostgresConfigurationWatch(pool),
        journal=PostgresDecisionJournal(pool),
        archive=PostgresDecisionArchive(pool),
        new_outbox=lambda: PostgresOutbox(pool),
        bus=PostgresEventBus(pool),
        dead_letters=PostgresDeadLetters(pool),
        retention=PostgresRetention(pool),
        new_lives=lambda: PostgresBookLives(pool),
        mirror=PostgresBookMirror(pool),
        early_news=PostgresEarlyNews(pool),
    )
