"""Reservations of which nobody knows whether they were made, or given back: they are released before their user is
decided on again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidegate.core.pretrade.account import Reservation
from tidegate.core.pretrade.state import UserState
from tidegate.outbound.redis.cached_users import CachedUsers
from tidegate.outbound.redis.moves import Move, Released
from tidegate.outbound.redis.reading import Reading
from tidegate.ports.account_book import ReserveRequest

Named = tuple[str, str, int]
"""Account, order id and time of expiry: one reservation, and no other of its order."""

_MADE = -1
"""Before any version: nothing that is still under way can make it."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    """``version``: the one on which it may still be made."""

    version: int
    held: tuple[Named, ...]

    def judge(self, state: UserState) -> Move | None:
        """Release what is there; where nothing is, but may still come, move the version so that it cannot."""
        live = tuple(one for one in self.held if _reserved(state, one))
        if live or (self.held and state.version <= self.version):
            return Released("", 0, live)
        return None


class Doubts:
    """What this process asked for and was not answered."""

    def __init__(self, reading: Reading, users: CachedUsers) -> None:
        self._reading = reading
        self._users = users
        self._doubts: dict[str, list[_Doubt]] = {}

    def doubt_made(self, request: ReserveRequest) -> None:
        """Doubt whether these reservations were made, and read their user anew."""
        self._users.drop(request.user_id)
        named = tuple(name_of(one.account_id, one.reservation) for one in request.held)
        if named:
            self._doubts.setdefault(request.user_id, []).append(_Doubt(request.version, named))

    def doubt_released(self, user_id: str, account_id: str, *, order_ids: Sequence[str]) -> None:
        """Doubt whether what is reserved under these ids, as far as that is known, was released."""
        state = self._users.entry(user_id).state
        named = () if state is None else reserved_under(state, account_id, order_ids=order_ids)
        self._users.drop(user_id)
        if named:
            self._doubts.setdefault(user_id, []).append(_Doubt(_MADE, named))

    async def settle(self, user_ids: Iterable[str], *, now_us: int) -> None:
        """Release what is doubted of these users and has not expired.

        Raises:
            DependencyFailed: that is not possible now; it stays doubted.
        """
        for user_id in [user_id for user_id in user_ids if user_id in self._doubts]:
            while doubts := self._doubts.get(user_id):
                doubt = doubts[0]
                unexpired = tuple(one for one in doubt.held if one[2] > now_us)
                if await self._reading.move_judged(user_id, _Doubt(doubt.version, unexpired).judge):
                    self._users.drop(user_id)
                if doubt in doubts:
                    doubts.remove(doubt)
                if not doubts:
                    self._doubts.pop(user_id, None)

    def forget_all(self) -> None:
        """Doubt nothing: the life in which it was asked is over."""
        self._doubts.clear()


def name_of(account_id: str, reservation: Reservation) -> Named:
    """Name a reservation."""
    return account_id, reservation.order_id, reservation.expires_at_us


def reserved_under(state: UserState, account_id: str, *, order_ids: Iterable[str]) -> tuple[Named, ...]:
    """Name what an account has reserved under these ids."""
    account = state.accounts.get(account_id)
    held = [] if account is None else [account.reservations.get(order_id) for order_id in order_ids]
    return tuple(name_of(account_id, one) for one in held if one is not None)


def _reserved(state: UserState, named: Named) -> bool:
    account_id, order_id, _ = named
    return named in reserved_under(state, account_id, order_ids=[order_id])
