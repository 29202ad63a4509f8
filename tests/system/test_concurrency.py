"""Many clients at once on few accounts: never is more reserved than there is, whatever the interleaving."""

import asyncio
from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random
from time import perf_counter

import pytest
from tests.system.clients import Clients, Told, a_small_order, ask_all, introduce
from tests.system.engine import available_in_usdt, engine_takes
from tests.system.journal import all_applied, recorded
from tests.system.processes import RecordFigure, Served
from tests.system.reckoning import disagreements, reckon, settings_of
from tests.system.world import CALM, guest_of, market_seed, publish, random_orders, some_users

from tidegate.bootstrap.stores import Stores
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

pytestmark = [pytest.mark.system, pytest.mark.timeout(3_600)]

TTL_MS = {"lasting": 3_600_000, "expiring": 400}


@pytest.mark.parametrize("reservations", list(TTL_MS))
async def test_gate_asked_by_many_clients_at_once_never_reserves_more_than_there_is(
    reservations: str, data_folder: Path, full_sizes: bool, record_property: RecordFigure
) -> None:
    """PT-604, PT-601: each recorded decision is the plain one on the state that all earlier approvals had left.

    50 clients send 20,000 orders for 20 accounts at full size, 10 clients 1,500 orders for 8 accounts else; once with
    reservations that last, once with reservations that expire meanwhile. The decisions are replayed in the order in
    which they were recorded, by the naive reference and by sums of this suite's own.
    """
    clients_count, orders_count, accounts = (50, 20_000, 20) if full_sizes else (10, 1_500, 8)
    ttl_ms = TTL_MS[reservations]
    settings = {**CALM, "TIDEGATE_GATE_RESERVATION_TTL_MS": str(ttl_ms)}
    users = some_users(accounts, usdt="20000" if reservations == "lasting" else "4000")
    orders = random_orders(Random(1), users, count=orders_count, prefix="o")
    data_folder.parent.mkdir(exist_ok=True)
    with Served(data_folder, settings=settings, seed=market_seed(data_folder.parent)) as served:
        async with guest_of(data_folder) as stores, Clients(served.grpc, clients_count) as clients:
            await introduce(stores, clients, users=users)
            begun = perf_counter()
            told = await ask_all(clients, orders)
            took_s = perf_counter() - begun
            records = await recorded(stores)
    assert not told.refusals
    assert {record.order.order_id for record in records} == set(told.answers)
    approved = 0
    for ledger, record, verdict in reckon(records, users, settings=settings_of(reservation_ttl_ms=ttl_ms)):
        assert disagreements(verdict, record) == [], record.order.order_id
        assert ledger.overdrawn() == {}, record.order.order_id
        answer = told.answers[record.order.order_id]
        assert pb.RiskDecision.Name(answer.decision) == record.answer.decision
        assert answer.decision_id == record.answer.decision_id
        approved += record.reservation is not None
    reasons = Counter(pb.RejectReason.Name(answer.reject_reason) for answer in told.answers.values())
    assert reasons["INSUFFICIENT_MARGIN"] > orders_count // 20, "the accounts were never short: nothing was proven"
    assert approved > accounts
    record_property(
        "figure",
        f"{clients_count} clients, {orders_count} orders, {accounts} accounts, reservations {reservations}: {approved} "
        f"approved, {reasons['INSUFFICIENT_MARGIN']} short of margin, 0 overdrawn, 0 other than the plain decision; "
        f"{orders_count / took_s:.0f} orders a second, p95 {told.percentile_ms(95):.1f} ms",
    )


async def test_gate_asked_the_same_order_from_five_connections_at_once_reserves_once(
    calm_service: Served, full_sizes: bool, record_property: RecordFigure
) -> None:
    """PT-103: five equal answers, byte for byte but the trace id of each call, one decision, one reservation."""
    count = 1_000 if full_sizes else 60
    (user,) = some_users(1, usdt="1000000")
    async with guest_of(calm_service.data) as stores, Clients(calm_service.grpc, 5) as clients:
        await introduce(stores, clients, users=[user])
        for number in range(count):
            calls = [
                stub.PreTradeCheck(a_small_order(user, f"same-{number}", trace_id=f"call {place}"))
                for place, stub in enumerate(clients.stubs)
            ]
            answers = await asyncio.gather(*calls)
            assert [answer.trace_id for answer in answers] == [f"call {place}" for place in range(5)]
            for answer in answers:
                answer.trace_id = ""
            assert len({answer.SerializeToString(deterministic=True) for answer in answers}) == 1
            assert answers[0].decision == pb.APPROVED
        await clients.stubs[0].PreTradeCheck(a_small_order(user, "probe", quantity="900"))
        records = {
            record.order.order_id: record for record in await recorded(stores) if record.order.user_id == user.user_id
        }
    evidence = records["probe"].evidence
    assert [account.live_count for account in evidence.accounts] == [count]
    assert len(records) == count + 1
    record_property("figure", f"{count} orders asked five times at once: {count} decisions, {count} reservations")


