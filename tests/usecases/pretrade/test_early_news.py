"""News of a user that comes before its profile, whichever processes hear the one and the other."""

from collections.abc import Sequence

from tests.inbound.events.desk import Desk, Durable
from tests.ports.builders import USER, a_profile, a_stamp

from tidegate.core.pretrade.feeds import EventStamp
from tidegate.outbound.memory.early_news import MemoryEarlyNews
from tidegate.ports.configuration import ProfileChange
from tidegate.usecases.pretrade.ingest import ProfileNews


def was_created() -> ProfileNews:
    return ProfileNews(USER, a_stamp(1, topic="user.created.v1"), created=a_profile())


def was_frozen(*, frozen: bool = True, stamp: EventStamp | None = None) -> ProfileNews:
    return ProfileNews(USER, stamp or a_stamp(2, topic="user.frozen.v1"), ProfileChange(frozen=frozen))


async def is_frozen(durable: Durable) -> bool:
    return (await durable.profiles.get(USER)).row.profile.frozen


async def test_early_news_of_a_process_that_died_are_applied_by_another() -> None:
    """RE-157: one process hears that a user is frozen and dies; another hears of the user: it is frozen."""
    durable = Durable()
    await Desk(durable).profile_ingest.take(was_frozen())
    await Desk(durable).profile_ingest.take(was_created())
    assert await is_frozen(durable)
    assert await durable.early.of(USER) == []


class CrossedEarlyNews(MemoryEarlyNews):
    """Another process makes the profile just before the first news is kept."""

    def __init__(self, other: Desk) -> None:
        super().__init__()
        self._other: Desk | None = other

    async def keep(self, news: ProfileNews, *, most: int) -> bool:
        other, self._other = self._other, None
        if other is not None:
            await other.profile_ingest.take(was_created())
        return await super().keep(news, most=most)


async def test_early_news_that_cross_with_their_profile_are_applied_at_once() -> None:
    """RE-157: who makes the profile finds nothing that waits, so who keeps the news looks for the profile again."""
    durable = Durable()
    durable.early = CrossedEarlyNews(Desk(durable))
    await Desk(durable).profile_ingest.take(was_frozen())
    assert await is_frozen(durable)
    assert await durable.early.of(USER) == []


class UnforgettingEarlyNews(MemoryEarlyNews):
    """The process dies before it forgets what it has applied."""

    async def forget(self, user_id: str, event_ids: Sequence[str]) -> None:
        """Forget nothing."""


async def test_early_news_that_were_applied_and_not_forgotten_are_applied_once() -> None:
    """RE-157: told again they change nothing, also when the user was unfrozen since."""
    durable = Durable()
    durable.early = UnforgettingEarlyNews()
    desk = Desk(durable)
    await desk.profile_ingest.take(was_frozen())
    await desk.profile_ingest.take(was_created())
    await desk.profile_ingest.take(was_frozen(frozen=False, stamp=a_stamp(3, topic="user.unfrozen.v1")))
    assert not await is_frozen(durable)
    await Desk(durable).profile_ingest.take(was_created())
    assert not await is_frozen(durable)
