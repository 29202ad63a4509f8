"""The lag of the account feed, over partitions of many owners."""

from collections.abc import Mapping, Sequence

import pytest
from tests.inbound.events.desk import NOW_US

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import Market
from tidegate.inbound.jobs.hear_feed import FeedHearing
from tidegate.outbound.memory.event_bus import MemoryEventBus
from tidegate.outbound.memory.feed_board import MemoryFeedBoard
from tidegate.ports.event_bus import Place
from tidegate.usecases.pretrade.account_feed import AccountFeed
from tidegate.usecases.pretrade.configuration import empty_configuration
from tidegate.usecases.pretrade.replica import Replica

TOPICS = ("a.v1.test", "b.v1.test")
A, B = (TOPICS[0], 0), (TOPICS[1], 0)


class FlakyBoard(MemoryFeedBoard):
    """A board that may be away."""

    away = False

    async def heard(self, places: Sequence[Place]) -> int | None:
        if self.away:
            raise DependencyFailed("board", "away")
        return await super().heard(places)


def a_replica() -> Replica:
    return Replica(Market(), empty_configuration(GateSettings()))


def a_feed(board: MemoryFeedBoard, replica: Replica) -> AccountFeed:
    return AccountFeed(board, MemoryEventBus(), topics=TOPICS, replica=replica)


@pytest.mark.parametrize(
    ("told", "lag_ms"),
    [
        ([{A: NOW_US}], None),
        ([{A: NOW_US}, {B: NOW_US - 3_000_000}], 3_000),
        ([{A: NOW_US, B: NOW_US}], 0),
        ([{A: NOW_US, B: NOW_US}, {A: NOW_US - 9_000_000}], 0),
    ],
)
async def test_lag_is_that_of_the_partition_least_far(told: list[Mapping[Place, int]], lag_ms: int | None) -> None:
    """RE-202: until every partition was told of nothing is known, then the oldest counts; time does not go back."""
    board, replicas = MemoryFeedBoard(), [a_replica(), a_replica()]
    for number, complete in enumerate(told):
        await a_feed(board, replicas[number % 2]).tell(complete)
    for replica in replicas:
        await a_feed(board, replica).hear()
        assert replica.account_lag_ms(NOW_US) == lag_ms


async def test_board_that_does_not_answer_lets_the_lag_grow() -> None:
    """RE-202: not to hear is to lag, and the trouble is told until the board answers again."""
    board, replica = FlakyBoard(), a_replica()
    hearing = FeedHearing(a_feed(board, replica))
    await board.tell({A: NOW_US, B: NOW_US})
    await hearing.step()
    board.away = True
    await board.tell({A: NOW_US + 9_000_000, B: NOW_US + 9_000_000})
    await hearing.step()
    assert replica.account_lag_ms(NOW_US + 9_000_000) == 9_000
    assert hearing.trouble is not None
    board.away = False
    await hearing.step()
    assert replica.account_lag_ms(NOW_US + 9_000_000) == 0
    assert hearing.trouble is None
