"""The account book that many processes share, in Redis: of each user a state, and a log of moves since (ADR 0022).

What one process may rely on, whatever runs between its awaits:

* A cached state is at some version of the log, and only the next move changes it (``cached_users.py``). Replies may
  overtake each other: what comes late finds its moves played.
* What a batch holds lies in the cached state, from ``snapshot`` to the end of ``reserve``, beside what the log has. A
  reservation is final when the script has appended it at the version it was decided on; it is in the state already, so
  only the version moves. Where the state was read anew meanwhile, it is put there.
* The log says how a check counts to all others. This process counted its own when it decided; a state that is read
  whole brings the windows with it, and then all moves since the base count, its own too.
* Time lets go of a reservation in each process by itself. That is no move, and changes no version.
* What was asked and not answered may have happened, now or later. News may be told twice. Of a reservation nobody
  knows (``doubts.py``): its user is read anew, and before anybody decides on it again a release is appended at the
  version it was judged on. Once that is there, what was sent before finds another version, and reserves nothing.
"""

from collections.abc import Iterable, Mapping, Sequence

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.account import Reservation
from tidegate.core.pretrade.changes import StateChange
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.repeats import heard_before
from tidegate.core.pretrade.state import UserState
from tidegate.outbound.redis.doubts import reserved_under
from tidegate.outbound.redis.link import Argument, Call, whole
from tidegate.outbound.redis.moves import Move, Released, Reserved, Told, encode_move
from tidegate.outbound.redis.reading import MOVED
from tidegate.outbound.redis.shared_book import RedisSharedBook
from tidegate.ports.account_book import UNDATED, Held, InstrumentAge, ReserveRequest


