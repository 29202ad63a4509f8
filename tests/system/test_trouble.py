"""Deadlines, overload, a database that dies, an orderly end: what callers are told, and what remains of it."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2
from tests.system.clients import Clients, Told, a_small_order, ask_all, introduce
from tests.system.journal import recorded
from tests.system.processes import RecordFigure, Served, server_pid
from tests.system.world import CALM, User, guest_of, market_seed, some_users

from tidegate.bootstrap.stores import Stores
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

pytestmark = [pytest.mark.system, pytest.mark.timeout(1_800)]

MEMORY_MB_MORE_MAX = 24
"""By how much memory may grow from the first burst to the last: allocators keep what they had once."""

WHOLE_LOADS = 3
"""Loads answered whole, one after the other, by which a gate counts as healed."""

HOLD = "LOCK TABLE decisions IN EXCLUSIVE MODE"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@asynccontextmanager
async def held_journal(stores: Stores) -> AsyncIterator[None]:
    """Keep the journal from being written: each write waits until the block is left."""
    async with stores.pool.transaction() as connection:
        await connection.execute(HOLD)
        yield


async def journal_is_awaited(stores: Stores) -> None:
    """Wait until a write waits for the journal."""
    async with asyncio.timeout(20), stores.pool.connection() as connection:
        while not await connection.fetchval(WAITING):
            pass


async def gauge(served: Served, name: str) -> float:
    """Read one figure of ``/metrics``."""
    async with aiohttp.ClientSession() as session, session.get(f"{served.rest}/metrics") as response:
        lines = (await response.text()).splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))


async def queue_is(served: Served, count: int) -> None:
    """Wait until so many orders wait to be decided."""
    async with asyncio.timeout(4):
        while await gauge(served, "tidegate_gate_queue_length") < count:
            pass


async def live_count(clients: Clients, stores: Stores, *, user: User, label: str) -> int:
    """Give the number of live orders of a user as the gate sees it."""
    probe = await clients.stubs[0].PreTradeCheck(a_small_order(user, f"probe-{label}", quantity="99999"))
    record = await stores.archive.get(probe.decision_id)
    assert record is not None
    return sum(account.live_count for account in record.evidence.accounts)


async def test_gate_told_to_end_answers_all_in_flight_and_ends_with_0(
    data_folder: Path, record_property: RecordFigure
) -> None:
    """PL-107: orders that wait for a slow journal when SIGTERM comes are answered; then the process ends, with 0."""
    data_folder.parent.mkdir(exist_ok=True)
    (user,) = some_users(1, usdt="1000000")
    with Served(data_folder, settings=CALM, seed=market_seed(data_folder.parent)) as served:
        async with Clients(served.grpc, 4) as clients:
            orders = [a_small_order(user, f"o-{number}") for number in range(200)]
            async with guest_of(data_folder) as stores:
                await introduce(stores, clients, users=[user])
                async with held_journal(stores):
                    first = asyncio.create_task(ask_all(clients, orders[:1]))
                    await journal_is_awaited(stores)
                    others = asyncio.create_task(ask_all(clients, orders[1:], in_flight=50))
                    await queue_is(served, len(orders) - 1)
                    ending = asyncio.create_task(asyncio.to_thread(served.terminate, within_s=30))
                    await not_serving(clients)
            told = await others
            told.answers |= (await first).answers
            code, took_s = await ending
    assert not told.refusals
    assert {answer.decision for answer in told.answers.values()} == {pb.APPROVED}
    assert code == 0
    assert took_s < 10
    with Served(data_folder, settings=CALM) as again:
        async with guest_of(data_folder) as stores, Clients(again.grpc, 1) as clients:
            assert {record.order.order_id for record in await recorded(stores)} >= set(told.answers)
            assert await live_count(clients, stores, user=user, label="again") == len(orders)
    record_property(
        "figure", f"SIGTERM with {len(orders)} orders in flight: all answered, exit {code} in {took_s:.1f} s"
    )


async def not_serving(clients: Clients) -> None:
    """Wait until the health service says so, or takes no more calls at all."""
    check = clients.channels[-1].unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    async with asyncio.timeout(10):
        try:
            while (await check(health_pb2.HealthCheckRequest())).status == health_pb2.HealthCheckResponse.SERVING:
                pass
        except grpc.aio.AioRpcError as error:
            if error.code() not in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}:
                raise


async def test_a_spent_deadline_leaves_no_reservation_and_a_repeat_is_decided_anew(
    calm_service: Served, record_property: RecordFigure
) -> None:
    """PT-107: orders whose deadline is spent while they are decided and written are told so and hold nothing."""
    (user,) = some_users(1, usdt="1000000")
    async with guest_of(calm_service.data) as stores, Clients(calm_service.grpc, 4) as clients:
        await introduce(stores, clients, users=[user])
        orders = [a_small_order(user, f"late-{number}") for number in range(120)]
        async with held_journal(stores):
            told = await ask_all(clients, orders, in_flight=30, timeout_s=0.7)
        assert {refusal.code for refusal in told.refusals.values()} == {grpc.StatusCode.DEADLINE_EXCEEDED}
        assert not told.answers
        assert await live_count(clients, stores, user=user, label="after") == 0
        bigger = [a_small_order(user, order.order_id, quantity="0.002") for order in orders]
        again = await ask_all(clients, bigger)
        assert {answer.decision for answer in again.answers.values()} == {pb.APPROVED}
        assert await live_count(clients, stores, user=user, label="again") == len(orders)
    record_property("figure", f"{len(orders)} deadlines spent in the journal: 0 reservations left, all ids free again")


async def test_a_gate_asked_too_much_says_when_to_come_back_and_stays_small(
    data_folder: Path, full_sizes: bool, record_property: RecordFigure
) -> None:
    """PL-308: with the queue full every further order is told RESOURCE_EXHAUSTED with a time; memory stays flat."""
    rounds, burst = (20, 3_000) if full_sizes else (3, 1_000)
    queue_max, at_most = 64, 64 + 2 * 16
    settings = {**CALM, "TIDEGATE_GATE_QUEUE_MAX": str(queue_max), "TIDEGATE_GATE_BATCH_MAX": "16"}
    data_folder.parent.mkdir(exist_ok=True)
    (user,) = some_users(1, usdt="100000000")
    codes: Counter[grpc.StatusCode] = Counter()
    sizes: list[float] = []
    with Served(data_folder, settings=settings, seed=market_seed(data_folder.parent)) as served:
        async with guest_of(data_folder) as stores, Clients(served.grpc, 8) as clients:
            await introduce(stores, clients, users=[user])
            for turn in range(rounds):
                orders = [a_small_order(user, f"o-{turn}-{number}") for number in range(burst)]
                told = Told()
                async with held_journal(stores), asyncio.timeout(4):
                    asking = asyncio.create_task(ask_all(clients, orders, told=told, in_flight=burst // 8))
                    while len(told.refusals) < burst - at_most:
                        await told.came.wait()
                        told.came.clear()
                await asking
                codes.update(refusal.code for refusal in told.refusals.values())
                assert {refusal.retry_ms for refusal in told.refusals.values()} <= {50}
                assert all(answer.decision == pb.APPROVED for answer in told.answers.values())
                sizes.append(served.memory_mb())
    assert set(codes) == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert sizes[-1] - sizes[0] < MEMORY_MB_MORE_MAX, sizes
    record_property(
        "figure",
        f"{rounds} bursts of {burst} orders on a queue of {queue_max}: {codes.total()} told RESOURCE_EXHAUSTED with "
        f"RetryInfo; memory {sizes[0]:.0f} MB after the first burst, {sizes[-1]:.0f} MB after the last",
    )


async def test_a_database_that_dies_under_load_is_unavailable_and_heals(
    data_folder: Path, full_sizes: bool, record_property: RecordFigure
) -> None:
    """PT-106, PT-108, PL-307, PL-304: UNAVAILABLE with RetryInfo meanwhile, healed without a restart, and every
    answer that was given is in the journal.
    """
    deaths = 10 if full_sizes else 2
    data_folder.parent.mkdir(exist_ok=True)
    users = some_users(4, usdt="100000000")
    answered: dict[str, pb.PreTradeCheckResponse] = {}
    unavailable, outages_s = 0, list[float]()
    with Served(data_folder, settings=CALM, seed=market_seed(data_folder.parent)) as served:
        async with Clients(served.grpc, 8) as clients:
            async with guest_of(data_folder) as stores:
                await introduce(stores, clients, users=users)
            for turn in range(deaths):
                told = await load_through_death(clients, users, served=served, turn=turn, outages_s=outages_s)
                answered |= told.answers
                unavailable += len(told.refusals)
                assert {refusal.code for refusal in told.refusals.values()} == {grpc.StatusCode.UNAVAILABLE}
                assert all(refusal.retry_ms for refusal in told.refusals.values())
            assert served.running
            async with guest_of(data_folder) as stores:
                records = {record.answer.decision_id: record for record in await recorded(stores)}
                live = {user.user_id: await live_count(clients, stores, user=user, label="end") for user in users}
    approved = {order_id: answer for order_id, answer in answered.items() if answer.decision == pb.APPROVED}
    assert approved
    for order_id, answer in answered.items():
        assert records[answer.decision_id].order.order_id == order_id
    owners = Counter(records[answer.decision_id].order.user_id for answer in approved.values())
    assert live == owners, "reservations and approvals that were told are not the same"
    record_property(
        "figure",
        f"{deaths} kills of PostgreSQL under load: {len(answered)} answered and all recorded, {unavailable} told "
        f"UNAVAILABLE with RetryInfo, healed each time, after {max(outages_s):.1f} s at most",
    )


async def load_through_death(
    clients: Clients, users: list[User], *, served: Served, turn: int, outages_s: list[float]
) -> Told:
    """Ask without a pause, kill the database in the middle of it, go on until answers come again, then ask again
    what was refused.
    """
    told, orders = Told(), dict[str, pb.PreTradeCheckRequest]()
    killed_at, whole = 0.0, 0
    async with asyncio.timeout(120):
        for turn_of_load in range(10_000):
            batch = [a_small_order(users[n % len(users)], f"o-{turn}-{turn_of_load}-{n}") for n in range(96)]
            orders |= {order.order_id: order for order in batch}
            before = len(told.refusals)
            asking = asyncio.create_task(ask_all(clients, batch, told=told))
            if turn_of_load == 2:
                await asyncio.wait_for(told.came.wait(), 60)
                os.kill(server_pid(served.data), signal.SIGKILL)
                killed_at = perf_counter()
            await asking
            told.came.clear()
            if not told.refusals or len(told.refusals) > before:
                continue
            if not whole:
                outages_s.append(perf_counter() - killed_at)
            whole += 1
            if whole == WHOLE_LOADS:
                break
    refused = [orders[order_id] for order_id in told.refusals]
    again = await ask_all(clients, refused)
    assert not again.refusals
    told.answers |= again.answers
    return told
