"""The board in Redis, on which processes tell each other how far they are."""

import pytest
from tests.account_books import Process
from tests.ports.test_feed_board import ONE, tells_the_oldest_time_of_all_partitions

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.redis.feed_board import RedisFeedBoard

pytestmark = pytest.mark.servers


async def test_board_in_redis_gives_the_oldest_time_of_all_partitions(pair: list[Process]) -> None:
    """RE-202: as the board in memory does; and what one process tells, another hears."""
    board = RedisFeedBoard(pair[0].link)
    await tells_the_oldest_time_of_all_partitions(board)
    await board.tell({})
    assert await RedisFeedBoard(pair[1].link).heard([ONE]) == 70


async def test_board_that_holds_no_time_is_a_dependency_that_failed(pair: list[Process]) -> None:
    """RE-105: what cannot be read is never taken for a time."""
    await pair[0].link.command("HSET", "tidegate:feed", f"{ONE[0]}/{ONE[1]}", "soon")
    with pytest.raises(DependencyFailed):
        await RedisFeedBoard(pair[0].link).heard([ONE])
