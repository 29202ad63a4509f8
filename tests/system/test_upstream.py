"""A whole process in front of Wallet, Position and Metadata: at its start, on a miss, after a gap, through faults."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.system.clients import Clients, a_small_order
from tests.system.processes import RecordFigure, Served
from tests.system.world import (
    ACCOUNT,
    CALM,
    INSTRUMENTS,
    User,
    envelope,
    guest_of,
    market_seed,
    now_ms,
    opening,
    publish,
    some_users,
)

from tidegate.bootstrap.stores import Stores
from tidegate.core.pretrade.account import MarginMode, Position
from tidegate.core.pretrade.order import PositionSide
from tidegate.demo.fake_upstreams.book import HeldAccount
from tidegate.demo.fake_upstreams.faults import Fault
from tidegate.demo.fake_upstreams.server import FakeUpstreams
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

PATIENT_MS = 10_000
"""A deadline that a busy machine keeps, where time is not what a test is about."""

DEADLINE_MS = 500
SLACK_S = 3.0
"""What a busy machine may add to an answer."""

HELD = Position("BTCUSDT", PositionSide.BOTH, Decimal(1), Decimal(50_000), Decimal(10), MarginMode.CROSS)


def in_front_of(address: str, *, deadline_ms: int = PATIENT_MS) -> dict[str, str]:
    """Settings of a service that asks the stand-ins."""
    services = ("WALLET", "POSITION", "METADATA")
    addresses = {f"TIDEGATE_{name}_GRPC": address for name in services}
    return {**CALM, **addresses, **{f"TIDEGATE_{name}_DEADLINE_MS": str(deadline_ms) for name in services}}


@asynccontextmanager
async def running(fakes: FakeUpstreams, *, port: int = 0) -> AsyncIterator[FakeUpstreams]:
    """Run the stand-ins."""
    await fakes.start(port)
    try:
        yield fakes
    finally:
        await fakes.stop()


def open_account(fakes: FakeUpstreams, user: User, *positions: Position) -> HeldAccount:
    """Let the services know a user's account."""
    held = HeldAccount(balances=user.balances, positions=positions, event_ms=now_ms())
    fakes.book.accounts[user.user_id, ACCOUNT] = held
    return held


async def first_answer(
    stores: Stores, clients: Clients, *, user: User, side: pb.Side.ValueType = pb.BUY
) -> tuple[int, float]:
    """Let the gate know the limits of a user and nothing else; give the reason of the first answer about the account,
    and the seconds it took.
    """
    await publish(stores, opening(user)[:1])
    async with asyncio.timeout(30):
        while await reason_of(clients, user, account_id="elsewhere") == pb.PROFILE_NOT_FOUND:
            pass
    begun = time.monotonic()
    return await reason_of(clients, user, side=side), time.monotonic() - begun


async def reason_of(
    clients: Clients, user: User, *, side: pb.Side.ValueType = pb.BUY, account_id: str = ACCOUNT
) -> int:
    """Ask dry for a small order; give the reason for which it is refused, 0: it passes."""
    order = a_small_order(user, "dry", dry_run=True, side=side, account_id=account_id)
    return (await clients.stubs[0].PreTradeCheck(order)).reject_reason


async def serving(data: Path, settings: dict[str, str]) -> Served:
    """Start a process in a market that stands still, while the stand-ins answer it."""
    return await asyncio.to_thread(Served, data, settings=settings, seed=market_seed(data.parent))


async def until_it_passes(clients: Clients, user: User) -> None:
    """Ask until an order passes."""
    async with asyncio.timeout(30):
        while await reason_of(clients, user):
            pass


async def test_process_reads_through_to_the_services_that_own_its_data(
    data_folder: Path, record_property: RecordFigure
) -> None:
    """RE-315, RE-306 to RE-313: filled at the start, completed on a miss, mended after a gap, and stale for whom the
    services do not know.
    """
    data_folder.parent.mkdir(exist_ok=True)
    at_start, misses, holds, nobody = some_users(4)
    async with running(FakeUpstreams()) as fakes:
        open_account(fakes, at_start)
        listed = replace(INSTRUMENTS["BTCUSDT"], symbol="LISTED")
        fakes.book.instruments = {"LISTED": listed}
        with await serving(data_folder, in_front_of(fakes.address)) as served:
            async with guest_of(data_folder) as stores, Clients(served.grpc, 1) as clients:
                assert (await first_answer(stores, clients, user=at_start))[0] == 0
                assert (fakes.wallet.asked["ListBalances"], fakes.wallet.about[at_start.user_id, ACCOUNT]) == (1, 0)
                order = a_small_order(at_start, "dry", dry_run=True, symbol="LISTED")
                assert (
                    await clients.stubs[0].PreTradeCheck(order)
                ).reject_reason == pb.STALE_DATA  # for want of a mark

                held = open_account(fakes, misses)
                reason, took_s = await first_answer(stores, clients, user=misses)
                assert reason == 0
                assert fakes.wallet.about[misses.user_id, ACCOUNT] == 1

                open_account(fakes, holds, HELD)
                assert (await first_answer(stores, clients, user=holds, side=pb.SELL))[0] == 0
                closing = a_small_order(holds, "c-1", side=pb.SELL, quantity="1", reduce_only=True)
                assert (await clients.stubs[0].PreTradeCheck(closing)).decision == pb.APPROVED

                assert (await first_answer(stores, clients, user=nobody))[0] == pb.STALE_DATA
                assert await reason_of(clients, nobody) == pb.STALE_DATA
                assert fakes.wallet.about[nobody.user_id, ACCOUNT] == 1

                lost = {**envelope(3), "user_id": misses.user_id, "account_id": ACCOUNT, "snapshot": None}
                row = {"asset": "USDT", "total": "15000", "locked": "0"}
                fakes.wallet.every = Fault.ERROR
                await publish(stores, [("wallet.balance_changed.v1", {**lost, "balance": row, "heals": None})])
                async with asyncio.timeout(30):
                    while await reason_of(clients, misses) != pb.STALE_DATA:
                        pass
                held.balance_sequence, fakes.wallet.every = 3, Fault.UP
                await until_it_passes(clients, misses)
    record_property("figure", f"an order of an account that nobody told of was answered in {took_s * 1_000:.0f} ms")