class RedisAccountBook(RedisSharedBook):
    """``AccountBook``, beside ``SharedBook``."""

    _numbers = 0

    async def snapshot(self, user_ids: Sequence[str], *, now_us: int) -> Mapping[str, UserState]:
        await self._doubts.settle(user_ids, now_us=now_us)
        states = await self._reading.caught_up(user_ids)
        for state in states.values():
            for _ in state.expire(now_us, self._market.instruments):
                pass
        return states

    async def reserve(self, requests: Sequence[ReserveRequest]) -> Sequence[str]:
        entries = [self._users.entry(request.user_id) for request in requests]
        decided_on = [entry.state for entry in entries]
        moves = [self._reserved(request) for request in requests]
        self._reading.dirty.update(one.user_id for one, move in zip(requests, moves, strict=True) if move is not None)
        calls = [
            self._reading.call("reserve", entry, request.version, *([] if move is None else [encode_move(move)]))
            for request, entry, move in zip(requests, entries, moves, strict=True)
        ]
        try:
            replies = await self._life.ask(calls)
        except BaseException:
            for request in requests:
                self._doubts.doubt_made(request)
            raise
        failed = any(isinstance(reply, DependencyFailed) for reply in replies)
        moved: list[str] = []
        for request, state, reply in zip(requests, decided_on, replies, strict=True):
            if reply == MOVED:
                moved.append(request.user_id)
                self._undo_moved(request, state)
            elif failed or isinstance(reply, DependencyFailed):
                self._doubts.doubt_made(request)
            else:
                self._make_final(request, state, version=reply[0])
                if reply[1]:
                    self._compact_soon(request.user_id)
        whole(replies)
        return moved

    async def forget(self, requests: Sequence[ReserveRequest]) -> None:
        for request in requests:
            state = self._users.entry(request.user_id).state
            if state is not None:
                self._undo(state, request.held)

    async def release(self, user_id: str, *, account_id: str, order_ids: Sequence[str]) -> None:
        def judge(state: UserState) -> Move | None:
            found = reserved_under(state, account_id, order_ids=order_ids)
            return Released(self._writer, 0, found) if found else None

        try:
            released = await self._reading.move_judged(user_id, judge)
        except DependencyFailed:
            self._doubts.doubt_released(user_id, account_id, order_ids=order_ids)
            raise
        if released:
            # the caller counts the check no longer, the log goes on counting it: let all count the same
            self._users.drop(user_id)

    async def apply(self, change: StateChange) -> Applied:
        (applied,) = await self.apply_all([change])
        return applied

    async def apply_all(self, changes: Sequence[StateChange]) -> Sequence[Applied]:
        results: dict[int, Applied] = {}
        new: dict[str, list[Told]] = {change.user_id: [] for change in changes}
        numbers: dict[int, int] = {}
        for place, change in enumerate(changes):
            state = self._users.entry(change.user_id).state
            before = None if state is None else heard_before(state, change)
            if before is None:
                numbers[place] = self._next_number()
                new[change.user_id].append(Told(self._writer, numbers[place], change))
            else:
                results[place] = before
        self._reading.dirty.update(new)
        awaited = self._users.awaited
        awaited.update(dict.fromkeys(numbers.values()))
        try:
            await self._append(new)
            for place, number in numbers.items():
                # what became part of a base before it was read has been applied
                results[place] = awaited[number] or Applied.APPLIED
        finally:
            for number in numbers.values():
                del awaited[number]
        return [results[place] for place in range(len(changes))]

    async def recount(self, instrument: Instrument, age: InstrumentAge = UNDATED) -> None:
        self._life.require(self.epoch)
        await self._instruments.put(instrument, age)

    async def restore(self, user_id: str, *, account_id: str, reservation: Reservation) -> bool:
        def judge(state: UserState) -> Move | None:
            account = state.account(account_id)
            if account.is_live(reservation.order_id) or reservation.order_id in account.heard.ended:
                return None
            return Reserved(self._writer, 0, ((account_id, reservation),), ())

        return await self._reading.move_judged(user_id, judge)

    async def _append(self, new: Mapping[str, Sequence[Told]]) -> None:
        """Append news, one call a user, so that its order stands; read users of whom everything was heard before."""
        calls, epoch = list[Call](), self.epoch
        for user_id, moves in new.items():
            entry = self._users.entry(user_id)
            known: tuple[Argument, ...] = (entry.seen, int(entry.state is not None))
            calls.append(self._reading.call("append" if moves else "read", entry, *known, *map(encode_move, moves)))
        replies = whole(await self._life.ask(calls))
        again: list[str] = []
        for (user_id, moves), reply in zip(new.items(), replies, strict=True):
            await self._reading.merge([(user_id, reply if isinstance(reply, int) else reply[:3])], epoch=epoch)
            if moves and reply[3]:
                self._compact_soon(user_id)
            if moves and not self._users.follow(user_id, reply[0], moves=moves):
                again.append(user_id)
        if again:
            await self._reading.caught_up(again)
        self._users.trim()

    def _make_final(self, request: ReserveRequest, decided_on: UserState | None, *, version: int) -> None:
        """Count as final what the state holds already; where the state is another one meanwhile, put it there."""
        entry = self._users.entry(request.user_id)
        state = entry.state
        if state is None or version == request.version:
            return
        if state.version == request.version:
            for one in request.held:
                if state.account(one.account_id).reservations.get(one.reservation.order_id) is not one.reservation:
                    state.hold(one.account_id, one.reservation, instrument=one.instrument)
            state.version = entry.seen = version
        if state is not decided_on and entry.loaded < version:
            self._users.count(request.user_id, request.checked)

    def _undo_moved(self, request: ReserveRequest, decided_on: UserState | None) -> None:
        state = self._users.entry(request.user_id).state
        if state is decided_on and state is not None:
            self._undo(state, request.held)
        else:
            # the windows were read anew: what the caller is about to take back is not in them
            self._users.drop(request.user_id)

    def _undo(self, state: UserState, held: Iterable[Held]) -> None:
        """Take out exactly what was held: what stands under the same id meanwhile is somebody else's."""
        for one in held:
            account = state.accounts.get(one.account_id)
            instrument = self._market.instruments.get(one.reservation.symbol, one.instrument)
            if account is not None:
                account.drop_reservation(one.reservation, instrument)

    def _reserved(self, request: ReserveRequest) -> Reserved | None:
        if not request.held and not request.checked:
            return None
        held = tuple((one.account_id, one.reservation) for one in request.held)
        return Reserved(self._writer, self._next_number(), held, request.checked)

    def _next_number(self) -> int:
        self._numbers += 1
        return self._numbers
