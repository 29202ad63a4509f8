"""A stand-in for an OpenTelemetry collector: takes spans over OTLP/gRPC as a real one does, and keeps them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from typing_extensions import override

WAIT_S = 20


@dataclass
class Collector(TraceServiceServicer):
    """What came, span by span, and the messages whole."""

    endpoint: str = ""
    spans: list[Span] = field(default_factory=list)
    messages: list[ExportTraceServiceRequest] = field(default_factory=list)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    async def Export(
        self,
        request: ExportTraceServiceRequest,
        context: grpc.aio.ServicerContext[ExportTraceServiceRequest, ExportTraceServiceResponse],
    ) -> ExportTraceServiceResponse:
        self.messages.append(request)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans
        self._came.set()
        return ExportTraceServiceResponse()

    async def until(self, enough: Callable[[Sequence[Span]], bool]) -> Sequence[Span]:
        """Wait until what came is enough, and give it."""
        async with asyncio.timeout(WAIT_S):
            while not enough(self.spans):
                self._came.clear()
                await self._came.wait()
        return self.spans


@asynccontextmanager
async def a_collector() -> AsyncIterator[Collector]:
    """Lend a running collector."""
    collector = Collector()
    server = grpc.aio.server()
    add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]  # generated without types
    port = server.add_insecure_port("127.0.0.1:0")
    collector.endpoint = f"http://127.0.0.1:{port}"
    await server.start()
    try:
        yield collector
    finally:
        await server.stop(None)
