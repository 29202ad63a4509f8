"""How far the account feed lags, when its partitions may belong to several replicas."""

from collections.abc import Mapping, Sequence

from tidegate.ports.event_bus import EventSource, Place
from tidegate.ports.feed_board import FeedBoard
from tidegate.usecases.pretrade.replica import Replica


class AccountFeed:
    """Tells the board what this replica has applied, and the replica what all of them have."""

    def __init__(self, board: FeedBoard, source: EventSource, *, topics: Sequence[str], replica: Replica) -> None:
        self._board = board
        self._source = source
        self._topics = tuple(topics)
        self._replica = replica

    async def tell(self, complete: Mapping[Place, int]) -> None:
        """Tell up to which time partitions of this replica have been applied, and hear of the others.

        Raises:
            DependencyFailed: board or bus did not answer.
        """
        await self._board.tell(complete)
        await self.hear()

    async def hear(self) -> None:
        """Note how far the whole feed has been applied; with a partition that nobody has told of, nothing is noted.

        Raises:
            DependencyFailed: board or bus did not answer; the feed lags from the last time it was heard.
        """
        heard_us = await self._board.heard(await self._source.partitions(self._topics))
        if heard_us is not None:
            self._replica.see_account_feed(heard_us)
