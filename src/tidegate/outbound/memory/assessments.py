"""Assessments in memory: one object holds the rows, the others read and write them as the ports say."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tidegate.core.assessment.history import HistoryCounts, count_history
from tidegate.core.assessment.outside import PastAssessment
from tidegate.core.assessment.risk_assessment import AssessmentStatus, ExternalCall, RiskAssessment
from tidegate.ports.outbox import Backlog, PendingAnnouncement
from tidegate.ports.paging import Page, PageRequest, read_cursor, write_cursor
from tidegate.ports.risk_assessments import (
    AssessmentClaim,
    AssessmentFilter,
    Breakdown,
    Claimed,
    ClaimLost,
    ClaimOutcome,
    ClaimTerms,
    Completion,
    Duplicate,
    EndedAssessment,
    IdempotencyKey,
    KeyTaken,
    RecordedAnswer,
    Repeat,
    Running,
)
from tidegate.wire.topics import ASSESSMENT_COMPLETED_TOPIC, ASSESSMENT_FAILED_TOPIC

ABANDONED: Final = "abandoned: it was not ended within the time given"
_LISTING: Final = "assessments"


@dataclass(slots=True)
class _Key:
    """What a caller's key was used with, and since when."""

    request_hash: str
    used_us: int
    assessment_id: str = ""


class MemoryRiskAssessments:
    """``RiskAssessmentRepository`` in memory, and the rows that its siblings read."""

    def __init__(self) -> None:
        self.rows: dict[str, RiskAssessment] = {}
        self.claims: dict[tuple[str, str], str] = {}
        self.rules_in_progress: dict[str, tuple[str, ...]] = {}
        self.calls: dict[str, ExternalCall] = {}
        self.repeats: list[Repeat] = []
        self.keys: dict[IdempotencyKey, _Key] = {}
        self.outbox: dict[int, tuple[str, str]] = {}
        self.relay: object | None = None
        self._positions = 0

    async def claim(
        self, claim: AssessmentClaim, *, terms: ClaimTerms, key: IdempotencyKey | None = None
    ) -> ClaimOutcome:
        if key is None:
            return self._take(claim, terms)
        used = self.keys.get(key)
        if used is None or used.used_us <= claim.at_us - terms.duplicate_window_us:
            used = self.keys[key] = _Key(claim.request_hash, claim.at_us)
        if used.request_hash != claim.request_hash:
            return KeyTaken()
        under_key = self.rows.get(used.assessment_id)
        outcome = None if under_key is None else self._judged(under_key, claim, terms=terms, always=True)
        if outcome is None:
            outcome = self._take(claim, terms)
            used.assessment_id = claim.assessment_id
            if isinstance(outcome, Running):
                used.assessment_id = outcome.assessment_id
            elif isinstance(outcome, Duplicate):
                used.assessment_id = outcome.recorded.assessment_id
        return outcome

    async def complete(self, completion: Completion) -> None:
        assessment_id = completion.assessment_id
        if not self._may_end(assessment_id, AssessmentStatus.COMPLETED):
            return
        self.rows[assessment_id] = replace(
            self.rows[assessment_id],
            status=AssessmentStatus.COMPLETED,
            decision=completion.decision,
            total_score=completion.total_score,
            input_data_snapshot=completion.snapshot,
            rule_execution_log=completion.rule_execution_log,
            answer=completion.answer,
            ended_us=completion.ended_us,
            processing_time_ms=completion.processing_time_ms,
        )
        self._ended(assessment_id, completion.calls, topic=ASSESSMENT_COMPLETED_TOPIC)

    async def fail(self, breakdown: Breakdown) -> None:
        if self._may_end(breakdown.assessment_id, AssessmentStatus.FAILED):
            self._fail(breakdown.assessment_id, breakdown.fault, ended_us=breakdown.ended_us, calls=breakdown.calls)

    async def record_repeat(self, repeat: Repeat) -> None:
        self.repeats.append(repeat)

    async def log_billed_call(self, call: ExternalCall) -> None:
        self.calls[call.call_id] = call

    def abandon(self, assessment_id: str, *, now_us: int) -> None:
        """Write that an assessment IN_PROGRESS has been abandoned."""
        self._fail(assessment_id, ABANDONED, ended_us=now_us, calls=())

    def newest_first(self) -> list[RiskAssessment]:
        """Give all assessments."""
        return sorted(self.rows.values(), key=_place, reverse=True)

    def _take(self, claim: AssessmentClaim, terms: ClaimTerms) -> ClaimOutcome:
        place = (claim.subject_id, claim.request_hash)
        standing = self.claims.get(place)
        if standing is not None:
            outcome = self._judged(self.rows[standing], claim, terms=terms)
            if outcome is not None:
                return outcome
        self.claims[place] = claim.assessment_id
        self.rules_in_progress[claim.assessment_id] = claim.rule_ids
        self.rows[claim.assessment_id] = RiskAssessment(
            assessment_id=claim.assessment_id,
            created_us=claim.at_us,
            trace_id=claim.trace_id,
            subject_id=claim.subject_id,
            source_system=claim.source_system,
            request_hash=claim.request_hash,
            status=AssessmentStatus.IN_PROGRESS,
            input_data_snapshot=claim.snapshot,
            versions=claim.versions,
        )
        return Claimed()

    def _judged(
        self, standing: RiskAssessment, claim: AssessmentClaim, *, terms: ClaimTerms, always: bool = False
    ) -> ClaimOutcome | None:
        """Give what an assessment means to a claim; None when it does not stand. ``always``: its age is no matter."""
        if standing.status is AssessmentStatus.COMPLETED:
            if not always and standing.created_us <= claim.at_us - terms.duplicate_window_us:
                return None
            self.repeats.append(Repeat(claim.trace_id, standing.assessment_id, claim.at_us))
            return Duplicate(_recorded(standing))
        if standing.status is AssessmentStatus.IN_PROGRESS:
            if standing.created_us > claim.at_us - terms.in_progress_timeout_us:
                return Running(standing.assessment_id)
            self.abandon(standing.assessment_id, now_us=claim.at_us)
        return None

    def _may_end(self, assessment_id: str, status: AssessmentStatus) -> bool:
        """Tell whether there is something to write; False when it was written already."""
        row = self.rows.get(assessment_id)
        if row is None or row.status not in {AssessmentStatus.IN_PROGRESS, status}:
            raise ClaimLost(f"assessment {assessment_id} is somebody else's, or has ended otherwise")
        return row.status is AssessmentStatus.IN_PROGRESS

    def _fail(self, assessment_id: str, fault: str, *, ended_us: int, calls: Iterable[ExternalCall]) -> None:
        row = self.rows[assessment_id]
        self.rows[assessment_id] = replace(row, status=AssessmentStatus.FAILED, fault=fault, ended_us=ended_us)
        del self.claims[row.subject_id, row.request_hash]
        self._ended(assessment_id, calls, topic=ASSESSMENT_FAILED_TOPIC)

    def _ended(self, assessment_id: str, calls: Iterable[ExternalCall], *, topic: str) -> None:
        self.rules_in_progress.pop(assessment_id, None)
        self.calls.update((call.call_id, call) for call in calls)
        self._positions += 1
        self.outbox[self._positions] = (assessment_id, topic)


