"""Assessments that keep their place in the trace."""

from dataclasses import replace

import pytest
from opentelemetry.trace import use_span
from tests.ports.assessment_stores import (
    TERMS,
    AssessmentStores,
    a_breakdown,
    a_claim,
    a_completion,
    memory_assessments,
)
from tests.traces import Recorded, header_of, parent_of, place

from tidegate.outbound.tracing.stores import TracedAssessments
from tidegate.usecases.assessment.announce import AssessmentAnnouncer


@pytest.fixture
def stores() -> AssessmentStores:
    return memory_assessments()


async def announced(stores: AssessmentStores) -> list[str]:
    """Give the places in traces that the events of what has ended carry."""
    return [
        announcement.traceparent
        for waiting in await stores.outbox.pending(10)
        for announcement in await AssessmentAnnouncer().announcements(waiting.record)
    ]


async def test_assessment_made_or_failed_is_announced_in_the_trace_of_its_request(stores: AssessmentStores) -> None:
    """RE-404: the event joins the trace whoever relays it, for it is kept with the assessment."""
    recorded = Recorded()
    traced = TracedAssessments(stores.repository, recorded.spans)
    made, failed = a_claim(1), a_claim(2, request_hash="bb")
    with use_span(recorded.tracer.start_span("request"), end_on_exit=True):
        await traced.claim(made, terms=TERMS)
        completion = a_completion(made)
        answer = {**completion.answer, "score_min": "0", "score_max": "9"}
        snapshot = {**completion.snapshot, "engine": "1.2.3"}
        await traced.complete(replace(completion, answer=answer, snapshot=snapshot))
        await traced.claim(failed, terms=TERMS)
        await traced.fail(a_breakdown(failed))
    request = recorded.named("request")
    assert await announced(stores) == [header_of(request)] * 2
    spans = [span for span in recorded.all() if span is not request]
    names = ["assessment claim", "assessment completion", "assessment claim", "assessment failure"]
    assert [span.name for span in spans] == names
    assert {parent_of(span) for span in spans} == {f"{place(request).span_id:016x}"}
