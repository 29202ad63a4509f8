"""Upstream services that answer from memory: what they hold, when they fail, how often they were asked."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from tests.core.pretrade.told import a_stamp

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade import feeds
from tidegate.core.pretrade.account import Balance, Position
from tidegate.core.pretrade.changes import BalancesReplaced, OrdersReplaced, PositionsReplaced
from tidegate.core.pretrade.instrument import Instrument
from tidegate.ports.upstream import AccountKey, Holdings, InstrumentTold, Page

RowT = TypeVar("RowT")


def some_balances(key: AccountKey, *, usdt: str = "10000", sequence: int = 1) -> BalancesReplaced:
    """A wallet's answer with one asset."""
    stamp = a_stamp(feeds.BALANCE_CHANGED, sequence, event_id=f"wallet {key} {sequence}")
    return BalancesReplaced(*key, stamp, (Balance("USDT", Decimal(usdt), Decimal(0)),))


def some_holdings(key: AccountKey, *positions: Position, sequence: int = 1, closed: int = 0) -> Holdings:
    """A position service's answer, without open orders."""
    told = a_stamp(feeds.POSITION_UPDATED, sequence, event_id=f"positions {key} {sequence} {closed}")
    ordered = a_stamp(feeds.ORDER_COMMAND, sequence, event_id=f"orders {key} {sequence}")
    return Holdings(
        OrdersReplaced(*key, ordered, (), {feeds.ENGINE_EVENT: 0}),
        PositionsReplaced(*key, told, positions, {feeds.POSITION_CLOSED: closed}),
    )


@dataclass
class FakeUpstream:
    """All three services. ``broken`` names the calls that fail, ``held_back`` those that answer once ``release`` is
    set (``arrived``: one is there); ``asked`` counts calls, ``page_size`` rows are on a page.
    """

    accounts: dict[AccountKey, tuple[BalancesReplaced, Holdings]] = field(default_factory=dict)
    instruments: list[InstrumentTold] = field(default_factory=list)
    page_size: int = 2
    broken: set[str] = field(default_factory=set)
    held_back: set[str] = field(default_factory=set)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    asked: Counter[str] = field(default_factory=Counter)

    def open_account(self, key: AccountKey, *positions: Position, usdt: str = "10000") -> None:
        """Let the services know an account."""
        self.accounts[key] = (some_balances(key, usdt=usdt), some_holdings(key, *positions))

    async def balances(self, account: AccountKey) -> BalancesReplaced | None:
        await self._called("balances")
        held = self.accounts.get(account)
        return None if held is None else held[0]

    async def balances_page(self, token: str) -> Page[BalancesReplaced]:
        await self._called("balances_page")
        rows = [balances for balances, _ in self.accounts.values()]
        return _page(rows, token, size=self.page_size)

    async def holdings(self, account: AccountKey) -> Holdings:
        await self._called("holdings")
        return self._holdings(account)

    async def holdings_of(self, accounts: Sequence[AccountKey]) -> Mapping[AccountKey, Holdings]:
        await self._called("holdings_of")
        return {account: self._holdings(account) for account in accounts}

    async def instruments_page(self, token: str) -> Page[InstrumentTold]:
        await self._called("instruments_page")
        return _page(self.instruments, token, size=self.page_size)

    def _holdings(self, key: AccountKey) -> Holdings:
        held = self.accounts.get(key)
        return some_holdings(key, sequence=0) if held is None else held[1]

    async def _called(self, call: str) -> None:
        self.asked[call] += 1
        if call in self.held_back:
            self.arrived.set()
            await self.release.wait()
        if call in self.broken:
            raise DependencyFailed("upstream", f"{call} is broken")


def _page(rows: Sequence[RowT], token: str, *, size: int) -> Page[RowT]:
    begin = int(token or 0)
    end = begin + size
    return Page(tuple(rows[begin:end]), str(end) if end < len(rows) else "")


def an_instrument_told(instrument: Instrument, *, sequence: int = 1, topic: str = "created") -> InstrumentTold:
    """An instrument as metadata lists it."""
    name = f"md.instrument.{topic}.v1"
    stamp = a_stamp(name, sequence, event_id=f"metadata {instrument.symbol} {topic} {sequence}")
    return InstrumentTold(instrument, stamp)
