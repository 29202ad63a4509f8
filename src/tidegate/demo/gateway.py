"""The gate as a trader's system calls it: real gRPC, every call timed on the caller's side."""

import time
from collections.abc import Awaitable, Iterable, Sequence
from typing import Protocol, TypeVar

import grpc
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status

from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.order import Order
from tidegate.wire.proto.risk.v1 import main_pb2 as pb
from tidegate.wire.proto.risk.v1 import main_pb2_grpc

CALL_S = 10.0
"""Deadline of a call."""

_STATUS_DETAILS = "grpc-status-details-bin"
Answer = TypeVar("Answer")


class CallFailed(Exception):
    """A call that got a status instead of an answer; ``fields`` are those that a malformed request names."""

    def __init__(self, code: str, detail: str, *, fields: Sequence[str] = ()) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.fields = tuple(fields)


class Gateway(Protocol):
    """What the traders need of the gate. Failure contract: ``CallFailed`` with the status code's name."""

    async def check(self, request: pb.PreTradeCheckRequest) -> pb.PreTradeCheckResponse:
        """Have one order decided."""

    async def stream(self, requests: Sequence[pb.PreTradeCheckRequest]) -> Sequence[pb.PreTradeCheckResponse]:
        """Have several decided over one stream: one answer an order, order kept."""

    async def most(self, order: pb.PreTradeCheckRequest) -> pb.MaxOrderQuantityResponse:
        """Ask how much of an order would pass."""


class GrpcGateway:
    """``Gateway`` over a channel. ``latencies_ms`` are those of the checks that were answered."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self._stub = main_pb2_grpc.RiskServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {token}"),)
        self.latencies_ms: list[float] = []

    async def check(self, request: pb.PreTradeCheckRequest) -> pb.PreTradeCheckResponse:
        began = time.perf_counter()
        response = await _answered(self._stub.PreTradeCheck(request, metadata=self._metadata, timeout=CALL_S))
        self.latencies_ms.append((time.perf_counter() - began) * 1_000)
        return response

    async def stream(self, requests: Sequence[pb.PreTradeCheckRequest]) -> Sequence[pb.PreTradeCheckResponse]:
        call = self._stub.PreTradeCheckStream(iter(requests), metadata=self._metadata, timeout=CALL_S)
        try:
            return [response async for response in call]
        except grpc.aio.AioRpcError as error:
            raise _failure(error) from error

    async def most(self, order: pb.PreTradeCheckRequest) -> pb.MaxOrderQuantityResponse:
        request = pb.MaxOrderQuantityRequest(order=order)
        return await _answered(self._stub.MaxOrderQuantity(request, metadata=self._metadata, timeout=CALL_S))


def request_of(order: Order, *, dry_run: bool = False) -> pb.PreTradeCheckRequest:
    """Write an order as a request."""
    return pb.PreTradeCheckRequest(
        user_id=order.user_id,
        account_id=order.account_id,
        order_id=order.order_id,
        symbol=order.symbol,
        side=pb.Side.Value(order.side.value),
        order_type=pb.OrderType.Value(order.order_type.value),
        quantity=plain(order.quantity),
        price="" if order.price is None else plain(order.price),
        leverage="" if order.leverage is None else plain(order.leverage),
        reduce_only=order.reduce_only,
        post_only=order.post_only,
        trace_id=order.trace_id,
        dry_run=dry_run,
        position_side=pb.PositionSide.Value(order.position_side.value),
        stop_price="" if order.stop_price is None else plain(order.stop_price),
    )


async def _answered(call: Awaitable[Answer]) -> Answer:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise _failure(error) from error


def _failure(error: grpc.aio.AioRpcError) -> CallFailed:
    return CallFailed(error.code().name, error.details() or "", fields=tuple(_bad_fields(error)))


def _bad_fields(error: grpc.aio.AioRpcError) -> Iterable[str]:
    for key, value in error.trailing_metadata() or ():
        if key == _STATUS_DETAILS and isinstance(value, bytes):
            for detail in Status.FromString(value).details:
                bad = BadRequest()
                if detail.Unpack(bad):
                    yield from (violation.field for violation in bad.field_violations)
