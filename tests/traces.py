"""Spans that a test reads: kept in memory, or as a collector received them."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanContext
from typing_extensions import override

from tidegate.outbound.tracing.spans import Spans
from tidegate.wire.trace_context import traceparent_of

TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
PARENT: Final = "b7ad6b7169203331"
TRACEPARENT: Final = f"00-{TRACE}-{PARENT}-01"
"""A caller's place in a trace that is recorded."""

NOT_SAMPLED: Final = f"00-{TRACE}-{PARENT}-00"
MALFORMED: Final = (
    "",
    "00",
    TRACEPARENT.upper(),
    TRACEPARENT + "-more",
    TRACEPARENT.replace("00-", "ff-", 1),
    f"00-{'0' * 32}-{PARENT}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE[:-1]}-{PARENT}-01",
    f"00-{TRACE}-{PARENT}-0g",
    f"00_{TRACE}_{PARENT}_01",
    "a" * 10_000,
    f"01-{TRACE}-{PARENT}-01-" + "x" * 10_000,
)
"""Headers that name no place."""


class _Kept(InMemorySpanExporter):
    def __init__(self) -> None:
        super().__init__()
        self.came = asyncio.Event()

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.came.set()
        return super().export(spans)


class Recorded:
    """A tracer that keeps what it recorded; ``ratio`` of the traces that begin here are sampled."""

    def __init__(self, *, ratio: float = 1.0) -> None:
        self._kept = _Kept()
        provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(ratio)), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        self.tracer = provider.get_tracer("tests")
        self.spans = Spans(self.tracer)

    def all(self) -> Sequence[ReadableSpan]:
        """Give the spans that have ended, in that order."""
        return self._kept.get_finished_spans()

    async def until(self, count: int) -> None:
        """Wait until so many spans have ended."""
        async with asyncio.timeout(10):
            while len(self.all()) < count:
                self._kept.came.clear()
                await self._kept.came.wait()

    def named(self, name: str) -> ReadableSpan:
        """Give the one span of a name."""
        found = [span for span in self.all() if span.name == name]
        assert len(found) == 1, f"{len(found)} spans {name} among {[span.name for span in self.all()]}"
        return found[0]


def place(span: ReadableSpan) -> SpanContext:
    """Give the place of a span."""
    context: SpanContext | None = span.get_span_context()
    assert context is not None
    return context


def trace_of(span: ReadableSpan) -> str:
    """Give the id of a span's trace."""
    return f"{place(span).trace_id:032x}"


def parent_of(span: ReadableSpan) -> str:
    """Give the id of a span's parent; empty: it has none."""
    return "" if span.parent is None else f"{span.parent.span_id:016x}"


def header_of(span: ReadableSpan) -> str:
    """Give the header of what a span causes."""
    return traceparent_of(place(span))


def links_of(span: ReadableSpan) -> list[int]:
    """Give the ids of the spans that a span is linked with."""
    return [link.context.span_id for link in span.links]


def told(span: ReadableSpan) -> str:
    """Give every text that a span carries."""
    parts: list[object] = [span.name, span.status.description, dict(span.attributes or {}), span.resource.to_json()]
    parts += [(event.name, dict(event.attributes or {})) for event in span.events]
    parts += [dict(link.attributes or {}) for link in span.links]
    return repr(parts)


def betrayed(spans: Iterable[ReadableSpan], personal: Iterable[str]) -> list[str]:
    """Give the personal words that spans carry, whatever their case."""
    texts = [told(span).lower() for span in spans]
    return [word for word in personal if any(word.lower() in text for text in texts)]
