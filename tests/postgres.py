"""The real PostgreSQL for tests: one embedded server a session, a fresh migrated database a test.

A folder of tests imports the fixtures it uses into its conftest.py. Whatever asks for ``postgres_server`` is marked
``servers``.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.outbound.postgres.migrate import migrate
from tidegate.outbound.postgres.pool import PoolLimits, PostgresPool

TEMPLATE = "template_tidegate"
SHARED = "shared_tidegate"
EMPTY = """
DO $$
DECLARE tables text;
BEGIN
    SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') INTO tables FROM pg_tables
    WHERE schemaname IN ('public', 'lt_risk_engine')
        AND tablename NOT IN ('alembic_version', 'configuration_versions');
    EXECUTE 'TRUNCATE ' || tables || ' RESTART IDENTITY';
    UPDATE configuration_versions SET version = 0;
END $$
"""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """A running embedded server with a migrated template database."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-tests-"))
    server = EmbeddedPostgres(folder / "postgres")
    _run(_start_with_template(server))
    try:
        yield server
    finally:
        _run(server.stop())
        shutil.rmtree(folder)


@asynccontextmanager
async def fresh_database(server: EmbeddedPostgres, *, migrated: bool = True) -> AsyncIterator[str]:
    """Make a database for one test, give its address, and drop it afterwards."""
    name = f"test_{uuid4().hex}"
    template = TEMPLATE if migrated else "template1"
    await _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield server.dsn_of(name)
    finally:
        await _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def fresh_pool(server: EmbeddedPostgres, *, limits: PoolLimits | None = None) -> AsyncIterator[PostgresPool]:
    """Connect to the session's migrated database, emptied for one test (a database of its own costs 0.3 s)."""
    await _administer(server, EMPTY, database=SHARED)
    pool = await PostgresPool.open(server.dsn_of(SHARED), limits=limits)
    try:
        yield pool
    finally:
        await pool.close()


async def _start_with_template(server: EmbeddedPostgres) -> None:
    await server.start()
    await _administer(server, f"CREATE DATABASE {TEMPLATE}")
    await migrate(server.dsn_of(TEMPLATE))
    await _administer(server, f"CREATE DATABASE {SHARED} TEMPLATE {TEMPLATE}")


async def _administer(server: EmbeddedPostgres, statement: str, *, database: str = "postgres") -> None:
    connection = await asyncpg.connect(server.dsn_of(database))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end on a loop of its own, whatever loop the tests run on."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()
