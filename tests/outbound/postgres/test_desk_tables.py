"""The desk's tables by plain SQL: what the database itself keeps, stamps and refuses, whoever writes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.postgres import fresh_pool

from tidegate.outbound.postgres.configuration_watch import PostgresConfigurationWatch
from tidegate.outbound.postgres.desk_configuration import PostgresDeskConfiguration
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.outbound.postgres.pool import Connection, PostgresPool
from tidegate.ports.configuration_watch import Area
from tidegate.ports.stored import Change

pytestmark = pytest.mark.servers

RULE = "INSERT INTO lt_risk_engine.risk_rule (id, rule_code, category, weight, logic_config, scope, is_active)"
RANGE = "INSERT INTO lt_risk_engine.risk_threshold (id, score_from, score_to, decision, scope, is_active)"
LIST = "INSERT INTO lt_risk_engine.managed_list (name, entries)"
COUNTRY_IN = '{"type": "country_in", "countries": ["IR"]}'
NAMING = '{"when": {"any": [{"field": "country", "op": "in", "value": {"list": "embargo"}}]}}'

SOURCE_COLUMNS = {
    "risk_rule": {
        "id": "uuid",
        "rule_code": "character varying",
        "category": "character varying",
        "weight": "integer",
        "logic_config": "jsonb",
        "scope": "jsonb",
        "is_active": "boolean",
    },
    "risk_threshold": {
        "id": "uuid",
        "score_from": "integer",
        "score_to": "integer",
        "decision": "character varying",
        "scope": "jsonb",
        "is_active": "boolean",
    },
}


@pytest.fixture
async def pool(postgres_server: EmbeddedPostgres) -> AsyncIterator[PostgresPool]:
    async with fresh_pool(postgres_server) as opened:
        yield opened


@pytest.fixture
async def sql(pool: PostgresPool) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await pool.own_connection()
    yield connection
    await connection.close()


async def add_rule(
    sql: Connection, code: str, *, logic: str = COUNTRY_IN, scope: str = "{}", active: bool = True
) -> None:
    await sql.execute(f"{RULE} VALUES (gen_random_uuid(), $1, 'FRAUD', 5, $2, $3, $4)", code, logic, scope, active)


async def add_ranges(sql: Connection, *ranges: tuple[int, int], scope: str = "{}", active: bool = True) -> None:
    lows, highs = [low for low, _ in ranges], [high for _, high in ranges]
    listed = "unnest($1::int[], $2::int[]) AS listed (low, high)"
    statement = f"{RANGE} SELECT gen_random_uuid(), low, high, 'APPROVED', $3, $4 FROM {listed}"
    await sql.execute(statement, lows, highs, scope, active)


async def versions(sql: Connection) -> dict[str, int]:
    rows = await sql.fetch("SELECT area, version FROM configuration_versions WHERE area LIKE 'desk_%'")
    return {row["area"].removeprefix("desk_"): row["version"] for row in rows}


@pytest.mark.parametrize("table", SOURCE_COLUMNS)
async def test_table_has_the_columns_of_the_source(sql: Connection, table: str) -> None:
    """AS-201: names and types are the source's, in its order, before whatever was added."""
    statement = """
SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 ORDER BY attnum
"""
    columns = [(row["attname"], row["type"]) for row in await sql.fetch(statement, f"lt_risk_engine.{table}")]
    assert columns[: len(SOURCE_COLUMNS[table])] == list(SOURCE_COLUMNS[table].items())


async def test_plain_statements_are_changes_like_any_other(sql: Connection, pool: PostgresPool) -> None:
    """AS-205: what is written on the source's columns alone gets versions, actor and time, and the desk reads it."""
    desk = PostgresDeskConfiguration(pool)
    await add_rule(sql, "BY_HAND", scope='{"country": ["LI", "CH", "CH"]}')
    await sql.execute(
        "UPDATE lt_risk_engine.risk_rule SET logic_config = jsonb_set(logic_config, '{countries,1}', '\"KP\"')"
    )
    (rule,) = (await desk.rules.load())[1]
    assert rule.logic_config == {"type": "country_in", "countries": ["IR", "KP"]}
    assert rule.scope == {"country": frozenset({"CH", "LI"})}
    assert rule.version == 2
    user = await sql.fetchval("SELECT session_user")
    assert (await desk.rules.get(rule.rule_id)).changed_by == user
    await sql.execute("DELETE FROM lt_risk_engine.risk_rule")
    kept = await sql.fetch(
        "SELECT version, is_deleted, changed_by FROM lt_risk_engine.risk_rule_versions ORDER BY version"
    )
    assert [tuple(row) for row in kept] == [(1, False, user), (2, False, user), (3, True, user)]
    assert await versions(sql) == {"rules": 3, "thresholds": 0, "lists": 0}
    assert [len(await desk.rules.load_version(version)) for version in range(4)] == [0, 1, 1, 0]


