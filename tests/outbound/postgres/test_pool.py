"""The pool of connections: times, failures, healing."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.outbound.postgres.test_embedded import wait_for_successor
from tests.ports.builders import a_profile, a_record, by
from tests.ports.stores import postgres_stores
from tests.postgres import fresh_database, fresh_pool

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.outbound.postgres.migrate import migrate
from tidegate.outbound.postgres.pool import PoolLimits, PostgresPool
from tidegate.ports.configuration_watch import Area

pytestmark = pytest.mark.servers


async def test_pool_of_a_server_that_is_not_there_fails(tmp_path: Path) -> None:
    """PT-106: no server is a failed dependency, not a bug."""
    with pytest.raises(DependencyFailed, match="postgres"):
        await PostgresPool.open(f"postgresql://postgres@/none?host={tmp_path}")


async def test_pool_names_the_settings_that_lose_what_was_confirmed(postgres_server: EmbeddedPostgres) -> None:
    """PL-205: the embedded server is durable; one that confirms before it writes is told apart by name."""
    async with fresh_pool(postgres_server) as pool:
        assert await pool.durability_faults() == []
    async with fresh_database(postgres_server) as dsn:
        relaxed = await PostgresPool.open(f"{dsn}&options=-c%20synchronous_commit%3Doff")
        try:
            assert await relaxed.durability_faults() == ["synchronous_commit is off"]
        finally:
            await relaxed.close()


async def test_pool_statement_that_takes_too_long_is_ended(postgres_server: EmbeddedPostgres) -> None:
    """PT-106: a database that hangs does not hang the gate."""
    async with fresh_pool(postgres_server, limits=PoolLimits(statement_ms=50)) as pool:
        with pytest.raises(DependencyFailed, match="QueryCanceled"):
            async with pool.connection() as connection:
                await connection.execute("SELECT pg_sleep(10)")
        async with pool.connection() as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_pool_that_is_used_up_fails_after_a_while(postgres_server: EmbeddedPostgres) -> None:
    """PT-106: waiting for a connection has a limit too."""
    limits = PoolLimits(connections_min=1, connections_max=1, acquire_s=0.05)
    async with fresh_pool(postgres_server, limits=limits) as pool, pool.connection():
        with pytest.raises(DependencyFailed):
            async with pool.connection():
                pass


async def test_pool_transaction_undoes_what_an_exception_interrupts(postgres_server: EmbeddedPostgres) -> None:
    """PL-304: a use case that fails half way leaves nothing half written."""
    async with fresh_pool(postgres_server) as pool:
        with pytest.raises(RuntimeError):
            await fail_half_way(pool)
        async with pool.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM outbox") == 0


async def test_stores_fail_while_the_server_is_gone_and_heal_when_it_is_back() -> None:
    """PT-106, PL-305: killed, every store says DependencyFailed, listeners too; restarted, everything that was answered
    is there and the same pool goes on.
    """
    above = Path(tempfile.mkdtemp(prefix="tidegate-healing-"))
    server = EmbeddedPostgres(above / "postgres")
    await server.start()
    await migrate(server.dsn)
    pool = await PostgresPool.open(server.dsn)
    try:
        stores = postgres_stores(pool)
        before, after = a_record(), a_record()
        await stores.journal.record([before], margin_call_cooldown_us=0)
        outbox = stores.new_outbox()
        assert await outbox.claim()
        changes = stores.watch.changes()
        assert await anext(changes)
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(DependencyFailed):
            await listen_to_the_end(changes)
        with pytest.raises(DependencyFailed):
            await stores.journal.record([after], margin_call_cooldown_us=0)
        with pytest.raises(DependencyFailed):
            await stores.profiles.put(a_profile(), by=by())
        with pytest.raises(DependencyFailed):
            await stores.bus.read("group", ["topic"], limit=1, now_us=0)
        with pytest.raises(DependencyFailed):
            await outbox.claim()

        supervisor = asyncio.create_task(server.supervise(every_s=0.01))
        await asyncio.to_thread(wait_for_successor, above / "postgres" / "rows", pid)
        supervisor.cancel()
        assert await stores.archive.get(before.answer.decision_id) == before
        assert await stores.archive.get(after.answer.decision_id) is None
        assert set(await stores.journal.record([after], margin_call_cooldown_us=0)) == {0}
        assert await outbox.claim()
        await outbox.close()
    finally:
        await pool.close()
        await server.stop()
        shutil.rmtree(above)


async def fail_half_way(pool: PostgresPool) -> None:
    """Write a row and fail."""
    async with pool.transaction() as connection:
        await connection.execute("INSERT INTO outbox (decision_id) VALUES (gen_random_uuid())")
        raise RuntimeError


async def listen_to_the_end(changes: AsyncIterator[Area]) -> None:
    """Take notices until there are no more."""
    async with asyncio.timeout(5):
        async for _ in changes:
            pass
