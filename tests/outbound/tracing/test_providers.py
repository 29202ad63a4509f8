"""Calls of outside data providers as spans, and what goes out with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode, use_span
from tests.outbound.providers.builders import a_call, a_policy
from tests.traces import Recorded, header_of, parent_of, place

from tidegate.core.assessment.outside import CallStatus, ProviderAnswer
from tidegate.outbound.providers.exchange import Question
from tidegate.outbound.providers.transport import HttpTransport
from tidegate.outbound.tracing.providers import TracedProvider
from tidegate.ports.external_data import ProviderCall, ProviderResult


@asynccontextmanager
async def an_outside() -> AsyncIterator[tuple[str, list[list[str]]]]:
    """Lend a server that keeps the headers ``traceparent`` of what it was asked."""
    seen: list[list[str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.getall("traceparent", []))
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/{rest:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/"), seen


class Asking:
    """A provider that asks over the real transport, and then says how it ended."""

    name = "zefix"
    billed = False

    def __init__(self, base: str, status: CallStatus = CallStatus.SUCCESS) -> None:
        self._base = base
        self._status = status

    async def fetch(self, call: ProviderCall) -> ProviderResult:
        transport = HttpTransport(self._base, a_policy())
        try:
            await transport.send(Question("GET", f"/{call.request.subject_id}"), {})
        finally:
            await transport.close()
        return ProviderResult(ProviderAnswer(self._status, {}, f"of {call.request.subject_id}"), 1)


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


@pytest.mark.parametrize(
    ("status", "told"), [(CallStatus.SUCCESS, StatusCode.UNSET), (CallStatus.TIMEOUT, StatusCode.ERROR)]
)
async def test_provider_call_is_a_span_and_its_request_carries_it(status: CallStatus, told: StatusCode) -> None:
    """RE-407: who is asked within a trace is told of it; the span says who and how it ended, and no more."""
    recorded = Recorded()
    async with an_outside() as (base, seen):
        with use_span(recorded.tracer.start_span("request"), end_on_exit=True):
            result = await TracedProvider(Asking(base, status), recorded.spans).fetch(a_call())
    span = recorded.named("provider zefix")
    assert result.answer.status is status
    assert parent_of(span) == f"{place(recorded.named('request')).span_id:016x}"
    assert seen == [[header_of(span)]]
    assert span.status.status_code is told
    assert attributes(span) == {
        "tidegate.provider.name": "zefix",
        "tidegate.provider.status": status.value,
        "tidegate.provider.from_cache": False,
    }


async def test_request_outside_any_trace_carries_no_header() -> None:
    """RE-411: where nothing is traced providers see the requests of before."""
    async with an_outside() as (base, seen):
        await Asking(base).fetch(a_call())
    assert seen == [[]]
