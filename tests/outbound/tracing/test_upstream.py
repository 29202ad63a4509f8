"""What is asked of upstream services, and what goes out with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from opentelemetry.trace import StatusCode, use_span
from tests.traces import Recorded, betrayed, header_of, parent_of, place

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.changes import BalancesReplaced
from tidegate.outbound.tracing.upstream import TracedWallet
from tidegate.outbound.upstream.line import UpstreamLine, UpstreamPolicy
from tidegate.ports.upstream import AccountKey, Page

ACCOUNT = ("7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11", "anna")


class AskingWallet:
    """A wallet that asks over a real line, and fails when told to."""

    def __init__(self, channel: grpc.aio.Channel, trouble: Exception | None = None) -> None:
        self._method = channel.unary_unary(
            "/wallet/balances", request_serializer=Empty.SerializeToString, response_deserializer=Empty.FromString
        )
        self._trouble = trouble

    async def balances(self, account: AccountKey) -> BalancesReplaced | None:
        line = UpstreamLine(UpstreamPolicy("wallet"))
        await line.ask(self._method, Empty(), deadline_ms=5_000, read=lambda answer: answer)
        if self._trouble is not None:
            raise self._trouble
        return None

    async def balances_page(self, token: str) -> Page[BalancesReplaced]:
        return Page((), token)


@asynccontextmanager
async def a_service() -> AsyncIterator[tuple[grpc.aio.Channel, list[list[object]]]]:
    """Lend the way to a service that keeps what it was told of traces."""
    seen: list[list[object]] = []

    async def answer(request: Empty, context: grpc.aio.ServicerContext[Empty, Empty]) -> Empty:
        seen.append([value for name, value in context.invocation_metadata() or () if name == "traceparent"])
        return request

    handler = grpc.unary_unary_rpc_method_handler(answer, Empty.FromString, Empty.SerializeToString)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("wallet", {"balances": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel, seen
    await server.stop(None)


async def test_wallet_asked_within_a_trace_is_told_of_it() -> None:
    """RE-407: what an order waits for is a span, and the call carries it; a listing is none."""
    recorded = Recorded()
    async with a_service() as (channel, seen):
        wallet = TracedWallet(AskingWallet(channel), recorded.spans)
        with use_span(recorded.tracer.start_span("call"), end_on_exit=True):
            await wallet.balances(ACCOUNT)
            await wallet.balances_page("")
    span = recorded.named("upstream wallet")
    assert len(recorded.all()) == 2
    assert parent_of(span) == f"{place(recorded.named('call')).span_id:016x}"
    assert seen == [[header_of(span)]]


async def test_wallet_asked_outside_any_trace_is_told_nothing() -> None:
    """RE-411: where nothing is traced upstream services see the calls of before."""
    async with a_service() as (channel, seen):
        await AskingWallet(channel).balances(ACCOUNT)
    assert seen == [[]]


async def test_wallet_that_fails_is_an_error_without_words() -> None:
    """RE-407, RE-409: trouble passes as it is, and nobody is named in the span."""
    recorded = Recorded()
    trouble = DependencyFailed("wallet", f"of {ACCOUNT}")
    async with a_service() as (channel, _):
        with pytest.raises(DependencyFailed):
            await TracedWallet(AskingWallet(channel, trouble), recorded.spans).balances(ACCOUNT)
    assert recorded.named("upstream wallet").status.status_code is StatusCode.ERROR
    assert betrayed(recorded.all(), ACCOUNT) == []
