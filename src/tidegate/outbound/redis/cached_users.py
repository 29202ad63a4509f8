"""The states that this process has parsed, each at the version it was seen last, and how replies bring them further.

Replies may come in another order than they were asked for. So a move is played only on the version just before it: what
a state has already is passed over, and what does not follow on it is asked for again.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

from tidegate.core.pretrade.changes import StateChange
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.order_life import count_waiting
from tidegate.core.pretrade.snapshot import Market
from tidegate.core.pretrade.state import UserState
from tidegate.outbound.redis.keys import user_keys
from tidegate.outbound.redis.moves import Move, Reserved, Told, decode_move, play
from tidegate.outbound.redis.state_codec import decode_flow, decode_state
from tidegate.ports.account_book import Checked, FlowKept, UserFlows
from tidegate.ports.clock import Clock

TAKEN = (Applied.APPLIED, Applied.GAP)


class CachedUser:
    """One user. ``state`` is ``None`` when it is to be read anew; ``seen`` is the highest version ever seen of it,
    ``loaded`` the one at which the state, and the windows with it, were read whole.
    """

    __slots__ = ("keys", "loaded", "seen", "state")

    def __init__(self, user_id: str) -> None:
        self.keys = user_keys(user_id)
        self.state: UserState | None = None
        self.seen = self.loaded = 0


class CachedUsers:
    """The users asked for last, ``users_max`` at most; the windows of the others are not kept either.

    ``awaited``: what became of this process's own news, by number, for whoever has put its number in.
    """

    def __init__(self, market: Market, flows: UserFlows, *, clock: Clock, writer: str, users_max: int) -> None:
        self._market = market
        self._clock = clock
        self._flows = flows
        self._writer = writer
        self._users_max = users_max
        self._users: OrderedDict[str, CachedUser] = OrderedDict()
        self.awaited: dict[int, Applied | None] = {}

    def entry(self, user_id: str) -> CachedUser:
        """Give the entry of a user, made empty when there is none."""
        entry = self._users.get(user_id)
        if entry is None:
            entry = self._users[user_id] = CachedUser(user_id)
        else:
            self._users.move_to_end(user_id)
        return entry

    def trim(self) -> None:
        """Let go of those that were asked for longest ago."""
        while len(self._users) > self._users_max:
            user_id, _ = self._users.popitem(last=False)
            self._flows.put(user_id, None)

    def drop(self, user_id: str) -> None:
        """Have a user read anew: state and windows."""
        entry = self._users.get(user_id)
        if entry is not None and entry.state is not None:
            entry.state = None
            self._flows.put(user_id, None)

    def forget_all(self) -> None:
        """Forget everything, windows and versions too."""
        for user_id in self._users:
            self._flows.put(user_id, None)
        self._users.clear()

    def count_anew(self, instrument: Instrument) -> None:
        """Count in every state what hangs on an instrument."""
        for entry in self._users.values():
            if entry.state is not None:
                for account in entry.state.accounts.values():
                    count_waiting(account, instrument)

    def merge(self, user_id: str, version: int, *, whole: bool, lacking: Sequence[Any]) -> bool:
        """Bring a user up to a version by what was missing; ``False``: it does not follow on what is held.

        Raises:
            DependencyFailed: what was missing cannot be read.
            UnknownInstrument: an instrument is to be known first.
        """
        entry = self.entry(user_id)
        if whole:
            if entry.state is None or entry.state.version < version:
                self._load(user_id, entry, lacking=lacking)
            return True
        return self.follow(user_id, version - len(lacking), moves=map(decode_move, lacking))

    def follow(self, user_id: str, start: int, *, moves: Iterable[Move]) -> bool:
        """Play moves that begin after a version, those that the state has already left out."""
        entry = self.entry(user_id)
        for version, move in enumerate(moves, start=start + 1):
            state = entry.state
            if state is None or version > state.version + 1:
                return False
            if version == state.version + 1:
                self._play(state, move, anew=False)
                state.version = entry.seen = version
        return entry.state is not None

    def count(self, user_id: str, checked: Iterable[Checked]) -> None:
        """Count checks in the windows of a user."""
        for one in checked:
            self._flows.count_checked(user_id, one)

    def fresh_copy(self, user_id: str, lacking: Sequence[Any]) -> tuple[UserState, FlowKept | None]:
        """Give a state and windows of their own from what a whole reading gave; nothing of this process is in them.

        Raises:
            DependencyFailed: it cannot be read.
            UnknownInstrument: an instrument is to be known first.
        """
        base, facts, flow, raw = lacking
        state = self._decoded(user_id, facts)
        told: list[Checked | StateChange] = []
        for move in map(decode_move, raw):
            applied = play(state, move, instruments=self._market.instruments, now_us=self._clock.now_us())
            if isinstance(move, Reserved):
                told.extend(move.checked)
            elif isinstance(move, Told) and applied in TAKEN:
                told.append(move.change)
        state.version = base + len(raw)
        return state, self._flows.kept_after(user_id, decode_flow(flow), told=told)

    def _load(self, user_id: str, entry: CachedUser, *, lacking: Sequence[Any]) -> None:
        base, facts, flow, raw = lacking
        entry.state = None
        try:
            state = self._decoded(user_id, facts)
            self._flows.put(user_id, decode_flow(flow))
            for move in map(decode_move, raw):
                self._play(state, move, anew=True)
        except BaseException:
            self._flows.put(user_id, None)
            raise
        entry.state = state
        state.version = entry.seen = entry.loaded = base + len(raw)

    def _decoded(self, user_id: str, facts: bytes) -> UserState:
        return decode_state(user_id, facts, instruments=self._market.instruments, now_us=self._clock.now_us())

    def _play(self, state: UserState, move: Move, *, anew: bool) -> None:
        applied = play(state, move, instruments=self._market.instruments, now_us=self._clock.now_us())
        own = move.writer == self._writer
        if isinstance(move, Reserved):
            # what this process decided itself it has counted when it decided
            if anew or not own:
                self.count(state.user_id, move.checked)
        elif isinstance(move, Told):
            if applied in TAKEN:
                self._flows.hear_change(move.change)
            if own and move.number in self.awaited:
                self.awaited[move.number] = applied
