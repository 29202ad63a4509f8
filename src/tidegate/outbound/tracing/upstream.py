"""Spans around what is asked of upstream services for one account; listings, which no order waits for, have none."""

from collections.abc import Mapping, Sequence
from typing import Final

from tidegate.core.pretrade.changes import BalancesReplaced
from tidegate.outbound.tracing.spans import Spans
from tidegate.ports.upstream import AccountKey, Holdings, Page, Positions, Wallet

_SYSTEM: Final = "rpc.system.name"


class TracedWallet:
    """``Wallet`` whose answers about one account are seen."""

    def __init__(self, wallet: Wallet, spans: Spans) -> None:
        self._wallet = wallet
        self._spans = spans

    async def balances(self, account: AccountKey) -> BalancesReplaced | None:
        with self._spans.around("upstream wallet", {_SYSTEM: "grpc"}):
            return await self._wallet.balances(account)

    async def balances_page(self, token: str) -> Page[BalancesReplaced]:
        return await self._wallet.balances_page(token)


class TracedPositions:
    """``Positions`` whose answers about one account are seen."""

    def __init__(self, positions: Positions, spans: Spans) -> None:
        self._positions = positions
        self._spans = spans

    async def holdings(self, account: AccountKey) -> Holdings:
        with self._spans.around("upstream position", {_SYSTEM: "grpc"}):
            return await self._positions.holdings(account)

    async def holdings_of(self, accounts: Sequence[AccountKey]) -> Mapping[AccountKey, Holdings]:
        return await self._positions.holdings_of(accounts)
