"""Contract of ``EarlyNews``."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.ports.builders import OTHER_USER, USER, a_profile, a_stamp
from tests.ports.stores import Stores

from tidegate.core.pretrade.instrument import KycLevel
from tidegate.ports.configuration import ProfileChange
from tidegate.ports.early_news import ProfileNews

MANY = 100


def some_news(sequence: int = 1, *, user_id: str = USER) -> ProfileNews:
    """A user was frozen."""
    return ProfileNews(user_id, a_stamp(sequence, topic="user.frozen.v1"), ProfileChange(frozen=True))


@pytest.mark.parametrize(
    "news",
    [
        some_news(),
        replace(some_news(), change=ProfileChange(exposure_limit_usdt=Decimal("1.10"), kyc_level=KycLevel.L1)),
        replace(some_news(), change=ProfileChange(), reached=KycLevel.L2),
        replace(some_news(), created=a_profile(), heals={"user.frozen.v1": 3}),
    ],
    ids=["frozen", "limits", "reached", "whole"],
)
async def test_early_news_are_given_back_as_they_came(stores: Stores, news: ProfileNews) -> None:
    """RE-157: what waits is kept to the last field."""
    assert await stores.early_news.keep(news, most=MANY)
    assert await stores.early_news.of(USER) == [news]


async def test_early_news_of_a_user_come_by_time_then_sequence(stores: Stores) -> None:
    """RE-157: they are applied in the order in which they happened, whatever the order they came in."""
    late, early = some_news(5), some_news(2)
    same_time = replace(some_news(1), stamp=a_stamp(1, at_us=late.stamp.at_us))
    for news in (late, same_time, early, some_news(3, user_id=OTHER_USER)):
        assert await stores.early_news.keep(news, most=MANY)
    assert await stores.early_news.of(USER) == [early, same_time, late]


async def test_early_news_read_twice_wait_once(stores: Stores) -> None:
    """RE-157: a record that is read again after a crash is no second one."""
    news = some_news()
    assert [await stores.early_news.keep(news, most=MANY) for _ in range(3)] == [True] * 3
    assert await stores.early_news.of(USER) == [news]


async def test_early_news_beyond_the_most_are_refused(stores: Stores) -> None:
    """RE-157: a bound on all users together; what is kept already stays kept and may come again."""
    kept = [some_news(1), some_news(2, user_id=OTHER_USER)]
    assert [await stores.early_news.keep(news, most=2) for news in kept] == [True, True]
    assert not await stores.early_news.keep(some_news(3), most=2)
    assert await stores.early_news.keep(kept[0], most=2)
    assert await stores.early_news.of(USER) == kept[:1]


async def test_early_news_are_forgotten_one_by_one(stores: Stores) -> None:
    """RE-157: only what was applied is forgotten; forgetting what is not there does nothing."""
    first, second, other = some_news(1), some_news(2), some_news(1, user_id=OTHER_USER)
    for news in (first, second, other):
        await stores.early_news.keep(news, most=MANY)
    await stores.early_news.forget(USER, [first.stamp.event_id, other.stamp.event_id, "never"])
    assert await stores.early_news.of(USER) == [second]
    assert await stores.early_news.of(OTHER_USER) == [other]
