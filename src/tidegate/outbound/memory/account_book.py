"""The account book in memory: one process owns all accounts, and reserving is a dictionary update in the same turn."""

from collections.abc import Iterable, Mapping, Sequence
from weakref import WeakValueDictionary

from tidegate.core.pretrade.account import Reservation
from tidegate.core.pretrade.apply_changes import apply_change
from tidegate.core.pretrade.changes import StateChange
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.order_life import count_waiting
from tidegate.core.pretrade.snapshot import Market
from tidegate.core.pretrade.state import UserState
from tidegate.ports.account_book import UNDATED, Held, InstrumentAge, ReserveRequest


class MemoryAccountBook:
    """``AccountBook`` in memory. The instruments are the market's; ``recount`` puts one there.

    Nothing in it waits, so each call is one turn of the loop: what a batch holds is seen by whoever reads next, and
    the version tells which of two batches was first.
    """

    epoch = 0

    def __init__(self, market: Market) -> None:
        self._market = market
        self._users: dict[str, UserState] = {}
        self._strangers: WeakValueDictionary[str, UserState] = WeakValueDictionary()
        """Empty states of users never heard of: kept while a batch has them, so that asking costs no memory."""

    async def snapshot(self, user_ids: Sequence[str], *, now_us: int) -> Mapping[str, UserState]:
        states = {user_id: self._read(user_id) for user_id in user_ids}
        for state in states.values():
            for _ in state.expire(now_us, self._market.instruments):
                pass
        return states

    async def reserve(self, requests: Sequence[ReserveRequest]) -> Sequence[str]:
        moved: list[str] = []
        for request in requests:
            state = self._read(request.user_id)
            if state.version != request.version:
                moved.append(request.user_id)
                self._undo(state, request.held)
            elif request.held:
                state.version += 1
                self._keep(state)
        return moved

    async def forget(self, requests: Sequence[ReserveRequest]) -> None:
        for request in requests:
            self._undo(self._read(request.user_id), request.held)

    async def release(self, user_id: str, *, account_id: str, order_ids: Sequence[str]) -> None:
        state = self._users.get(user_id)
        account = state.accounts.get(account_id) if state is not None else None
        if state is None or account is None:
            return
        for order_id in order_ids:
            held = account.reservations.get(order_id)
            if held is not None and account.drop_reservation(held, self._market.instruments[held.symbol]):
                state.version += 1

    async def apply(self, change: StateChange) -> Applied:
        state = self._read(change.user_id)
        version = state.version
        applied = apply_change(state, change, instruments=self._market.instruments)
        if state.version != version:
            self._keep(state)
        return applied

    async def apply_all(self, changes: Sequence[StateChange]) -> Sequence[Applied]:
        return [await self.apply(change) for change in changes]

    async def recount(self, instrument: Instrument, age: InstrumentAge = UNDATED) -> None:  # noqa: ARG002 - one process hears all news, and has judged it
        if self._market.instruments.get(instrument.symbol) == instrument:
            return
        self._market.put_instrument(instrument)
        for state in self._users.values():
            concerned = [count_waiting(account, instrument) for account in state.accounts.values()]
            if any(concerned):
                state.version += 1

    async def restore(self, user_id: str, *, account_id: str, reservation: Reservation) -> bool:
        state = self._read(user_id)
        account = state.account(account_id)
        if account.is_live(reservation.order_id) or reservation.order_id in account.heard.ended:
            return False
        state.hold(account_id, reservation, instrument=self._market.instruments[reservation.symbol])
        state.version += 1
        self._keep(state)
        return True

    def _read(self, user_id: str) -> UserState:
        state = self._users.get(user_id) or self._strangers.get(user_id)
        if state is None:
            state = self._strangers[user_id] = UserState(user_id)
        return state

    def _keep(self, state: UserState) -> None:
        self._users[state.user_id] = state
        self._strangers.pop(state.user_id, None)

    def _undo(self, state: UserState, held: Iterable[Held]) -> None:
        """Take out exactly what was held: what stands under the same id meanwhile is somebody else's."""
        for one in held:
            account = state.accounts.get(one.account_id)
            instrument = self._market.instruments.get(one.reservation.symbol, one.instrument)
            if account is not None and account.drop_reservation(one.reservation, instrument):
                state.version += 1