class MemoryAssessmentArchive:
    """``AssessmentArchive`` and ``SubjectHistory`` in memory."""

    def __init__(self, assessments: MemoryRiskAssessments) -> None:
        self._held = assessments

    async def page(self, request: PageRequest, wanted: AssessmentFilter) -> Page[RiskAssessment]:
        repeated = {repeat.assessment_id for repeat in self._held.repeats if repeat.trace_id == wanted.trace_id}
        found = [row for row in self._held.newest_first() if _matches(row, wanted, repeated=repeated)]
        if request.cursor is not None:
            after = read_cursor(_LISTING, request.cursor)
            found = [row for row in found if _place(row) < after]
        items = tuple(found[: request.limit])
        if len(found) <= request.limit:
            return Page(items, None)
        after_us, tie = _place(items[-1])
        return Page(items, write_cursor(_LISTING, after=after_us, tie=tie))

    async def get(self, assessment_id: str) -> RiskAssessment | None:
        return self._held.rows.get(assessment_id.lower())

    async def calls(self, assessment_id: str) -> Sequence[ExternalCall]:
        found = [call for call in self._held.calls.values() if call.assessment_id == assessment_id]
        return sorted(found, key=lambda call: (call.called_us, call.provider_name, call.call_id))

    async def repeats(self, assessment_id: str, *, limit: int) -> Sequence[Repeat]:
        return [repeat for repeat in self._held.repeats if repeat.assessment_id == assessment_id][-limit:]

    async def counts(self, subject_id: str, *, windows: Collection[str], now_us: int) -> HistoryCounts:
        past = [
            PastAssessment(subject_id, row.created_us, row.decision, row.total_score or 0)
            for row in sorted(self._held.rows.values(), key=_place)
            if row.subject_id == subject_id and row.decision is not None
        ]
        return count_history(past, now_us=now_us, windows=windows)


