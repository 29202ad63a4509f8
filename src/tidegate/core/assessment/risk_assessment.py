"""One evaluation of the desk as it is kept (source: entity RiskAssessment, table ``risk_assessment``)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.outside import CallStatus


class AssessmentStatus(StrEnum):
    """How far an evaluation is: it begins IN_PROGRESS and ends once, COMPLETED or FAILED."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class RiskAssessment:
    """One evaluation, with what it was made on.

    Times are microseconds since 1970: ``created_us`` is the moment that was judged, ``ended_us`` when it was written.
    ``input_data_snapshot`` is all that the decision was made on; ``rule_execution_log`` the rules in scope with their
    results; ``answer`` the rest of what was answered, all JSON as ``core.rules.json_exact`` reads it. ``versions`` are
    those of rules, thresholds and lists. Score, decision, log and answer are there once it is COMPLETED; ``fault`` says
    why it FAILED.
    """

    assessment_id: str
    created_us: int
    trace_id: str
    subject_id: str
    source_system: str
    request_hash: str
    status: AssessmentStatus
    input_data_snapshot: Mapping[str, object]
    versions: Mapping[str, int]
    total_score: int | None = None
    decision: Decision | None = None
    rule_execution_log: Sequence[Mapping[str, object]] | None = None
    answer: Mapping[str, object] | None = None
    processing_time_ms: int | None = None
    ended_us: int | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ExternalCall:
    """One call of an outside provider (source: table ``external_data_log``).

    ``raw_response`` is the JSON that came, None when nothing did; ``cost_micros`` what it was billed, millionths of the
    currency unit, 0 when the answer came from a cache.
    """

    call_id: str
    assessment_id: str
    provider_name: str
    status: CallStatus
    latency_ms: int
    raw_response: object
    called_us: int
    fault: str = ""
    from_cache: bool = False
    cost_micros: int = 0
