"""The feed board in memory: one process owns all partitions."""

from collections.abc import Mapping, Sequence

from tidegate.ports.event_bus import Place


class MemoryFeedBoard:
    """``FeedBoard`` in memory."""

    def __init__(self) -> None:
        self._times: dict[Place, int] = {}

    async def tell(self, complete: Mapping[Place, int]) -> None:
        for place, time_us in complete.items():
            self._times[place] = max(time_us, self._times.get(place, time_us))

    async def heard(self, places: Sequence[Place]) -> int | None:
        if not places or not self._times.keys() >= set(places):
            return None
        return min(self._times[place] for place in places)