async def test_versions_and_identity_cannot_be_written_by_hand(sql: Connection) -> None:
    """AS-205: what the database stamps, nobody else does."""
    await add_rule(sql, "A")
    await sql.execute(
        "UPDATE lt_risk_engine.risk_rule SET id = gen_random_uuid(), version = 9, area_version = 9, changed_by = 'me', "
        "created_at = 'epoch', updated_at = 'epoch', lists_named = '{x}', logic_text = '{}'"
    )
    row = await sql.fetchrow("SELECT * FROM lt_risk_engine.risk_rule")
    assert row is not None
    assert (row["version"], row["area_version"], row["lists_named"], row["logic_text"]) == (2, 2, [], COUNTRY_IN)
    assert row["changed_by"] != "me"
    assert row["created_at"].year > 2000
    assert row["id"] == await sql.fetchval("SELECT id FROM lt_risk_engine.risk_rule_versions WHERE version = 1")


async def test_plain_statement_is_told_to_the_replicas(sql: Connection, pool: PostgresPool) -> None:
    """AS-205: a rule that was changed by hand is used everywhere as soon as one that came through the API."""
    changes = PostgresConfigurationWatch(pool).changes()
    for _ in Area:
        await anext(changes)
    await add_rule(sql, "A")
    assert await asyncio.wait_for(anext(changes), 1) is Area.DESK_RULES
    await changes.aclose()  # type: ignore[attr-defined] # the port promises an iterator; this is a generator


async def test_one_transaction_is_one_version_of_its_area(sql: Connection) -> None:
    """AS-202: what is committed together is published together, whatever was undone in between."""
    async with sql.transaction():
        await add_rule(sql, "A")
        with pytest.raises(asyncpg.UniqueViolationError):
            async with sql.transaction():
                await add_rule(sql, "A")
        await add_rule(sql, "B")
        await sql.execute(f"{LIST} VALUES ('embargo', '[\"IR\", 1.50, true]')")
    assert await versions(sql) == {"rules": 1, "thresholds": 0, "lists": 1}
    assert await sql.fetchval("SELECT count(*) FROM lt_risk_engine.risk_rule_versions WHERE area_version = 1") == 2


async def test_actor_and_time_of_one_change_do_not_stay_on_the_connection(sql: Connection, pool: PostgresPool) -> None:
    """AS-202: who changed something is never who used the connection before."""
    desk = PostgresDeskConfiguration(pool)
    async with pool.connection() as connection:
        await connection.execute("SELECT 1")
    await desk.thresholds.replace_scope({}, [], version=None, by=Change("ada", 1_000_000))
    for _ in range(12):  # through every connection of the pool, whichever it was
        async with pool.connection() as connection:
            assert await connection.fetchval("SELECT current_setting('tidegate.actor', true)") in {None, ""}


