"""Services that own what the gate reads: wallet, positions, metadata, asked where their events are not enough.

What they answer is a snapshot by the rules of ``docs/events.md``: its stamp names the last record that it has in it,
so it may be applied at any moment, and one that is older than what is known changes nothing. Failure contract of all
three: ``DependencyFailed`` when the service does not answer in time, is left alone because it kept failing, or answers
what cannot be read; such an answer is given to nobody, not even in part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tidegate.core.pretrade.changes import BalancesReplaced, OrdersReplaced, PositionsReplaced
from tidegate.core.pretrade.feeds import EventStamp
from tidegate.core.pretrade.instrument import Instrument

AccountKey = tuple[str, str]
"""An account: user_id and account_id."""

FIRST_PAGE = ""
"""The token of a listing's first page, and what follows its last one."""

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """Rows of a listing; ``next_token`` asks for what follows, ``FIRST_PAGE``: nothing does."""

    rows: tuple[RowT, ...]
    next_token: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """All that one account holds and has asked for, read at one moment."""

    orders: OrdersReplaced
    positions: PositionsReplaced


@dataclass(frozen=True, slots=True)
class InstrumentTold:
    """An instrument, and the latest record of md.instrument.* that is in it."""

    instrument: Instrument
    stamp: EventStamp


class Wallet(Protocol):
    """Balances of accounts."""

    async def balances(self, account: AccountKey) -> BalancesReplaced | None:
        """Give all balances of one account, within the time that an order may wait; ``None``: no such account."""

    async def balances_page(self, token: str) -> Page[BalancesReplaced]:
        """Give one page of all accounts."""


class Positions(Protocol):
    """Positions and open orders of accounts."""

    async def holdings(self, account: AccountKey) -> Holdings:
        """Give what one account holds, within the time that an order may wait; one that is not known holds nothing."""

    async def holdings_of(self, accounts: Sequence[AccountKey]) -> Mapping[AccountKey, Holdings]:
        """Give what each of these accounts holds, at most as many as a page of the wallet has."""


class Metadata(Protocol):
    """Instruments."""

    async def instruments_page(self, token: str) -> Page[InstrumentTold]:
        """Give one page of all instruments."""
