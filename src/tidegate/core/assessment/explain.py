"""Why the desk decided so, in sentences, and what would have changed it.

Everything is worked out from what was stored with the decision: the request, the outside answers, the history and the
clock; the leaves of rules that did not fire, which no log holds, too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tidegate.core.assessment.decide import Judgement, judge, scores_of
from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.history import window_of
from tidegate.core.assessment.judged import Judged
from tidegate.core.assessment.logic import Logic, OnUnknown
from tidegate.core.assessment.outside import ProviderAnswer
from tidegate.core.assessment.provider_questions import FILED_UNDER
from tidegate.core.assessment.reading_request import request_lookup
from tidegate.core.assessment.request import SCOPE_KEYS, AssessmentRequest
from tidegate.core.assessment.rule_set import RuleSet
from tidegate.core.rules.counterfactuals import Counterfactual, counterfactuals
from tidegate.core.rules.evaluate import LeafResult, evaluate, explain
from tidegate.core.rules.instants import Instant
from tidegate.core.rules.sentences import field_label, leaf_sentence
from tidegate.core.rules.tree import CelLeaf, Condition, FieldRef, Leaf, leaves_of
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.values import Lookup

LANGUAGE_DEFAULT: Final = "en"
CHANGES_TRIED_MAX: Final = 500
"""Changes that are tried on the whole decision, so that a large rule set is explained in bounded time."""

CHANGES_TOLD_MAX: Final = 10
_RESULT_CLAUSE: Final = ", the result would be "
_FILED: Final = re.compile(rf"providers\.([^.]+)\.(?:{'|'.join(FILED_UNDER.values())})\.([0-9a-f]+)\.(.+)")
_FIXED_FIELDS: Final = ("trace_id", "subject_id")
"""Who is asked about is no change of the request."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision hung on besides the request and the rules."""

    outside: Mapping[str, ProviderAnswer]
    history: Mapping[str, object]
    now: Instant


@dataclass(frozen=True, slots=True)
class RuleExplanation:
    """One rule in scope: what it came to, the officer's reason for it, and a sentence for each leaf."""

    rule_code: str
    result: Truth
    contribution: int
    reason: str
    sentences: tuple[str, ...]
    leaves: tuple[LeafResult, ...]

    def as_json(self) -> dict[str, object]:
        """Give JSON values; numbers are int or Decimal."""
        return {
            "rule_code": self.rule_code,
            "result": self.result.value,
            "contribution": self.contribution,
            "reason": self.reason,
            "sentences": list(self.sentences),
            "leaves": [leaf.as_json() for leaf in self.leaves],
        }