REFUSED_RULES = {
    "code twice": (f"{RULE} VALUES (gen_random_uuid(), 'STANDING', 'FRAUD', 5, '{{}}', '{{}}', true)", "unique"),
    "code empty": (f"{RULE} VALUES (gen_random_uuid(), '', 'FRAUD', 5, '{{}}', '{{}}', true)", "check"),
    "category": (f"{RULE} VALUES (gen_random_uuid(), 'A', 'LUCK', 5, '{{}}', '{{}}', true)", "check"),
    "weight above": (f"{RULE} VALUES (gen_random_uuid(), 'A', 'FRAUD', 1001, '{{}}', '{{}}', true)", "check"),
    "weight below": (f"{RULE} VALUES (gen_random_uuid(), 'A', 'FRAUD', -1001, '{{}}', '{{}}', true)", "check"),
    "logic a list": (f"{RULE} VALUES (gen_random_uuid(), 'A', 'FRAUD', 5, '[]', '{{}}', true)", "check"),
    "scope a list": (f"{RULE} VALUES (gen_random_uuid(), 'A', 'FRAUD', 5, '{{}}', '[]', true)", "check"),
    "scope of an unknown key": (
        f"{RULE} VALUES (gen_random_uuid(), 'A', 'FRAUD', 5, '{{}}', '{{\"city\": [\"Bern\"]}}', true)",
        "check",
    ),
    "scope of nothing": (
        f"{RULE} VALUES (gen_random_uuid(), 'A', 'FRAUD', 5, '{{}}', '{{\"country\": []}}', true)",
        "check",
    ),
    "scope of a number": (
        f"{RULE} VALUES (gen_random_uuid(), 'A', 'FRAUD', 5, '{{}}', '{{\"country\": [1]}}', true)",
        "check",
    ),
    "scope of a text": (
        f"{RULE} VALUES (gen_random_uuid(), 'A', 'FRAUD', 5, '{{}}', '{{\"country\": \"CH\"}}', true)",
        "check",
    ),
    "a list that is not there": (
        f"{RULE} VALUES (gen_random_uuid(), 'A', 'FRAUD', 5, '{NAMING}', '{{}}', true)",
        "foreign key",
    ),
    "list entries": (f"{LIST} VALUES ('a', '[null]')", "check"),
    "list entries nested": (f"{LIST} VALUES ('a', '[[\"IR\"]]')", "check"),
    "list of an object": (f"{LIST} VALUES ('a', '{{}}')", "check"),
}
KINDS: dict[str, type[asyncpg.PostgresError]] = {
    "unique": asyncpg.UniqueViolationError,
    "check": asyncpg.CheckViolationError,
    "foreign key": asyncpg.ForeignKeyViolationError,
}


@pytest.mark.parametrize("name", REFUSED_RULES)
async def test_rows_that_are_none_are_refused_by_the_database(sql: Connection, name: str) -> None:
    """AS-201, AS-203, AS-209: bounds, codes and named lists hold for plain statements too; no version moves."""
    await add_rule(sql, "STANDING")
    statement, kind = REFUSED_RULES[name]
    with pytest.raises(KINDS[kind]):
        await sql.execute(statement)
    assert await versions(sql) == {"rules": 1, "thresholds": 0, "lists": 0}


async def test_more_active_rules_than_there_may_be_are_refused_by_the_database(sql: Connection) -> None:
    """AS-204: 2,048 active rules pass, whatever rests beside them; one more does not."""
    row = "gen_random_uuid(), 'R' || number, 'FRAUD', 1, '{}', '{}', true"
    await sql.execute(f"{RULE} SELECT {row} FROM generate_series(1, 2048) AS number")
    await add_rule(sql, "RESTING", active=False)
    with pytest.raises(asyncpg.CheckViolationError, match="2048"):
        await add_rule(sql, "ONE_MORE")
    with pytest.raises(asyncpg.CheckViolationError, match="2048"):
        await sql.execute("UPDATE lt_risk_engine.risk_rule SET is_active = true WHERE rule_code = 'RESTING'")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM lt_risk_engine.managed_list",
        "UPDATE lt_risk_engine.managed_list SET is_active = false",
        "UPDATE lt_risk_engine.managed_list SET name = 'other'",
    ],
)
async def test_list_that_an_active_rule_names_is_kept_by_the_database(sql: Connection, statement: str) -> None:
    """AS-209: not even a plain statement takes a list away from a rule; both together may go."""
    await sql.execute(f"{LIST} VALUES ('embargo', '[\"IR\"]')")
    await add_rule(sql, "HOLDER", logic=NAMING)
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="HOLDER"):
        await sql.execute(statement)
    async with sql.transaction():
        await sql.execute(statement)
        await sql.execute("UPDATE lt_risk_engine.risk_rule SET is_active = false")


