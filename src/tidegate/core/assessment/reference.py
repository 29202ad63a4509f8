"""The desk's decision again, plain and slow: the oracle of ``decide``.

It shares the checked logic and the meaning of a leaf (``core.rules.evaluate``) and nothing of the rest: scopes are
compared rule by rule, the range is searched score by score, and the bounds of the score come from trying every way in
which the unknown rules could have come out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Final

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.logic import Logic, OnUnknown
from tidegate.core.assessment.outside import CallStatus, ProviderAnswer
from tidegate.core.assessment.reading_request import request_lookup
from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.assessment.risk_rule import RiskRule
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.assessment.verdict import RuleOutcome, Verdict
from tidegate.core.rules.evaluate import evaluate, explain
from tidegate.core.rules.instants import Instant
from tidegate.core.rules.scope import Scope
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.values import Lists

UNKNOWN_MAX: Final = 12
"""Unknown rules for which every way is tried: 2 to the power of that many."""


@dataclass(frozen=True, slots=True)
class PlainRules:
    """What a rule set is made of: active rules with their logic, all ranges, lists by name."""

    rules: tuple[tuple[RiskRule, Logic], ...]
    thresholds: tuple[RiskThreshold, ...]
    lists: Lists


@dataclass(frozen=True, slots=True)
class _Row:
    rule: RiskRule
    logic: Logic
    outcome: RuleOutcome


def assess_plainly(
    request: AssessmentRequest,
    plain_rules: PlainRules,
    *,
    outside: Mapping[str, ProviderAnswer],
    history: Mapping[str, object],
    now: Instant,
) -> Verdict:
    """Decide one request by brute force. Raises ValueError for more than 12 unknown rules."""
    lookup = request_lookup(request, outside=outside, history=history)
    rows: list[_Row] = []
    for rule, logic in plain_rules.rules:
        if not _is_in(rule.scope, request):
            continue
        result = evaluate(logic.condition, lookup, now=now, lists=plain_rules.lists)
        counts = result is Truth.TRUE or (result is Truth.UNKNOWN and logic.on_unknown is OnUnknown.TRIGGER)
        leaves = () if result is Truth.FALSE else explain(logic.condition, lookup, now=now, lists=plain_rules.lists)
        contribution = rule.weight if counts else 0
        outcome = RuleOutcome(rule.rule_code, rule.rule_id, rule.version, rule.weight, result, contribution, leaves)
        rows.append(_Row(rule, logic, outcome))
    scores = sorted(_possible_scores(rows))
    score = _into_range(sum(row.outcome.contribution for row in rows))
    decision = _range_decision(plain_rules.thresholds, request, score=score)
    could_be = {
        _range_decision(plain_rules.thresholds, request, score=each) for each in range(scores[0], scores[-1] + 1)
    }
    return Verdict(
        decision=_final(rows, decision, could_be=could_be),
        risk_score=score,
        score_min=scores[0],
        score_max=scores[-1],
        coverage=_coverage(rows),
        reason_codes=tuple(_reasons(rows, decision)),
        warnings=tuple(_warnings(rows, outside)),
        rules=tuple(row.outcome for row in rows),
    )


def _is_in(scope: Scope, request: AssessmentRequest) -> bool:
    return all(getattr(request, key) in values for key, values in scope.items())


def _into_range(score: int) -> int:
    return 0 if score < 0 else min(score, 1000)


def _possible_scores(rows: list[_Row]) -> set[int]:
    known = sum(row.rule.weight for row in rows if row.outcome.result is Truth.TRUE)
    unknown = [row.rule.weight for row in rows if row.outcome.result is Truth.UNKNOWN]
    if len(unknown) > UNKNOWN_MAX:
        raise ValueError(f"{len(unknown)} unknown rules are too many to try every way")
    ways = product(*[(0, weight) for weight in unknown])
    return {_into_range(known + sum(way)) for way in ways}


def _range_decision(
    thresholds: tuple[RiskThreshold, ...], request: AssessmentRequest, *, score: int
) -> Decision | None:
    fitting = [
        each
        for each in thresholds
        if each.is_active and _is_in(each.scope, request) and each.score_from <= score <= each.score_to
    ]
    # by most keys: a scope of fewer keys is heard only where none of more keys matches
    fitting.sort(key=lambda each: len(each.scope))
    return fitting[-1].decision if fitting else None


def _final(rows: list[_Row], decision: Decision | None, *, could_be: set[Decision | None]) -> Decision:
    wanted: list[Decision] = [decision if rows and decision is not None else Decision.MANUAL_REVIEW]
    for row in rows:
        result, logic = row.outcome.result, row.logic
        is_unknown = result is Truth.UNKNOWN
        if logic.outcome is not None and (
            result is Truth.TRUE or (is_unknown and logic.on_unknown is OnUnknown.TRIGGER)
        ):
            wanted.append(logic.outcome)
        if is_unknown and logic.on_unknown is OnUnknown.REVIEW and not _settled(rows, could_be):
            wanted.append(Decision.MANUAL_REVIEW)
    order = (Decision.APPROVED, Decision.MANUAL_REVIEW, Decision.REJECTED)
    return order[max(order.index(each) for each in wanted)]


def _settled(rows: list[_Row], could_be: set[Decision | None]) -> bool:
    if len(could_be) != 1:
        return False
    (only,) = could_be
    if only is None:
        return False
    outcomes = [row.logic.outcome for row in rows if row.outcome.result is Truth.UNKNOWN]
    stricter_than = {
        Decision.APPROVED: (Decision.MANUAL_REVIEW, Decision.REJECTED),
        Decision.MANUAL_REVIEW: (Decision.REJECTED,),
        Decision.REJECTED: (),
    }
    return not any(outcome in stricter_than[only] for outcome in outcomes)


def _coverage(rows: list[_Row]) -> Decimal:
    whole = evaluated = 0
    for row in rows:
        whole += abs(row.rule.weight)
        if row.outcome.result is not Truth.UNKNOWN:
            evaluated += abs(row.rule.weight)
    if whole == 0:
        return Decimal("1.0000")
    # in ten-thousandths, half to even, in whole numbers
    tens, rest = divmod(evaluated * 10_000, whole)
    if 2 * rest > whole or (2 * rest == whole and tens % 2 == 1):
        tens += 1
    return Decimal(tens).scaleb(-4)


def _reasons(rows: list[_Row], decision: Decision | None) -> Iterator[str]:
    counting = [row for row in rows if row.outcome.result is Truth.TRUE]
    counting += [
        row for row in rows if row.outcome.result is Truth.UNKNOWN and row.logic.on_unknown is OnUnknown.TRIGGER
    ]
    by_code = sorted(counting, key=lambda row: row.rule.rule_code)
    yield from (row.rule.rule_code for row in sorted(by_code, key=lambda row: row.rule.weight, reverse=True))
    if decision is None:
        yield "NO_THRESHOLD"
    if not rows:
        yield "NO_RULE_IN_SCOPE"


def _warnings(rows: list[_Row], outside: Mapping[str, ProviderAnswer]) -> Iterator[str]:
    for name in sorted({name for row in rows for name in row.logic.providers}):
        status = outside[name].status.value if name in outside else "NOT_CALLED"
        if status != CallStatus.SUCCESS:
            yield f"{name}: {status}"
    for row in rows:
        if row.outcome.result is Truth.UNKNOWN:
            yield f"{row.rule.rule_code}: UNKNOWN"
