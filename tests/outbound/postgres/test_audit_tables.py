"""The audit chain over the real tables: every column of every audited row, late commits, two sealers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from tests.outbound.postgres.audit_world import S, World, fill
from tests.ports.assessment_stores import a_breakdown, a_claim, a_completion, postgres_assessments
from tests.ports.audit_stores import add_decision, an_id
from tests.ports.builders import a_record, an_order
from tests.ports.stores import postgres_stores
from tests.postgres import fresh_database, fresh_pool
from tests.system.processes import RecordFigure

from tidegate.bootstrap.system import SystemClock
from tidegate.core.kernel.audit_chain import AFTER_ALL_IDS, BEFORE_ALL, ChainTip, chained
from tidegate.outbound.postgres.audit_chain import PostgresAuditChain
from tidegate.outbound.postgres.audited_tables import AUDITED, CALL_COLUMNS, AuditedTable
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.outbound.postgres.pool import Connection, PostgresPool
from tidegate.ports.audit_chain import ChainMoved
from tidegate.usecases.audit.seal import Sealer

pytestmark = pytest.mark.servers


@pytest.fixture
async def world(postgres_server: EmbeddedPostgres) -> AsyncIterator[World]:
    async with fresh_pool(postgres_server) as pool:
        yield World(pool)


async def columns_of(connection: Connection, table: str) -> dict[str, str]:
    schema, name = table.split(".") if "." in table else ("public", table)
    rows = await connection.fetch(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2",
        schema,
        name,
    )
    return {row["column_name"]: row["data_type"] for row in rows}


@pytest.mark.parametrize("table", AUDITED, ids=lambda table: table.partition)
async def test_every_column_is_audited_or_left_out_with_a_reason(world: World, table: AuditedTable) -> None:
    """AS-622: A column that is added later has to be given its place in the audit."""
    async with world.pool.connection() as connection:
        found = await columns_of(connection, table.table)
        calls = await columns_of(connection, "lt_risk_engine.external_data_log")
        found |= await columns_of(connection, table.joined) if table.joined else {}
    assert set(found) == set(table.columns) - {"external_data_log"} | set(table.left_out)
    assert set(calls) == set(CALL_COLUMNS)
    assert all(table.left_out.values())


# What changes a value of a type by as little as there is.
FLIPS = {
    "uuid": "(left({0}::text, 35) || CASE right({0}::text, 1) WHEN '0' THEN '1' ELSE '0' END)::uuid",
    "bytea": "set_byte({0}, length({0}) - 1, get_byte({0}, length({0}) - 1) # 1)",
    "boolean": "coalesce(NOT {0}, true)",
    "jsonb": "to_jsonb(coalesce({0}::text, '') || 'x')",
    "ARRAY": "array_append({0}, NULL)",
    "timestamp with time zone": "coalesce({0} + interval '1 microsecond', 'epoch')",
    "timestamp without time zone": "coalesce({0} + interval '1 microsecond', 'epoch')",
    **dict.fromkeys(("integer", "bigint", "numeric"), "coalesce({0} + 1, 1)"),
    **dict.fromkeys(("text", "character varying"), "coalesce(overlay({0} PLACING '~' FROM 1 FOR 1), '~')"),
}
LOOSEN = """
DO $$
DECLARE found record;
BEGIN
    FOR found IN SELECT conrelid::regclass AS place, conname FROM pg_constraint
        WHERE contype IN ('c', 'f', 'x', 'u', 'p') AND conrelid::regclass::text NOT LIKE 'audit%'
            AND connamespace::regnamespace::text IN ('public', 'lt_risk_engine')
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', found.place, found.conname);
    END LOOP;
