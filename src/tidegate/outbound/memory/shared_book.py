"""The twin of an account book that many processes share: what they share, and each one's way to it.

Its content can be lost and its servers can be replaced, as those of the real one. What a process does with it is never
interrupted: there is no waiting in it, so versions are the only thing in which two processes can meet.
"""

import pickle
from collections.abc import Mapping, Sequence

from tidegate.core.pretrade.account import Reservation
from tidegate.core.pretrade.changes import StateChange
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.snapshot import Market
from tidegate.core.pretrade.state import UserState
from tidegate.outbound.memory.account_book import MemoryAccountBook
from tidegate.ports.account_book import UNDATED, FlowKept, InstrumentAge, ReserveRequest, UserFlows
from tidegate.ports.shared_book import BookLost, BookRow


class _Content(MemoryAccountBook):
    """The users of one life."""

    def user(self, user_id: str) -> UserState | None:
        """Give a user as it stands."""
        return self._users.get(user_id)

    def users(self) -> Sequence[str]:
        """Give who is held."""
        return list(self._users)

    def put(self, state: UserState) -> None:
        """Put a user in."""
        self._keep(state)


class SharedContent:
    """What the servers hold: users and their windows, in one life or none. All processes have one market here."""

    def __init__(self, market: Market, flows: UserFlows) -> None:
        self.market = market
        self.flows = flows
        self.book = _Content(market)
        self.epoch = 0
        self.published: int | None = None
        self.instance = "servers 1"

    def lose(self) -> None:
        """Lose everything, as servers do that are flushed."""
        self._empty()
        self.epoch, self.published = 0, None

    def replace_servers(self, name: str) -> None:
        """Let other servers answer with the same content, as far as anybody can tell."""
        self.instance = name

    def begin(self, epoch: int) -> None:
        """Begin a life, empty."""
        self._empty()
        self.epoch = epoch

    def _empty(self) -> None:
        for user_id in self.book.users():
            self.flows.put(user_id, None)
        self.book = _Content(self.market)


class MemorySharedBook:
    """``AccountBook`` and ``SharedBook`` of one process."""

    def __init__(self, content: SharedContent) -> None:
        self._content = content
        self._dirty: set[str] = set()
        self._instance = ""
        self.epoch = 0
        self.lost = False

    async def published(self) -> int | None:
        return self._content.published

    async def instance(self) -> str:
        return self._content.instance

    async def adopt(self, epoch: int, *, instance: str) -> None:
        self.epoch, self._instance, self.lost = epoch, instance, False

    async def begin(self, epoch: int, *, instance: str) -> None:
        if epoch <= self._content.epoch:
            raise BookLost(f"epoch {epoch} was overtaken")
        self._content.begin(epoch)
        await self.adopt(epoch, instance=instance)

    async def put(self, rows: Sequence[BookRow]) -> None:
        content = self._whole()
        for row in rows:
            state: UserState = pickle.loads(row.state)  # noqa: S301 - it has written this itself
            content.book.put(state)
            content.flows.put(row.user_id, pickle.loads(row.flow))  # noqa: S301 - it has written this itself

    async def put_flows(self, flows: Mapping[str, FlowKept]) -> None:
        content = self._whole()
        for user_id, kept in flows.items():
            content.book.put(content.book.user(user_id) or UserState(user_id))
            content.flows.put(user_id, kept)
            self._dirty.add(user_id)

    async def publish(self, epoch: int) -> None:
        self._whole().published = epoch

    async def export(self, user_ids: Sequence[str]) -> Sequence[BookRow]:
        content = self._whole()
        states = [state for user_id in user_ids if (state := content.book.user(user_id)) is not None]
        return [self._row(state) for state in states]

    def dirty(self) -> set[str]:
        dirty, self._dirty = self._dirty, set()
        return dirty

    async def snapshot(self, user_ids: Sequence[str], *, now_us: int) -> Mapping[str, UserState]:
        return await self._whole().book.snapshot(user_ids, now_us=now_us)

    async def reserve(self, requests: Sequence[ReserveRequest]) -> Sequence[str]:
        content = self._whole()
        self._dirty.update(request.user_id for request in requests)
        return await content.book.reserve(requests)

    async def forget(self, requests: Sequence[ReserveRequest]) -> None:
        await self._content.book.forget(requests)

    async def release(self, user_id: str, *, account_id: str, order_ids: Sequence[str]) -> None:
        content = self._whole()
        self._dirty.add(user_id)
        await content.book.release(user_id, account_id=account_id, order_ids=order_ids)

    async def apply(self, change: StateChange) -> Applied:
        content = self._whole()
        self._dirty.add(change.user_id)
        applied = await content.book.apply(change)
        if applied in {Applied.APPLIED, Applied.GAP}:
            content.flows.hear_change(change)
        return applied

    async def apply_all(self, changes: Sequence[StateChange]) -> Sequence[Applied]:
        return [await self.apply(change) for change in changes]

    async def recount(self, instrument: Instrument, age: InstrumentAge = UNDATED) -> None:
        await self._whole().book.recount(instrument, age)

    async def restore(self, user_id: str, *, account_id: str, reservation: Reservation) -> bool:
        content = self._whole()
        self._dirty.add(user_id)
        return await content.book.restore(user_id, account_id=account_id, reservation=reservation)

    def _whole(self) -> SharedContent:
        """Give the content, if it is still that of the adopted life."""
        content = self._content
        if self.epoch != 0 and content.epoch == self.epoch and content.instance == self._instance and not self.lost:
            return content
        self.lost = self.epoch != 0
        raise BookLost(f"epoch {self.epoch} is not what the servers hold")

    def _row(self, state: UserState) -> BookRow:
        for account in state.accounts.values():
            account.forget_values()
            account.valued_by = None
        flow = pickle.dumps(self._content.flows.kept(state.user_id))
        return BookRow(state.user_id, self.epoch, state.version, state.version, pickle.dumps(state), flow, ())
