"""The stores of assessments at once, on one implementation, and rows for them."""

from dataclasses import dataclass, replace
from decimal import Decimal

from tests.ports.stores import ClosingOutbox

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.outside import CallStatus
from tidegate.core.assessment.risk_assessment import ExternalCall
from tidegate.outbound.memory.assessments import (
    MemoryAssessmentArchive,
    MemoryAssessmentOutbox,
    MemoryAssessmentUpkeep,
    MemoryRiskAssessments,
    MemoryRuleReferences,
)
from tidegate.outbound.postgres.assessment_archive import PostgresAssessmentArchive, PostgresRuleReferences
from tidegate.outbound.postgres.assessment_outbox import PostgresAssessmentOutbox
from tidegate.outbound.postgres.assessment_repository import PostgresRiskAssessments
from tidegate.outbound.postgres.assessment_upkeep import PostgresAssessmentUpkeep
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.desk_configuration import RuleReferences
from tidegate.ports.risk_assessments import (
    AssessmentArchive,
    AssessmentClaim,
    AssessmentUpkeep,
    Breakdown,
    ClaimOutcome,
    ClaimTerms,
    Completion,
    EndedAssessment,
    IdempotencyKey,
    RiskAssessmentRepository,
    SubjectHistory,
)

S = 1_000_000
NOW_US = 1_767_225_600 * S
TERMS = ClaimTerms(duplicate_window_us=3_600 * S, in_progress_timeout_us=5 * S)
RULE, OTHER_RULE = "11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002"


@dataclass(frozen=True, slots=True)
class AssessmentStores:
    """One implementation of each port, all on the same rows; the duplicate window is that of ``TERMS``."""

    repository: RiskAssessmentRepository
    archive: AssessmentArchive
    history: SubjectHistory
    references: RuleReferences
    upkeep: AssessmentUpkeep
    outbox: ClosingOutbox[EndedAssessment]
    second_outbox: ClosingOutbox[EndedAssessment]

    async def claimed(self, claim: AssessmentClaim, *, key: IdempotencyKey | None = None) -> ClaimOutcome:
        """Claim on the usual terms."""
        return await self.repository.claim(claim, terms=TERMS, key=key)

    async def made(self, claim: AssessmentClaim, *, decision: Decision = Decision.APPROVED, score: int = 45) -> None:
        """Claim and complete."""
        await self.claimed(claim)
        await self.repository.complete(a_completion(claim, decision=decision, score=score))


def memory_assessments() -> AssessmentStores:
    """Make empty stores in memory."""
    repository = MemoryRiskAssessments()
    archive = MemoryAssessmentArchive(repository)
    return AssessmentStores(
        repository=repository,
        archive=archive,
        history=archive,
        references=MemoryRuleReferences(repository, duplicate_window_us=TERMS.duplicate_window_us),
        upkeep=MemoryAssessmentUpkeep(repository),
        outbox=MemoryAssessmentOutbox(repository),
        second_outbox=MemoryAssessmentOutbox(repository),
    )


def postgres_assessments(pool: PostgresPool) -> AssessmentStores:
    """Make the stores of a database."""
    archive = PostgresAssessmentArchive(pool)
    return AssessmentStores(
        repository=PostgresRiskAssessments(pool),
        archive=archive,
        history=archive,
        references=PostgresRuleReferences(pool, duplicate_window_us=TERMS.duplicate_window_us),
        upkeep=PostgresAssessmentUpkeep(pool),
        outbox=PostgresAssessmentOutbox(pool),
        second_outbox=PostgresAssessmentOutbox(pool),
    )


def an_id(number: int) -> str:
    """Give the id of the n-th assessment."""
    return f"00000000-0000-4000-8000-{number:012x}"


def a_trace(number: int) -> str:
    """Give the n-th trace id."""
    return f"22222222-0000-4000-8000-{number:012x}"


def a_claim(number: int, *, subject: str = "Kunde-7", request_hash: str = "aa", at_us: int = NOW_US) -> AssessmentClaim:
    """Give the claim of the n-th assessment."""
    return AssessmentClaim(
        assessment_id=an_id(number),
        trace_id=a_trace(number),
        subject_id=subject,
        source_system="lt-kyc-service",
        request_hash=request_hash,
        at_us=at_us,
        snapshot={"request": {"subject_id": subject, "context_data": {"amount": Decimal("1.10")}}},
        rule_ids=(RULE,),
        versions={"rules": 3, "thresholds": 2, "lists": 0},
    )


def a_completion(claim: AssessmentClaim, *, decision: Decision = Decision.APPROVED, score: int = 45) -> Completion:
    """Give the end of a claimed assessment, with one call."""
    return Completion(
        assessment_id=claim.assessment_id,
        decision=decision,
        total_score=score,
        snapshot={**claim.snapshot, "now_us": claim.at_us, "ratio": Decimal("0.10")},
        rule_execution_log=[{"rule_code": "RULE_GEO", "rule_id": RULE, "result": "TRUE", "contribution": score}],
        answer={"reason_codes": ["RULE_GEO"], "warnings": [], "coverage": Decimal(1)},
        calls=[a_call(claim)],
        ended_us=claim.at_us + 320_000,
        processing_time_ms=320,
    )


def a_breakdown(claim: AssessmentClaim) -> Breakdown:
    """Give the failure of a claimed assessment."""
    return Breakdown(claim.assessment_id, "it broke", (), claim.at_us + 1)


def a_call(claim: AssessmentClaim, *, number: int = 1) -> ExternalCall:
    """Give a call made for an assessment."""
    return ExternalCall(
        call_id=claim.assessment_id[:-2] + f"{number + 0xA0:x}",
        assessment_id=claim.assessment_id,
        provider_name="zefix",
        status=CallStatus.SUCCESS,
        latency_ms=31,
        raw_response={"uid": "CHE107787577", "capital": Decimal("100000.00"), "purpose": "a\x00b\ud800"},
        called_us=claim.at_us + number,
        cost_micros=1_500_000,
    )


def ended_badly(call: ExternalCall) -> ExternalCall:
    """Give the row of a billed call before anything came."""
    return replace(call, status=CallStatus.FAILURE, latency_ms=0, raw_response=None, fault="the call was sent")
