"""What an officer changes by REST decides orders at the gate within a second of the reply."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any

import pytest
from tests.system.clients import Clients, Officer, a_small_order, introduce, officer_of
from tests.system.processes import RecordFigure, Served
from tests.system.world import User, guest_of, some_users

from tidegate.wire.proto.risk.v1 import main_pb2 as pb

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

EFFECTIVE_S_MAX = 1.0

Wanted = Callable[[pb.PreTradeCheckResponse], bool]


async def seconds_until(clients: Clients, user: User, *, wanted: Wanted, **fields: Any) -> float:
    """Ask dry without a pause until the gate decides as wanted; give the seconds it took."""
    begun = perf_counter()
    async with asyncio.timeout(10):
        while not wanted(await clients.stubs[0].PreTradeCheck(a_small_order(user, dry_run=True, **fields))):
            pass
    return perf_counter() - begun


def refused_for(reason: int) -> Wanted:
    """Want a refusal for a reason."""
    return lambda answer: answer.decision == pb.REJECTED and answer.reject_reason == reason


def passes(answer: pb.PreTradeCheckResponse) -> bool:
    """Want an approval."""
    return answer.decision == pb.APPROVED


async def change(officer: Officer, method: str, *, path: str, body: object, etag: str = "") -> tuple[Any, str]:
    """Make one change that must be taken; give the document and its ETag."""
    headers = {"If-Match": etag} if etag else None
    status, document, answered = await officer.ask(method, path, body=body, headers=headers)
    assert status in {200, 201}, document
    return document, answered["ETag"]


@pytest.mark.parametrize("scope", ["USER", "SYMBOL", "GLOBAL"])
async def test_a_kill_switch_holds_within_a_second_of_the_reply(
    scope: str, calm_service: Served, record_property: RecordFigure
) -> None:
    """PT-202, PT-310, PT-805: HALTED at each level refuses, ACTIVE lets through again."""
    (user,) = some_users(1)
    key = {"USER": user.user_id, "SYMBOL": "BTCUSDT", "GLOBAL": None}[scope]
    took: list[float] = []
    async with (
        guest_of(calm_service.data) as stores,
        Clients(calm_service.grpc, 1) as clients,
        officer_of(calm_service.data, calm_service.rest) as officer,
    ):
        await introduce(stores, clients, users=[user])
        try:
            for state, wanted in (("HALTED", refused_for(pb.TRADING_HALTED)), ("ACTIVE", passes)) * 3:
                body = {"scope": scope, "key": key, "state": state, "reason": "a test of the switch"}
                await change(officer, "PUT", path="/v1/trading-state", body=body)
                took.append(await seconds_until(clients, user, wanted=wanted))
        finally:
            body = {"scope": scope, "key": key, "state": "ACTIVE", "reason": "the test is over"}
            await change(officer, "PUT", path="/v1/trading-state", body=body)
    assert max(took) < EFFECTIVE_S_MAX
    record_property("figure", f"{scope} switch in force after {max(took) * 1_000:.0f} ms at most (bound 1 s)")


async def test_a_frozen_profile_holds_within_a_second_of_the_reply(
    calm_service: Served, record_property: RecordFigure
) -> None:
    """PT-204, PT-313: freezing a user refuses, unfreezing lets through again; limits of leverage likewise."""
    (user,) = some_users(1)
    took: list[float] = []
    path = f"/v1/risk-profiles/{user.user_id}"
    async with (
        guest_of(calm_service.data) as stores,
        Clients(calm_service.grpc, 1) as clients,
        officer_of(calm_service.data, calm_service.rest) as officer,
    ):
        await introduce(stores, clients, users=[user])
        _, _, headers = await officer.ask("GET", path)
        etag = headers["ETag"]
        for body, wanted in (
            ({"frozen": True}, refused_for(pb.USER_FROZEN)),
            ({"frozen": False}, passes),
            ({"max_leverage": "2"}, refused_for(pb.MAX_LEVERAGE_EXCEEDED)),
            ({"max_leverage": "100"}, passes),
        ):
            _, etag = await change(officer, "PATCH", path=path, body=body, etag=etag)
            took.append(await seconds_until(clients, user, wanted=wanted))
    assert max(took) < EFFECTIVE_S_MAX
    record_property("figure", f"profile in force after {max(took) * 1_000:.0f} ms at most (bound 1 s)")


async def test_a_rule_holds_within_a_second_of_the_reply(calm_service: Served, record_property: RecordFigure) -> None:
    """PT-202, PT-505: a rule that is created, changed from REJECT to WARN and put out of use."""
    (user,) = some_users(1)
    took: list[float] = []
    rule = {
        "name": f"small orders of {user.user_id}",
        "condition": {
            "all": [
                {"field": "user_id", "op": "eq", "value": user.user_id},
                {"field": "order_quantity", "op": "lt", "value": "0.0015"},
            ]
        },
        "severity": "LOW",
        "action": "REJECT",
        "active": True,
    }
    async with (
        guest_of(calm_service.data) as stores,
        Clients(calm_service.grpc, 1) as clients,
        officer_of(calm_service.data, calm_service.rest) as officer,
    ):
        await introduce(stores, clients, users=[user])
        document, etag = await change(officer, "POST", path="/v1/risk-rules", body=rule)
        took.append(await seconds_until(clients, user, wanted=refused_for(pb.RISK_RULE_VIOLATION)))
        path = f"/v1/risk-rules/{document['id']}"
        _, etag = await change(officer, "PATCH", path=path, body={"action": "WARN"}, etag=etag)
        took.append(await seconds_until(clients, user, wanted=lambda answer: answer.decision == pb.FLAGGED))
        await change(officer, "PATCH", path=path, body={"active": False}, etag=etag)
        took.append(await seconds_until(clients, user, wanted=passes))
    assert max(took) < EFFECTIVE_S_MAX
    record_property("figure", f"rule in force after {max(took) * 1_000:.0f} ms at most (bound 1 s)")


async def test_max_order_quantity_agrees_with_asking_a_whole_process(calm_service: Served) -> None:
    """PT-125: over the wire, on a real book with reservations: the quantity passes, one lot more does not."""
    (user,) = some_users(1, usdt="5000")
    async with guest_of(calm_service.data) as stores, Clients(calm_service.grpc, 1) as clients:
        await introduce(stores, clients, users=[user])
        stub = clients.stubs[0]
        await stub.PreTradeCheck(a_small_order(user, "held", quantity="0.3", leverage="20"))
        wanted = a_small_order(user, "most", quantity="", leverage="20")
        most = await stub.MaxOrderQuantity(pb.MaxOrderQuantityRequest(order=wanted))
        lots = round(float(most.quantity) * 1_000)
        taken = await stub.PreTradeCheck(
            a_small_order(user, "more", quantity=f"{(lots + 1) / 1_000:.3f}", leverage="20")
        )
        passing = await stub.PreTradeCheck(a_small_order(user, "most", quantity=most.quantity, leverage="20"))
        assert (taken.decision, taken.reject_reason) == (pb.REJECTED, most.binding_reason)
        assert passing.decision == pb.APPROVED
