"""A cluster that loses one of its servers: for a while it fails, and then it is another book."""

import asyncio
from collections.abc import Iterator

import pytest
from tests.account_books import EPOCH, Process, a_process, begin_life
from tests.core.pretrade.told import START_US

from services.redis_cluster import RedisCluster
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.ports.shared_book import BookLost

pytestmark = [pytest.mark.servers, pytest.mark.slow]

USERS = [f"{number:08x}-6c0a-4c8f-8a8f-3f9ad2bb1a22" for number in range(64)]
PATIENCE_S = 30


@pytest.fixture
def cluster() -> Iterator[RedisCluster]:
    with RedisCluster() as cluster:
        cluster.add_standby()
        yield cluster


async def trouble_of(process: Process) -> DependencyFailed | None:
    try:
        await process.book.snapshot(USERS, now_us=START_US)
    except DependencyFailed as failed:
        return failed
    return None


async def test_server_of_a_cluster_that_is_replaced_takes_the_life_of_the_book_with_it(cluster: RedisCluster) -> None:
    """RE-104, RE-105: while nobody serves a part of the book it fails; what a standby has may lack the last words, so
    that the next life is built on the servers that serve then.
    """
    process = a_process(cluster.url)
    try:
        await begin_life([process])
        assert await trouble_of(process) is None
        before = await process.book.instance()
        cluster.servers[0].kill()
        failed = await trouble_of(process)
        assert failed is not None
        assert not isinstance(failed, BookLost)
        await asyncio.to_thread(cluster.wait_until_standby_serves)
        async with asyncio.timeout(PATIENCE_S):
            while not isinstance(await trouble_of(process), BookLost):
                pass
        assert process.book.lost
        after = await process.book.instance()
        assert len(set(after.split(",")) & set(before.split(","))) == len(after.split(",")) - 1
        await begin_life([process], epoch=EPOCH + 1)
        assert await trouble_of(process) is None
    finally:
        await process.link.close()
