"""``Wallet`` over ``wallet.v1``."""

from typing import Final

import grpc

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.pretrade.account import Balance
from tidegate.core.pretrade.changes import BalancesReplaced
from tidegate.core.pretrade.feeds import BALANCE_CHANGED
from tidegate.outbound.upstream.line import NoSuchRow, UpstreamLine
from tidegate.outbound.upstream.reading import AnswerReader
from tidegate.ports.upstream import AccountKey, Page
from tidegate.wire.proto.wallet.v1 import main_pb2 as pb
from tidegate.wire.proto.wallet.v1.main_pb2_grpc import WalletServiceStub

PAGE_SIZE: Final = 200
"""Accounts of a page: their holdings are asked for in one call too."""


class GrpcWallet:
    """Implements ``Wallet``."""

    def __init__(self, channel: grpc.aio.Channel, line: UpstreamLine) -> None:
        self._stub = WalletServiceStub(channel)
        self._line = line

    async def balances(self, account: AccountKey) -> BalancesReplaced | None:
        user_id, account_id = account
        try:
            return await self._line.ask(
                self._stub.GetBalances,
                pb.GetBalancesRequest(user_id=user_id, account_id=account_id),
                deadline_ms=self._line.policy.deadline_ms,
                read=lambda answer: _only(answer, account),
            )
        except NoSuchRow:
            return None

    async def balances_page(self, token: str) -> Page[BalancesReplaced]:
        return await self._line.ask(
            self._stub.ListBalances,
            pb.ListBalancesRequest(page_size=PAGE_SIZE, page_token=token),
            deadline_ms=self._line.policy.page_deadline_ms,
            read=_page,
        )


def _only(answer: pb.GetBalancesResponse, asked: AccountKey) -> BalancesReplaced:
    reader = AnswerReader()
    change = _balances(reader.at("account"), answer.account)
    if (change.user_id, change.account_id) != asked:
        reader.fault("account", "is not the one that was asked for")
    reader.raise_if_faulty()
    return change


def _page(answer: pb.ListBalancesResponse) -> Page[BalancesReplaced]:
    reader = AnswerReader()
    rows = tuple(_balances(reader.at(f"accounts[{place}]"), row) for place, row in enumerate(answer.accounts))
    if len(rows) > PAGE_SIZE:
        reader.fault("accounts", f"are more than the {PAGE_SIZE} that were asked for")
    reader.raise_if_faulty()
    return Page(rows, answer.next_page_token)


def _balances(reader: AnswerReader, told: pb.AccountBalances) -> BalancesReplaced:
    account = reader.account(told.user_id, told.account_id)
    stamp = reader.stamp(BALANCE_CHANGED, told, account=account, heals={})
    balances = tuple(_balance(reader.at(f"balances[{place}]"), row) for place, row in enumerate(told.balances))
    reader.rows("balances", [balance.asset for balance in balances], sequence=stamp.sequence)
    return BalancesReplaced(*account, stamp, balances)


def _balance(reader: AnswerReader, row: pb.Balance) -> Balance:
    return Balance(
        reader.text("asset", row.asset),
        reader.decimal("total", row.total),
        reader.decimal("locked", row.locked, at_least=ZERO),
    )
