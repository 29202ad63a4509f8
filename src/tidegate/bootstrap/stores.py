"""Opens PostgreSQL, embedded or by URL, and every store on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tidegate.bootstrap.engines import compile_rules
from tidegate.outbound.postgres.configuration_watch import PostgresConfigurationWatch
from tidegate.outbound.postgres.dead_letters import PostgresDeadLetters
from tidegate.outbound.postgres.decision_archive import PostgresDecisionArchive
from tidegate.outbound.postgres.decision_journal import PostgresDecisionJournal
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.outbound.postgres.event_bus import PostgresEventBus
from tidegate.outbound.postgres.margin_tiers import PostgresMarginTiers
from tidegate.outbound.postgres.migrate import migrate
from tidegate.outbound.postgres.outbox import PostgresOutbox
from tidegate.outbound.postgres.pool import PoolLimits, PostgresPool
from tidegate.outbound.postgres.profiles import PostgresProfiles
from tidegate.outbound.postgres.recent_decisions import RecentDecisions
from tidegate.outbound.postgres.retention import PostgresRetention
from tidegate.outbound.postgres.risk_rules import PostgresRiskRules
from tidegate.outbound.postgres.trading_states import PostgresTradingStates
from tidegate.settings import Settings
from tidegate.usecases.pretrade.replay import Replayer


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything on one PostgreSQL."""

    pool: PostgresPool
    profiles: PostgresProfiles
    rules: PostgresRiskRules
    tiers: PostgresMarginTiers
    trading_states: PostgresTradingStates
    watch: PostgresConfigurationWatch
    journal: PostgresDecisionJournal
    archive: PostgresDecisionArchive
    outbox: PostgresOutbox
    bus: PostgresEventBus
    dead_letters: PostgresDeadLetters
    retention: PostgresRetention


@asynccontextmanager
async def _database(settings: Settings, *, guest: bool) -> AsyncIterator[str]:
    """Lend the address of the database: that of the settings, else the embedded server's of the data folder."""
    if settings.postgres.url is not None:
        yield settings.postgres.url
        return
    settings.data.dir.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres(settings.data.dir / "postgres")
    await server.start(guest=guest)
    supervising = asyncio.create_task(server.supervise())
    try:
        yield server.dsn
    finally:
        supervising.cancel()
        await asyncio.gather(supervising, return_exceptions=True)
        await server.stop()


@asynccontextmanager
async def open_stores(settings: Settings, *, guest: bool = True) -> AsyncIterator[Stores]:
    """Open every store, the schema brought up to date; a ``guest`` lets a running server be somebody else's."""
    async with _database(settings, guest=guest) as dsn:
        await migrate(dsn)
        pool = await PostgresPool.open(dsn, limits=PoolLimits(connections_max=settings.postgres.pool_max))
        recent = RecentDecisions()
        try:
            yield Stores(
                pool,
                PostgresProfiles(pool),
                PostgresRiskRules(pool),
                PostgresMarginTiers(pool),
                PostgresTradingStates(pool),
                PostgresConfigurationWatch(pool),
                PostgresDecisionJournal(pool, recent),
                PostgresDecisionArchive(pool),
                PostgresOutbox(pool, recent),
                PostgresEventBus(pool),
                PostgresDeadLetters(pool),
                PostgresRetention(pool),
            )
        finally:
            await pool.close()


async def migrate_database(settings: Settings) -> tuple[str, ...]:
    """Bring the database up to date; give the revisions that were applied."""
    async with _database(settings, guest=True) as dsn:
        return await migrate(dsn)


@asynccontextmanager
async def open_replayer(settings: Settings) -> AsyncIterator[Replayer]:
    """Open what decides stored decisions again."""
    async with open_stores(settings) as stores:
        yield replayer_on(stores)


def replayer_on(stores: Stores) -> Replayer:
    """Give what decides stored decisions again, on open stores."""
    return Replayer(stores.archive, rules=stores.rules, tiers=stores.tiers, build_rules=compile_rules)
