"""The state of a user as running totals: what a check reads costs the same whatever the number of live orders.

Every change to a live order or a position moves the totals of its symbol at once; what hangs on a mark is valued
lazily (``valuation.py``). The plain, slow version of the same sums is ``reference/``.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from heapq import heappop, heappush
from typing import Final

from tidegate.core.kernel.decimals import WORKING, ZERO
from tidegate.core.pretrade.account import Balance, OpenOrder, Position, Reservation
from tidegate.core.pretrade.feeds import FeedPlace, gaps_of
from tidegate.core.pretrade.heard import AccountHeard
from tidegate.core.pretrade.instrument import Instrument, Kind
from tidegate.core.pretrade.scenario import ReportedExposure
from tidegate.core.pretrade.symbol_book import SymbolBook
from tidegate.core.pretrade.symbol_value import AssetTotals, SymbolValue

UNVALUED: Final = -1
"""No revision of the marks: something of the account has still to be valued."""


class AccountState:
    """One account: balances, symbols and live orders, with the totals of each settle asset.

    ``heard`` is what its topics have told so far (``apply_changes.py`` keeps it). ``valued_marks`` is the revision of
    the marks at which every symbol was valued last, ``oldest_us`` and ``newest_us`` the times of those marks.
    """

    __slots__ = (
        "account_id",
        "assets",
        "balances",
        "heard",
        "newest_us",
        "oldest_us",
        "open_orders",
        "reservations",
        "symbols",
        "told_count",
        "valued_at",
        "valued_by",
        "valued_marks",
    )

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self.balances: dict[str, Balance] | None = None
        self.symbols: dict[str, SymbolBook] = {}
        self.open_orders: dict[str, OpenOrder] = {}
        self.reservations: dict[str, Reservation] = {}
        self.assets: dict[str, AssetTotals] = {}
        self.heard = AccountHeard()
        self.valued_by: object = None
        self.valued_at = -1
        self.told_count: int | None = None
        self.valued_marks = UNVALUED
        self.oldest_us = self.newest_us = 0

    @property
    def live_count(self) -> int:
        """Number of live orders of the account; as the evidence told it when the account was restored from one."""
        if self.told_count is not None:
            return self.told_count
        return len(self.open_orders) + len(self.reservations) + len(self.heard.uncounted)

    def is_live(self, order_id: str) -> bool:
        """Tell whether an order of this id is open or reserved."""
        return order_id in self.open_orders or order_id in self.reservations or order_id in self.heard.uncounted

    def gap_reason(self) -> str:
        """Say why the account cannot be trusted until it is healed; empty when it can (PT-707)."""
        return "; ".join(self.heard.gaps(self.symbols))

    def position_known(self) -> bool:
        """Tell whether nothing told of positions and live orders is missing."""
        return self.heard.positions_known()

    def set_balance(self, balance: Balance) -> None:
        """Put one asset's balance in its place."""
        if self.balances is None:
            self.balances = {}
        self.balances[balance.asset] = balance

    def set_position(self, position: Position) -> None:
        """Put one position in its place; quantity 0 clears it."""
        book = self._touched(position.symbol)
        book.set_position(position, position.position_side)
        self._drop_if_empty(book)

    def put_open_order(self, order: OpenOrder, instrument: Instrument) -> None:
        """Put a resting order in its place, instead of what stood under its id (a reservation too)."""
        self.remove_order(order.order_id, instrument)
        self.open_orders[order.order_id] = order
        self._touched(order.symbol).count_order(order, instrument, sign=1)

    def hold(self, reservation: Reservation, instrument: Instrument) -> None:
        """Hold a reservation; an id that is already an open order is left as it is."""
        if reservation.order_id in self.open_orders:
            return
        self.remove_order(reservation.order_id, instrument)
        self.reservations[reservation.order_id] = reservation
        book = self._touched(reservation.symbol)
        book.count_order(reservation, instrument, sign=1)
        if instrument.kind is not Kind.SPOT:
            book.extra = WORKING.add(book.extra, reservation.extra)

    def remove_order(self, order_id: str, instrument: Instrument) -> bool:
        """Take an open order or a reservation out; tell whether there was one."""
        order = self.open_orders.pop(order_id, None)
        held = self.reservations.pop(order_id, None)
        for live in (order, held):
            if live is None:
                continue
            book = self._touched(live.symbol)
            book.count_order(live, instrument, sign=-1)
            if isinstance(live, Reservation) and instrument.kind is not Kind.SPOT:
                book.extra = WORKING.subtract(book.extra, live.extra)
            self._drop_if_empty(book)
        return order is not None or held is not None

    def drop_reservation(self, reservation: Reservation, instrument: Instrument) -> bool:
        """Take out this reservation and no other of its id; tell whether it was there."""
        if self.reservations.get(reservation.order_id) is not reservation:
            return False
        return self.remove_order(reservation.order_id, instrument)

    def recount(self, symbol: str, instrument: Instrument) -> None:
        """Count the live orders of a symbol anew: its instrument has changed."""
        book = self.symbols.get(symbol)
        if book is None:
            return
        self._touched(symbol)
        book.legs.clear()
        book.live_one_way = book.live_in_legs = 0
        book.leverages.clear()
        book.leverageless = 0
        held = [order.extra for order in self.reservations.values() if order.symbol == symbol]
        book.extra = reduce(WORKING.add, held, ZERO) if instrument.kind is not Kind.SPOT else ZERO
        live: tuple[Mapping[str, OpenOrder | Reservation], ...] = (self.open_orders, self.reservations)
        for orders in live:
            for order in orders.values():
                if order.symbol == symbol:
                    book.count_order(order, instrument, sign=1)

    def _touched(self, symbol: str) -> SymbolBook:
        self.valued_marks = UNVALUED
        book = self.symbols.get(symbol)
        if book is None:
            book = self.symbols[symbol] = SymbolBook(symbol)
            return book
        self.forget_value(book)
        book.view = None
        return book

    def forget_value(self, book: SymbolBook) -> None:
        """Count a symbol no longer: what it was valued on has changed."""
        value = book.value
        if value is None:
            return
        self.assets[value.asset].take_back(value)
        if value.spent_base:
            base = self.assets[value.base]
            base.spent = WORKING.subtract(base.spent, value.spent_base)
        book.value = None

    def count_value(self, book: SymbolBook, value: SymbolValue) -> None:
        """Count a symbol at its new value, instead of its former one."""
        self.forget_value(book)
        self._totals(value.asset).add(value)
        if value.spent_base:
            base = self._totals(value.base)
            base.spent = WORKING.add(base.spent, value.spent_base)
        book.value = value

    def forget_values(self) -> None:
        """Forget every value: ladders, instruments or settings have changed."""
        self.valued_marks = UNVALUED
        for book in self.symbols.values():
            book.value = None
        self.assets.clear()

    def _totals(self, asset: str) -> AssetTotals:
        found = self.assets.get(asset)
        if found is None:
            found = self.assets[asset] = AssetTotals()
        return found

    def _drop_if_empty(self, book: SymbolBook) -> None:
        if book.empty:
            self.symbols.pop(book.symbol, None)


