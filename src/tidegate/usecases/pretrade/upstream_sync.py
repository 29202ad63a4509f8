"""What is read from the upstream services at the start: instruments, and all accounts when the book has none."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.changes import BalancesReplaced, StateChange
from tidegate.ports.account_book import AccountBook
from tidegate.ports.clock import Clock
from tidegate.ports.upstream import FIRST_PAGE, AccountKey, Metadata, Positions, Wallet
from tidegate.usecases.pretrade.ingest import InstrumentIngest


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The upstream services; ``None`` is not there, and not asked. An order waits ``wait_ms`` for them at most."""

    wallet: Wallet | None = None
    positions: Positions | None = None
    metadata: Metadata | None = None
    wait_ms: int = 150


class UpstreamSync:
    """Reads what the topics may not tell any more, once. ``run`` may be asked again after it failed and goes on where
    that was; ``done`` says that nothing is left. ``instruments`` and ``accounts`` count what was read.
    """

    def __init__(self, upstreams: Upstreams, instruments: InstrumentIngest, *, book: AccountBook, clock: Clock) -> None:
        self._upstreams = upstreams
        self._ingest = instruments
        self._book = book
        self._clock = clock
        self._instruments_left = upstreams.metadata is not None
        self._accounts_left = upstreams.wallet is not None and upstreams.positions is not None
        self._instruments_token = self._accounts_token = FIRST_PAGE
        self.instruments = self.accounts = 0

    @property
    def done(self) -> bool:
        """Tell whether all that can be read was read."""
        return not (self._instruments_left or self._accounts_left)

    async def run(self) -> None:
        """Read instruments, then accounts; trouble with the one does not keep the other waiting.

        Raises:
            DependencyFailed: a service or the book did not answer; ``run`` again reads what is left.
        """
        troubles: list[DependencyFailed] = []
        for read in (self._read_instruments, self._read_accounts):
            try:
                await read()
            except DependencyFailed as trouble:
                troubles.append(trouble)
        if troubles:
            raise troubles[0]

    async def _read_instruments(self) -> None:
        metadata = self._upstreams.metadata
        while metadata is not None and self._instruments_left:
            page = await metadata.instruments_page(self._instruments_token)
            for told in page.rows:
                await self._ingest.take(told.instrument, told.stamp)
            self.instruments += len(page.rows)
            self._instruments_token = page.next_token
            self._instruments_left = page.next_token != FIRST_PAGE

    async def _read_accounts(self) -> None:
        """Read all accounts, unless the book knows one of the first page: then it was filled before, and what it lacks
        is read when it is asked for.
        """
        wallet, positions = self._upstreams.wallet, self._upstreams.positions
        while wallet is not None and positions is not None and self._accounts_left:
            page = await wallet.balances_page(self._accounts_token)
            if self._accounts_token == FIRST_PAGE and await self._knows_any(page.rows):
                self._accounts_left = False
                return
            if page.rows:
                await self._apply(page.rows, positions)
            self.accounts += len(page.rows)
            self._accounts_token = page.next_token
            self._accounts_left = page.next_token != FIRST_PAGE

    async def _knows_any(self, rows: Sequence[BalancesReplaced]) -> bool:
        users = list(dict.fromkeys(change.user_id for change in rows))
        states = await self._book.snapshot(users, now_us=self._clock.now_us()) if users else {}
        return any(account.balances is not None for state in states.values() for account in state.accounts.values())

    async def _apply(self, rows: Sequence[BalancesReplaced], positions: Positions) -> None:
        """Apply a page: of each account its orders and positions first, since without balances no order passes."""
        keys: list[AccountKey] = [(change.user_id, change.account_id) for change in rows]
        held = await positions.holdings_of(keys)
        changes: list[StateChange] = []
        for key, balances in zip(keys, rows, strict=True):
            changes += [held[key].orders, held[key].positions, balances]
        await self._book.apply_all(changes)
