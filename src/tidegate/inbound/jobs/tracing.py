"""Consumers that go on with the traces of what they read."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.trace import Link, SpanKind, StatusCode, Tracer, use_span

from tidegate.ports.event_bus import BusRecord
from tidegate.wire.trace_context import TRACEPARENT, below, sampled

Process = Callable[[Sequence[BusRecord]], Awaitable[None]]

_LINKS_MAX: Final = 128
"""Traces that a batch of records is linked with; collectors take no more by default."""


def traced(process: Process, tracer: Tracer, *, group: str) -> Process:
    """Give a ``process`` with a span around each batch that holds records of traces.

    Records of many traces are applied at once, and a span has one parent: it goes on with the first record's trace and
    is linked with all. A batch without a trace has no span.
    """

    async def processing(records: Sequence[BusRecord]) -> None:
        causes = sampled(_sent(records))
        if not causes:
            await process(records)
            return
        span = tracer.start_span(
            f"process {group}",
            context=below(causes[0]),
            kind=SpanKind.CONSUMER,
            attributes={
                "messaging.operation.type": "process",
                "messaging.consumer.group.name": group,
                "messaging.batch.message_count": len(records),
            },
            links=[Link(cause) for cause in causes[:_LINKS_MAX]],
        )
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                await process(records)
            except Exception as failure:
                span.set_attribute(ERROR_TYPE, type(failure).__name__)
                span.set_status(StatusCode.ERROR)
                raise

    return processing


def _sent(records: Sequence[BusRecord]) -> Iterator[str]:
    for record in records:
        for name, value in record.headers:
            if name == TRACEPARENT:
                yield value.decode("latin-1")
