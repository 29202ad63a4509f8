"""Feeds that stop, lie or leave gaps, end to end: a whole process refuses all but what is proven to reduce."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.system.clients import Clients, a_small_order, introduce
from tests.system.processes import RecordFigure, Served
from tests.system.world import ACCOUNT, CALM, User, envelope, guest_of, market_seed, now_ms, publish, some_users

from tidegate.wire.proto.risk.v1 import main_pb2 as pb

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

BRISK = {**CALM, "TIDEGATE_GATE_MARK_AGE_MS_MAX": "1500"}
"""Marks that are stale so soon that a test can wait for it by asking."""


def told(user: User, sequence: int, **fields: Any) -> dict[str, Any]:
    """Write a record of a user's account."""
    return {**envelope(sequence), "user_id": user.user_id, "account_id": ACCOUNT, **fields}


def a_mark(price: str) -> tuple[str, dict[str, Any]]:
    """Tell the mark as it is now."""
    return "md.mark.v1", {**envelope(now_ms() + 1_000), "symbol": "BTCUSDT", "price": price}


def holding(user: User) -> tuple[str, dict[str, Any]]:
    """Tell that the user is long one BTCUSDT."""
    position = {
        "symbol": "BTCUSDT",
        "position_side": "BOTH",
        "quantity": "1",
        "entry_price": "50000",
        "leverage": "10",
        "margin_mode": "CROSS",
        "isolated_margin": None,
    }
    return "position.updated.v1", told(user, 2, position=position, snapshot=None, heals=None)


async def answers(clients: Clients, user: User) -> tuple[int, int]:
    """Ask dry: the reason for which an order that opens is refused (0: it passes), and the decision on a reducer."""
    stub = clients.stubs[0]
    opener = await stub.PreTradeCheck(a_small_order(user, "opens", dry_run=True))
    reducer = await stub.PreTradeCheck(a_small_order(user, "reduces", side=pb.SELL, quantity="0.4", dry_run=True))
    return opener.reject_reason, reducer.decision


async def until(clients: Clients, user: User, *, wanted: tuple[int, int]) -> None:
    """Ask until the gate answers as wanted."""
    async with asyncio.timeout(20):
        while await answers(clients, user) != wanted:
            pass


async def test_a_process_whose_feeds_fail_passes_nothing_but_proven_reducers(
    data_folder: Path, record_property: RecordFigure
) -> None:
    """PL-307, PT-110, PT-330, PT-335, PT-707: marks that stop or are 0, gaps in balances, gaps in positions."""
    data_folder.parent.mkdir(exist_ok=True)
    (user,) = some_users(1)
    passes, stale = (0, pb.APPROVED), (pb.STALE_DATA, pb.APPROVED)
    with Served(data_folder, settings=BRISK, seed=market_seed(data_folder.parent)) as served:
        async with guest_of(data_folder) as stores, Clients(served.grpc, 1) as clients:
            await publish(stores, [a_mark("50000")])
            await introduce(stores, clients, users=[user])
            await publish(stores, [a_mark("50000"), holding(user)])
            await until(clients, user, wanted=passes)
            await until(clients, user, wanted=stale)  # nobody tells the mark any more
            await publish(stores, [a_mark("50000")])
            await until(clients, user, wanted=passes)
            await publish(stores, [a_mark("0")])
            await until(clients, user, wanted=stale)
            balance = {"asset": "USDT", "total": "20000", "locked": "0"}
            gap = told(user, 9, balance=balance, snapshot=None, heals=None)
            await publish(stores, [a_mark("50000"), ("wallet.balance_changed.v1", gap)])
            await until(clients, user, wanted=stale)
            closed = told(user, 9, symbol="ETHUSDT", position_side="BOTH", position_sequence=0)
            await publish(stores, [a_mark("50000"), ("position.closed.v1", closed)])
            await until(clients, user, wanted=(pb.STALE_DATA, pb.REJECTED))
    record_property("figure", "5 failing feeds end to end: openers refused, reducers passed while their position known")
