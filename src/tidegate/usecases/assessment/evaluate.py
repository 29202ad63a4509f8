"""The desk's workflow: one request, six steps, one evaluation however often and wherever the same is asked.

The first step, who calls and whether the request can be read, is the caller's. Then: rules in scope, outside data,
decision, record, answer. Before anything is asked outside the assessment is claimed, so that of all who ask the same on
all replicas one evaluates and the others get its answer.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.assessment.request_hash import request_hash
from tidegate.core.assessment.risk_assessment import ExternalCall
from tidegate.core.assessment.rule_set import RuleSet, windows_of
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.ports.clock import Clock, Ids
from tidegate.ports.risk_assessments import (
    AssessmentClaim,
    Breakdown,
    Claimed,
    ClaimLost,
    ClaimOutcome,
    ClaimTerms,
    Completion,
    Duplicate,
    IdempotencyKey,
    KeyTaken,
    RecordedAnswer,
    Repeat,
    RiskAssessmentRepository,
    SubjectHistory,
)
from tidegate.usecases.assessment.collecting import Alarm, OutsideData
from tidegate.usecases.assessment.remembered_answers import RememberedAnswers
from tidegate.usecases.assessment.snapshot import (
    Circumscribed,
    begin_snapshot,
    storable_request,
    versions_named,
    write_snapshot,
)
from tidegate.usecases.assessment.stored_form import stored_members

RULES_CHANGED: Final = "RULES_CHANGED"
"""The warning of a repeat that is answered by rules, thresholds or lists that have changed since."""

POLL_FIRST_S: Final = 0.005
POLL_MOST_S: Final = 0.1
FINISH_POLL_S: Final = 0.1
RELEASE_PAUSES_S: Final = (0.1, 1.0)
DEFECT: Final = "a defect of this program"
ANSWERS_MAX: Final = 10_000
"""Answers that a process remembers; what is forgotten, the store still knows."""

WAITS_MAX: Final = 2
"""How many times ``in_progress_timeout`` a request waits for others before it is told to come back."""


class KeyReused(Exception):
    """The idempotency key was used with another request."""


RuleEngineService: TypeAlias = RuleSet
"""The source's name for what executes the active rules in scope on one request and weighs what they contribute."""


class RuleSets(Protocol):
    """The desk's configuration on this replica."""

    @property
    def rule_set(self) -> RuleEngineService:
        """Give the rule set in use. ``DependencyFailed`` while there is none."""


@dataclass(frozen=True, slots=True)
class DeskStores:
    """Where assessments are kept, and what a subject was answered before."""

    repository: RiskAssessmentRepository
    history: SubjectHistory


