"""``risk.v1.RiskService``: turns bytes into orders for the gate, and its answers into bytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc

from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.order import Order
from tidegate.inbound.grpc.access import Access
from tidegate.inbound.grpc.faults import TROUBLES, status_of
from tidegate.inbound.grpc.salvage import Salvaged, reader_of
from tidegate.inbound.grpc.wire_order import OrderWire
from tidegate.usecases.pretrade.max_quantity import MaxQuantity
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

Context = grpc.aio.ServicerContext[object, object]
Check = pb.PreTradeCheckRequest | Salvaged[pb.PreTradeCheckRequest]
Most = pb.MaxOrderQuantityRequest | Salvaged[pb.MaxOrderQuantityRequest]
Ask = Callable[[Order, bool], Awaitable[Answer]]
"""Decides an order; the flag says whether it is a dry run."""

AskMost = Callable[[Order], Awaitable[MaxQuantity]]

STREAM_IN_FLIGHT_MAX = 256
"""Orders of one stream that may wait for their answers at a time; then the stream is read no further."""

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["RiskService"].full_name


class RiskService:
    """The servicer. It decides nothing.

    It registers its methods itself, since those of the generated code leave bytes that are no message to the transport,
    which answers INTERNAL.
    """

    def __init__(self, ask: Ask, ask_most: AskMost, *, access: Access) -> None:
        self._ask = ask
        self._ask_most = ask_most
        self._access = access
        self._wire = OrderWire()

    def handler(self) -> grpc.GenericRpcHandler:
        """Give the handler of the three methods."""
        check, most = reader_of(pb.PreTradeCheckRequest), reader_of(pb.MaxOrderQuantityRequest)
        answer, most_answer = pb.PreTradeCheckResponse.SerializeToString, pb.MaxOrderQuantityResponse.SerializeToString
        return grpc.method_handlers_generic_handler(
            SERVICE_NAME,
            {
                "PreTradeCheck": grpc.unary_unary_rpc_method_handler(self.PreTradeCheck, check, answer),
                "PreTradeCheckStream": grpc.stream_stream_rpc_method_handler(self.PreTradeCheckStream, check, answer),
                "MaxOrderQuantity": grpc.unary_unary_rpc_method_handler(self.MaxOrderQuantity, most, most_answer),
            },
        )

    async def PreTradeCheck(  # noqa: N802 - the name that the proto gives it
        self, request: Check, context: Context
    ) -> pb.PreTradeCheckResponse:
        """Decide one order."""
        try:
            if self._access.guarded:
                await self._access.require(context)
            return await self._check(request)
        except TROUBLES as trouble:
            await context.abort_with_status(status_of(trouble))

    async def _check(self, request: Check) -> pb.PreTradeCheckResponse:
        if isinstance(request, Salvaged):
            raise self._wire.malformed(request.request, request.faults)
        order = self._wire.order(request)
        answer = await self._ask(order, request.dry_run)
        return self._wire.response(answer, trace_id=order.trace_id)

    async def PreTradeCheckStream(  # noqa: N802 - the name that the proto gives it
        self, request_iterator: AsyncIterator[Check], context: Context
    ) -> AsyncIterator[pb.PreTradeCheckResponse]:
        """Decide a stream of orders: one answer an order, in their order; trouble with one ends the stream there."""
        answers: asyncio.Queue[asyncio.Task[pb.PreTradeCheckResponse] | None] = asyncio.Queue(STREAM_IN_FLIGHT_MAX)

        async def read() -> None:
            async for request in request_iterator:
                await answers.put(asyncio.create_task(self._check(request)))
            await answers.put(None)

        reading: asyncio.Task[None] | None = None
        try:
            await self._access.require(context)
            reading = asyncio.create_task(read())
            while (answer := await answers.get()) is not None:
                yield await answer
        except TROUBLES as trouble:
            await context.abort_with_status(status_of(trouble))
        finally:
            if reading is not None:
                reading.cancel()
            while not answers.empty():
                left = answers.get_nowait()
                if left is not None:
                    left.cancel()

    async def MaxOrderQuantity(  # noqa: N802 - the name that the proto gives it
        self, request: Most, context: Context
    ) -> pb.MaxOrderQuantityResponse:
        """Give the largest quantity of an order that would pass."""
        try:
            await self._access.require(context)
            if isinstance(request, Salvaged):
                raise self._wire.malformed(request.request.order, request.faults, quantity="1")
            order = self._wire.order(request.order, quantity="1")
            return self._wire.max_quantity(await self._ask_most(order))
        except TROUBLES as trouble:
            await context.abort_with_status(status_of(trouble))