@dataclass(frozen=True, slots=True)
class DecisionChange:
    """If the field at ``path`` had been ``value`` (None: missing), the decision would have been ``decision``."""

    path: str
    value: object
    decision: Decision
    distance: Decimal | None
    sentence: str

    def as_json(self) -> dict[str, object]:
        """Give JSON values."""
        return {
            "field": self.path,
            "value": self.value,
            "decision": self.decision.value,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why: sentences on the decision as a whole, then rule by rule, then the smallest changes that would alter it."""

    decision: Decision
    summary: tuple[str, ...]
    rules: tuple[RuleExplanation, ...]
    changes: tuple[DecisionChange, ...]

    def as_json(self) -> dict[str, object]:
        """Give JSON values; numbers are int or Decimal."""
        return {
            "decision": self.decision.value,
            "summary": list(self.summary),
            "rules": [each.as_json() for each in self.rules],
            "counterfactuals": [each.as_json() for each in self.changes],
        }


def explain_decision(
    request: AssessmentRequest,
    rule_set: RuleSet,
    *,
    circumstances: Circumstances,
    language: str = LANGUAGE_DEFAULT,
) -> Explanation:
    """Explain what ``assess`` decides on the same; reasons are given in ``language`` where the officer wrote them."""
    lookup = request_lookup(request, outside=circumstances.outside, history=circumstances.history)
    judgement = _judgement(rule_set, lookup, attributes=request.attributes(), now=circumstances.now)
    rules = []
    for each in judgement.judged:
        logic = each.active.logic
        leaves = explain(logic.condition, lookup, now=circumstances.now, lists=rule_set.lists)
        rules.append(
            RuleExplanation(
                rule_code=each.active.rule.rule_code,
                result=each.result,
                contribution=each.weight if each.triggered else 0,
                reason=reason_in(logic.reason, language),
                sentences=tuple(leaf_sentence(_readable(leaf, logic)) for leaf in leaves),
                leaves=leaves,
            )
        )
    return Explanation(
        decision=judgement.decision,
        summary=tuple(_summary(judgement)),
        rules=tuple(rules),
        changes=decision_changes(request, rule_set, circumstances=circumstances),
    )


def reason_in(reason: Mapping[str, str], language: str) -> str:
    """Give the reason in a language, or in its main language, in English, or in whatever there is; empty when none."""
    by_code = {code.casefold(): text for code, text in reason.items()}
    wanted = language.casefold()
    for code in (wanted, wanted.partition("-")[0], LANGUAGE_DEFAULT):
        if code in by_code:
            return by_code[code]
    return next(iter(by_code.values()), "")


def decision_changes(
    request: AssessmentRequest, rule_set: RuleSet, *, circumstances: Circumstances
) -> tuple[DecisionChange, ...]:
    """Find single changes of a field that would alter the decision: of numbers first, the smallest first, ten at most.

    The changes tried are those that alter the result of one rule in scope; each is then tried on the whole, where other
    rules may undo it.
    """
    lookup = request_lookup(request, outside=circumstances.outside, history=circumstances.history)
    attributes = request.attributes()
    present = _judgement(rule_set, lookup, attributes=attributes, now=circumstances.now)
    readers = _readers(present.judged)
    found: list[DecisionChange] = []
    for change, logic in _candidates(present, lookup, rule_set=rule_set, now=circumstances.now):
        changed = _with(lookup, change.field, value=change.value)
        if change.field in SCOPE_KEYS:
            seen = {**attributes, change.field: str(change.value)}
            decision = _judgement(rule_set, changed, attributes=seen, now=circumstances.now).decision
        else:
            results = {
                code: evaluate(condition, changed, now=circumstances.now, lists=rule_set.lists)
                for code, condition in (*readers.get(change.field, ()), *readers.get("", ()))
            }
            decision = _changed_decision(present, rule_set, results=results)
        if decision is not present.decision:
            sentence = _told(change, logic, decision=decision)
            found.append(DecisionChange(change.field, change.value, decision, change.distance, sentence))
    found.sort(key=lambda each: (each.distance is None, each.distance or Decimal(0)))
    return tuple(found[:CHANGES_TOLD_MAX])


def _judgement(rule_set: RuleSet, lookup: Lookup, *, attributes: Mapping[str, str], now: Instant) -> Judgement:
    evaluation = rule_set.compiled.evaluate(lookup, now=now, attributes=attributes)
    return judge(rule_set, evaluation, attributes=attributes)


def _readers(judged: Sequence[Judged]) -> dict[str, list[tuple[str, Condition]]]:
    """The rules that read a path, by path; those with an expression, which may read any, under the empty one."""
    found: dict[str, dict[str, Condition]] = {}
    for each in judged:
        condition = each.active.logic.condition
        for leaf in leaves_of(condition):
            paths = [""] if isinstance(leaf, CelLeaf) else [leaf.field]
            if isinstance(leaf, Leaf) and isinstance(leaf.expected, FieldRef):
                paths.append(leaf.expected.path)
            for path in paths:
                found.setdefault(path, {})[each.outcome.rule_code] = condition
    return {path: list(by_code.items()) for path, by_code in found.items()}


def _changed_decision(present: Judgement, rule_set: RuleSet, *, results: Mapping[str, Truth]) -> Decision:
    """The decision when some rules had come to another result; only these are looked at anew."""
    changed = [
        rule_set.judged_as(code, results[code]) if (code := each.outcome.rule_code) in results else each
        for each in present.judged
    ]
    return Judgement(changed, scores_of(changed), present.ranges).decision


def _candidates(
    present: Judgement, lookup: Lookup, *, rule_set: RuleSet, now: Instant
) -> Iterator[tuple[Counterfactual, Logic]]:
    tried: set[tuple[str, str]] = set()
    for each in present.judged:
        logic = each.active.logic
        if not each.weight and logic.outcome is None and not each.asks_for_review:
            continue
        for change in counterfactuals(logic.condition, lookup, now=now, lists=rule_set.lists):
            key = (change.field, repr(change.value))
            if key in tried or not _is_possible(change):
                continue
            if len(tried) >= CHANGES_TRIED_MAX:
                return
            tried.add(key)
            yield change, logic


def _is_possible(change: Counterfactual) -> bool:
    if change.field in _FIXED_FIELDS or change.field.endswith(".call"):
        return False
    return change.value is not None or change.field not in SCOPE_KEYS


def _with(lookup: Lookup, path: str, *, value: object) -> Lookup:
    return lambda asked: value if asked == path else lookup(asked)


def _told(change: Counterfactual, logic: Logic, *, decision: Decision) -> str:
    condition = change.sentence.rpartition(_RESULT_CLAUSE)[0]
    readable = condition.replace(field_label(change.field), field_label(_readable_path(change.field, logic)), 1)
    return f"{readable}, the decision would be {decision}"


def _readable(leaf: LeafResult, logic: Logic) -> LeafResult:
    return leaf if leaf.field is None else leaf._replace(field=_readable_path(leaf.field, logic))


def _readable_path(path: str, logic: Logic) -> str:
    """A path that reads well: whose screening score, which assessments."""
    window = window_of(path)
    if window is not None:
        kind = path.split(".")[1]
        return f"assessments within {window}" if kind == "count" else f"{kind} assessments within {window}"
    filed = _FILED.fullmatch(path)
    if filed is None:
        return path
    name, key, rest = filed.groups()
    asked = [each.content.get("field") for each in logic.providers.get(name, ()) if each.key == key]
    return f"providers.{name}.{rest}" + (f" of {field_label(str(asked[0]))}" if asked else "")


def _summary(judgement: Judgement) -> Iterator[str]:
    scores, ranges = judgement.scores, judgement.ranges
    bounds = "" if scores.low == scores.high else f" ({scores.low} to {scores.high} had every rule been known)"
    yield f"the score is {scores.score}{bounds}"
    if not judgement.judged:
        yield "no rule is in scope of this request, so a person decides"
    elif ranges is None:
        yield "no threshold is configured for this request, so a person decides"
    else:
        found = ranges.range_of(scores.score)
        yield f"a score of {found.score_from} to {found.score_to} means {found.decision}"
    for each in judgement.judged:
        yield from _remarks(each, is_idle=judgement.review_is_idle)
    yield f"the decision is {judgement.decision}"


def _remarks(each: Judged, *, is_idle: bool) -> Iterator[str]:
    code, logic = each.active.rule.rule_code, each.active.logic
    if each.unknown:
        consequence = {
            OnUnknown.REVIEW: "which would change nothing" if is_idle else "so a person decides",
            OnUnknown.TRIGGER: "and counts as triggered",
            OnUnknown.IGNORE: "and is ignored",
        }[logic.on_unknown]
        yield f"{code} could not be evaluated, {consequence}"
    if each.triggered and logic.outcome is not None:
        yield f"{code} triggered and asks for {logic.outcome} at least"
