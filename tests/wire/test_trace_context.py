"""The place in a trace as it crosses a process."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span, use_span
from tests.traces import MALFORMED, NOT_SAMPLED, TRACEPARENT, Recorded, header_of

from tidegate.wire.trace_context import headers_here, read_traceparent, sampled, traceparent_of


def read(*values: str) -> str:
    """Read a header and write what was understood."""
    return traceparent_of(get_current_span(read_traceparent(values)).get_span_context())


@pytest.mark.parametrize("sent", [TRACEPARENT, NOT_SAMPLED])
def test_traceparent_is_read_and_written_as_it_was(sent: str) -> None:
    """RE-400: a caller's place in a trace is understood, with whether it is recorded."""
    assert read(sent) == sent


@pytest.mark.parametrize("sent", MALFORMED)
def test_traceparent_malformed_is_as_if_absent(sent: str) -> None:
    """RE-400: a header that is malformed names nothing, and nothing fails for it."""
    assert read(sent) == ""
    assert sampled([sent]) == []


def test_traceparent_that_comes_twice_is_as_if_absent() -> None:
    """RE-400: of two headers nobody knows which one counts."""
    assert read(TRACEPARENT, TRACEPARENT) == ""
    assert read() == ""


@given(st.text(max_size=80))
def test_traceparent_any_text_is_read_or_left(sent: str) -> None:
    """RE-400: no text raises, and what is understood is written as a header that is read the same."""
    understood = read(sent)
    assert understood == "" or read(understood) == understood


def test_sampled_leaves_out_what_nobody_records() -> None:
    """RE-412: what a caller decided not to record is linked with nothing; each place counts once."""
    other = TRACEPARENT.replace("b7ad", "b7ae")
    found = sampled([NOT_SAMPLED, TRACEPARENT, "", other, TRACEPARENT])
    assert [traceparent_of(each) for each in found] == [TRACEPARENT, other]


def test_headers_here_tell_the_current_span_and_nothing_outside() -> None:
    """RE-407: whoever is asked within a span is told of it; outside any trace no header is sent."""
    recorded = Recorded()
    assert headers_here() == {}
    with use_span(recorded.tracer.start_span("here"), end_on_exit=True):
        inside = headers_here()
    assert inside == {"traceparent": header_of(recorded.named("here"))}
