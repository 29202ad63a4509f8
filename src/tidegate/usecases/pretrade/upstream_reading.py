"""Reads an account from Wallet and Position when the topics have not told it, or have left something out.

Unknown never means allow: balances are applied after positions and orders, or not at all, and without balances every
order that could open something is refused (STALE_DATA). So whatever the services do, the answer is the one that would
be given without them, or the one on the true state.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.changes import BalancesReplaced, StateChange
from tidegate.core.pretrade.feeds import BALANCE_CHANGED
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.ports.account_book import AccountBook
from tidegate.ports.clock import Clock
from tidegate.ports.upstream import AccountKey, Holdings, Positions, Wallet
from tidegate.usecases.pretrade.replica import Replica
from tidegate.usecases.pretrade.upstream_sync import Upstreams

QUIET_MS: Final = 5_000
"""Time for which an account is not asked for again that the services do not know, or that lacks nothing of theirs."""

TROUBLE_MS: Final = 1_000
"""The same where they did not answer, or what they told did not help yet."""

FLIGHTS_MAX: Final = 256
"""Accounts that are read at once; orders of one more are decided on what is known."""

KNOWN_MAX: Final = 200_000
"""Accounts that are remembered as known; beyond it all are looked up once more."""

QUIET_MAX: Final = 100_000
"""Accounts that are remembered as asked for in vain; beyond it all may be asked for again."""

_MENDABLE: Final = frozenset({"balance", "account_gap"})
"""Metrics of STALE_DATA that a snapshot of the account may heal."""


@dataclass(frozen=True, slots=True)
class Lack:
    """What the book lacks of an account. ``unheard``: no balance was ever told, so nothing else can be trusted."""

    unheard: bool
    holdings: bool
    balances: bool

    def __bool__(self) -> bool:
        """Tell whether anything is lacking."""
        return self.unheard or self.holdings or self.balances


class UpstreamReading:
    """Read-through of accounts. ``completed``, ``absent`` and ``failed`` count how reading an account ended."""

    def __init__(
        self,
        upstreams: Upstreams,
        book: AccountBook,
        *,
        replica: Replica,
        clock: Clock,
        alarm: Callable[[Exception], None],
    ) -> None:
        self._upstreams = upstreams
        self._book = book
        self._replica = replica
        self._clock = clock
        self._alarm = alarm
        self._known: set[AccountKey] = set()
        self._quiet: dict[AccountKey, int] = {}
        self._flights: dict[AccountKey, asyncio.Task[None]] = {}
        self.completed = self.absent = self.failed = 0

    async def complete(self, order: Order) -> None:
        """Before an order is decided: see that the book has heard of its account, or wait a moment until it has.

        Never raises for what the services do, and waits no longer than their ``wait_ms``. A user without profile is
        refused whatever it owns, so nobody is asked about it.
        """
        key = (order.user_id, order.account_id)
        if key in self._known:
            return
        flight = self._flight(key)
        if flight is not None:
            # wait() leaves the flight alone when this order is given up: others may wait for it, and the next will.
            await asyncio.wait({flight}, timeout=self._upstreams.wait_ms / 1_000)

    def notice(self, order: Order, answer: Answer) -> None:
        """After an order was decided: read its account in the background when it was stale in a way that this heals."""
        for violation in answer.violations:
            if violation.code is RejectReason.STALE_DATA and violation.metric in _MENDABLE:
                self._flight((order.user_id, order.account_id))
                return

    async def landed(self) -> None:
        """Wait until nothing is being read."""
        if self._flights:
            await asyncio.wait(self._flights.values())

    async def close(self) -> None:
        """Give up what is being read."""
        for flight in self._flights.values():
            flight.cancel()
        await self.landed()

    def _flight(self, key: AccountKey) -> "asyncio.Task[None] | None":
        """Join the reading of an account, or begin one; ``None`` when it is to be left alone."""
        flight = self._flights.get(key)
        if flight is not None:
            return flight
        full = len(self._flights) >= FLIGHTS_MAX
        if full or key[0] not in self._replica.profiles or self._is_quiet(key):
            return None
        flight = self._flights[key] = asyncio.create_task(self._read(key))
        flight.add_done_callback(lambda _: self._flights.pop(key, None))
        return flight

    async def _read(self, key: AccountKey) -> None:
        try:
            quiet_ms = await self._mend(key)
        except DependencyFailed:
            self.failed += 1
            quiet_ms = TROUBLE_MS
        except Exception as bug:  # noqa: BLE001 - the order is decided without it; whatever broke is to be seen
            self._alarm(bug)
            quiet_ms = QUIET_MS
        if quiet_ms:
            self._hush(key, quiet_ms)

    async def _mend(self, key: AccountKey) -> int:
        """Read what the book lacks of an account and apply it; give the time for which it is to be left alone after."""
        lack = await self._lack(key)
        known = key in self._known
        if not lack.unheard:
            self._know(key)
        if not lack:
            return QUIET_MS if known else 0
        changes = await self._snapshots(key, lack)
        if not changes:
            self.absent += 1
            return QUIET_MS
        await self._book.apply_all(changes)
        if await self._lack(key):
            self.absent += 1
            return TROUBLE_MS
        self.completed += 1
        self._know(key)
        return 0

    async def _lack(self, key: AccountKey) -> Lack:
        user_id, account_id = key
        states = await self._book.snapshot([user_id], now_us=self._clock.now_us())
        account = states[user_id].accounts.get(account_id)
        if account is None or account.balances is None:
            return Lack(unheard=True, holdings=True, balances=True)
        wallet = account.heard.places.get(BALANCE_CHANGED)
        return Lack(
            unheard=False,
            holdings=not account.position_known(),
            balances=wallet is not None and bool(wallet.missing_to),
        )

    async def _snapshots(self, key: AccountKey, lack: Lack) -> list[StateChange]:
        """Ask for what is lacking, both services at once; of an account that was never heard of, all or nothing."""
        wallet = self._upstreams.wallet if lack.balances else None
        positions = self._upstreams.positions if lack.holdings else None
        if lack.unheard and (wallet is None or positions is None):
            return []
        held, owned = await asyncio.gather(_holdings(positions, key), _balances(wallet, key))
        if lack.unheard and (held is None or owned is None):
            return []
        changes: list[StateChange] = [] if held is None else [held.orders, held.positions]
        return changes if owned is None else [*changes, owned]

    def _know(self, key: AccountKey) -> None:
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known.add(key)

    def _is_quiet(self, key: AccountKey) -> bool:
        until_us = self._quiet.get(key)
        if until_us is None:
            return False
        # a clock that was set back must not keep an account quiet for longer than it would have been
        if 0 < until_us - self._clock.now_us() <= QUIET_MS * 1_000:
            return True
        del self._quiet[key]
        return False

    def _hush(self, key: AccountKey, quiet_ms: int) -> None:
        if len(self._quiet) >= QUIET_MAX:
            self._quiet.clear()
        self._quiet[key] = self._clock.now_us() + quiet_ms * 1_000


async def _holdings(positions: Positions | None, key: AccountKey) -> Holdings | None:
    return None if positions is None else await positions.holdings(key)


async def _balances(wallet: Wallet | None, key: AccountKey) -> BalancesReplaced | None:
    return None if wallet is None else await wallet.balances(key)
