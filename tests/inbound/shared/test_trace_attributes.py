"""What of a request may stand in a trace."""

import pytest

from tidegate.inbound.shared.trace_attributes import TRACE_ID, shown_trace_id

USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"


@pytest.mark.parametrize("trace_id", ["t-1", "0af7651916cd43dd8448eb211c80319c", "req:2026_07", "9", "A" * 63 + "1"])
def test_trace_id_that_is_an_id_is_shown(trace_id: str) -> None:
    """RE-409: the caller's own trace id stands in the span, so that the order is found by it."""
    assert shown_trace_id(trace_id, personal=(USER, "main")) == {TRACE_ID: trace_id}


@pytest.mark.parametrize(
    "trace_id",
    [
        "",
        "anna-mueller",
        "anna.mueller@example.com",
        "Anna Müller 1980",
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2ln",
        USER,
        f"for-{USER.upper()}-1",
        "main-1",
        "1\n2",
        "٣",
        "1" * 65,
    ],
)
def test_trace_id_that_may_be_more_is_left_out(trace_id: str) -> None:
    """RE-409: a name, an address, a token, or whom the order is about, given as a trace id, is not shown."""
    assert shown_trace_id(trace_id, personal=(USER, "main", "")) == {}
