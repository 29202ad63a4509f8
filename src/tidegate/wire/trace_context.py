"""The place in a trace as it crosses a process: one header, ``traceparent`` of W3C Trace Context.

Nothing else of a caller's context is read or handed on: ``tracestate`` and ``baggage`` are free text, which may name
people and would end up with whoever we ask.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT: Final = "traceparent"
"""Name of the header, in lower case as HTTP/2 and Kafka carry it."""

_LENGTH_MAX: Final = 256
"""Version 00 has 55 characters; later ones may be longer. What is longer than this is not looked at."""

_SAMPLED_AT: Final = 54
"""Place of the letter that tells whether a trace is recorded, in every version: most are not, and need no reading."""

_ODD: Final = frozenset("13579bdf")

_W3C: Final = TraceContextTextMapPropagator()


def read_traceparent(values: Sequence[str]) -> Context:
    """Give the context that a caller's header says, from all values that came under its name.

    A header that is malformed, or came more than once, is as if absent (W3C Trace Context, 3.2 and 4.3): the context is
    empty, and a trace of our own begins.
    """
    if len(values) != 1 or len(values[0]) > _LENGTH_MAX:
        return Context()
    return _W3C.extract({TRACEPARENT: values[0]}, Context())


def sampled(traceparents: Iterable[str]) -> list[trace.SpanContext]:
    """Give what these headers name, each once, in their order; those left out name nothing, or what nobody records."""
    flagged = [each for each in dict.fromkeys(traceparents) if each[_SAMPLED_AT : _SAMPLED_AT + 1] in _ODD]
    named = (trace.get_current_span(read_traceparent((each,))).get_span_context() for each in flagged)
    return [context for context in named if context.is_valid and context.trace_flags.sampled]


def below(context: trace.SpanContext) -> Context:
    """Give the context of what a span elsewhere has caused."""
    return trace.set_span_in_context(trace.NonRecordingSpan(context), Context())


def traceparent_of(context: trace.SpanContext) -> str:
    """Write the header of a span; empty for one that names nothing."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, below(context))
    return carrier.get(TRACEPARENT, "")


def headers_here() -> Mapping[str, str]:
    """Give the headers that tell whoever is asked now where in the trace it is asked; empty outside any trace."""
    written = traceparent_of(trace.get_current_span().get_span_context())
    return {TRACEPARENT: written} if written else {}
