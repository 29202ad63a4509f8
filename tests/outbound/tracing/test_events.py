"""Events that leave, with the trace of what caused them."""

from collections.abc import Sequence

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from tests.traces import NOT_SAMPLED, PARENT, TRACE, TRACEPARENT, Recorded, header_of, parent_of, trace_of

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.tracing.events import TracedPublisher
from tidegate.ports.event_bus import OutgoingEvent

OTHER = TRACEPARENT.replace("b7ad", "b7ae")


class Bus:
    """Keeps what was published, or refuses it."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.published: list[OutgoingEvent] = []
        self._trouble = trouble

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        if self._trouble is not None:
            raise self._trouble
        self.published += events


def an_event(event_id: str, traceparent: str = "") -> OutgoingEvent:
    headers = (("traceparent", traceparent.encode()), ("origin", b"x")) if traceparent else ()
    return OutgoingEvent("risk.pretrade_decision.v1.test", "user-1", b"v", event_id, headers)


async def test_events_of_one_decision_go_on_from_one_span() -> None:
    """RE-404: sending is a span below the order, and the events' header is that span's."""
    recorded, bus = Recorded(), Bus()
    publisher = TracedPublisher(bus, recorded.spans, system="kafka")
    await publisher.publish([an_event("a", TRACEPARENT), an_event("b", TRACEPARENT)])
    span = recorded.named("send risk.pretrade_decision.v1.test")
    assert (trace_of(span), parent_of(span), span.kind) == (TRACE, PARENT, SpanKind.PRODUCER)
    assert (span.attributes or {})["messaging.batch.message_count"] == 2
    sent = (("traceparent", header_of(span).encode()), ("origin", b"x"))
    assert [(event.event_id, event.headers) for event in bus.published] == [("a", sent), ("b", sent)]


async def test_events_of_many_traces_keep_their_order_and_each_its_trace() -> None:
    """RE-404, RE-412: each trace has its span; what nobody records, and what is in none, leaves as it came."""
    recorded, bus = Recorded(), Bus()
    events = [an_event("a", TRACEPARENT), an_event("b"), an_event("c", NOT_SAMPLED), an_event("d", OTHER)]
    await TracedPublisher(bus, recorded.spans, system="kafka").publish(events)
    assert [event.event_id for event in bus.published] == ["a", "b", "c", "d"]
    assert bus.published[1:3] == events[1:3]
    assert [parent_of(span) for span in reversed(recorded.all())] == [PARENT, OTHER.split("-")[2]]
    assert all(event.headers[0][1].startswith(f"00-{TRACE}".encode()) for event in bus.published if event.headers)


async def test_events_that_are_not_taken_are_errors_and_fail_all_the_same() -> None:
    """RE-404: the relay learns of trouble as it does without traces, and sends again."""
    recorded = Recorded()
    publisher = TracedPublisher(Bus(DependencyFailed("bus", "away")), recorded.spans, system="kafka")
    with pytest.raises(DependencyFailed):
        await publisher.publish([an_event("a", TRACEPARENT)])
    assert recorded.named("send risk.pretrade_decision.v1.test").status.status_code is StatusCode.ERROR
