"""Calls of the gate as spans."""

import asyncio

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode
from tests.inbound.grpc.edge import a_request, an_edge, refused
from tests.traces import MALFORMED, PARENT, TRACE, TRACEPARENT, Recorded, betrayed, parent_of, place, trace_of
from tests.usecases.pretrade.builders import USER

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.order import Order
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

CHECK = "risk.v1.RiskService/PreTradeCheck"
CHECK_STREAM = "risk.v1.RiskService/PreTradeCheckStream"
CALLER = (("traceparent", TRACEPARENT),)


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


async def test_call_with_traceparent_is_a_span_of_the_callers_trace() -> None:
    """RE-400, RE-401: the span of a call is the caller's child and says method, status and what was decided."""
    recorded = Recorded()
    async with an_edge(tracer=recorded.tracer) as edge:
        answer = await edge.stub.PreTradeCheck(a_request(), metadata=CALLER)
    span = recorded.named(CHECK)
    assert (trace_of(span), parent_of(span), span.kind) == (TRACE, PARENT, SpanKind.SERVER)
    assert attributes(span) == {
        "rpc.system.name": "grpc",
        "rpc.method": CHECK,
        "rpc.response.status_code": "OK",
        "tidegate.trace_id": "t-1",
        "tidegate.decision_id": answer.decision_id,
        "tidegate.decision": "APPROVED",
    }


@pytest.mark.parametrize("sent", [each for each in MALFORMED if len(each) < 1_000])
async def test_call_with_malformed_traceparent_begins_a_trace(sent: str) -> None:
    """RE-400: the order is decided as ever, in a trace of our own."""
    recorded = Recorded()
    async with an_edge(tracer=recorded.tracer) as edge:
        answer = await edge.stub.PreTradeCheck(a_request(), metadata=(("traceparent", sent),))
    span = recorded.named(CHECK)
    assert answer.decision == pb.APPROVED
    assert parent_of(span) == ""
    assert trace_of(span) != TRACE


async def test_batch_is_the_child_of_its_call() -> None:
    """RE-402: one order alone: its batch is its child."""
    recorded = Recorded()
    async with an_edge(tracer=recorded.tracer) as edge:
        await edge.stub.PreTradeCheck(a_request())
    call, batch = recorded.named(CHECK), recorded.named("gate batch")
    assert parent_of(batch) == f"{place(call).span_id:016x}"
    assert trace_of(batch) == trace_of(call)


async def test_stream_is_one_span_and_its_orders_batches_are_below_it() -> None:
    """RE-401: a stream is one call, whatever orders come on it."""
    recorded = Recorded()
    async with an_edge(tracer=recorded.tracer) as edge:
        requests = [a_request(f"o-{number}", quantity="0.001") for number in range(5)]
        answers = [answer async for answer in edge.stub.PreTradeCheckStream(iter(requests), metadata=CALLER)]
    span = recorded.named(CHECK_STREAM)
    assert [answer.decision for answer in answers] == [pb.APPROVED] * 5
    assert (trace_of(span), attributes(span)["rpc.response.status_code"]) == (TRACE, "OK")
    batches = [each for each in recorded.all() if each.name == "gate batch"]
    assert {parent_of(batch) for batch in batches} == {f"{place(span).span_id:016x}"}


async def test_stream_that_its_caller_leaves_ends_as_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    """RE-401: a stream that is left in the middle is a span all the same, and nothing complains."""
    recorded = Recorded()
    async with an_edge(tracer=recorded.tracer) as edge:
        call = edge.stub.PreTradeCheckStream()
        await call.write(a_request())
        await call.read()
        call.cancel()
        await recorded.until(2)
    assert attributes(recorded.named(CHECK_STREAM))["rpc.response.status_code"] == "CANCELLED"
    assert not [line for line in caplog.records if line.name.startswith("opentelemetry")]


async def test_call_refused_says_its_status_and_no_words() -> None:
    """RE-401, RE-409: a refusal is no error of the server; its words, which quote the request, stay out."""
    recorded = Recorded()
    async with an_edge(tracer=recorded.tracer) as edge:
        refusal = await refused(edge.stub.PreTradeCheck(a_request(user_id="Anna Mueller", trace_id="Anna Mueller")))
    span = recorded.named(CHECK)
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert attributes(span)["rpc.response.status_code"] == "INVALID_ARGUMENT"
    assert span.status.status_code is StatusCode.UNSET
    assert betrayed(recorded.all(), ["anna", "mueller"]) == []


@pytest.mark.parametrize(
    ("trouble", "status"), [(DependencyFailed("journal", f"of {USER}"), "UNAVAILABLE"), (KeyError(USER), "UNKNOWN")]
)
async def test_call_in_trouble_is_an_error_without_words(trouble: Exception, status: str) -> None:
    """RE-401, RE-409: trouble and bugs are errors by name; what they say is in no span."""

    async def fail(_order: Order, _dry_run: bool) -> Answer:
        raise trouble

    recorded = Recorded()
    async with an_edge(ask=fail, tracer=recorded.tracer) as edge:
        await refused(edge.stub.PreTradeCheck(a_request()))
    span = recorded.named(CHECK)
    assert attributes(span)["rpc.response.status_code"] == attributes(span)["error.type"] == status
    assert span.status.status_code is StatusCode.ERROR
    assert betrayed(recorded.all(), [USER]) == []


async def test_call_whose_deadline_is_spent_says_so() -> None:
    """RE-401: a caller that gave no time is told apart from one that left."""
    begun = asyncio.Event()

    async def wait(_order: Order, _dry_run: bool) -> Answer:
        begun.set()
        never: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        return await never

    recorded = Recorded()
    async with an_edge(ask=wait, tracer=recorded.tracer) as edge:
        refusal = await refused(edge.stub.PreTradeCheck(a_request(), timeout=0.2))
        left = asyncio.ensure_future(edge.stub.PreTradeCheck(a_request()))
        begun.clear()
        await begun.wait()
        left.cancel()
        await recorded.until(2)
    assert refusal.code is grpc.StatusCode.DEADLINE_EXCEEDED
    ended = [attributes(span)["rpc.response.status_code"] for span in recorded.all()]
    assert ended == ["DEADLINE_EXCEEDED", "CANCELLED"]


async def test_max_order_quantity_and_bytes_that_are_no_message_are_spans() -> None:
    """RE-401: every method is seen, and what is no message breaks nothing."""
    recorded = Recorded()
    async with an_edge(tracer=recorded.tracer) as edge:
        await edge.stub.MaxOrderQuantity(pb.MaxOrderQuantityRequest(order=a_request(quantity="")))
        for method in ("PreTradeCheck", "PreTradeCheckStream", "MaxOrderQuantity"):
            await refused(edge.send(method, b"\x0a\xff"))
    names = [span.name.rpartition("/")[2] for span in recorded.all() if "RiskService" in span.name]
    assert names == ["MaxOrderQuantity", "PreTradeCheck", "PreTradeCheckStream", "MaxOrderQuantity"]