@dataclass(frozen=True, slots=True)
class DeskLimits:
    """Times of the workflow in milliseconds, and the version of this program that snapshots name."""

    provider_budget_ms: int
    duplicate_window_ms: int
    in_progress_timeout_ms: int
    engine: str

    @property
    def terms(self) -> ClaimTerms:
        """Give the terms of claims."""
        return ClaimTerms(self.duplicate_window_ms * 1_000, self.in_progress_timeout_ms * 1_000)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What the caller is answered; ``repeated``: with what was recorded before.

    ``answer`` is what ``Verdict.answer`` gave, ``processing_time_ms`` what the evaluation took, also where it is told
    again.
    """

    assessment_id: str
    trace_id: str
    answer: Mapping[str, object]
    processing_time_ms: int
    repeated: bool


_Place: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Wiring:
    """Time, ids and who is told of defects."""

    clock: Clock
    ids: Ids
    alarm: Alarm


class RiskEvaluationService:
    """Evaluates requests (the source's name). ``drain`` lets what was begun end."""

    def __init__(
        self, stores: DeskStores, rule_sets: RuleSets, *, outside: OutsideData, limits: DeskLimits, wiring: Wiring
    ) -> None:
        self._stores = stores
        self._rule_sets = rule_sets
        self._outside = outside
        self._limits = limits
        self._wiring = wiring
        self._tasks: set[asyncio.Task[None]] = set()
        self._remembered = RememberedAnswers(ANSWERS_MAX)
        self._leaders: dict[_Place, asyncio.Future[Evaluated]] = {}

    @property
    def running(self) -> int:
        """Count what was begun and has not ended."""
        return len(self._tasks)

    async def evaluate(self, request: AssessmentRequest, *, key: IdempotencyKey | None = None) -> Evaluated:
        """Evaluate a request, or give what the same was answered before. A caller that goes away stops nothing.

        Raises:
            KeyReused: the key was used with another request.
            DependencyFailed: the store did not answer, or the same request is still being evaluated elsewhere.
        """
        evaluation = _Evaluation(storable_request(request), key, begun_us=self._wiring.clock.now_us())
        task = asyncio.create_task(self._run(evaluation))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(evaluation.answer)

    async def drain(self, within_s: float) -> None:
        """Let what was begun end; what has not by then is abandoned, and taken over by whoever asks next."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        for task in self._tasks:
            task.cancel()

    async def _run(self, evaluation: "_Evaluation") -> None:
        """Evaluate, tell, and go on until what was claimed has ended, though the caller was told of trouble before."""
        try:
            await self._follow(evaluation)
            await self._settle(evaluation)
        except (DependencyFailed, KeyReused) as trouble:
            evaluation.fail(trouble)
        except asyncio.CancelledError:
            evaluation.fail(DependencyFailed("assessment desk", "this process is ending"))
            raise
        except Exception as bug:  # noqa: BLE001 - it is the caller's answer and the operator's alarm
            self._wiring.alarm(bug)
            evaluation.fail(bug)

    async def _follow(self, evaluation: "_Evaluation") -> None:
        """Wait for whoever asks the same in this process already; else be the one that others wait for."""
        leader = self._leaders.get(evaluation.place)
        if leader is not None:
            await asyncio.wait({leader})
            return
        self._leaders[evaluation.place] = evaluation.answer
        evaluation.answer.add_done_callback(lambda _answer: self._leaders.pop(evaluation.place))

    async def _settle(self, evaluation: "_Evaluation") -> None:
        """Claim until it is ours, or somebody's answer stands."""
        waiting = _Waiting(WAITS_MAX * self._limits.in_progress_timeout_ms)
        while not evaluation.answer.done():
            rule_set = self._rule_sets.rule_set
            known = await self._repeat_of(evaluation)
            if known is not None:
                evaluation.tell(_repeated(evaluation.request, known, rule_set=rule_set))
                return
            claim = self._claim_of(evaluation.request, rule_set, request_hash=evaluation.place[1])
            outcome = await self._claimed(claim, evaluation)
            if isinstance(outcome, KeyTaken):
                raise KeyReused
            if isinstance(outcome, Duplicate):
                evaluation.tell(_repeated(evaluation.request, outcome.recorded, rule_set=rule_set))
                return
            if isinstance(outcome, Claimed):
                with suppress(ClaimLost):  # too slow: another has taken it over and has, or makes, the answer
                    await self._make(evaluation, claim, rule_set=rule_set)
                    return
            await waiting.wait()

    async def _repeat_of(self, evaluation: "_Evaluation") -> RecordedAnswer | None:
        """Give the answer of the same request that this process completed, with the repeat recorded.

        A request with a key is judged by the store: what was answered under the key stands before anything else.
        """
        if evaluation.key is not None:
            return None
        now_us = self._wiring.clock.now_us()
        since_us = now_us - self._limits.terms.duplicate_window_us
        known = self._remembered.get(evaluation.place, since_us=since_us)
        if known is not None:
            repeat = Repeat(evaluation.request.trace_id, known.assessment_id, now_us)
            await self._stores.repository.record_repeat(repeat)
        return known

    def _claim_of(self, request: AssessmentRequest, rule_set: RuleSet, *, request_hash: str) -> AssessmentClaim:
        return AssessmentClaim(
            assessment_id=self._wiring.ids.new(),
            trace_id=request.trace_id,
            subject_id=request.subject_id,
            source_system=request.source_system,
            request_hash=request_hash,
            at_us=self._wiring.clock.now_us(),
            snapshot=begin_snapshot(request),
            rule_ids=tuple(each.rule.rule_id for each in rule_set.in_scope(request.attributes())),
            versions=versions_named(rule_set.versions),
        )

    async def _claimed(self, claim: AssessmentClaim, evaluation: "_Evaluation") -> ClaimOutcome:
        try:
            return await self._stores.repository.claim(claim, terms=self._limits.terms, key=evaluation.key)
        except DependencyFailed as trouble:
            # it may have been written all the same: it must not stand in the way of the caller's next attempt
            evaluation.fail(trouble)
            for pause_s in RELEASE_PAUSES_S:
                await asyncio.sleep(pause_s)
                if await self._break(claim, trouble, calls=()):
                    break
            raise

    async def _make(self, evaluation: "_Evaluation", claim: AssessmentClaim, *, rule_set: RuleSet) -> None:
        """Steps three to six of what was claimed.

        Raises:
            ClaimLost: another process has taken it over.
        """
        calls: Sequence[ExternalCall] = ()
        request = evaluation.request
        try:
            history = await self._history(request, rule_set, now_us=claim.at_us)
            collected = await self._outside.collect(
                claim.assessment_id,
                request,
                needed=rule_set.providers_for(request.attributes()),
                budget_ms=self._limits.provider_budget_ms,
            )
            calls = collected.calls
            made_on = Circumscribed(request, collected.answers, history, claim.at_us)
            completion = self._completion(evaluation, made_on, claim=claim, rule_set=rule_set, calls=calls)
            if await self._complete(evaluation, completion):
                self._remembered.put(claim, completion)
        except ClaimLost:
            raise
        except Exception as trouble:
            await self._break(claim, trouble, calls=calls)
            raise

    async def _history(self, request: AssessmentRequest, rule_set: RuleSet, *, now_us: int) -> Mapping[str, object]:
        """Give what rules may read of the subject's past, if there is a rule that does."""
        if not rule_set.reads_history:
            return {}
        counts = await self._stores.history.counts(request.subject_id, windows=windows_of(rule_set), now_us=now_us)
        return stored_members(counts.fields())

    def _completion(
        self,
        evaluation: "_Evaluation",
        made_on: Circumscribed,
        *,
        claim: AssessmentClaim,
        rule_set: RuleSet,
        calls: Sequence[ExternalCall],
    ) -> Completion:
        verdict = made_on.decide(rule_set)
        ended_us = self._wiring.clock.now_us()
        return Completion(
            assessment_id=claim.assessment_id,
            decision=verdict.decision,
            total_score=verdict.risk_score,
            snapshot=write_snapshot(made_on, versions=claim.versions, engine=self._limits.engine),
            rule_execution_log=verdict.execution_log(),
            answer=verdict.answer(),
            calls=calls,
            ended_us=ended_us,
            processing_time_ms=max(0, ended_us - evaluation.begun_us) // 1_000,
        )

    async def _complete(self, evaluation: "_Evaluation", completion: Completion) -> bool:
        """Write and tell; give whether it was written. When the store does not answer the caller is told so, and it is
        tried on: calls were paid for, and the caller's next attempt finds the answer.
        """
        until_us = evaluation.begun_us + self._limits.terms.in_progress_timeout_us
        while True:
            try:
                await self._stores.repository.complete(completion)
            except DependencyFailed as trouble:
                evaluation.fail(trouble)
                if self._wiring.clock.now_us() >= until_us:
                    return False
                await asyncio.sleep(FINISH_POLL_S)
            else:
                evaluation.tell(_answered(evaluation.request, completion))
                return True

    async def _break(self, claim: AssessmentClaim, trouble: Exception, *, calls: Sequence[ExternalCall]) -> bool:
        """Write that a claimed assessment could not be made; tell whether the store answered."""
        fault = f"{trouble.dependency} did not answer" if isinstance(trouble, DependencyFailed) else DEFECT
        breakdown = Breakdown(claim.assessment_id, fault, calls, self._wiring.clock.now_us())
        try:
            await self._stores.repository.fail(breakdown)
        except ClaimLost:
            return True
        except DependencyFailed:
            return False
        return True


class _Evaluation:
    """One request on its way, and the answer that its caller waits for."""

    def __init__(self, request: AssessmentRequest, key: IdempotencyKey | None, *, begun_us: int) -> None:
        self.request = request
        self.key = key
        self.begun_us = begun_us
        self.place: _Place = (request.subject_id, request_hash(request))
        self.answer: asyncio.Future[Evaluated] = asyncio.get_running_loop().create_future()
        self.answer.add_done_callback(_taken)

    def tell(self, evaluated: Evaluated) -> None:
        """Answer, if nothing was told yet."""
        if not self.answer.done():
            self.answer.set_result(evaluated)

    def fail(self, trouble: Exception) -> None:
        """Tell of trouble, if nothing was told yet."""
        if not self.answer.done():
            self.answer.set_exception(trouble)


class _Waiting:
    """Waits for others, longer each time, but not for ever."""

    def __init__(self, most_ms: int) -> None:
        self._until_s = asyncio.get_running_loop().time() + most_ms / 1_000
        self._pause_s = POLL_FIRST_S

    async def wait(self) -> None:
        """Wait once more.

        Raises:
            DependencyFailed: it has lasted too long.
        """
        if asyncio.get_running_loop().time() >= self._until_s:
            raise DependencyFailed("assessment desk", "is still busy with the same request", retry_after_ms=1_000)
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(POLL_MOST_S, self._pause_s * 2)


def _taken(answer: "asyncio.Future[Evaluated]") -> None:
    """Look at an answer whose caller may have gone away."""
    if not answer.cancelled():
        answer.exception()


def _answered(request: AssessmentRequest, completion: Completion) -> Evaluated:
    return Evaluated(
        completion.assessment_id, request.trace_id, completion.answer, completion.processing_time_ms, repeated=False
    )


def _repeated(request: AssessmentRequest, recorded: RecordedAnswer, *, rule_set: RuleSet) -> Evaluated:
    answer = dict(recorded.answer)
    if recorded.versions != versions_named(rule_set.versions):
        warnings = answer["warnings"]
        assert isinstance(warnings, list), "it was written by a verdict"
        answer["warnings"] = [*warnings, RULES_CHANGED]
    return Evaluated(recorded.assessment_id, request.trace_id, answer, recorded.processing_time_ms, repeated=True)