@pytest.mark.parametrize(
    "ranges",
    [
        [(0, 999)],
        [(1, 1000)],
        [(0, 299), (301, 1000)],
        [(0, 300), (300, 1000)],
        [(0, 1000), (0, 1000)],
        [(0, 1000), (7, 7)],
        [(0, 1001)],
        [(-1, 1000)],
        [(600, 400), (0, 1000)],
    ],
)
async def test_ranges_that_do_not_cover_once_are_refused_by_the_database(
    sql: Connection, ranges: list[tuple[int, int]]
) -> None:
    """AS-206: gaps by a constraint at commit, overlaps by an exclusion; nothing of the statement stays."""
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await add_ranges(sql, *ranges)
    assert await sql.fetchval("SELECT count(*) FROM lt_risk_engine.risk_threshold") == 0


async def test_boundary_can_be_moved_inside_one_transaction(sql: Connection) -> None:
    """AS-206: what counts is what a transaction leaves; another scope has ranges of its own."""
    await add_ranges(sql, (0, 299), (300, 1000))
    await add_ranges(sql, (0, 1000), scope='{"country": ["CH"]}')
    await add_ranges(sql, (5, 6), active=False)
    async with sql.transaction():
        await sql.execute("UPDATE lt_risk_engine.risk_threshold SET score_to = 399 WHERE score_to = 299")
        await sql.execute("UPDATE lt_risk_engine.risk_threshold SET score_from = 400 WHERE score_from = 300")
    for statement in (
        "DELETE FROM lt_risk_engine.risk_threshold WHERE score_from = 400",
        "UPDATE lt_risk_engine.risk_threshold SET is_active = false WHERE score_from = 400",
        'UPDATE lt_risk_engine.risk_threshold SET scope = \'{"country": ["AT"]}\' WHERE score_from = 400',
        "UPDATE lt_risk_engine.risk_threshold SET score_from = 401 WHERE score_from = 400",
        "UPDATE lt_risk_engine.risk_threshold SET is_active = true",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await sql.execute(statement)
    await sql.execute("DELETE FROM lt_risk_engine.risk_threshold")


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ('{"country": ["CH"]}', '{"product_type": ["LOAN"]}', True),
        ('{"country": ["CH", "LI"]}', '{"country": ["AT", "LI"]}', True),
        ('{"country": ["CH"]}', '{"country": ["AT"]}', False),
        ('{"country": ["CH"]}', '{"country": ["CH"], "product_type": ["LOAN"]}', False),
    ],
)
async def test_scopes_that_can_meet_are_refused_by_the_database(
    sql: Connection, one: str, other: str, meet: bool
) -> None:
    """AS-207: equally many keys that one request can match are refused, also when a resting range is woken."""
    await add_ranges(sql, (0, 1000), scope=one)
    await add_ranges(sql, (0, 1000), scope=other, active=False)
    wake = sql.execute("UPDATE lt_risk_engine.risk_threshold SET is_active = true")
    if meet:
        with pytest.raises(asyncpg.CheckViolationError, match="equally many keys"):
            await wake
    else:
        await wake


async def test_transactions_side_by_side_leave_no_overlap_and_no_rival(pool: PostgresPool) -> None:
    """AS-206, AS-207: whoever writes first holds the others until it commits, so each sees what stands."""

    async def write(scope: str) -> None:
        async with pool.transaction() as connection:
            await add_ranges(connection, (0, 1000), scope=scope)

    scopes = ['{"country": ["CH"]}', '{"product_type": ["LOAN"]}', '{"country": ["CH"]}', '{"source_system": ["crm"]}']
    outcomes = await asyncio.gather(*(write(scope) for scope in scopes), return_exceptions=True)
    assert sum(isinstance(outcome, BaseException) for outcome in outcomes) == 3
    async with pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM lt_risk_engine.risk_threshold") == 1


async def test_row_that_the_desk_wrote_says_the_same_as_json(sql: Connection, pool: PostgresPool) -> None:
    """AS-201: logic_config is the rule itself, for whoever reads the table with SQL."""
    desk = PostgresDeskConfiguration(pool)
    await add_rule(sql, "A")
    (rule,) = (await desk.rules.load())[1]
    found: Any = await sql.fetchrow(
        "SELECT id, logic_config ->> 'type' AS kind, logic_config = logic_text::jsonb AS same "
        "FROM lt_risk_engine.risk_rule"
    )
    assert (found["id"], found["kind"], found["same"]) == (UUID(rule.rule_id), "country_in", True)