class UserState:
    """All accounts of one user: the unit that is versioned, reserved on and, in a cluster, kept in one place.

    ``places`` is how far the topics that count per user have been heard.
    """

    __slots__ = ("__weakref__", "_expiries", "accounts", "places", "reported_exposure", "user_id", "version")

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.version = 0
        self.accounts: dict[str, AccountState] = {}
        self.reported_exposure: ReportedExposure | None = None
        self.places: dict[str, FeedPlace] = {}
        self._expiries: list[tuple[int, str, str]] = []

    def account(self, account_id: str) -> AccountState:
        """Give the account of this id, made empty (balances unknown) when it was never heard of."""
        found = self.accounts.get(account_id)
        if found is None:
            found = self.accounts[account_id] = AccountState(account_id)
        return found

    def live_count(self) -> int:
        """Number of live orders of the user."""
        return sum(account.live_count for account in self.accounts.values())

    def gap_reason(self, account_id: str) -> str:
        """Say why an account cannot be trusted until it is healed, gaps in what is told of its user included."""
        account = self.accounts.get(account_id)
        reasons = [*gaps_of(self.places), "" if account is None else account.gap_reason()]
        return "; ".join(filter(None, reasons))

    def position_known(self, account_id: str) -> bool:
        """Tell whether nothing told of an account's positions and live orders is missing."""
        account = self.accounts.get(account_id)
        return account is None or account.position_known()

    def hold(self, account_id: str, reservation: Reservation, *, instrument: Instrument) -> None:
        """Hold a reservation until it expires."""
        self.account(account_id).hold(reservation, instrument)
        heappush(self._expiries, (reservation.expires_at_us, account_id, reservation.order_id))

    def expire(self, now_us: int, instruments: Mapping[str, Instrument]) -> Iterator[str]:
        """Drop the reservations that are not live any more at ``now_us``; give their order ids."""
        while self._expiries and self._expiries[0][0] <= now_us:
            _, account_id, order_id = heappop(self._expiries)
            account = self.accounts.get(account_id)
            held = account.reservations.get(order_id) if account is not None else None
            if account is None or held is None or held.expires_at_us > now_us:
                continue
            account.remove_order(order_id, instruments[held.symbol])
            yield order_id
