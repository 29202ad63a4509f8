"""The account book: state of users, versioned, on which margin is reserved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.core.kernel.quick import quickly_made
from tidegate.core.pretrade.account import Reservation
from tidegate.core.pretrade.changes import StateChange
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.state import UserState


@quickly_made
@dataclass(frozen=True, slots=True)
class Held:
    """One reservation an approval made, already held in the state it was decided on."""

    account_id: str
    reservation: Reservation
    instrument: Instrument


@quickly_made
@dataclass(frozen=True, slots=True)
class ReserveRequest:
    """The reservations of one user in one batch, and the version of the state they were decided on."""

    user_id: str
    version: int
    held: tuple[Held, ...]


class AccountBook(Protocol):
    """State by user. Failure contract: ``DependencyFailed`` when the book does not answer; then nothing is reserved.

    A state that ``snapshot`` gave belongs to the batch that asked until it calls ``reserve`` or ``forget``: the batch
    holds its reservations in it while it decides, so that its orders see each other's. The caller does not let
    anything else run in between that changes the same state in this process.
    """

    async def snapshot(self, user_ids: Sequence[str], *, now_us: int) -> Mapping[str, UserState]:
        """Give the state of each user, reservations that expired dropped; a user never heard of gets an empty one."""

    async def reserve(self, requests: Sequence[ReserveRequest]) -> Sequence[str]:
        """Make reservations final. Gives the users whose state has moved since it was read: nothing of theirs was
        reserved, their held reservations are undone, and they are to be read and decided again.
        """

    async def forget(self, requests: Sequence[ReserveRequest]) -> None:
        """Undo held reservations that were never made final (the batch came to nothing)."""

    async def release(self, user_id: str, *, account_id: str, order_ids: Sequence[str]) -> None:
        """Give back final reservations; an id that is not reserved is passed over."""

    async def apply(self, change: StateChange) -> Applied:
        """Apply news of a user exactly once, whatever was applied before (``apply_changes.apply_change``)."""

    async def recount(self, instrument: Instrument) -> None:
        """Know an instrument, new or changed: orders that waited for it are counted, all others counted anew."""

    async def restore(self, user_id: str, *, account_id: str, reservation: Reservation) -> bool:
        """Put back a reservation that was made final before a restart, after the events have been applied again.

        Tells whether it is held now: not one whose order is open, or has ended. Its instrument is known.
        """
