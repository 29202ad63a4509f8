"""Which event an ended assessment announces, and what it says, by the schemas of ``docs/events.md``."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from tidegate.core.assessment.risk_assessment import AssessmentStatus, RiskAssessment
from tidegate.core.kernel.decimals import plain
from tidegate.ports.outbox import Announcement
from tidegate.ports.risk_assessments import EndedAssessment

_EVENT_IDS: Final = UUID("0f0c9b86-6f0b-4a7e-8f6e-52d0f0f6a8d1")
"""Namespace of event ids: the same end is announced under the same id, however often it is sent."""


class AssessmentAnnouncer:
    """Turns ended assessments into events."""

    async def announcements(self, record: EndedAssessment) -> tuple[Announcement, ...]:
        """Give the event of an assessment that has ended."""
        assessment = record.assessment
        event_id = str(uuid5(_EVENT_IDS, f"{assessment.assessment_id}/{record.topic}"))
        ended_us = assessment.ended_us or assessment.created_us
        envelope = {"event_id": event_id, "event_ts": ended_us // 1_000, "trace_id": assessment.trace_id}
        told = _completed if assessment.status is AssessmentStatus.COMPLETED else _failed
        fields = {**envelope, **_head(assessment), **told(assessment)}
        traceparent = str(assessment.input_data_snapshot.get("traceparent") or "")
        return (Announcement(record.topic, event_id, fields, traceparent),)


def _completed(assessment: RiskAssessment) -> Mapping[str, Any]:
    answer = assessment.answer or {}
    versions = {name: str(version) for name, version in assessment.versions.items()}
    return {
        "decision": assessment.decision,
        "risk_score": assessment.total_score,
        "score_min": int(str(answer["score_min"])),
        "score_max": int(str(answer["score_max"])),
        "coverage": plain(Decimal(str(answer["coverage"]))),
        "reason_codes": answer["reason_codes"],
        "warnings": answer["warnings"],
        "versions": {**versions, "program": str(assessment.input_data_snapshot["engine"])},
        "processing_time_ms": assessment.processing_time_ms,
    }


def _head(assessment: RiskAssessment) -> Mapping[str, Any]:
    return {
        "assessment_id": assessment.assessment_id,
        "subject_id": assessment.subject_id,
        "source_system": assessment.source_system,
        "request_hash": assessment.request_hash,
        "created_at": assessment.created_us,
    }


def _failed(assessment: RiskAssessment) -> Mapping[str, Any]:
    return {"fault": assessment.fault, "failed_at": assessment.ended_us or assessment.created_us}