END $$
"""


@pytest.fixture
async def loose(postgres_server: EmbeddedPostgres) -> AsyncIterator[World]:
    """A filled and sealed database of its own, whose owner has taken every constraint away."""
    async with fresh_database(postgres_server) as dsn:
        pool = await PostgresPool.open(dsn)
        try:
            world = World(pool)
            await fill(world)
            await world.run(LOOSEN)
            world.clock.now = SystemClock().now_us()
            await world.seal_all()
            yield world
        finally:
            await pool.close()


@pytest.mark.parametrize("table", AUDITED, ids=lambda table: table.partition)
async def test_any_change_of_any_column_is_found(
    loose: World, table: AuditedTable, record_property: RecordFigure
) -> None:
    """AS-623: Each column of a row changed by the least there is, and rows deleted, are found."""
    changes = 0
    assert (await loose.verified(table.partition)).verified_rows >= 2
    audited = {name: set(table.columns) - {"external_data_log"} for name in (table.table, table.joined) if name}
    if "external_data_log" in table.columns:
        audited["lt_risk_engine.external_data_log"] = set(CALL_COLUMNS)
    for name, columns in audited.items():
        async with loose.pool.connection() as connection:
            types = await columns_of(connection, name)
        assert types
        own = f"{table.id_column} IN (SELECT {table.id_column} FROM {table.table})" if table.joined else "true"
        first = f"ctid = (SELECT min(ctid) FROM {name} WHERE {own})"
        for column in sorted(columns & set(types)):
            flip = FLIPS[types[column]].format(column)
            async with put_back(loose, name):
                await loose.tamper(f"UPDATE {name} SET {column} = {flip} WHERE {first}")
                assert await loose.kinds(table.partition), f"{name}.{column}"
            changes += 1
        async with put_back(loose, name):
            await loose.tamper(f"DELETE FROM {name} WHERE {first}")
            assert await loose.kinds(table.partition), f"a row of {name} deleted"
        async with put_back(loose, name):
            await loose.tamper(f"DELETE FROM {name}")
            assert await loose.kinds(table.partition), f"{name} emptied"
        changes += 2
        assert await loose.kinds(table.partition) == []
    record_property("figure", f"{table.partition}: {changes} of {changes} changes found, every column among them")


@asynccontextmanager
async def put_back(world: World, table: str) -> AsyncIterator[None]:
    """Undo what happens to a table."""
    await world.run(f"CREATE TABLE kept_back AS SELECT * FROM {table}")
    try:
        yield
    finally:
        await world.tamper(f"DELETE FROM {table}")
        await world.tamper(f"INSERT INTO {table} SELECT * FROM kept_back")
        await world.run("DROP TABLE kept_back")


async def test_any_byte_of_a_decision_s_payload_is_bound(loose: World, full_sizes: bool) -> None:
    """AS-623: One flipped bit in any byte of what a decision was made on is found."""
    async with loose.pool.connection() as connection:
        size = await connection.fetchval("SELECT min(length(payload)) FROM decisions")
    flip = "UPDATE decisions SET payload = set_byte(payload, $1, get_byte(payload, $1) # 1)"
    for place in range(0, size, 1 if full_sizes else 61):
        await loose.tamper(flip, place)
        assert await loose.kinds() == ["ROW_CHANGED"] * 4
        assert await loose.kinds("late_decisions") == ["ROW_CHANGED"] * 2
        await loose.tamper(flip, place)
    assert await loose.kinds() == []


async def test_two_rows_swapped_are_found(loose: World) -> None:
    """AS-623: Two decisions that have exchanged what they hold are found, both."""
    swap = """UPDATE decisions AS one SET payload = other.payload, order_id = other.order_id FROM decisions AS other
        WHERE one.order_id IN ('o-2', 'o-3') AND other.order_id IN ('o-2', 'o-3') AND one.order_id <> other.order_id"""
    await loose.tamper(swap)
    assert await loose.kinds() == ["ROW_CHANGED", "ROW_CHANGED"]


async def test_row_put_in_between_is_found(loose: World) -> None:
    """AS-623: A decision written into a time that has been sealed is found, and named."""
    async with loose.pool.connection() as connection:
        await add_decision(connection, loose.began_us + S // 20, row_id=an_id(77))
    await loose.seal_all()
    report = await loose.verified()
    assert [(fault.kind, fault.row_id) for fault in report.faults] == [("ROW_INSERTED", an_id(77))]


async def test_withdrawal_after_sealing_is_no_change_and_a_set_flag_is(loose: World) -> None:
    """AS-624: A decision that the gate withdraws later notes itself; a flag that somebody sets does not."""
    stores = postgres_stores(loose.pool)
    async with loose.pool.connection() as connection:
        late = await connection.fetchval("SELECT decision_id::text FROM decisions WHERE order_id = 'o-3'")
    await stores.journal.withdraw([late])
    assert await loose.kinds() == []
    loose.clock.now = SystemClock().now_us()
    assert await loose.seal_all() == 1
    assert (await loose.verified("withdrawals")).verified_rows == 3
    await loose.tamper("UPDATE decisions SET withdrawn = true WHERE order_id = 'o-2'")
    assert await loose.kinds() == ["ROW_CHANGED"]
    await loose.tamper("DELETE FROM decision_withdrawals WHERE decision_id = $1::uuid", late)
    assert await loose.kinds() == ["ROW_CHANGED", "ROW_CHANGED"]
    assert await loose.kinds("withdrawals") == ["ROW_MISSING"]


async def test_decision_withdrawn_twice_notes_itself_once(world: World) -> None:
    """AS-624: Withdrawing again what has been withdrawn changes nothing."""
    (decided,) = await world.decide("a")
    for _ in range(2):
        await postgres_stores(world.pool).journal.withdraw([decided])
        world.clock.now = SystemClock().now_us()
        await world.seal_all()
    assert (await world.verified("withdrawals")).verified_rows == 1
    assert await world.kinds() == []


async def test_decision_written_late_is_sealed_by_the_time_it_was_written(world: World) -> None:
    """AS-629: A decision that waited for the database while its time was sealed is no fault, and one without note is.

    So is a decision that was sealed in its time and is called late afterwards.
    """
    in_time = (await world.decide("a", "b"))[0]
    await world.seal_all()
    late = a_record(an_order("late"), at_us=world.began_us - 3_600 * S)
    await postgres_stores(world.pool).journal.record([late], margin_call_cooldown_us=0)
    world.clock.now = SystemClock().now_us()
    assert await world.seal_all() == 1
    assert (await world.verified("late_decisions")).verified_rows == 1
    assert await world.kinds("late_decisions") == await world.kinds() == []
    await world.tamper("DELETE FROM late_decisions")
    assert await world.kinds() == ["ROW_INSERTED"]
    assert await world.kinds("late_decisions") == ["ROW_MISSING"]
    await world.tamper("INSERT INTO late_decisions VALUES ($1::uuid)", in_time)
    assert "ROW_MISSING" in await world.kinds()


async def test_claim_that_ends_is_no_change_of_its_assessment(loose: World) -> None:
    """AS-624: An assessment whose duplicate window has passed lets its claim go, and stays what it was."""
    await loose.run("UPDATE lt_risk_engine.risk_assessment SET holds_claim = false")
    assert await loose.kinds("assessments") == []


async def test_chain_and_rows_rewritten_without_the_key_are_found(loose: World) -> None:
    """AS-606: Whoever owns the database, edits a row and computes every entry anew, is found by the heads."""
    await loose.tamper("UPDATE decisions SET decision = 'REJECTED' WHERE order_id = 'o-1'")
    rows = await loose.rows.rows("decisions", after=(BEFORE_ALL, AFTER_ALL_IDS), until=2**62, limit=99)
    forged = chained("decisions", ChainTip(), rows=rows)
    await loose.run("DELETE FROM audit_entries WHERE partition = 'decisions'")
    for entry in forged:
        await loose.run(
            "INSERT INTO audit_entries VALUES ('decisions', $1, $2, $3, $4, $5)",
            entry.sequence,
            entry.position,
            entry.row_id,
            entry.content_hash,
            entry.entry_hash,
        )
    assert set(await loose.kinds()) == {"HEAD_DIFFERS"}
    await loose.run("UPDATE audit_heads SET entry_hash = $1 WHERE partition = 'decisions'", forged[-1].entry_hash)
    assert "HEAD_CHANGED" in await loose.kinds()


async def test_assessment_is_sealed_when_it_has_ended(world: World) -> None:
    """AS-625: What is still being made has no entry; COMPLETED and FAILED have one each."""
    desk = postgres_assessments(world.pool)
    await desk.claimed(a_claim(1, request_hash="1"))
    await desk.made(a_claim(2, request_hash="2"))
    await desk.claimed(a_claim(3, request_hash="3"))
    await desk.repository.fail(a_breakdown(a_claim(3, request_hash="3")))
    assert await world.seal_all() == 2
    await desk.repository.complete(a_completion(a_claim(1, request_hash="1")))
    report = await world.verified("assessments")
    assert report.verified_rows == 2


async def test_row_that_commits_late_is_sealed_once_and_in_its_place(world: World) -> None:
    """AS-626: Nothing is sealed past a transaction that still runs; once it has ended its row is sealed like any."""
    await world.decide("a", "b")
    slow = await world.pool.own_connection()
    try:
        transaction = slow.transaction()
        await transaction.start()
        await add_decision(slow, world.began_us + S // 20, row_id=an_id(5))
        world.began_us += S
        await world.decide("c")
        assert await world.sealer.seal("decisions") == 0
        world.clock.now += 3_600 * S
        assert await world.sealer.seal("decisions") == 0
        await transaction.commit()
    finally:
        slow.terminate()
    assert [await world.sealer.seal("decisions"), await world.sealer.seal("decisions")] == [3, 1]
    report = await world.verified()
    assert (report.whole, report.verified_rows, report.pending_rows) == (True, 4, 0)


async def test_one_process_has_the_claim(world: World) -> None:
    """AS-610: One sealer runs at a time; another takes over when its connection is gone."""
    one, other = PostgresAuditChain(world.pool), PostgresAuditChain(world.pool)
    try:
        assert [await one.claim(), await other.claim()] == [True, False]
        await one.close()
        assert await other.claim()
    finally:
        await one.close()
        await other.close()


async def test_two_sealers_at_once_seal_each_row_once(world: World) -> None:
    """AS-610: Even without the claim two sealers write one chain: every row once, no fault."""
    await world.decide(*[f"o-{number}" for number in range(40)])

    async def run(sealer: Sealer) -> int:
        total = 0
        while (await world.chain.tip("decisions")).sequence < 40:
            with suppress(ChainMoved):
                total += await sealer.seal("decisions")
        return total

    totals = await asyncio.gather(run(world.a_sealer()), run(world.a_sealer()))
    assert sum(totals) == 40
    report = await world.verified()
    assert (report.whole, report.verified_rows) == (True, 40)


async def test_sealer_stopped_anywhere_leaves_a_whole_chain(world: World) -> None:
    """AS-627: A sealer that is killed between any two statements has written a whole batch or nothing."""
    await world.decide(*[f"o-{number}" for number in range(30)])
    for tenth_ms in range(60):
        sealing = asyncio.create_task(world.a_sealer().seal("decisions"))
        await asyncio.wait({sealing}, timeout=tenth_ms / 10_000)
        sealing.cancel()
        await asyncio.gather(sealing, return_exceptions=True)
        assert await world.kinds() == []
    await world.seal_all()
    assert (await world.verified()).verified_rows == 30
