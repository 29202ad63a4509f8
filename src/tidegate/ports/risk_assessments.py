"""Where assessments are kept: claimed before they are made, written whole when they are, read by auditors."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.history import HistoryCounts
from tidegate.core.assessment.risk_assessment import AssessmentStatus, ExternalCall, RiskAssessment
from tidegate.ports.paging import Page, PageRequest


class ClaimLost(Exception):
    """The assessment is no longer this process's: another has taken it over. Nothing was written."""


@dataclass(frozen=True, slots=True)
class ClaimTerms:
    """How long what stands for a subject and request hash stands, microseconds before the claim's ``at_us``.

    A COMPLETED assessment stands for ``duplicate_window_us`` (one exactly that old no longer does), so does an
    idempotency key; an IN_PROGRESS one for ``in_progress_timeout_us``, after which its process counts as dead.
    """

    duplicate_window_us: int
    in_progress_timeout_us: int


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's key, which is only their own: the same key of another token subject is another key."""

    token_subject: str
    key: str


@dataclass(frozen=True, slots=True)
class AssessmentClaim:
    """An assessment that is about to be made, if nobody else makes or has made it.

    ``snapshot`` holds the request, ``rule_ids`` the rules in scope; ``versions`` those of the configuration in use.
    """

    assessment_id: str
    trace_id: str
    subject_id: str
    source_system: str
    request_hash: str
    at_us: int
    snapshot: Mapping[str, object]
    rule_ids: tuple[str, ...]
    versions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Claimed:
    """The assessment is the claimer's to make: it is IN_PROGRESS under the claim's id."""


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """What a COMPLETED assessment answered."""

    assessment_id: str
    decision: Decision
    total_score: int
    answer: Mapping[str, object]
    versions: Mapping[str, int]
    processing_time_ms: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same was asked before and its answer stands; the repeat has been recorded with the claim's trace."""

    recorded: RecordedAnswer


@dataclass(frozen=True, slots=True)
class Running:
    """Somebody makes it now: ask again."""

    assessment_id: str


@dataclass(frozen=True, slots=True)
class KeyTaken:
    """The idempotency key was used with another request."""


ClaimOutcome: TypeAlias = Claimed | Duplicate | Running | KeyTaken


@dataclass(frozen=True, slots=True)
class Completion:
    """A made assessment, to be written in one transaction with its calls and its event.

    ``rule_execution_log`` names the rules that were evaluated, each with its ``rule_id`` (empty in none).
    """

    assessment_id: str
    decision: Decision
    total_score: int
    snapshot: Mapping[str, object]
    rule_execution_log: Sequence[Mapping[str, object]]
    answer: Mapping[str, object]
    calls: Sequence[ExternalCall]
    ended_us: int
    processing_time_ms: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    """An assessment that could not be made, and why, in words that hold nothing personal."""

    assessment_id: str
    fault: str
    calls: Sequence[ExternalCall]
    ended_us: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """A request that was answered with an assessment made before."""

    trace_id: str
    assessment_id: str
    asked_us: int


class RiskAssessmentRepository(Protocol):
    """Writes assessments. ``DependencyFailed`` when nothing, or nothing for sure, was written."""

    async def claim(
        self, claim: AssessmentClaim, *, terms: ClaimTerms, key: IdempotencyKey | None = None
    ) -> ClaimOutcome:
        """Begin an assessment, unless one of the same subject and request hash stands: of two at once one is Claimed.

        An assessment whose process counts as dead is FAILED here, with its event, and no longer stands. With a key, the
        answer that was given under it stands too.
        """

    async def complete(self, completion: Completion) -> None:
        """Write an assessment that is claimed, its calls and its event, all or nothing; written twice changes nothing.

        Raises:
            ClaimLost: it is not IN_PROGRESS any more, or was never claimed.
        """

    async def fail(self, breakdown: Breakdown) -> None:
        """Write that an assessment could not be made, with its calls and its event; it stands no longer.

        Raises:
            ClaimLost: it is not IN_PROGRESS any more, or was never claimed.
        """

    async def record_repeat(self, repeat: Repeat) -> None:
        """Write that a request was answered with a COMPLETED assessment, where the claimer knows its answer."""

    async def log_billed_call(self, call: ExternalCall) -> None:
        """Write the row of a call that costs, on its own; again under the same ``call_id`` to say how it ended."""


class SubjectHistory(Protocol):
    """Counts what a subject was answered before. ``DependencyFailed`` when the store does not answer."""

    async def counts(self, subject_id: str, *, windows: Collection[str], now_us: int) -> HistoryCounts:
        """Count the COMPLETED assessments made in (now - window, now] for each window, a duration as rules write it,
        and give the last one up to now.
        """


@dataclass(frozen=True, slots=True)
class AssessmentFilter:
    """``None`` means any; times are half-open [from, to) in microseconds since 1970.

    ``trace_id`` finds the assessments that the trace asked for, those that it only repeated among them.
    """

    trace_id: str | None = None
    subject_id: str | None = None
    decision: Decision | None = None
    status: AssessmentStatus | None = None
    from_us: int | None = None
    to_us: int | None = None


class AssessmentArchive(Protocol):
    """Reads assessments, newest first. ``DependencyFailed`` when the store does not answer."""

    async def page(self, request: PageRequest, wanted: AssessmentFilter) -> Page[RiskAssessment]:
        """Give the assessments that match."""

    async def get(self, assessment_id: str) -> RiskAssessment | None:
        """Give one assessment, whole."""

    async def calls(self, assessment_id: str) -> Sequence[ExternalCall]:
        """Give the calls made for an assessment, in the order of their time and provider."""

    async def repeats(self, assessment_id: str, *, limit: int) -> Sequence[Repeat]:
        """Give the latest requests that were answered with it, oldest first."""


@dataclass(frozen=True, slots=True)
class EndedAssessment:
    """An assessment that has ended, and the topic of the event that tells of it.

    Its snapshot holds ``engine`` and ``traceparent`` alone, and it has no rule log: an event tells no more.
    """

    assessment: RiskAssessment
    topic: str


class AssessmentUpkeep(Protocol):
    """What ages. ``DependencyFailed`` when the store does not answer."""

    async def fail_abandoned(self, *, before_us: int, now_us: int, limit: int) -> int:
        """Write that assessments IN_PROGRESS since before then were abandoned; give how many."""

    async def forget_keys(self, *, before_us: int, limit: int) -> int:
        """Forget idempotency keys first used before then; give how many."""

    async def forget_rule_uses(self, *, before_us: int, limit: int) -> int:
        """Forget which rules were used before then; give how many notes of it."""
