"""The service with a span around each call (OpenTelemetry's conventions of RPC servers)."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import grpc
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, use_span
from typing_extensions import override

from tidegate.inbound.grpc.access import Access
from tidegate.inbound.grpc.salvage import Salvaged
from tidegate.inbound.grpc.service import SERVICE_NAME, Ask, AskMost, Check, Context, Most, RiskService
from tidegate.inbound.shared.trace_attributes import shown_trace_id
from tidegate.wire.proto.risk.v1 import main_pb2 as pb
from tidegate.wire.trace_context import TRACEPARENT, read_traceparent

_SYSTEM: Final = "rpc.system.name"
_METHOD: Final = "rpc.method"
_STATUS: Final = "rpc.response.status_code"
DECISION_ID: Final = "tidegate.decision_id"
DECISION: Final = "tidegate.decision"

_OUR_FAULT: Final = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""Codes that a server's span calls an error, by the conventions; any other says something of the caller."""


class TracedRiskService(RiskService):
    """``RiskService``, each call a span: of the caller's trace when it comes with a ``traceparent``, else of a new one.

    A stream is one span, whatever orders come on it.
    """

    def __init__(self, ask: Ask, ask_most: AskMost, *, access: Access, tracer: Tracer) -> None:
        super().__init__(ask, ask_most, access=access)
        self._tracer = tracer

    @override
    async def PreTradeCheck(self, request: Check, context: Context) -> pb.PreTradeCheckResponse:
        with self._call("PreTradeCheck", context) as span:
            if span.is_recording():
                span.set_attributes(_order_attributes(_read(request)))
            answer = await super().PreTradeCheck(request, context)
            if span.is_recording():
                decided = {DECISION_ID: answer.decision_id, DECISION: pb.RiskDecision.Name(answer.decision)}
                span.set_attributes(decided)
            return answer

    @override
    async def PreTradeCheckStream(
        self, request_iterator: AsyncIterator[Check], context: Context
    ) -> AsyncIterator[pb.PreTradeCheckResponse]:
        span = self._begin("PreTradeCheckStream", context)
        answers = super().PreTradeCheckStream(request_iterator, context)
        with _ended(span, context):
            while True:
                # current while we wait and not while the transport writes, which may end this generator elsewhere
                with _current(span):
                    answer = await anext(answers, None)
                if answer is None:
                    break
                yield answer

    @override
    async def MaxOrderQuantity(self, request: Most, context: Context) -> pb.MaxOrderQuantityResponse:
        with self._call("MaxOrderQuantity", context) as span:
            if span.is_recording():
                read = request.request if isinstance(request, Salvaged) else request
                span.set_attributes(_order_attributes(read.order))
            return await super().MaxOrderQuantity(request, context)

    def _begin(self, method: str, context: Context) -> Span:
        sent = [_text(value) for name, value in context.invocation_metadata() or () if name == TRACEPARENT]
        name = f"{SERVICE_NAME}/{method}"
        attributes = {_SYSTEM: "grpc", _METHOD: name}
        parent = read_traceparent(sent)
        return self._tracer.start_span(name, context=parent, kind=SpanKind.SERVER, attributes=attributes)

    @contextmanager
    def _call(self, method: str, context: Context) -> Iterator[Span]:
        """Lend the span of a call."""
        span = self._begin(method, context)
        with _ended(span, context), _current(span):
            yield span


@contextmanager
def _ended(span: Span, context: Context) -> Iterator[None]:
    """End a span with the call; the status that it ends with is the call's."""
    try:
        yield
    except BaseException as error:
        _end_as(span, _code_of(context, error))
        raise
    else:
        _end_as(span, grpc.StatusCode.OK)
    finally:
        span.end()


def _current(span: Span) -> AbstractContextManager[Span]:
    return use_span(span, record_exception=False, set_status_on_exception=False)


def _read(request: Check) -> pb.PreTradeCheckRequest:
    return request.request if isinstance(request, Salvaged) else request


def _order_attributes(order: pb.PreTradeCheckRequest) -> dict[str, str]:
    return shown_trace_id(order.trace_id, personal=(order.user_id, order.account_id))


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _code_of(
    context: Any,  # noqa: ANN401 - the stubs do not say that code and time may be None
    error: BaseException,
) -> grpc.StatusCode:
    """Give the code of a call that was not answered: that of its refusal; else its time was up, it was cancelled, or it
    is a bug of ours.
    """
    refused: grpc.StatusCode | None = context.code()
    if refused is not None:
        return refused
    if not isinstance(error, asyncio.CancelledError | GeneratorExit):
        return grpc.StatusCode.UNKNOWN
    left_s: float | None = context.time_remaining()
    return grpc.StatusCode.CANCELLED if left_s is None or left_s > 0 else grpc.StatusCode.DEADLINE_EXCEEDED


def _end_as(span: Span, code: grpc.StatusCode) -> None:
    span.set_attribute(_STATUS, code.name)
    if code in _OUR_FAULT:
        span.set_status(StatusCode.ERROR)
        span.set_attribute(ERROR_TYPE, code.name)
