"""Contract of ``FeedBoard``."""

from tidegate.outbound.memory.feed_board import MemoryFeedBoard
from tidegate.ports.feed_board import FeedBoard

ONE = ("order.command.v1.dev", 0)
OTHER = ("order.command.v1.dev", 1)


async def tells_the_oldest_time_of_all_partitions(board: FeedBoard) -> None:
    """What every feed board keeps, whoever implements it."""
    assert await board.heard([ONE, OTHER]) is None
    await board.tell({ONE: 50})
    assert await board.heard([ONE, OTHER]) is None
    await board.tell({OTHER: 20})
    assert await board.heard([ONE, OTHER]) == 20
    await board.tell({ONE: 70, OTHER: 10})
    assert await board.heard([ONE, OTHER]) == 20
    assert await board.heard([ONE]) == 70
    assert await board.heard([]) is None


async def test_board_in_memory_gives_the_oldest_time_of_all_partitions() -> None:
    """RE-202: the feed is as far as its partition that is least far; with one never told of, it is nowhere; an older
    time changes nothing.
    """
    await tells_the_oldest_time_of_all_partitions(MemoryFeedBoard())
