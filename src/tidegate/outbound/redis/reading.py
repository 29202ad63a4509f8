"""Reading users from Redis into the states that are cached, and moving one by what its state calls for."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.snapshot import Market
from tidegate.core.pretrade.state import UserState
from tidegate.outbound.redis.book_life import BookLife
from tidegate.outbound.redis.cached_users import CachedUser, CachedUsers
from tidegate.outbound.redis.instruments import RedisInstruments
from tidegate.outbound.redis.link import Argument, Call, Reply, whole
from tidegate.outbound.redis.moves import Move, encode_move
from tidegate.outbound.redis.scripts import script
from tidegate.outbound.redis.state_codec import UnknownInstrument

ROUNDS_MAX: Final = 8
"""Times a user that keeps moving is read, or judged, before the caller is told to come back."""

AT_ONCE: Final = 64
"""Users in one pipeline when many are read whole, or put in: together they have the time of one pipeline."""

MOVED: Final = b"MOVED"

Judge = Callable[[UserState], Move | None]
"""Gives the move that a state calls for; ``None``: none."""

T = TypeVar("T")


class Reading:
    """Brings cached states up to date. ``DependencyFailed`` when Redis does not answer, ``BookLost`` when the life is
    lost. ``dirty``: users of whom this process has told Redis anything.
    """

    def __init__(self, life: BookLife, users: CachedUsers, *, instruments: RedisInstruments, market: Market) -> None:
        self._life = life
        self._users = users
        self._instruments = instruments
        self._market = market
        self.dirty: set[str] = set()

    def call(self, name: str, entry: CachedUser, *arguments: Argument) -> Call:
        """Give the call of a script on a user, in the life that is adopted."""
        return Call(script(name), entry.keys, (self._life.epoch, *arguments))

    async def caught_up(self, user_ids: Sequence[str]) -> dict[str, UserState]:
        """Give the states as they are now. Between the last of them and the caller nothing else runs."""
        left, epoch = user_ids, self._life.epoch
        for _ in range(ROUNDS_MAX):
            entries = [self._users.entry(user_id) for user_id in left]
            calls = [self.call("read", entry, entry.seen, int(entry.state is not None)) for entry in entries]
            # the revision comes last: whatever a state refers to was there before it
            replies = whole(await self._life.ask([*calls, self._instruments.revision_call()]))
            await self._instruments.follow(replies[-1])
            await self.merge(zip(left, replies, strict=False), epoch=epoch)
            found = {user_id: self._users.entry(user_id).state for user_id in user_ids}
            done = {user_id: state for user_id, state in found.items() if state is not None}
            left = [user_id for user_id in user_ids if user_id not in done]
            if not left:
                self._users.trim()
                return done
        raise DependencyFailed("account book", "the accounts keep moving", retry_after_ms=10)

    async def merge(self, replies: Iterable[tuple[str, Reply]], *, epoch: int) -> None:
        """Bring states up to what was read in a life; one that cannot be is to be read whole."""
        for user_id, reply in replies:
            self._life.require(epoch)
            if isinstance(reply, int):
                continue
            version, is_whole, lacking = reply
            try:
                follows = self._users.merge(user_id, version, whole=bool(is_whole), lacking=lacking)
            except UnknownInstrument as unknown:
                await self._instruments.load()
                if unknown.symbol not in self._market.instruments:
                    raise
                follows = False
            if not follows:
                self._users.drop(user_id)

    async def read_whole(self, user_ids: Sequence[str]) -> Sequence[Reply]:
        """Give everything that Redis holds of users: (version, 1, (base version, state, windows, moves))."""
        entries = [self._users.entry(user_id) for user_id in user_ids]
        replies = whole(await self._life.ask([self.call("read", entry, entry.seen, 0) for entry in entries]))
        self._users.trim()
        return replies

    async def move_judged(self, user_id: str, judge: Judge) -> bool:
        """Append the move that the state calls for, at the version it was judged on; tell whether there was one."""
        for _ in range(ROUNDS_MAX):
            state = (await self.caught_up([user_id]))[user_id]
            move = judge(state)
            if move is None:
                return False
            version, entry = state.version, self._users.entry(user_id)
            self.dirty.add(user_id)
            (reply,) = whole(await self._life.ask([self.call("reserve", entry, version, encode_move(move))]))
            if reply != MOVED:
                self._users.follow(user_id, version, moves=[move])
                return True
        raise DependencyFailed("account book", "the account keeps moving", retry_after_ms=10)


def pages(items: Sequence[T]) -> Iterable[Sequence[T]]:
    """Give parts of at most ``AT_ONCE``, in order."""
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))