async def test_gate_asked_the_same_id_with_other_content_at_once_answers_one_of_them(calm_service: Served) -> None:
    """PT-103, PT-104: of five contents under one id one is decided, and the others are refused as duplicates."""
    (user,) = some_users(1)
    async with guest_of(calm_service.data) as stores, Clients(calm_service.grpc, 5) as clients:
        await introduce(stores, clients, users=[user])
        for number in range(20):
            calls = [
                stub.PreTradeCheck(a_small_order(user, f"id-{number}", quantity=f"0.00{place + 1}"))
                for place, stub in enumerate(clients.stubs)
            ]
            reasons = Counter(answer.reject_reason for answer in await asyncio.gather(*calls))
            assert reasons == {pb.REJECT_REASON_UNSPECIFIED: 1, pb.DUPLICATE_ORDER: 4}


async def test_book_is_never_overdrawn_while_orders_come_and_engine_events_pass_between(
    calm_service: Served, full_sizes: bool, record_property: RecordFigure
) -> None:
    """PT-604, PT-602, PT-603: reservations become open orders and are cancelled while other orders are decided.

    Whoever asks meanwhile is never told of less than nothing available; at the end what is available is what the plain
    sums of the orders that are left say.
    """
    count = 4_000 if full_sizes else 400
    users = some_users(4, usdt="8000", btc="0.2")
    random = Random(5)
    orders = {order.order_id: order for order in random_orders(random, users, count=count, prefix="b")}
    told = Told()
    ended: set[str] = set()
    lowest: list[Decimal] = []

    async def exchange(stores: Stores) -> None:
        """Take approved orders into the engine's book, and cancel two of three."""
        sent = {user.user_id: Counter({"order.command.v1": 1}) for user in users}  # its snapshot was told
        done: set[str] = set()
        while len(done) < len(told.approved()) or len(told.answers) < count:
            await asyncio.wait_for(told.came.wait(), 60)
            told.came.clear()
            fresh = [orders[order_id] for order_id in told.approved() if order_id not in done]
            events = []
            for order in fresh:
                events += engine_takes(order, sent[order.user_id], cancels=random.random() < 0.67)
                ended.update({order.order_id} if events[-1][1].get("type") == "CANCELLED" else ())
            done |= {order.order_id for order in fresh}
            await publish(stores, events)

    async def look(clients: Clients) -> None:
        """Ask dry what is available, of one user after the other."""
        while len(told.answers) < count:
            for user in users:
                answer = await clients.stubs[0].PreTradeCheck(a_small_order(user, dry_run=True))
                lowest.append(Decimal(answer.available_margin))

    async with guest_of(calm_service.data) as stores, Clients(calm_service.grpc, 6) as clients:
        await introduce(stores, clients, users=users)
        await asyncio.gather(ask_all(clients, list(orders.values()), told=told), exchange(stores), look(clients))
        await all_applied(stores)
        records = {record.order.order_id: record for record in await recorded(stores)}
        for user in users:
            left = [
                records[order_id].order
                for order_id in told.approved()
                if order_id not in ended and orders[order_id].user_id == user.user_id
            ]
            answer = await clients.stubs[0].PreTradeCheck(a_small_order(user, dry_run=True))
            assert Decimal(answer.available_margin) == available_in_usdt(user, left)
    assert min(lowest) >= 0
    record_property(
        "figure",
        f"{count} orders with {len(told.approved())} taken by the engine and {len(ended)} cancelled meanwhile: "
        f"{len(lowest)} looks, never less than {min(lowest)} USDT available, the plain sums at the end",
    )
