"""The gate's batches as spans: the first order's child, linked with all others, which are linked with it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, get_current_span, set_span_in_context

from tidegate.outbound.tracing.spans import LINKS_MAX, Spans
from tidegate.ports.tracing import Trace
from tidegate.wire.trace_context import traceparent_of

BATCH_ORDERS: Final = "tidegate.batch.orders"
"""Orders that a batch decides, traced or not."""


@dataclass(frozen=True, slots=True)
class SpanTrace:
    """The place of a span, ``Trace`` for the gate."""

    span: Span

    @property
    def traceparent(self) -> str:
        return traceparent_of(self.span.get_span_context())


class SpanBatches:
    """``BatchTraces`` with OpenTelemetry.

    A batch serves many orders, and a span has one parent: that is the first order that is traced. From the others the
    links lead to it. A batch without a traced order has no span.
    """

    def __init__(self, spans: Spans) -> None:
        self._spans = spans

    def here(self) -> Trace | None:
        span = get_current_span()
        return SpanTrace(span) if span.get_span_context().is_valid else None

    @contextmanager
    def batch(self, orders: Sequence[Trace | None]) -> Iterator[None]:
        asking = [order.span for order in orders if isinstance(order, SpanTrace) and order.span.is_recording()]
        if not asking:
            yield
            return
        first, *others = asking
        links = [Link(other.get_span_context()) for other in others]
        parent = set_span_in_context(first, Context())
        attributes = {BATCH_ORDERS: len(orders)}
        with self._spans.around("gate batch", attributes, kind=SpanKind.INTERNAL, parent=parent, links=links) as span:
            for other in others[:LINKS_MAX]:
                other.add_link(span.get_span_context())
            yield
