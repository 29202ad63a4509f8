"""What ended assessments announce, by their schemas."""

from uuid import UUID

import pytest
from tests.core.assessment.builders import UNKNOWN, a_rule
from tests.usecases.assessment.workflow import Workflow, traced

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.memory.assessments import MemoryAssessmentOutbox
from tidegate.usecases.assessment.announce import AssessmentAnnouncer
from tidegate.wire.codec import AvroCodec
from tidegate.wire.schemas import SchemaCatalogue


async def announced(desk: Workflow) -> tuple[str, str, dict[str, object]]:
    """Give topic, event id and record of the one event that waits, as a reader has it."""
    (pending,) = await MemoryAssessmentOutbox(desk.store).pending(5)
    (announcement,) = await AssessmentAnnouncer().announcements(pending.record)
    (again,) = await AssessmentAnnouncer().announcements(pending.record)
    assert again == announcement
    codec = AvroCodec(SchemaCatalogue.load())
    record = codec.decode(announcement.topic, codec.encode(announcement.topic, announcement.record))
    return announcement.topic, announcement.event_id, record


async def test_completed_assessment_tells_its_answer_and_versions() -> None:
    """AS-382: risk.assessment.completed.v1 says what was decided, by which versions; the same id however often."""
    desk = Workflow([a_rule("FIRES", weight=400), a_rule("DARK", UNKNOWN, weight=100)])
    evaluated = await desk.service.evaluate(traced(1))
    topic, event_id, record = await announced(desk)
    assert topic == "risk.assessment.completed.v1"
    assert record["event_id"] == UUID(event_id)
    told = {name: record[name] for name in ("decision", "risk_score", "score_min", "score_max", "coverage")}
    assert told == {
        "decision": "MANUAL_REVIEW",
        "risk_score": 400,
        "score_min": 400,
        "score_max": 500,
        "coverage": "0.8",
    }
    assert (record["reason_codes"], record["warnings"]) == (["FIRES"], ["DARK: UNKNOWN"])
    assert record["versions"] == {"rules": "1", "thresholds": "1", "lists": "0", "program": "1.2.3"}
    assert (record["subject_id"], record["source_system"]) == ("s-1", "kyc")
    assert record["assessment_id"] == UUID(evaluated.assessment_id)
    assert record["trace_id"] == traced(1).trace_id


async def test_failed_assessment_tells_why() -> None:
    """AS-382: risk.assessment.failed.v1 names the fault; nothing of the request's context is in it."""
    desk = Workflow()
    desk.store.written_all_the_same = True
    desk.store.fails["claim"] = 1
    with pytest.raises(DependencyFailed):
        await desk.service.evaluate(traced(1, context_data={"name": "Muster"}))
    await desk.service.drain(5)
    topic, _, record = await announced(desk)
    assert topic == "risk.assessment.failed.v1"
    assert record["fault"] == "postgres did not answer"
    assert record["created_at"] == record["failed_at"]
    assert "Muster" not in str(record)


async def test_repeat_announces_nothing() -> None:
    """AS-382: one assessment is announced once, however often it is asked for."""
    desk = Workflow()
    for number in range(3):
        await desk.service.evaluate(traced(number))
    assert len(desk.store.outbox) == 1
