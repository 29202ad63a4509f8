"""Migrations and the schema they make."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from tests.postgres import fresh_database

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.postgres import migrations
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.outbound.postgres.migrate import migrate

pytestmark = pytest.mark.servers

REVISIONS = tuple(sorted(path.name[1:5] for path in Path(migrations.__path__[0], "versions").glob("r*.py")))

SOURCE_COLUMNS = {
    "risk_profiles": {
        "id": "bigint",
        "user_id": "uuid",
        "kyc_level": "character varying(20)",
        "exposure_limit_usdt": "numeric(30,8)",
        "frozen": "boolean",
        "risk_score": "numeric(10,4)",
        "max_leverage": "numeric(30,8)",
        "last_margin_call": "timestamp with time zone",
        "last_event_id": "text",
        "last_event_ts": "timestamp with time zone",
        "created_at": "timestamp with time zone",
        "updated_at": "timestamp with time zone",
    },
    "margin_tiers": {
        "id": "bigint",
        "tier": "integer",
        "max_notional": "numeric(30,8)",
        "maintenance_margin_pct": "numeric(30,8)",
        "max_leverage": "numeric(30,8)",
        "active": "boolean",
    },
    "risk_rules": {"id": "bigint", "threshold": "numeric[]", "severity": "character varying(20)"},
}


async def test_migrate_from_nothing_applies_everything_once(postgres_server: EmbeddedPostgres) -> None:
    """PL-113: the first run makes the schema, the next finds nothing to do."""
    async with fresh_database(postgres_server, migrated=False) as dsn:
        assert await migrate(dsn) == REVISIONS
        assert await migrate(dsn) == ()


async def test_migrate_by_three_at_once_applies_everything_once(postgres_server: EmbeddedPostgres) -> None:
    """PL-113: replicas that start together stand in line."""
    async with fresh_database(postgres_server, migrated=False) as dsn:
        applied = await asyncio.gather(*(migrate(dsn) for _ in range(3)))
        assert sorted(applied) == [(), (), REVISIONS]


async def test_migrate_of_no_database_fails(postgres_server: EmbeddedPostgres) -> None:
    """PT-106: a database that is not there is a failed dependency."""
    with pytest.raises(DependencyFailed):
        await migrate(postgres_server.dsn_of("absent"))


@pytest.mark.parametrize("table", SOURCE_COLUMNS)
async def test_schema_has_the_columns_of_the_source(postgres_server: EmbeddedPostgres, table: str) -> None:
    """PT-204: tables and columns are those of the source, name and type."""
    async with fresh_database(postgres_server) as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            rows = await connection.fetch(
                "SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute"
                " WHERE attrelid = $1::regclass AND attnum > 0",
                table,
            )
        finally:
            await connection.close()
    found = {row["attname"]: row["type"] for row in rows}
    assert SOURCE_COLUMNS[table].items() <= found.items()


STAMPS = "now(), now(), 1, 1, 'x'"
WRONG_ROWS = {
    "a KYC level that is none": (
        "risk_profiles (user_id, kyc_level, exposure_limit_usdt, frozen, risk_score, max_leverage, created_at,"
        f" updated_at, version, area_version, changed_by) VALUES (gen_random_uuid(), 'L3', 1, false, 0, 1, {STAMPS})"
    ),
    "a percentage of 100": (
        "margin_tiers (symbol, tier, max_notional, maintenance_margin_pct, active, created_at, updated_at, version,"
        f" area_version, changed_by) VALUES ('A', 1, 1, 100, true, {STAMPS})"
    ),
    "a key of the global state": (
        "trading_states (scope, key, state, reason, updated_at, version, area_version, changed_by)"
        " VALUES ('GLOBAL', 'BTCUSDT', 'HALTED', 'x', now(), 1, 1, 'x')"
    ),
    "an action that allows": (
        "risk_rules (name, metric, operator, threshold, severity, action, active, shadow, created_at, updated_at,"
        " version, area_version, changed_by)"
        f" VALUES ('a', 'leverage', 'GT', '{{1}}', 'LOW', 'ALLOW', true, false, {STAMPS})"
    ),
}


@pytest.mark.parametrize("wrong", WRONG_ROWS)
async def test_schema_refuses_what_the_bounds_refuse(postgres_server: EmbeddedPostgres, wrong: str) -> None:
    """PT-204: a row that was written past the product is held to the same bounds."""
    async with fresh_database(postgres_server) as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            with pytest.raises(asyncpg.CheckViolationError):
                await connection.execute(f"INSERT INTO {WRONG_ROWS[wrong]}")
        finally:
            await connection.close()
