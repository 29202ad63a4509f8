"""Traces of one process: where spans go, which are kept, and what stands around the parts that make them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.semconv.attributes.service_attributes import SERVICE_NAME, SERVICE_VERSION
from opentelemetry.trace import Tracer, format_span_id, format_trace_id, get_current_span
from starlette.types import ASGIApp
from structlog.typing import Processor

from tidegate.inbound.grpc.access import Access
from tidegate.inbound.grpc.service import Ask, AskMost, RiskService
from tidegate.inbound.grpc.tracing import TracedRiskService
from tidegate.inbound.jobs.tracing import Process, traced
from tidegate.inbound.rest.tracing import TracedApp
from tidegate.outbound.tracing.batches import SpanBatches
from tidegate.outbound.tracing.events import TracedPublisher
from tidegate.outbound.tracing.providers import TracedProvider
from tidegate.outbound.tracing.spans import Spans
from tidegate.outbound.tracing.stores import TracedAssessments, TracedJournal
from tidegate.outbound.tracing.upstream import TracedPositions, TracedWallet
from tidegate.ports.decision_journal import DecisionJournal
from tidegate.ports.event_bus import EventPublisher
from tidegate.ports.external_data import ExternalDataProviderClient
from tidegate.ports.risk_assessments import RiskAssessmentRepository
from tidegate.ports.tracing import BatchTraces
from tidegate.settings import Settings
from tidegate.usecases.pretrade.upstream_sync import Upstreams

EXPORT_TIMEOUT_S: Final = 5
"""Time that a collector has to take a batch; then the batch is dropped."""

FLUSH_S: Final = 2.0
"""Time that the last spans have at the end of the process; then they are dropped."""

_QUEUE_MAX: Final = 8_192
_BATCH_MAX: Final = 512
_DELAY_MS: Final = 1_000


class Tracing:
    """Puts spans around the parts of a process; without a tracer it gives each part as it is, and so costs nothing.

    ``bus``: what carries events, by its name in OpenTelemetry's conventions. ``tracer``: makes spans; ``None``: off.
    """

    def __init__(self, tracer: Tracer | None = None, *, bus: str = "postgresql") -> None:
        self.tracer = tracer
        self._spans = None if tracer is None else Spans(tracer)
        self._bus = bus

    def risk_service(self, ask: Ask, ask_most: AskMost, *, access: Access) -> RiskService:
        """Give the servicer of the gate."""
        if self.tracer is None:
            return RiskService(ask, ask_most, access=access)
        return TracedRiskService(ask, ask_most, access=access, tracer=self.tracer)

    def app(self, app: ASGIApp) -> ASGIApp:
        """Give the REST application."""
        return app if self.tracer is None else TracedApp(app, self.tracer)

    def batches(self) -> BatchTraces | None:
        """Give whom the gate tells of its batches."""
        return None if self._spans is None else SpanBatches(self._spans)

    def journal(self, journal: DecisionJournal) -> DecisionJournal:
        """Give the journal of decisions."""
        return journal if self._spans is None else TracedJournal(journal, self._spans)

    def assessments(self, repository: RiskAssessmentRepository) -> RiskAssessmentRepository:
        """Give the repository of assessments."""
        return repository if self._spans is None else TracedAssessments(repository, self._spans)

    def provider(self, client: ExternalDataProviderClient) -> ExternalDataProviderClient:
        """Give an outside data provider."""
        return client if self._spans is None else TracedProvider(client, self._spans)

    def upstreams(self, clients: Upstreams) -> Upstreams:
        """Give the upstream services."""
        spans, wallet, positions = self._spans, clients.wallet, clients.positions
        if spans is None:
            return clients
        return replace(
            clients,
            wallet=None if wallet is None else TracedWallet(wallet, spans),
            positions=None if positions is None else TracedPositions(positions, spans),
        )

    def publisher(self, publisher: EventPublisher) -> EventPublisher:
        """Give what the relays publish to."""
        return publisher if self._spans is None else TracedPublisher(publisher, self._spans, system=self._bus)

    def process(self, process: Process, *, group: str) -> Process:
        """Give what a consumer feeds."""
        return process if self.tracer is None else traced(process, self.tracer, group=group)

    def log_processors(self) -> Sequence[Processor]:
        """Give what is to be done to each line of the log."""
        return () if self.tracer is None else (add_trace_ids,)


@asynccontextmanager
async def open_tracing(settings: Settings, *, exporter: SpanExporter | None = None) -> AsyncIterator[Tracing]:
    """Lend what makes spans; it makes none when settings name no collector.

    Spans wait in memory, bounded, and a thread of their own sends them: a collector that is slow or gone loses spans
    and holds nobody up. At the end what waits is sent within ``FLUSH_S``. ``exporter`` stands in for the collector.
    """
    area = settings.tracing
    if area.otlp_endpoint is None:
        yield Tracing()
        return
    sending = exporter or OTLPSpanExporter(endpoint=area.otlp_endpoint, timeout=EXPORT_TIMEOUT_S)
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(area.sample_ratio)),
        resource=Resource({SERVICE_NAME: "tidegate", SERVICE_VERSION: version("tidegate")}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            sending,
            max_queue_size=_QUEUE_MAX,
            schedule_delay_millis=_DELAY_MS,
            max_export_batch_size=_BATCH_MAX,
        )
    )
    tracer = provider.get_tracer("tidegate", version("tidegate"))
    try:
        yield Tracing(tracer, bus="postgresql" if settings.kafka.bootstrap is None else "kafka")
    finally:
        await _flush(provider, sending)


async def _flush(provider: TracerProvider, exporter: SpanExporter) -> None:
    """Send what waits. The library gives it half a minute; whoever stops the process does not wait so long."""
    flushing = threading.Thread(target=provider.shutdown, name="flush spans", daemon=True)
    flushing.start()
    await asyncio.to_thread(flushing.join, FLUSH_S)
    if flushing.is_alive():
        exporter.shutdown()


# tidy: allow-keyword-only - the signature is structlog's
def add_trace_ids(_logger: object, _method: str, event: Any) -> Any:  # noqa: ANN401 - as structlog has it
    """Name trace and span in a line that is logged within one (a processor of structlog)."""
    context = get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = format_trace_id(context.trace_id)
        event["span_id"] = format_span_id(context.span_id)
    return event
