"""The service as its callers see it: answers, streams, the largest quantity, trouble, health, reflection."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tests.inbound.grpc.edge import a_request, an_edge, refused

from tidegate.core.kernel.trouble import DependencyFailed, Overloaded
from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.order import Order
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

SERVICES = ("", "risk.v1.RiskService")


async def test_check_answers_with_everything_that_was_computed() -> None:
    """PT-120, PT-122: decision, sums as plain decimals, times, and the trace id of the call."""
    async with an_edge() as edge:
        answer = await edge.stub.PreTradeCheck(a_request("o-1", trace_id="trace of this call"))
        assert answer.decision == pb.APPROVED
        assert answer.reject_reason == pb.REJECT_REASON_UNSPECIFIED
        assert answer.required_initial_margin == "502.5"
        assert answer.available_margin == "10000"
        assert answer.trace_id == "trace of this call"
        assert answer.decision_id
        assert answer.reservation_expires_at.seconds - answer.evaluated_at.seconds == 30


async def test_check_that_is_refused_names_both_numbers() -> None:
    """PT-122, PT-380: each violation carries what was observed and the limit."""
    async with an_edge() as edge:
        answer = await edge.stub.PreTradeCheck(a_request(quantity="10"))
        assert (answer.decision, answer.reject_reason) == (pb.REJECTED, pb.INSUFFICIENT_MARGIN)
        told = [(row.code, row.observed, row.limit, row.unit, row.action) for row in answer.violations]
        assert (pb.INSUFFICIENT_MARGIN, "50250", "10000", "USDT", pb.REJECT) in told
        assert not answer.HasField("reservation_expires_at")


async def test_check_of_a_dry_run_leaves_no_trace() -> None:
    """PT-101, PT-121: decided like any other, without id, reservation or memory."""
    async with an_edge() as edge:
        dry = await edge.stub.PreTradeCheck(a_request("o-1", dry_run=True))
        wet = await edge.stub.PreTradeCheck(a_request("o-1", quantity="0.2"))
        assert (dry.decision, dry.decision_id, dry.HasField("reservation_expires_at")) == (pb.APPROVED, "", False)
        assert wet.decision == pb.APPROVED
        assert await edge.gate.reserved() == {"o-1": Decimal("0.2")}


async def test_check_of_an_unspecified_position_side_means_both() -> None:
    """PT-121: BOTH and unspecified are the same content."""
    async with an_edge() as edge:
        first = await edge.stub.PreTradeCheck(a_request("o-1"))
        again = await edge.stub.PreTradeCheck(a_request("o-1", position_side=pb.BOTH))
        assert again == first


async def test_check_sent_twice_gives_the_recorded_answer_with_the_trace_id_of_each_call() -> None:
    """PT-103: the same bytes but for the trace id, and one reservation."""
    async with an_edge() as edge:
        first = await edge.stub.PreTradeCheck(a_request("o-1", trace_id="first"))
        second = await edge.stub.PreTradeCheck(a_request("o-1", trace_id="second"))
        assert (first.trace_id, second.trace_id) == ("first", "second")
        second.trace_id = first.trace_id
        assert second.SerializeToString(deterministic=True) == first.SerializeToString(deterministic=True)
        assert list(await edge.gate.reserved()) == ["o-1"]


async def test_stream_gives_one_answer_an_order_in_their_order() -> None:
    """PT-124: refused and approved orders in between, the answers keep the order of the requests."""
    async with an_edge() as edge:
        quantities = ["0.001" if number % 3 else "900" for number in range(600)]

        async def orders() -> AsyncIterator[pb.PreTradeCheckRequest]:
            for number, quantity in enumerate(quantities):
                yield a_request(f"o-{number}", quantity=quantity, trace_id=f"t-{number}")

        answers = [answer async for answer in edge.stub.PreTradeCheckStream(orders())]
        assert [answer.trace_id for answer in answers] == [f"t-{number}" for number in range(600)]
        expected = [pb.APPROVED if quantity == "0.001" else pb.REJECTED for quantity in quantities]
        assert [answer.decision for answer in answers] == expected


async def test_stream_ends_at_the_order_that_cannot_be_read() -> None:
    """PT-102, PT-124: what came before it is answered."""
    async with an_edge() as edge:
        call = edge.stub.PreTradeCheckStream(iter([a_request("o-1"), a_request("o-2"), a_request("", side=0)]))
        answers = [await call.read(), await call.read()]
        told = await refused(call.read())
        assert [answer.decision for answer in answers if isinstance(answer, pb.PreTradeCheckResponse)] == [
            pb.APPROVED
        ] * 2
        assert told.code is grpc.StatusCode.INVALID_ARGUMENT
        assert sorted(told.fields) == ["order_id", "side"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"side": pb.SELL},
        {"price": "49000"},
        {"side": pb.SELL, "price": "51000.5"},
        {"order_type": pb.MARKET, "price": ""},
        {"order_type": pb.STOP_MARKET, "price": "", "stop_price": "50500"},
        {"leverage": "1"},
        {"leverage": "50"},
    ],
    ids=str,
)
async def test_max_order_quantity_agrees_with_asking(changes: dict[str, Any]) -> None:
    """PT-125: the quantity passes as an order, one lot more does not, and for the reason that was given."""
    async with an_edge() as edge:
        wanted = a_request("most", quantity="", **changes)
        most = await edge.stub.MaxOrderQuantity(pb.MaxOrderQuantityRequest(order=wanted))
        next_lot = str(Decimal(most.quantity) + Decimal("0.001"))
        passing = await edge.stub.PreTradeCheck(a_request(**{**changes, "quantity": most.quantity, "dry_run": True}))
        stopped = await edge.stub.PreTradeCheck(a_request(**{**changes, "quantity": next_lot, "dry_run": True}))
        assert Decimal(most.quantity) > 0
        assert passing.decision == pb.APPROVED
        assert (stopped.decision, stopped.reject_reason) == (pb.REJECTED, most.binding_reason)
        assert list(stopped.violations) == list(most.violations)
        assert await edge.gate.reserved() == {}


async def test_trouble_behind_the_edge_says_when_to_come_back() -> None:
    """PT-106, PL-308: UNAVAILABLE and RESOURCE_EXHAUSTED carry RetryInfo with the time that was named."""
    troubles: list[DependencyFailed | Overloaded] = [
        DependencyFailed("journal", "is down", retry_after_ms=1_250),
        Overloaded("queue", retry_after_ms=40),
    ]
    codes = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED]
    for trouble, code in zip(troubles, codes, strict=True):

        async def fail(order: Order, dry_run: bool, *, trouble: Exception = trouble) -> Answer:
            raise trouble

        async with an_edge(ask=fail) as edge:
            told = await refused(edge.stub.PreTradeCheck(a_request()))
            assert (told.code, told.retry_ms) == (code, trouble.retry_after_ms)


async def test_a_spent_deadline_takes_the_question_back() -> None:
    """PT-107: the caller is told DEADLINE_EXCEEDED, and what decides learns that nobody waits."""
    asked, taken_back = asyncio.Event(), asyncio.Event()

    async def hang(order: Order, dry_run: bool) -> Answer:
        asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            taken_back.set()
            raise
        raise AssertionError

    async with an_edge(ask=hang) as edge:
        told = await refused(edge.stub.PreTradeCheck(a_request(), timeout=0.3))
        assert told.code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert asked.is_set()
        await asyncio.wait_for(taken_back.wait(), 5)


async def test_health_says_whether_orders_are_decided() -> None:
    """PT-126: SERVING for the whole and for the service, NOT_SERVING as soon as it is told, unknown names not found."""
    async with an_edge() as edge:
        health: Any = health_pb2_grpc.HealthStub(edge.channel)
        status = health_pb2.HealthCheckResponse

        async def states() -> set[int]:
            asked = [health.Check(health_pb2.HealthCheckRequest(service=name)) for name in SERVICES]
            return {answer.status for answer in await asyncio.gather(*asked)}

        assert await states() == {status.SERVING}
        await edge.server.set_serving(False)
        assert await states() == {status.NOT_SERVING}
        unknown = await refused(health.Check(health_pb2.HealthCheckRequest(service="nobody")))
        assert unknown.code is grpc.StatusCode.NOT_FOUND


async def test_reflection_lists_the_service_and_describes_its_methods() -> None:
    """PT-126: a caller finds the methods without the proto at hand."""
    async with an_edge() as edge:
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(edge.channel)
        asked: Any = reflection_pb2.ServerReflectionRequest
        wanted = [
            asked(list_services=""),
            asked(file_containing_symbol="risk.v1.RiskService"),
        ]
        listed, described = [answer async for answer in reflection.ServerReflectionInfo(iter(wanted))]
        names = {service.name for service in listed.list_services_response.service}
        assert names == {"risk.v1.RiskService", "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
        assert any(b"MaxOrderQuantity" in proto for proto in described.file_descriptor_response.file_descriptor_proto)
