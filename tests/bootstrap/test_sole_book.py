"""One process alone keeps the account book of a database in memory."""

import asyncio

import pytest
from tests.postgres import fresh_pool

from tidegate.bootstrap.sole_book import BOOK_LOCK, SoleBook
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.outbound.postgres.relay_claim import RelayClaim

pytestmark = pytest.mark.servers

END_HOLDERS = """
SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND granted
"""


def a_claim(pool: PostgresPool) -> SoleBook:
    """Give what one process would claim the book with."""
    return SoleBook(RelayClaim(pool, BOOK_LOCK))


async def test_book_that_another_process_has_taken_ends_the_one_that_held_it(postgres_server: EmbeddedPostgres) -> None:
    """RE-334: a connection that breaks loses the right; who finds it taken must not decide any more."""
    async with fresh_pool(postgres_server) as pool:
        first, second = a_claim(pool), a_claim(pool)
        await first.take()
        with pytest.raises(DependencyFailed, match="another process decides"):
            await second.take()
        async with pool.connection() as connection:
            await connection.fetch(END_HOLDERS, BOOK_LOCK)
        async with asyncio.timeout(10):
            while not await second.has():
                pass
            with pytest.raises(DependencyFailed, match="another process decides"):
                await first.hold()
        await second.close()


async def test_book_whose_connection_broke_is_held_again(postgres_server: EmbeddedPostgres) -> None:
    """RE-334: with nobody else there, the right is taken anew, and then no other gets it."""
    async with fresh_pool(postgres_server) as pool:
        first, second = a_claim(pool), a_claim(pool)
        await first.take()
        async with pool.connection() as connection:
            await connection.fetch(END_HOLDERS, BOOK_LOCK)
        holding = asyncio.create_task(first.hold())
        async with asyncio.timeout(10), pool.connection() as connection:
            while not await connection.fetch("SELECT FROM pg_locks WHERE objid = $1 AND granted", BOOK_LOCK):
                pass
        with pytest.raises(DependencyFailed):
            await second.take()
        holding.cancel()
        await first.close()
