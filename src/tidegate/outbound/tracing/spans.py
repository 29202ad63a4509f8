"""A span around a piece of work, which tells that it failed and never how: words of errors may name somebody."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry.context import Context
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer, use_span

LINKS_MAX: Final = 128
"""Links of a span, which is what collectors take by default; a batch serves more orders only under pressure."""

Attributes = Mapping[str, str | int | bool]


class Spans:
    """Makes the spans of one process."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def around(
        self,
        name: str,
        attributes: Attributes,
        *,
        kind: SpanKind = SpanKind.CLIENT,
        parent: Context | None = None,
        links: Sequence[Link] = (),
    ) -> Iterator[Span]:
        """Lend a span that is current until the context is left; without ``parent`` it belongs to the current one."""
        span = self._tracer.start_span(
            name, context=parent, kind=kind, attributes=dict(attributes), links=links[:LINKS_MAX]
        )
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield span
            except BaseException as error:
                span.set_status(StatusCode.ERROR)
                span.set_attribute(ERROR_TYPE, type(error).__name__)
                raise
