"""News that came before their user's profile, in memory."""

from collections.abc import Sequence

from tidegate.ports.early_news import ProfileNews


class MemoryEarlyNews:
    """``EarlyNews`` in memory."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], ProfileNews] = {}

    async def keep(self, news: ProfileNews, *, most: int) -> bool:
        key = (news.user_id, news.stamp.event_id)
        if key not in self._kept and len(self._kept) >= most:
            return False
        self._kept[key] = news
        return True

    async def of(self, user_id: str) -> Sequence[ProfileNews]:
        waiting = [news for news in self._kept.values() if news.user_id == user_id]
        return sorted(waiting, key=lambda news: (news.stamp.at_us, news.stamp.sequence))

    async def forget(self, user_id: str, event_ids: Sequence[str]) -> None:
        for event_id in event_ids:
            self._kept.pop((user_id, event_id), None)
