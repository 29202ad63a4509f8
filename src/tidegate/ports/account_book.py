"""The account book: state of users, versioned, on which margin is reserved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Protocol

from tidegate.core.kernel.quick import quickly_made
from tidegate.core.pretrade.account import Reservation
from tidegate.core.pretrade.changes import StateChange
from tidegate.core.pretrade.feeds import Applied
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.order import OrderType, Side
from tidegate.core.pretrade.state import UserState

Content = tuple[str, Side, OrderType, Decimal | None, Decimal]
"""What makes two orders of a user equal: symbol, side, type, price, quantity."""


InstrumentAge = tuple[int, bool]
"""Of when the news of an instrument is (microseconds since 1970), and whether it is an update: the later news stands,
of the same time the update."""

UNDATED: Final[InstrumentAge] = (0, False)
"""The age of an instrument that was not told of: any news of it stands before it."""


@quickly_made
@dataclass(frozen=True, slots=True)
class Held:
    """One reservation an approval made, already held in the state it was decided on."""

    account_id: str
    reservation: Reservation
    instrument: Instrument


@quickly_made
@dataclass(frozen=True, slots=True)
class Checked:
    """One check as the flow windows count it: when, of which content, and what it adds to the notional of 24 h, in USDT
    (``None``: the order was refused).
    """

    at_us: int
    content: Content
    notional_usdt: Decimal | None


@quickly_made
@dataclass(frozen=True, slots=True)
class ReserveRequest:
    """What one batch decided for one user: the reservations it makes, every check as it counts (in the order of the
    decisions), and the version of the state they were decided on.
    """

    user_id: str
    version: int
    held: tuple[Held, ...]
    checked: tuple[Checked, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowKept:
    """The flow windows of one user, as they are kept beside the state: what the next check of the user counts on.

    ``level`` and ``message_us``: the token bucket of messages (``None``: never used). ``orders``: times of the messages
    of the last minute. ``notional``, ``rejects``: (minute since 1970, sum), oldest first. ``equal``: when an order of
    each content was let pass last. ``fills``: times of the fills of each content, oldest first.
    """

    level: Decimal | None = None
    message_us: int = 0
    orders: tuple[int, ...] = ()
    notional: tuple[tuple[int, Decimal], ...] = ()
    rejects: tuple[tuple[int, Decimal], ...] = ()
    equal: tuple[tuple[Content, int], ...] = ()
    fills: tuple[tuple[Content, tuple[int, ...]], ...] = field(default=())


class UserFlows(Protocol):
    """The flow windows of this process, as a book that is shared with other processes keeps them true: it tells what
    the others have checked and heard, and takes the windows of a user out and puts them in whole. Nothing waits.
    """

    def count_checked(self, user_id: str, checked: Checked) -> None:
        """Count a check that another process made."""

    def hear_change(self, change: StateChange) -> None:
        """Hear news that was applied."""

    def kept(self, user_id: str) -> FlowKept | None:
        """Give the windows of a user; ``None`` when they hold nothing."""

    def put(self, user_id: str, kept: FlowKept | None) -> None:
        """Put the windows of a user in their place, instead of what was counted before; ``None`` empties them."""

    def kept_after(
        self, user_id: str, kept: FlowKept | None, *, told: Sequence[Checked | StateChange]
    ) -> FlowKept | None:
        """Give the windows that come of those kept by counting and hearing what was told after, in order, without what
        no window reaches any more. The windows of this process stay as they are.
        """


class AccountBook(Protocol):
    """State by user. Failure contract: ``DependencyFailed`` when the book does not answer; then nothing is reserved.

    A state that ``snapshot`` gave belongs to the batch that asked until it calls ``reserve`` or ``forget``: the batch
    holds its reservations in it while it decides, so that its orders see each other's. The caller does not let
    anything else run in between that changes the same state in this process.
    """

    @property
    def epoch(self) -> int:
        """The life of the book's content that this process works on (``shared_book.py``); always 0 for a book that ends
        with its process.
        """

    async def snapshot(self, user_ids: Sequence[str], *, now_us: int) -> Mapping[str, UserState]:
        """Give the state of each user, reservations that expired dropped; a user never heard of gets an empty one."""

    async def reserve(self, requests: Sequence[ReserveRequest]) -> Sequence[str]:
        """Make reservations final, and let all who share the book count the checks. Gives the users whose state has
        moved since it was read: nothing of theirs was reserved or counted, their held reservations are undone, and they
        are to be read and decided again. A user of whom nothing is held is judged in the same way: a refusal too is
        right in the state it was decided on, or is decided again.
        """

    async def forget(self, requests: Sequence[ReserveRequest]) -> None:
        """Undo held reservations that were never made final (the batch came to nothing)."""

    async def release(self, user_id: str, *, account_id: str, order_ids: Sequence[str]) -> None:
        """Give back final reservations; an id that is not reserved is passed over."""

    async def apply(self, change: StateChange) -> Applied:
        """Apply news of a user exactly once, whatever was applied before (``apply_changes.apply_change``)."""

    async def apply_all(self, changes: Sequence[StateChange]) -> Sequence[Applied]:
        """Apply news in the order given, as ``apply`` does one by one; after ``DependencyFailed`` any of them may have
        been applied, and to ask again applies each once.
        """

    async def recount(self, instrument: Instrument, age: InstrumentAge = UNDATED) -> None:
        """Know an instrument, new or changed: orders that waited for it are counted, all others counted anew.

        In a book that is shared the news that is latest stands for all who share it, whoever heard it.
        """

    async def restore(self, user_id: str, *, account_id: str, reservation: Reservation) -> bool:
        """Put back a reservation that was made final before a restart, after the events have been applied again.

        Tells whether it is held now: not one whose order is open, or has ended. Its instrument is known.
        """
