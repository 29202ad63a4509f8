"""Spans around what is written: the gate's batches, and the desk's assessments with the place in the trace."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Final

from opentelemetry.semconv.attributes.db_attributes import DB_OPERATION_NAME, DB_SYSTEM_NAME
from opentelemetry.trace import Link, get_current_span

from tidegate.core.assessment.risk_assessment import ExternalCall
from tidegate.outbound.tracing.spans import Attributes, Spans
from tidegate.ports.decision_journal import DecisionJournal, DecisionRecord, RememberedAnswer
from tidegate.ports.risk_assessments import (
    AssessmentClaim,
    Breakdown,
    ClaimOutcome,
    ClaimTerms,
    Completion,
    IdempotencyKey,
    Repeat,
    RiskAssessmentRepository,
)
from tidegate.wire.trace_context import below, headers_here, sampled

ROWS: Final = "db.operation.batch.size"
_POSTGRESQL: Final = "postgresql"


class TracedJournal:
    """``DecisionJournal`` whose writing is seen.

    With durability ``journal`` it happens within a batch of the gate; with ``relaxed`` later and on its own, and then
    the span is the first decision's child, linked with the others.
    """

    def __init__(self, journal: DecisionJournal, spans: Spans) -> None:
        self._journal = journal
        self._spans = spans

    async def record(
        self, batch: Sequence[DecisionRecord], *, margin_call_cooldown_us: int, book_epoch: int | None = None
    ) -> Mapping[int, RememberedAnswer]:
        with self._writing(batch):
            return await self._journal.record(
                batch, margin_call_cooldown_us=margin_call_cooldown_us, book_epoch=book_epoch
            )

    def _writing(self, batch: Sequence[DecisionRecord]) -> AbstractContextManager[object]:
        attributes: Attributes = {**_operation("record"), ROWS: len(batch)}
        if get_current_span().get_span_context().is_valid:
            return self._spans.around("journal write", attributes)
        causes = sampled(record.traceparent for record in batch if record.traceparent)
        if not causes:
            return nullcontext()
        links = [Link(cause) for cause in causes[1:]]
        return self._spans.around("journal write", attributes, parent=below(causes[0]), links=links)

    async def remembered(self, user_id: str, order_id: str, *, since_us: int) -> RememberedAnswer | None:
        return await self._journal.remembered(user_id, order_id, since_us=since_us)

    async def withdraw(self, decision_ids: Sequence[str]) -> None:
        await self._journal.withdraw(decision_ids)


class TracedAssessments:
    """``RiskAssessmentRepository`` whose claims and completions are seen.

    The place in the trace is kept in the snapshot, beside the request, so that the event of the assessment joins the
    trace whoever relays it, and when.
    """

    def __init__(self, repository: RiskAssessmentRepository, spans: Spans) -> None:
        self._repository = repository
        self._spans = spans

    async def claim(
        self, claim: AssessmentClaim, *, terms: ClaimTerms, key: IdempotencyKey | None = None
    ) -> ClaimOutcome:
        placed = replace(claim, snapshot={**claim.snapshot, **headers_here()})
        with self._spans.around("assessment claim", _operation("claim")) as span:
            outcome = await self._repository.claim(placed, terms=terms, key=key)
            span.set_attribute("tidegate.claim", type(outcome).__name__)
            return outcome

    async def complete(self, completion: Completion) -> None:
        placed = replace(completion, snapshot={**completion.snapshot, **headers_here()})
        with self._spans.around("assessment completion", _operation("complete")):
            await self._repository.complete(placed)

    async def fail(self, breakdown: Breakdown) -> None:
        with self._spans.around("assessment failure", _operation("fail")):
            await self._repository.fail(breakdown)

    async def record_repeat(self, repeat: Repeat) -> None:
        with self._spans.around("assessment repeat", _operation("record_repeat")):
            await self._repository.record_repeat(repeat)

    async def log_billed_call(self, call: ExternalCall) -> None:
        with self._spans.around("billed call", _operation("log_billed_call")):
            await self._repository.log_billed_call(call)


def _operation(name: str) -> dict[str, str]:
    return {DB_SYSTEM_NAME: _POSTGRESQL, DB_OPERATION_NAME: name}
