"""Spans around events that leave: one for each decision, from which the header of its events goes on."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

from opentelemetry.trace import SpanContext, SpanKind

from tidegate.outbound.tracing.spans import Attributes, Spans
from tidegate.ports.event_bus import EventPublisher, OutgoingEvent
from tidegate.wire.trace_context import TRACEPARENT, below, sampled, traceparent_of

_SYSTEM: Final = "messaging.system"
_OPERATION: Final = "messaging.operation.type"
_DESTINATION: Final = "messaging.destination.name"
_EVENTS: Final = "messaging.batch.message_count"


class TracedPublisher:
    """``EventPublisher`` that tells, for each trace among the events, when they were sent.

    Events that stand in no trace that is recorded pass as they are; so do all events, with their headers, where this
    class is not in place.
    """

    def __init__(self, publisher: EventPublisher, spans: Spans, *, system: str) -> None:
        self._publisher = publisher
        self._spans = spans
        self._system = system

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        by_cause: dict[str, list[OutgoingEvent]] = {}
        for event in events:
            if event.headers and (cause := _cause(event)):
                by_cause.setdefault(cause, []).append(event)
        if not by_cause:
            await self._publisher.publish(events)
            return
        with ExitStack() as spans:
            headers: dict[str, str] = {}
            for cause, caused in by_cause.items():
                for parent in sampled((cause,)):
                    headers[cause] = self._sending(spans, parent, caused=caused)
            await self._publisher.publish([_from_span(event, headers) for event in events])

    def _sending(self, spans: ExitStack, parent: SpanContext, *, caused: Sequence[OutgoingEvent]) -> str:
        """Begin the span of one decision's events; give the header that they carry."""
        topic = caused[0].topic
        attributes: Attributes = {_SYSTEM: self._system, _OPERATION: "send", _DESTINATION: topic, _EVENTS: len(caused)}
        name, kind = f"send {topic}", SpanKind.PRODUCER
        span = self._spans.around(name, attributes, kind=kind, parent=below(parent))
        return traceparent_of(spans.enter_context(span).get_span_context())


def _cause(event: OutgoingEvent) -> str:
    return next((value.decode("latin-1") for name, value in event.headers if name == TRACEPARENT), "")


def _from_span(event: OutgoingEvent, headers: "dict[str, str]") -> OutgoingEvent:
    cause = _cause(event)
    if cause not in headers:
        return event
    others = tuple(header for header in event.headers if header[0] != TRACEPARENT)
    return replace(event, headers=((TRACEPARENT, headers[cause].encode()), *others))
