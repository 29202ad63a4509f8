"""What an event that was read does to the account book, the profiles and the market: each exactly once."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from tidegate.core.pretrade.changes import LeftOut, ProfileTold, StateChange
from tidegate.core.pretrade.feeds import Applied, EventStamp, FeedPlace
from tidegate.core.pretrade.instrument import KYC_RANK, Instrument, Mark
from tidegate.core.pretrade.snapshot import Market
from tidegate.ports import early_news
from tidegate.ports.account_book import AccountBook
from tidegate.ports.configuration import ProfileChange, Profiles
from tidegate.ports.early_news import EarlyNews
from tidegate.ports.stored import Conflict, NotStored
from tidegate.usecases.pretrade.replica import Replica

EARLY_MAX: Final = 10_000
"""Events of users whose profile was not told of yet, kept at most; beyond it their users are stale until told anew."""

INSTRUMENT_UPDATED: Final = "md.instrument.updated.v1"

_NEWS: Final = frozenset({Applied.APPLIED, Applied.GAP})

Counts = Counter[tuple[str, Applied]]
"""How many events of each topic became what, for metrics."""


class UnusableNews(ValueError):
    """An event that was read and says what cannot be kept; reading it again gives the same."""


ProfileNews = early_news.ProfileNews
"""A user.* event, as it was read."""


class AccountIngest:
    """Applies news of accounts to the book. ``heard`` is told of each that was applied."""

    def __init__(
        self, book: AccountBook, counts: Counts, *, heard: Callable[[StateChange], None] | None = None
    ) -> None:
        self._book = book
        self._counts = counts
        self._heard = heard

    async def take(self, change: StateChange) -> Applied:
        """Apply one change.

        Raises:
            DependencyFailed: the book does not answer; asking again applies it once.
        """
        applied = await self._book.apply(change)
        self._note(change, applied)
        return applied

    async def take_all(self, changes: Sequence[StateChange]) -> None:
        """Apply changes in the order given, asking the book once.

        Raises:
            DependencyFailed: the book does not answer; asking again applies each once.
        """
        for change, applied in zip(changes, await self._book.apply_all(changes), strict=True):
            self._note(change, applied)

    def _note(self, change: StateChange, applied: Applied) -> None:
        if isinstance(change, LeftOut):
            return
        self._counts[change.stamp.topic, applied] += 1
        if self._heard is not None and applied in _NEWS:
            self._heard(change)

    async def leave_out(self, user_id: str, topic: str) -> None:
        """Make stale what a record of this user and topic may have concerned: it could not be read."""
        await self._book.apply(LeftOut(user_id, topic))


class ProfileIngest:
    """Applies user.* events: limits to the profiles, their place in the sequence to the book.

    An event of a user whose profile was not told of yet waits for it, since the topics know no order between them.
    """

    def __init__(
        self,
        profiles: Profiles,
        accounts: AccountIngest,
        *,
        early: EarlyNews,
        replica: Replica,
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self._profiles = profiles
        self._accounts = accounts
        self._early = early
        self._replica = replica
        self._refresh = refresh
        self._moved = False

    async def take(self, news: ProfileNews) -> Applied:
        """Apply one event.

        Raises:
            DependencyFailed: the store does not answer; asking again applies it once.
            UnusableNews: the limits it names cannot be kept.
        """
        try:
            await self._set(news)
        except NotStored:
            await self._keep_early(news)
        else:
            await self._take_early(news.user_id)
        return await self._accounts.take(ProfileTold(news.user_id, news.stamp, news.heals))

    async def retell(self, news: ProfileNews) -> Applied:
        """Hear an event again after a restart: profiles outlive one, places in the sequences do not."""
        if news.user_id not in self._replica.profiles:
            return await self.take(news)
        return await self._accounts.take(ProfileTold(news.user_id, news.stamp, news.heals))

    async def settle(self) -> None:
        """Let the gate see the profiles that have changed since the last time.

        Raises:
            DependencyFailed: the store does not answer; the next time will do.
        """
        if self._moved:
            await self._refresh()
            self._moved = False

    async def _set(self, news: ProfileNews) -> None:
        change = news.change
        if news.reached is not None:
            held = (await self._profiles.get(news.user_id)).row.profile.kyc_level
            if KYC_RANK[news.reached] > KYC_RANK[held]:
                change = ProfileChange(kyc_level=news.reached)
        try:
            applied = await self._profiles.apply(news.user_id, change, stamp=news.stamp, created=news.created)
        except Conflict as conflict:
            raise UnusableNews(str(conflict)) from conflict
        self._moved = self._moved or applied in {Applied.APPLIED, Applied.GAP}

    async def _keep_early(self, news: ProfileNews) -> None:
        if await self._early.keep(news, most=EARLY_MAX):
            # another process may have made the profile meanwhile, when nothing was waiting for it yet
            await self._take_early(news.user_id)
        else:
            await self._accounts.leave_out(news.user_id, news.stamp.topic)

    async def _take_early(self, user_id: str) -> None:
        waiting = await self._early.of(user_id)
        for news in waiting:
            try:
                await self._set(news)
            except NotStored:
                return
            except UnusableNews:
                await self._accounts.leave_out(user_id, news.stamp.topic)
        if waiting:
            await self._early.forget(user_id, [news.stamp.event_id for news in waiting])


class InstrumentIngest:
    """Applies md.instrument.*: the record that is later in time stands, of the same time the update."""

    def __init__(self, book: AccountBook, counts: Counts) -> None:
        self._book = book
        self._counts = counts
        self._places: dict[tuple[str, str], FeedPlace] = {}
        self._newest: dict[str, tuple[int, bool]] = {}

    async def take(self, instrument: Instrument, stamp: EventStamp) -> Applied:
        """Put an instrument in its place, and count again what hangs on it.

        Raises:
            DependencyFailed: the book does not answer; asking again applies it once.
        """
        applied = await self._apply(instrument, stamp)
        self._counts[stamp.topic, applied] += 1
        return applied

    async def _apply(self, instrument: Instrument, stamp: EventStamp) -> Applied:
        symbol, age = instrument.symbol, (stamp.at_us, stamp.topic == INSTRUMENT_UPDATED)
        place = self._places.setdefault((stamp.topic, symbol), FeedPlace())
        applied = place.judge_whole(stamp)
        if applied is not Applied.APPLIED:
            return applied
        if age < self._newest.get(symbol, age):
            applied = Applied.OUTDATED
        else:
            await self._book.recount(instrument, age)
            self._newest[symbol] = age
        place.take_whole(stamp)
        return applied


class MarkIngest:
    """Puts marks in their place: no waiting, no lookups but the symbol's own. ``counts`` by outcome."""

    def __init__(self, market: Market) -> None:
        self._marks = market.marks
        self._sequences: dict[str, int] = {}
        self.applied = self.outdated = 0

    def take(self, symbol: str, mark: Mark, *, sequence: int) -> Applied:
        """Put one mark in its place; one that is older by sequence or by time changes nothing and is counted."""
        held = self._marks.get(symbol)
        if sequence <= self._sequences.get(symbol, 0) or (held is not None and mark.at_us < held.at_us):
            self.outdated += 1
            return Applied.OUTDATED
        self._sequences[symbol] = sequence
        self._marks[symbol] = mark
        self.applied += 1
        return Applied.APPLIED