class MemoryRuleReferences:
    """``RuleReferences`` in memory, for one duplicate window in microseconds."""

    def __init__(self, assessments: MemoryRiskAssessments, *, duplicate_window_us: int) -> None:
        self._held = assessments
        self._duplicate_window_us = duplicate_window_us

    async def in_use(self, rule_id: str, now_us: int) -> bool:
        since_us = now_us - self._duplicate_window_us
        return any(rule_id in rules for rules in self._held.rules_in_progress.values()) or any(
            _names(row.rule_execution_log, rule_id) for row in self._held.rows.values() if row.created_us > since_us
        )


class MemoryAssessmentOutbox:
    """``Outbox`` of ended assessments in memory; the first that claims is the relay until it closes."""

    def __init__(self, assessments: MemoryRiskAssessments) -> None:
        self._held = assessments

    async def pending(self, limit: int) -> Sequence[PendingAnnouncement[EndedAssessment]]:
        waiting = sorted(self._held.outbox.items())[:limit]
        return [
            PendingAnnouncement(position, EndedAssessment(row, topic), row.created_us)
            for position, (assessment_id, topic) in waiting
            for row in (self._held.rows[assessment_id],)
        ]

    async def done(self, positions: Sequence[int]) -> None:
        for position in positions:
            self._held.outbox.pop(position, None)

    async def backlog(self, most: int) -> Backlog:
        waiting = [self._held.rows[assessment_id] for _, (assessment_id, _) in sorted(self._held.outbox.items())]
        return Backlog(min(len(waiting), most), waiting[0].created_us if waiting else None)

    async def claim(self) -> bool:
        if self._held.relay is None:
            self._held.relay = self
        return self._held.relay is self

    async def close(self) -> None:
        """Give the claim up."""
        if self._held.relay is self:
            self._held.relay = None


class MemoryAssessmentUpkeep:
    """``AssessmentUpkeep`` in memory."""

    def __init__(self, assessments: MemoryRiskAssessments) -> None:
        self._held = assessments

    async def fail_abandoned(self, *, before_us: int, now_us: int, limit: int) -> int:
        running = [row for row in self._held.rows.values() if row.status is AssessmentStatus.IN_PROGRESS]
        old = sorted((row for row in running if row.created_us <= before_us), key=_place)[:limit]
        for row in old:
            self._held.abandon(row.assessment_id, now_us=now_us)
        return len(old)

    async def forget_keys(self, *, before_us: int, limit: int) -> int:
        old = [key for key, used in self._held.keys.items() if used.used_us <= before_us][:limit]
        for key in old:
            del self._held.keys[key]
        return len(old)

    async def forget_rule_uses(self, *, before_us: int, limit: int) -> int:  # noqa: ARG002 - there are no notes here
        return 0


def _place(row: RiskAssessment) -> tuple[int, str]:
    return row.created_us, row.assessment_id


def _recorded(row: RiskAssessment) -> RecordedAnswer:
    assert row.decision is not None, "it is COMPLETED"
    return RecordedAnswer(
        row.assessment_id,
        row.decision,
        row.total_score or 0,
        row.answer or {},
        row.versions,
        row.processing_time_ms or 0,
    )


def _names(log: Sequence[Mapping[str, object]] | None, rule_id: str) -> bool:
    return any(rule["rule_id"] == rule_id for rule in log or ())


def _matches(row: RiskAssessment, wanted: AssessmentFilter, *, repeated: Collection[str]) -> bool:
    return (
        (wanted.trace_id in {None, row.trace_id} or row.assessment_id in repeated)
        and wanted.subject_id in {None, row.subject_id}
        and wanted.decision in {None, row.decision}
        and wanted.status in {None, row.status}
        and (wanted.from_us is None or row.created_us >= wanted.from_us)
        and (wanted.to_us is None or row.created_us < wanted.to_us)
    )
