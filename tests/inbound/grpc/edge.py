"""The gRPC edge in one process over the memory twins, and what its callers see."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.trace import Tracer
from tests.usecases.pretrade.builders import USER, GateUnderTest, a_gate

from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.order import Order
from tidegate.inbound.grpc.access import Access
from tidegate.inbound.grpc.server import GrpcServer
from tidegate.inbound.grpc.service import RiskService
from tidegate.inbound.grpc.tracing import TracedRiskService
from tidegate.inbound.shared.token_guard import TokenGuard
from tidegate.outbound.tracing.batches import SpanBatches
from tidegate.outbound.tracing.spans import Spans
from tidegate.usecases.pretrade.max_quantity import MaxQuantity, max_quantity
from tidegate.wire.proto.risk.v1 import main_pb2 as pb
from tidegate.wire.proto.risk.v1.main_pb2_grpc import RiskServiceStub

if TYPE_CHECKING:
    from tidegate.wire.proto.risk.v1.main_pb2_grpc import RiskServiceAsyncStub

SERVICE: Final = "/risk.v1.RiskService/"
METHODS: Final = ("PreTradeCheck", "PreTradeCheckStream", "MaxOrderQuantity")

DETAILS: Final = "grpc-status-details-bin"
"""Where gRPC carries google.rpc.Status."""


def a_request(order_id: str = "o-1", **fields: Any) -> pb.PreTradeCheckRequest:
    """Build a small limit buy at the mark; ``fields`` say what the test is about."""
    plain: dict[str, Any] = {
        "user_id": USER,
        "account_id": "main",
        "order_id": order_id,
        "symbol": "BTCUSDT",
        "side": pb.BUY,
        "order_type": pb.LIMIT,
        "quantity": "0.1",
        "price": "50000",
        "leverage": "10",
        "trace_id": "t-1",
    }
    return pb.PreTradeCheckRequest(**{**plain, **fields})


@dataclass(frozen=True)
class Refusal:
    """How a call ended without an answer."""

    code: grpc.StatusCode
    message: str
    fields: tuple[str, ...]
    """Fields that BadRequest names."""

    retry_ms: int | None
    """What RetryInfo asks to wait."""


def refusal_of(error: grpc.aio.AioRpcError) -> Refusal:
    """Read a status with its rich details."""
    packed = dict(error.trailing_metadata() or ()).get(DETAILS, b"")
    details = Status.FromString(packed if isinstance(packed, bytes) else packed.encode()).details
    bad, retry = BadRequest(), RetryInfo()
    told = [name for name, message in (("bad", bad), ("retry", retry)) if _unpacked(details, message)]
    waits = retry.retry_delay.ToMilliseconds() if "retry" in told else None
    fields = tuple(violation.field for violation in bad.field_violations)
    return Refusal(error.code(), error.details() or "", fields, waits)


def _unpacked(details: Iterable[Packed], message: Message) -> bool:
    return any(detail.Unpack(message) for detail in details)


async def refused(call: Awaitable[object]) -> Refusal:
    """Await a call that must not be answered."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return refusal_of(error)
    raise AssertionError(f"answered: {answer!r}")


@dataclass(frozen=True)
class Edge:
    """The edge, a client of it, and the gate behind it."""

    stub: "RiskServiceAsyncStub"
    channel: Any
    """A ``grpc.aio.Channel``; its types have no name for calls of bytes."""

    gate: GateUnderTest
    server: GrpcServer

    async def send(self, method: str, payload: bytes) -> object:
        """Send bytes as they are to a method; give the first answer."""
        if method.endswith("Stream"):
            stream = self.channel.stream_stream(SERVICE + method)(iter([payload]))
            return await stream.read()
        return await self.channel.unary_unary(SERVICE + method)(payload)


Ask = Callable[[Order, bool], Awaitable[Answer]]


@asynccontextmanager
async def an_edge(
    *, guard: TokenGuard | None = None, ask: Ask | None = None, tracer: Tracer | None = None
) -> AsyncIterator[Edge]:
    """Serve a gate with one funded user; ``ask`` stands in for the gate; with a ``tracer`` calls are traced."""
    async with a_gate() as gate:

        async def decide(order: Order, dry_run: bool) -> Answer:
            return await gate.gate.ask(order, dry_run=dry_run)

        async def decide_most(order: Order) -> MaxQuantity:
            states = await gate.book.snapshot([order.user_id], now_us=gate.clock.now_us())
            snapshot = gate.gate._decider.snapshot(order, states[order.user_id], now_us=gate.clock.now_us())
            return max_quantity(order, snapshot)

        access = Access(guard)
        if tracer is None:
            service = RiskService(ask or decide, decide_most, access=access)
        else:
            gate.gate.traces = SpanBatches(Spans(tracer))
            service = TracedRiskService(ask or decide, decide_most, access=access, tracer=tracer)
        server = GrpcServer(service, address="127.0.0.1:0")
        await server.start()
        await server.set_serving(True)
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
                yield Edge(RiskServiceStub(channel), channel, gate, server)
        finally:
            await server.stop(grace_s=0)
