"""The desk's decision: rules in scope, their score, the threshold's decision, and what may only make it stricter.

Pure: the same request, rule set, outside answers, history and clock give the same verdict, byte for byte.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from tidegate.core.assessment.decision import Decision, stricter
from tidegate.core.assessment.judged import Judged
from tidegate.core.assessment.outside import CallStatus, ProviderAnswer
from tidegate.core.assessment.reading_request import provider_call, request_lookup
from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.assessment.risk_threshold import SCORE_MAX, SCORE_MIN
from tidegate.core.assessment.rule_set import RuleSet
from tidegate.core.assessment.thresholds import ScoreRanges
from tidegate.core.assessment.verdict import NO_RULE_IN_SCOPE, NO_THRESHOLD, RuleOutcome, Verdict
from tidegate.core.kernel.decimals import WORKING
from tidegate.core.rules.compile import Evaluation
from tidegate.core.rules.instants import Instant

COVERAGE_QUANTUM: Final = Decimal("0.0001")
_WHOLE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Scores:
    """The score, and the bounds of what it could have been had every rule been known."""

    score: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules in scope came to, before it is told: all that the decision hangs on."""

    judged: Sequence[Judged]
    scores: Scores
    ranges: ScoreRanges | None

    @property
    def decision(self) -> Decision:
        """Give the decision."""
        return _decision(self.judged, self.scores, ranges=self.ranges)

    @property
    def review_is_idle(self) -> bool:
        """Tell whether no unknown rule could have changed the decision, so that its review is dropped."""
        return self.ranges is not None and _review_is_idle(self.judged, self.scores, ranges=self.ranges)


def judge(rule_set: RuleSet, evaluation: Evaluation, *, attributes: Mapping[str, str]) -> Judgement:
    """Score what the rules in scope of a request with these attributes came to."""
    judged = rule_set.judged(attributes, evaluation.results())
    return Judgement(judged, scores_of(judged), rule_set.thresholds.for_request(attributes))


def assess(
    request: AssessmentRequest,
    *,
    rule_set: RuleSet,
    outside: Mapping[str, ProviderAnswer],
    history: Mapping[str, object],
    now: Instant,
) -> Verdict:
    """Decide one request.

    ``outside`` holds the answers of the providers that were called, by name; one that is not there was not called.
    ``history`` is what ``history.HistoryCounts.fields`` gives for the windows of the rule set.
    """
    attributes = request.attributes()
    lookup = request_lookup(request, outside=outside, history=history)
    evaluation = rule_set.compiled.evaluate(lookup, now=now, attributes=attributes)
    judgement = judge(rule_set, evaluation, attributes=attributes)
    judged, scores = judgement.judged, judgement.scores
    return Verdict(
        decision=judgement.decision,
        risk_score=scores.score,
        score_min=scores.low,
        score_max=scores.high,
        coverage=_coverage(judged),
        reason_codes=_reason_codes(judged, judgement.ranges),
        warnings=tuple(_warnings(judged, outside)),
        rules=tuple(_log(judged, evaluation)),
    )


def _log(judged: Sequence[Judged], evaluation: Evaluation) -> Iterable[RuleOutcome]:
    leaves = evaluation.explained()
    for each in judged:
        shown = leaves.get(each.outcome.rule_code)
        yield each.outcome if shown is None else each.outcome._replace(leaves=shown)


def scores_of(judged: Sequence[Judged]) -> Scores:
    """Score rules that are in scope together."""
    score = sum(each.weight for each in judged if each.triggered)
    unknown = [each for each in judged if each.unknown]
    known = score - sum(each.weight for each in unknown if each.triggered)
    return Scores(
        score=_clamped(score),
        low=_clamped(known + sum(each.weight for each in unknown if each.weight < 0)),
        high=_clamped(known + sum(each.weight for each in unknown if each.weight > 0)),
    )


def _clamped(score: int) -> int:
    return min(max(score, SCORE_MIN), SCORE_MAX)


def _decision(judged: Sequence[Judged], scores: Scores, *, ranges: ScoreRanges | None) -> Decision:
    if ranges is None or not judged:
        decision = Decision.MANUAL_REVIEW
    else:
        decision = ranges.decision_of(scores.score)
        if any(each.asks_for_review for each in judged) and not _review_is_idle(judged, scores, ranges=ranges):
            decision = stricter(decision, Decision.MANUAL_REVIEW)
    for each in judged:
        if each.triggered and each.active.logic.outcome is not None:
            decision = stricter(decision, each.active.logic.outcome)
    return decision


def _review_is_idle(judged: Sequence[Judged], scores: Scores, *, ranges: ScoreRanges) -> bool:
    """Whether no unknown rule could have changed the decision, by its weight or by its outcome."""
    decisions = ranges.decisions_between(scores.low, scores.high)
    if len(decisions) > 1:
        return False
    (decision,) = decisions
    outcomes = [each.active.logic.outcome for each in judged if each.unknown]
    return all(outcome is None or outcome.strictness <= decision.strictness for outcome in outcomes)


def _coverage(judged: Sequence[Judged]) -> Decimal:
    whole = sum(abs(each.weight) for each in judged)
    evaluated = sum(abs(each.weight) for each in judged if not each.unknown)
    share = WORKING.divide(Decimal(evaluated), Decimal(whole)) if whole else _WHOLE
    return share.quantize(COVERAGE_QUANTUM, ROUND_HALF_EVEN, WORKING)


def _reason_codes(judged: Sequence[Judged], ranges: ScoreRanges | None) -> tuple[str, ...]:
    triggered = sorted(
        (each for each in judged if each.triggered), key=lambda each: (-each.weight, each.active.rule.rule_code)
    )
    codes = [each.active.rule.rule_code for each in triggered]
    if ranges is None:
        codes.append(NO_THRESHOLD)
    if not judged:
        codes.append(NO_RULE_IN_SCOPE)
    return tuple(codes)


def _warnings(judged: Sequence[Judged], outside: Mapping[str, ProviderAnswer]) -> Iterable[str]:
    needed = {name for each in judged for name in each.active.logic.providers}
    for name in sorted(needed):
        answer = outside.get(name)
        if answer is None or answer.status is not CallStatus.SUCCESS:
            yield f"{name}: {provider_call(answer)}"
    for each in judged:
        if each.unknown:
            yield f"{each.active.rule.rule_code}: UNKNOWN"
