"""What an event says about the state of a user: one type a kind of news, read and ready to be applied.

Where a change has ``heals`` it is a snapshot: it says all there is, and names for each sister topic the sequence up to
which it has that one in it (``docs/events.md``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from tidegate.core.pretrade.account import Balance, OpenOrder, Position
from tidegate.core.pretrade.feeds import EventStamp
from tidegate.core.pretrade.order import PositionSide
from tidegate.core.pretrade.scenario import ReportedExposure


class OrderCommand(StrEnum):
    """NEW opens, AMEND changes the terms, CANCEL asks for the end (and changes nothing)."""

    NEW = "NEW"
    AMEND = "AMEND"
    CANCEL = "CANCEL"


class EngineEventType(StrEnum):
    """ACCEPTED: live on these terms. FILLED: partly or wholly. CANCELLED, REJECTED, EXPIRED: gone."""

    ACCEPTED = "ACCEPTED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as a record tells it; the terms of the highest ``revision`` are the order's."""

    order: OpenOrder
    revision: int = 0


@dataclass(frozen=True, slots=True)
class BalanceSet:
    """One asset of the wallet as it now is."""

    user_id: str
    account_id: str
    stamp: EventStamp
    balance: Balance


@dataclass(frozen=True, slots=True)
class BalancesReplaced:
    """All balances of the account; an asset not named is not held."""

    user_id: str
    account_id: str
    stamp: EventStamp
    balances: tuple[Balance, ...]
    heals: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PositionSet:
    """One position as it now is; here a quantity of 0 is allowed and says that it is gone."""

    user_id: str
    account_id: str
    stamp: EventStamp
    position: Position


@dataclass(frozen=True, slots=True)
class PositionClosed:
    """A position is gone: closes what position.updated.v1 said up to ``position_sequence``."""

    user_id: str
    account_id: str
    stamp: EventStamp
    symbol: str
    position_side: PositionSide
    position_sequence: int


@dataclass(frozen=True, slots=True)
class PositionsReplaced:
    """All positions of the account."""

    user_id: str
    account_id: str
    stamp: EventStamp
    positions: tuple[Position, ...]
    heals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class OrderCommanded:
    """What was asked of the matching engine."""

    user_id: str
    account_id: str
    stamp: EventStamp
    command: OrderCommand
    row: OrderRow


@dataclass(frozen=True, slots=True)
class EngineReported:
    """What the matching engine did; ``last_fill_*`` of this fill, on FILLED."""

    user_id: str
    account_id: str
    stamp: EventStamp
    event: EngineEventType
    row: OrderRow
    last_fill_quantity: Decimal | None = None
    last_fill_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OrdersReplaced:
    """All open orders of the account."""

    user_id: str
    account_id: str
    stamp: EventStamp
    rows: tuple[OrderRow, ...]
    heals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ExposureReported:
    """risk.exposure.v2: the user's exposure as others add it up; complete in itself."""

    user_id: str
    stamp: EventStamp
    exposure: ReportedExposure


@dataclass(frozen=True, slots=True)
class ProfileTold:
    """A user.* event was there. Its limits are the profile's business; its place in the sequence is counted here."""

    user_id: str
    stamp: EventStamp
    heals: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A record of the user in this topic could not be read: all accounts it may concern are stale until healed."""

    user_id: str
    topic: str


AccountChange = (
    BalanceSet
    | BalancesReplaced
    | PositionSet
    | PositionClosed
    | PositionsReplaced
    | OrderCommanded
    | EngineReported
    | OrdersReplaced
)
"""News about one account."""

StateChange = AccountChange | ExposureReported | ProfileTold | LeftOut
"""News about a user or one of the accounts."""
