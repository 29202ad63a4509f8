"""Queries and documents of assessments."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.explain import Explanation
from tidegate.core.assessment.outside import CallStatus
from tidegate.core.assessment.request import TEXT_CHARACTERS_MAX
from tidegate.core.assessment.risk_assessment import AssessmentStatus, ExternalCall, RiskAssessment
from tidegate.core.kernel.readings import instant_text
from tidegate.inbound.rest.desk.evaluate import REQUEST_EXAMPLE, RESPONSE_EXAMPLE
from tidegate.inbound.rest.fields import Document, InstantUs, Omittable, PageQuery, TimeText, Uuid
from tidegate.ports.risk_assessments import Repeat
from tidegate.usecases.assessment.look_back import History

SubjectText = Annotated[str, Field(min_length=1, max_length=TEXT_CHARACTERS_MAX)]


class AssessmentQuery(PageQuery):
    """Filters of the assessments; ``from`` is inclusive, ``to`` is not.

    ``trace_id`` finds what the trace asked for, also where it only repeated it, with the calls and repeats of each.
    """

    trace_id: Annotated[Uuid | None, Omittable()] = None
    subject_id: Annotated[SubjectText | None, Omittable()] = None
    decision: Annotated[Decision | None, Omittable()] = None
    status: Annotated[AssessmentStatus | None, Omittable()] = None
    from_us: Annotated[InstantUs | None, Omittable(), Field(alias="from")] = None
    to_us: Annotated[InstantUs | None, Omittable(), Field(alias="to")] = None


class AssessmentDocument(Document):
    """One assessment. Score, decision and what belongs to them are null unless it is COMPLETED."""

    assessment_id: str
    created_at: TimeText
    trace_id: str
    subject_id: str
    source_system: str
    request_hash: str
    status: AssessmentStatus
    decision: Decision | None
    risk_score: int | None
    score_min: int | None
    score_max: int | None
    coverage: float | None
    reason_codes: list[str]
    warnings: list[str]
    processing_time_ms: int | None
    ended_at: TimeText | None
    fault: str
    versions: dict[str, int]
    rules: list[dict[str, Any]]


class CallDocument(Document):
    """One call of a provider, as it was logged; ``cost_micros`` in millionths of the currency unit."""

    provider_name: str
    status: CallStatus
    latency_ms: int
    called_at: TimeText
    fault: str
    from_cache: bool
    cost_micros: int
    raw_response: Any


class RepeatDocument(Document):
    """A request that was answered with an assessment made before."""

    trace_id: str
    asked_at: TimeText


class AssessmentHistoryDocument(AssessmentDocument):
    """One assessment with its calls and repeats; these are empty in a listing that names no trace."""

    provider_calls: list[CallDocument]
    repeats: list[RepeatDocument]


class AssessmentsDocument(Document):
    """A page of assessments, newest first."""

    items: list[AssessmentHistoryDocument]
    next_cursor: str | None


class AssessmentDetail(AssessmentHistoryDocument):
    """One assessment, whole: what it was made on, and why it came out so.

    ``explanation`` is null when it is not COMPLETED, or when its rules cannot be read by this release any more.
    """

    input_data_snapshot: dict[str, Any]
    explanation: dict[str, Any] | None


class AssessmentReplayDocument(Document):
    """An assessment decided again; ``differences`` is empty when the same came out, byte for byte."""

    assessment_id: str
    identical: bool
    recorded: dict[str, Any]
    replayed: dict[str, Any]
    differences: list[str]


ASSESSMENT_EXAMPLE: Final[Mapping[str, object]] = {
    "assessment_id": RESPONSE_EXAMPLE["assessment_id"],
    "created_at": "2026-02-16T09:30:00.125Z",
    "trace_id": RESPONSE_EXAMPLE["trace_id"],
    "subject_id": REQUEST_EXAMPLE["subject_id"],
    "source_system": REQUEST_EXAMPLE["source_system"],
    "request_hash": "5f0c1e0a8a3b6f5d7f0f2f8f9f5e0c54a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "status": "COMPLETED",
    "decision": "APPROVED",
    "risk_score": 45,
    "score_min": 45,
    "score_max": 45,
    "coverage": 1,
    "reason_codes": RESPONSE_EXAMPLE["reason_codes"],
    "warnings": [],
    "processing_time_ms": 320,
    "ended_at": "2026-02-16T09:30:00.445Z",
    "fault": "",
    "versions": {"rules": 12, "thresholds": 3, "lists": 5},
    "rules": [
        {
            "rule_code": "RULE_HIGH_DEBT_RATIO",
            "rule_id": "9c1d5b8e-2f57-4c0e-9f1a-3a7a2d8c4b10",
            "version": 2,
            "weight": 20,
            "result": "TRUE",
            "contribution": 20,
            "leaves": [
                {
                    "pointer": "/when",
                    "field": "context_data.debt_ratio",
                    "op": "gt",
                    "expected": "0.40",
                    "actual": 0.47,
                    "result": "TRUE",
                }
            ],
        }
    ],
    "provider_calls": [],
    "repeats": [],
}
DETAIL_EXAMPLE: Final = {
    **ASSESSMENT_EXAMPLE,
    "input_data_snapshot": {"request": REQUEST_EXAMPLE, "providers": {}, "history": {}, "engine": "0.1.0"},
    "explanation": {
        "decision": "APPROVED",
        "summary": ["the score is 45", "a score of 0 to 399 means APPROVED", "the decision is APPROVED"],
        "rules": [],
        "counterfactuals": [],
    },
}
REPLAY_EXAMPLE: Final = {
    "assessment_id": RESPONSE_EXAMPLE["assessment_id"],
    "identical": True,
    "recorded": {"decision": "APPROVED", "risk_score": 45},
    "replayed": {"decision": "APPROVED", "risk_score": 45},
    "differences": [],
}


def history_members(history: History) -> dict[str, object]:
    """Write an assessment with its calls and repeats; numbers stay exact."""
    return {
        **_members(history.assessment),
        "provider_calls": [_call(call) for call in history.calls],
        "repeats": [_repeat(repeat) for repeat in history.repeats],
    }


def detail_members(history: History, explanation: Explanation | None) -> dict[str, object]:
    """Write an assessment, whole."""
    return {
        **history_members(history),
        "input_data_snapshot": history.assessment.input_data_snapshot,
        "explanation": None if explanation is None else explanation.as_json(),
    }


def _members(assessment: RiskAssessment) -> dict[str, object]:
    answer = assessment.answer or {}
    ended_us = assessment.ended_us
    return {
        "assessment_id": assessment.assessment_id,
        "created_at": instant_text(assessment.created_us),
        "trace_id": assessment.trace_id,
        "subject_id": assessment.subject_id,
        "source_system": assessment.source_system,
        "request_hash": assessment.request_hash,
        "status": assessment.status.value,
        "decision": None if assessment.decision is None else assessment.decision.value,
        "risk_score": assessment.total_score,
        "score_min": answer.get("score_min"),
        "score_max": answer.get("score_max"),
        "coverage": answer.get("coverage"),
        "reason_codes": answer.get("reason_codes", []),
        "warnings": answer.get("warnings", []),
        "processing_time_ms": assessment.processing_time_ms,
        "ended_at": None if ended_us is None else instant_text(ended_us),
        "fault": assessment.fault,
        "versions": assessment.versions,
        "rules": assessment.rule_execution_log or [],
    }


def _call(call: ExternalCall) -> dict[str, object]:
    return {
        "provider_name": call.provider_name,
        "status": call.status.value,
        "latency_ms": call.latency_ms,
        "called_at": instant_text(call.called_us),
        "fault": call.fault,
        "from_cache": call.from_cache,
        "cost_micros": call.cost_micros,
        "raw_response": call.raw_response,
    }


def _repeat(repeat: Repeat) -> dict[str, object]:
    return {"trace_id": repeat.trace_id, "asked_at": instant_text(repeat.asked_us)}
