"""Events end to end: what comes in becomes the state or makes it stale, what goes out goes out once and in order."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest
from tests.core.pretrade.event_world import Truth, World, spoilt
from tests.inbound.events.records import ENVIRONMENT, change_record
from tests.system.clients import Clients, a_small_order, ask_all, introduce, officer_of
from tests.system.engine import command, engine
from tests.system.journal import all_applied, out_events, recorded
from tests.system.processes import RecordFigure, Served
from tests.system.world import User, envelope, guest_of, opening, publish, random_orders, some_users

from tidegate.bootstrap.stores import Stores
from tidegate.core.pretrade.changes import AccountChange
from tidegate.core.pretrade.evidence import AccountEvidence, Evidence
from tidegate.core.pretrade.order import PositionSide
from tidegate.ports.event_bus import OutgoingEvent
from tidegate.wire.proto.risk.v1 import main_pb2 as pb
from tidegate.wire.topics import topic_name

pytestmark = [pytest.mark.system, pytest.mark.timeout(1_800)]


def told_of(user: User, changes: Iterable[AccountChange]) -> list[tuple[str, dict[str, Any]]]:
    """Write what a world says of its account as records about this user."""
    records = []
    for change in changes:
        topic, record = change_record(change)
        event_id = str(uuid5(NAMESPACE_OID, f"{user.user_id}/{record['event_id']}"))
        records.append((topic, {**record, "user_id": user.user_id, "event_id": event_id}))
    return records


def a_long_life(seed: int, *, least: int) -> World:
    """Let a world live until it has said so many things."""
    world = World(Random(seed))
    while sum(map(len, world.logs.values())) < least:
        world.live(50)
    return world


def delivered(world: World) -> list[AccountChange]:
    """Each topic in its order, the topics in none; some records dropped, doubled and late."""
    left = {topic: list(log) for topic, log in world.logs.items()}
    told: list[AccountChange] = []
    while topics := [topic for topic, log in left.items() if log]:
        told.append(left[world.random.choice(topics)].pop(0))
    return spoilt(world, told)


async def evidence_of(clients: Clients, stores: Stores, *, user: User, label: str) -> Evidence:
    """Give the state of a user as an order that is refused finds it."""
    answer = await clients.stubs[0].PreTradeCheck(a_small_order(user, f"probe-{label}", quantity="99999"))
    assert answer.decision == pb.REJECTED
    record = await stores.archive.get(answer.decision_id)
    assert record is not None
    return record.evidence


def differences(account: AccountEvidence, truth: Truth) -> list[str]:
    """Say where the state is not the truth: balances, positions, and what is left of live orders on each side."""
    found = []
    balances = {row.asset: row for row in account.balances or ()}
    if balances != truth.balances:
        found.append(f"balances {balances}, in truth {truth.balances}")
    positions = {(side.symbol, side.position_side): side for view in account.symbols for side in _sides(view)}
    if positions != truth.positions:
        found.append(f"positions {positions}, in truth {truth.positions}")
    live = {
        (view.symbol, totals.side): (totals.count, totals.quantity)
        for view in account.symbols
        for totals in view.totals
        if totals.leg is PositionSide.BOTH
    }
    wanted: dict[Any, tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for order in truth.orders.values():
        count, quantity = wanted[order.symbol, order.side]
        wanted[order.symbol, order.side] = (count + 1, quantity + order.quantity - order.filled_quantity)
    if live != dict(wanted):
        found.append(f"live orders {live}, in truth {dict(wanted)}")
    return found


def _sides(view: Any) -> list[Any]:  # noqa: ANN401 - a SymbolView and its positions
    return [side for side in (view.both, view.long, view.short) if side is not None]


async def test_events_shuffled_doubled_and_dropped_become_the_state_or_make_it_stale(
    calm_service: Served, full_sizes: bool, record_property: RecordFigure
) -> None:
    """PT-704, PT-705, PT-707: 1,000 events of an account through the bus (ten accounts at full size).

    Delivered in order of each topic the state is the truth; with records dropped, doubled and late it is the truth or
    the account is stale; snapshots heal it, and then it is the truth.
    """
    worlds = 10 if full_sizes else 2
    stale = events = 0
    async with guest_of(calm_service.data) as stores, Clients(calm_service.grpc, 1) as clients:
        for seed in range(worlds):
            world, (user,) = a_long_life(seed, least=1_000), some_users(1)
            sent = delivered(world)
            events += len(sent)
            await publish(stores, [opening(user)[0], *told_of(user, sent)])
            await all_applied(stores)
            evidence = await evidence_of(clients, stores, user=user, label="spoilt")
            (account,) = evidence.accounts
            wrong = differences(account, world.truth())
            assert evidence.account_gap or not wrong, wrong
            stale += bool(evidence.account_gap)
            await publish(stores, told_of(user, world.snapshots()))
            await all_applied(stores)
            healed = await evidence_of(clients, stores, user=user, label="healed")
            assert (healed.account_gap, differences(healed.accounts[0], world.truth())) == ("", [])
    record_property("figure", f"{events} events of {worlds} accounts: {stale} accounts stale, all true once healed")


async def test_events_told_in_order_become_the_state(calm_service: Served) -> None:
    """PT-704, PT-705: everything told twice over, each topic in its order: no gap, and the state is the truth."""
    world, (user,) = a_long_life(77, least=1_000), some_users(1)
    left = {topic: [change for change in log for _ in range(2)] for topic, log in world.logs.items()}
    told: list[AccountChange] = []
    while topics := [topic for topic, log in left.items() if log]:
        told.append(left[world.random.choice(topics)].pop(0))
    async with guest_of(calm_service.data) as stores, Clients(calm_service.grpc, 1) as clients:
        await publish(stores, [opening(user)[0], *told_of(user, told)])
        await all_applied(stores)
        evidence = await evidence_of(clients, stores, user=user, label="told")
    (account,) = evidence.accounts
    assert (evidence.account_gap, differences(account, world.truth())) == ("", [])


async def test_poison_goes_to_the_dead_letters_and_the_feed_goes_on(
    calm_service: Served, record_property: RecordFigure
) -> None:
    """PT-709, PT-707: the original bytes are kept, the user they name is stale until told anew, others are served."""
    random, (poisoned, other) = Random(9), some_users(2)
    topics = ["wallet.balance_changed.v1", "position.updated.v1", "engine.event.v1", "user.frozen.v1", "md.mark.v1"]
    poison = [
        OutgoingEvent(
            topic_name(topic, environment=ENVIRONMENT),
            poisoned.user_id,
            random.choice([b"", b"\x00\x00\x00\x00\x01", b"\xc3\x01"]) + random.randbytes(random.randint(0, 60)),
            f"poison-{number}-{poisoned.user_id}",
        )
        for number, topic in enumerate(topics * 8)
    ]
    async with guest_of(calm_service.data) as stores, Clients(calm_service.grpc, 1) as clients:
        await introduce(stores, clients, users=[poisoned])
        await stores.bus.publish(poison)
        await introduce(stores, clients, users=[other])
        await all_applied(stores)
        letters = [row for row in await stores.dead_letters.list(None, limit=10_000) if row.key == poisoned.user_id]
        stale = await clients.stubs[0].PreTradeCheck(a_small_order(poisoned, dry_run=True))
        assert Counter((row.topic, row.value) for row in letters) == Counter((row.topic, row.value) for row in poison)
        assert all(row.error for row in letters)
        assert stale.reject_reason == pb.STALE_DATA
        await publish(stores, healing(poisoned))
        async with asyncio.timeout(10):
            while (await clients.stubs[0].PreTradeCheck(a_small_order(poisoned, dry_run=True))).decision != pb.APPROVED:
                pass
    record_property("figure", f"{len(poison)} poison records: all in the dead letters with their bytes, feed alive")


def healing(user: User) -> list[tuple[str, dict[str, Any]]]:
    """Tell all there is of a user once more, later in each sequence."""
    created, *account = opening(user)
    limits = {name: value for name, value in created[1].items() if name not in envelope(1)}
    others = ("created", "verified", "kyc.updated", "frozen", "unfrozen")
    heals = {"heals": {f"user.{name}.v1": 50 for name in others}}
    again = [(topic, {**record, **envelope(50)}) for topic, record in account]
    for topic, record in again:
        record["heals"] = dict.fromkeys(record["heals"], 50)
        assert topic != created[0]
    return [("user.updated.v1", {**limits, **envelope(50), **heals}), *again]


async def test_events_of_every_decision_are_on_the_bus_once_and_in_order(
    calm_service: Served, full_sizes: bool, record_property: RecordFigure
) -> None:
    """PT-710, PT-711, PT-715, PT-716: each decision's events exactly once by event_id, each user's in their order.

    A rule that warns gives violations; dry runs give nothing; topics of others are never produced.
    """
    count = 5_000 if full_sizes else 400
    users = some_users(5, usdt="30000")
    random = Random(11)
    orders = random_orders(random, users, count=count, prefix="e")
    ids = [user.user_id for user in users]
    async with (
        guest_of(calm_service.data) as stores,
        Clients(calm_service.grpc, 8) as clients,
        officer_of(calm_service.data, calm_service.rest) as officer,
    ):
        await introduce(stores, clients, users=users)
        status, made, headers = await officer.ask("POST", "/v1/risk-rules", body=a_watching_rule(ids))
        assert status == 201, made
        async with asyncio.timeout(10):
            while (await clients.stubs[0].PreTradeCheck(watched(users[0]))).decision != pb.FLAGGED:
                pass
        told = await ask_all(clients, orders)
        await officer.ask(
            "PATCH", f"/v1/risk-rules/{made['id']}", body={"active": False}, headers={"If-Match": headers["ETag"]}
        )
        records = [record for record in await recorded(stores) if record.order.user_id in ids]
        events = [event for event in await out_events(stores) if event[1] in ids]
    assert {record.order.order_id for record in records} == set(told.answers)
    once = {str(record["event_id"]): (topic, key, record) for topic, key, record in events}
    sent = Counter((topic, str(record["decision_id"])) for topic, _, record in once.values())
    hits = {record.answer.decision_id: len(record.answer.rule_hits) for record in records}
    expected = Counter(
        {
            (topic, record.answer.decision_id): hits[record.answer.decision_id] if topic == "risk.violation.v1" else 1
            for record in records
            for topic in record.announces
        }
    )
    assert sent == expected
    for user_id in ids:
        order = [
            str(record["decision_id"]) for topic, key, record in events if key == user_id and "decision.v1" in topic
        ]
        times = [record.answer.evaluated_at_us for record in records if record.order.user_id == user_id]
        of_user = [record.answer.decision_id for record in records if record.order.user_id == user_id]
        assert list(dict.fromkeys(order)) == of_user
        assert times == sorted(times)
    by_topic = Counter(topic for topic, _ in sent.elements())
    assert by_topic["risk.violation.v1"] > 0
    assert by_topic["risk.exposure_snapshot.v1"] > 0
    counts = ", ".join(f"{topic} {number}" for topic, number in sorted(by_topic.items()))
    record_property("figure", f"{len(records)} decisions, {len(once)} events ({counts}): none missing, none doubled")


def a_watching_rule(ids: list[str]) -> dict[str, Any]:
    """Write a rule that warns of high leverage of these users."""
    of_users = {"field": "user_id", "op": "in", "value": ids}
    high = {"field": "leverage", "op": "gte", "value": 20}
    condition = {"all": [of_users, high]}
    return {"name": f"watched {ids[0]}", "condition": condition, "severity": "LOW", "action": "WARN", "active": True}


def watched(user: User) -> pb.PreTradeCheckRequest:
    """Build an order that the rule of the test warns of."""
    return a_small_order(user, dry_run=True, leverage="20")


async def test_reservations_become_open_orders_and_go_as_the_engine_says(calm_service: Served) -> None:
    """PT-602, PT-603: a command makes an open order of a reservation, without counting it twice; its end frees it."""
    (user,) = some_users(1, usdt="5000")
    async with guest_of(calm_service.data) as stores, Clients(calm_service.grpc, 1) as clients:
        await introduce(stores, clients, users=[user])
        stub = clients.stubs[0]
        order = a_small_order(user, "life", quantity="0.5", leverage="10")
        assert (await stub.PreTradeCheck(order)).decision == pb.APPROVED
        reserved = await evidence_of(clients, stores, user=user, label="reserved")
        await publish(stores, [("order.command.v1", {**envelope(2), **command(order)})])
        await all_applied(stores)
        opened = await evidence_of(clients, stores, user=user, label="opened")
        await publish(stores, [("engine.event.v1", {**envelope(1), **engine(order, "CANCELLED")})])
        await all_applied(stores)
        ended = await evidence_of(clients, stores, user=user, label="ended")
    views = [evidence.accounts[0].symbols for evidence in (reserved, opened, ended)]
    assert views[0][0].extra > 0
    assert views[1] == (replace(views[0][0], extra=Decimal(0)),)
    assert views[2] == ()
    assert [evidence.accounts[0].live_count for evidence in (reserved, opened, ended)] == [1, 1, 0]
