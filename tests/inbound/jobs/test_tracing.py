"""Consumers that go on with traces."""

from collections.abc import Sequence

import pytest
from opentelemetry.trace import SpanKind, StatusCode, get_current_span
from tests.traces import NOT_SAMPLED, PARENT, TRACE, TRACEPARENT, Recorded, links_of, parent_of, trace_of

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.tracing import traced
from tidegate.ports.event_bus import BusRecord

OTHER = TRACEPARENT.replace("b7ad", "b7ae")


def a_record(offset: int, *headers: str) -> BusRecord:
    """Build a record with these places in traces."""
    sent = tuple(("traceparent", header.encode()) for header in headers)
    return BusRecord("wallet.balance_changed.v1", 0, offset, "k", b"v", (("producer", b"\xff"), *sent))


class Taken:
    """Keeps what it was given, and within which trace."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.records: list[BusRecord] = []
        self.within: list[int] = []
        self._trouble = trouble

    async def process(self, records: Sequence[BusRecord]) -> None:
        self.records += records
        self.within.append(get_current_span().get_span_context().trace_id)
        if self._trouble is not None:
            raise self._trouble


async def test_batch_goes_on_with_the_first_trace_and_is_linked_with_all() -> None:
    """RE-406: what is applied at once is one span, in the first record's trace, linked with every trace once."""
    recorded, taken = Recorded(), Taken()
    records = [a_record(1), a_record(2, TRACEPARENT), a_record(3, OTHER), a_record(4, TRACEPARENT)]
    await traced(taken.process, recorded.tracer, group="tidegate.state")(records)
    span = recorded.named("process tidegate.state")
    assert (trace_of(span), parent_of(span), span.kind) == (TRACE, PARENT, SpanKind.CONSUMER)
    assert links_of(span) == [int(PARENT, 16), int(OTHER.split("-")[2], 16)]
    assert (span.attributes or {})["messaging.batch.message_count"] == 4
    assert (taken.records, taken.within) == (records, [int(TRACE, 16)])


@pytest.mark.parametrize("headers", [(), ("nonsense",), (NOT_SAMPLED,)])
async def test_batch_without_a_recorded_trace_has_no_span(headers: tuple[str, ...]) -> None:
    """RE-406, RE-412: records that stand in no trace, or in one that nobody records, begin none."""
    recorded, taken = Recorded(), Taken()
    await traced(taken.process, recorded.tracer, group="g")([a_record(1, *headers)])
    assert recorded.all() == ()
    assert taken.within == [0]


async def test_batch_that_fails_is_an_error_and_fails_all_the_same() -> None:
    """RE-406: the span of a batch that will be read again says that it failed, without words."""
    recorded, taken = Recorded(), Taken(DependencyFailed("account book", "of anna"))
    with pytest.raises(DependencyFailed):
        await traced(taken.process, recorded.tracer, group="g")([a_record(1, TRACEPARENT)])
    span = recorded.named("process g")
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())
    assert (span.attributes or {})["error.type"] == "DependencyFailed"
