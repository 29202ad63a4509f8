"""The feed board: how far the account feed has been applied, told by whoever owns a partition, heard by all."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tidegate.ports.event_bus import Place


class FeedBoard(Protocol):
    """Times by partition, shared by all replicas. ``DependencyFailed`` when the board does not answer.

    What was told of a partition stays true when it goes to another owner; an owner that dies stops telling, so that its
    partitions grow old until another has taken over.
    """

    async def tell(self, complete: Mapping[Place, int]) -> None:
        """Tell up to which time (microseconds since 1970) everything on these partitions has been applied. A time older
        than the one that stands changes nothing.
        """

    async def heard(self, places: Sequence[Place]) -> int | None:
        """Give the oldest of the times of these partitions: everything told before it has been applied. ``None`` when
        one of them was never told, or there are none.
        """
