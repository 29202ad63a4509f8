"""The feed board in Redis: of each partition the time up to which it has been applied."""

from collections.abc import Mapping, Sequence

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.redis.keys import FEED
from tidegate.outbound.redis.link import Argument, Call, RedisLink, whole
from tidegate.outbound.redis.scripts import script
from tidegate.ports.event_bus import Place


class RedisFeedBoard:
    """``FeedBoard`` in Redis."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def tell(self, complete: Mapping[Place, int]) -> None:
        if not complete:
            return
        arguments: list[Argument] = []
        for place, at_us in complete.items():
            arguments += [_field(place), at_us]
        whole(await self._link.evaluate([Call(script("tell_feed"), (FEED,), arguments)]))

    async def heard(self, places: Sequence[Place]) -> int | None:
        if not places:
            return None
        told = await self._link.command("HMGET", FEED, *map(_field, places))
        try:
            times = [None if each is None else int(each) for each in told]
        except ValueError as unreadable:
            raise DependencyFailed("account book", f"the feed board holds no time: {unreadable}") from unreadable
        known = [at_us for at_us in times if at_us is not None]
        return min(known) if len(known) == len(places) else None


def _field(place: Place) -> str:
    topic, partition = place
    return f"{topic}/{partition}"
