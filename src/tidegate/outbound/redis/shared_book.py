"""The book in Redis as a whole: its lives, its rows as bytes, and the base of each user's log."""

import asyncio
from collections.abc import Mapping, Sequence
from secrets import token_urlsafe
from typing import Final

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.snapshot import Market
from tidegate.outbound.redis.book_life import BookLife
from tidegate.outbound.redis.cached_users import CachedUsers
from tidegate.outbound.redis.doubts import Doubts
from tidegate.outbound.redis.instruments import RedisInstruments
from tidegate.outbound.redis.link import Call, RedisLink, Reply, whole
from tidegate.outbound.redis.reading import Reading, pages
from tidegate.outbound.redis.state_codec import encode_flow, encode_state
from tidegate.ports.account_book import FlowKept, UserFlows
from tidegate.ports.clock import Clock
from tidegate.ports.shared_book import BookRow

USERS_MAX: Final = 20_000
"""Users whose state a process keeps parsed; of others it is read when they are asked for."""


class RedisSharedBook:
    """``SharedBook``. The instruments are the market's, and kept those of all processes.

    ``flows`` hears all news that is applied, this process's own too: nobody else is to tell it. ``clock`` says which
    reservations need not be written into a base any more.
    """

    def __init__(
        self, link: RedisLink, market: Market, *, flows: UserFlows, clock: Clock, users_max: int = USERS_MAX
    ) -> None:
        self._clock = clock
        self._market = market
        self._writer = token_urlsafe(6)
        self._life = BookLife(link)
        self._users = CachedUsers(market, flows, clock=clock, writer=self._writer, users_max=users_max)
        self._instruments = RedisInstruments(link, market, changed=self._users.count_anew)
        self._reading = Reading(self._life, self._users, instruments=self._instruments, market=market)
        self._doubts = Doubts(self._reading, self._users)
        self._compacting: dict[str, asyncio.Task[None]] = {}

    @property
    def epoch(self) -> int:
        """See ``AdoptedBook``."""
        return self._life.epoch

    @property
    def lost(self) -> bool:
        """See ``AdoptedBook``."""
        return self._life.lost

    async def published(self) -> int | None:
        return await self._life.published()

    async def instance(self) -> str:
        return await self._life.instance()

    async def adopt(self, epoch: int, *, instance: str) -> None:
        self._life.adopt(epoch, instance=instance)
        self._forget_all()

    async def begin(self, epoch: int, *, instance: str) -> None:
        """See ``RebuiltBook``. The instruments that this process knows are those of the new life."""
        await self._life.begin(epoch, instance=instance)
        self._forget_all()
        await self._instruments.load()

    async def publish(self, epoch: int) -> None:
        await self._life.publish(epoch)

    def dirty(self) -> set[str]:
        dirty, self._reading.dirty = self._reading.dirty, set()
        return dirty

    async def export(self, user_ids: Sequence[str]) -> Sequence[BookRow]:
        rows: list[BookRow] = []
        for page in pages(user_ids):
            epoch = self._life.epoch
            for user_id, (version, _, lacking) in zip(page, await self._reading.read_whole(page), strict=True):
                base, state, flow, moves = lacking
                if version or flow:
                    rows.append(BookRow(user_id, epoch, version, base, state, flow, tuple(moves)))
        return rows

    async def put(self, rows: Sequence[BookRow]) -> None:
        for page in pages(rows):
            entries = [self._users.entry(row.user_id) for row in page]
            self._reading.dirty.update(row.user_id for row in page)
            calls = [
                self._reading.call("put", entry, row.version, row.base_version, row.state, row.flow, *row.moves)
                for entry, row in zip(entries, page, strict=True)
            ]
            whole(await self._life.ask(calls))
            for row in page:
                self._users.drop(row.user_id)
            self._users.trim()

    async def put_flows(self, flows: Mapping[str, FlowKept]) -> None:
        await self._instruments.load()
        for page in pages(list(flows)):
            self._reading.dirty.update(page)
            replies = zip(page, await self._reading.read_whole(page), strict=True)
            calls = [self._base_call(user_id, reply, flow=flows[user_id]) for user_id, reply in replies]
            if 0 in whole(await self._life.ask(calls)):
                raise DependencyFailed("account book", "somebody moved a user while its windows were put in")
            for user_id in page:
                self._users.drop(user_id)

    async def close(self) -> None:
        """Wait for what runs by itself; the link is the caller's to close."""
        await asyncio.gather(*self._compacting.values())

    def _compact_soon(self, user_id: str) -> None:
        if user_id not in self._compacting:
            self._compacting[user_id] = asyncio.create_task(self._compact(user_id), name="compact the account book")

    async def _compact(self, user_id: str) -> None:
        """Make the state of a user its base; where that comes to nothing, so many moves later it is tried again."""
        try:
            (reply,) = await self._reading.read_whole([user_id])
            whole(await self._life.ask([self._base_call(user_id, reply)]))
        except DependencyFailed:
            pass
        finally:
            del self._compacting[user_id]

    def _base_call(self, user_id: str, reply: Reply, *, flow: FlowKept | None = None) -> Call:
        """Give the call that makes the state that was read whole the base, with its own windows or those given.

        It is a copy read for it alone: the cached state may hold what is not final.
        """
        version, _, lacking = reply
        state, kept = self._users.fresh_copy(user_id, lacking)
        for _ in state.expire(self._clock.now_us(), self._market.instruments):
            pass
        flow_bytes = encode_flow(kept if flow is None else flow)
        return self._reading.call("compact", self._users.entry(user_id), version, encode_state(state), flow_bytes)

    def _forget_all(self) -> None:
        self._users.forget_all()
        self._doubts.forget_all()
        self._instruments.forget()