async def test_process_outlives_every_fault_of_the_services(data_folder: Path, record_property: RecordFigure) -> None:
    """RE-315, RE-301, RE-309: whatever they do, orders of others pass, those that need them are stale in time, and all
    pass when they are well again; it ends orderly while they hang.
    """
    data_folder.parent.mkdir(exist_ok=True)
    faults = [fault for fault in Fault if fault is not Fault.UP]
    told, *users = some_users(1 + len(faults))
    slowest_s = 0.0
    async with running(FakeUpstreams()) as fakes:
        fakes.wallet.slow_ms = fakes.position.slow_ms = 60_000
        settings = in_front_of(fakes.address, deadline_ms=DEADLINE_MS)
        with await serving(data_folder, settings) as served:
            async with guest_of(data_folder) as stores, Clients(served.grpc, 1) as clients:
                await publish(stores, opening(told))
                await until_it_passes(clients, told)
                for fault, user in zip(faults, users, strict=True):
                    open_account(fakes, user)
                    fakes.wallet.every = fakes.position.every = fault
                    reason, took_s = await first_answer(stores, clients, user=user)
                    assert reason == pb.STALE_DATA, fault
                    assert took_s < DEADLINE_MS / 1_000 + SLACK_S, fault
                    assert fakes.wallet.about[user.user_id, ACCOUNT] == 1, fault
                    assert await reason_of(clients, told) == 0, fault
                    slowest_s = max(slowest_s, took_s)
                    fakes.wallet.every = fakes.position.every = Fault.UP
                    await until_it_passes(clients, user)
                fakes.wallet.every = Fault.HANG
                (late,) = some_users(1)
                open_account(fakes, late)
                assert (await first_answer(stores, clients, user=late))[0] == pb.STALE_DATA
            code, _ = served.terminate(within_s=10)
            assert code == 0, served.complaints()
    record_property(
        "figure", f"{len(faults)} faults of upstream services: none passed, slowest answer {slowest_s:.2f} s"
    )


async def test_process_starts_without_the_services_and_reads_on_when_they_come(data_folder: Path) -> None:
    """RE-314, RE-315: nobody listens at the start; told users pass, others are stale, until the services are there."""
    data_folder.parent.mkdir(exist_ok=True)
    async with running(FakeUpstreams()) as taken:
        address = taken.address
    waits, never_asked = some_users(2)
    with await serving(data_folder, in_front_of(address)) as served:
        async with guest_of(data_folder) as stores, Clients(served.grpc, 1) as clients:
            assert (await first_answer(stores, clients, user=waits))[0] == pb.STALE_DATA
            fakes = FakeUpstreams()
            open_account(fakes, waits)
            open_account(fakes, never_asked)
            fakes.book.instruments = {"LISTED": replace(INSTRUMENTS["BTCUSDT"], symbol="LISTED")}
            async with running(fakes, port=int(address.rpartition(":")[2])):
                await until_it_passes(clients, waits)
                order = a_small_order(waits, "dry", dry_run=True, symbol="LISTED")
                async with asyncio.timeout(60):
                    while (await clients.stubs[0].PreTradeCheck(order)).reject_reason == pb.INSTRUMENT_NOT_FOUND:
                        pass
                assert fakes.metadata.asked == {"ListInstruments": 1}
                assert (await first_answer(stores, clients, user=never_asked))[0] == 0


async def test_settings_that_name_no_service_ask_none(data_folder: Path) -> None:
    """RE-309: without addresses a process is what it was, and an account that nobody told of is stale."""
    data_folder.parent.mkdir(exist_ok=True)
    (user,) = some_users(1)
    with await serving(data_folder, {**CALM}) as served:
        async with guest_of(data_folder) as stores, Clients(served.grpc, 1) as clients:
            assert (await first_answer(stores, clients, user=user))[0] == pb.STALE_DATA
            answer = await clients.stubs[0].PreTradeCheck(a_small_order(user, "o-1"))
            assert [violation.metric for violation in answer.violations] == ["balance"]
