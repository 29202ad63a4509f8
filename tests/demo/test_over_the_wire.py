"""The demo's two clients against the real edges, on loopback in this process."""

import socket

import aiohttp
import grpc
import pytest
from tests.demo.house import House, a_stage
from tests.inbound.rest.admin import Admin, token_for

from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.order import Order
from tidegate.demo.gateway import CallFailed, GrpcGateway, request_of
from tidegate.demo.ladders import load_listings
from tidegate.demo.officer import OfficerRefused, RestOfficer
from tidegate.demo.play import DemoTarget, invitations
from tidegate.demo.scenes import _buy
from tidegate.demo.world import ADA, MIA, RULES
from tidegate.inbound.grpc.access import Access
from tidegate.inbound.grpc.server import GrpcServer
from tidegate.inbound.grpc.service import RiskService
from tidegate.inbound.rest.server import AdminServer, listen
from tidegate.ports.paging import PageRequest
from tidegate.usecases.pretrade.max_quantity import MaxQuantity, max_quantity
from tidegate.wire.proto.risk.v1 import main_pb2 as pb


def service_of(house: House) -> RiskService:
    """The servicer on the gate of a house."""

    async def ask(order: Order, dry_run: bool) -> Answer:
        return await house.gate.ask(order, dry_run=dry_run)

    async def ask_most(order: Order) -> MaxQuantity:
        now_us = house.desk.clock.now
        states = await house.desk.book.snapshot([order.user_id], now_us=now_us)
        return max_quantity(order, house.decider.snapshot(order, states[order.user_id], now_us=now_us))

    return RiskService(ask, ask_most, access=Access(None))


async def test_gateway_over_grpc_gives_what_the_service_says() -> None:
    """Checks are timed, streams keep their order, a malformed request names its fields, the most is found."""
    async with a_stage() as stage:
        await stage.performance.prepare(stage.officer)
        server = GrpcServer(service_of(stage.house), address="127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
                gateway = GrpcGateway(channel, "token")
                orders = [_buy(stage.floor, ADA, worth=worth) for worth in (500, 600, 700)]
                first = await gateway.check(request_of(orders[0]))
                rest = await gateway.stream([request_of(order) for order in orders[1:]])
                most = await gateway.most(request_of(_buy(stage.floor, MIA, worth=100)))
                with pytest.raises(CallFailed) as malformed:
                    await gateway.check(pb.PreTradeCheckRequest(user_id="nobody", order_id="o-1"))
        finally:
            await server.stop(grace_s=0)
    assert [answer.trace_id for answer in (first, *rest)] == [order.trace_id for order in orders]
    assert {answer.decision for answer in (first, *rest)} == {pb.APPROVED}
    assert len(gateway.latencies_ms) == 1
    assert gateway.latencies_ms[0] > 0
    assert most.binding_reason == pb.EXPOSURE_LIMIT_EXCEEDED
    assert malformed.value.code == "INVALID_ARGUMENT"
    assert {"user_id", "account_id", "symbol", "quantity", "side", "order_type"} <= set(malformed.value.fields)


async def test_officer_over_http_writes_once_what_is_not_there() -> None:
    """Ladders, rules and the kill switch stand after the first time; a second time writes the switch alone."""
    admin, listings = Admin(), load_listings()
    listener = listen("127.0.0.1", 0)
    server = await AdminServer.start(admin.app, listener=listener)
    try:
        async with aiohttp.ClientSession() as session:
            url = _url(listener)
            officer = RestOfficer(session, url, token=token_for("RISK_ADMIN"))
            laddered = sum(bool(listing.tiers) for listing in listings.values())
            assert await officer.prepare(listings) == laddered + len(RULES) + 1
            assert await officer.prepare(listings) == 1
            reader = RestOfficer(session, url, token=token_for("RISK_AUDITOR"))
            with pytest.raises(OfficerRefused, match="403"):
                await reader.prepare(listings)
    finally:
        await server.stop()
        listener.close()
    _, tiers = await admin.tiers.load()
    assert set(tiers) == {tier for listing in listings.values() for tier in listing.tiers}
    rules = await admin.rules.page(PageRequest(100, None), active=None, symbol=None, kyc_level=None)
    assert {stored.row.name for stored in rules.items} == {rule["name"] for rule in RULES}


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_invitations_name_the_service_and_carry_a_token() -> None:
    """What is pasted next works by itself: address, a role's token, an order of a known trader."""
    async with a_stage() as stage:
        house = stage.house
        target = DemoTarget("127.0.0.1:8081", "http://127.0.0.1:8080/", str.lower, house.publish, house.settled)
        (_, curl), (_, call) = invitations(target, stage.floor)
    assert curl == (
        "curl -s -H 'Authorization: Bearer risk_auditor' 'http://127.0.0.1:8080/v1/decisions?decision=REJECTED&limit=3'"
    )
    assert "Bearer risk_trader_gate" in call
    assert ADA.user_id(stage.floor.run) in call
