"""What the tests of the desk's decision share: rules, ranges and requests that state only what a test is about."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.core.rules.builders import ENGINES

from tidegate.core.assessment.decide import assess
from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.moments import instant_at
from tidegate.core.assessment.outside import CallStatus, PastAssessment, ProviderAnswer
from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.assessment.risk_rule import Category, RiskRule
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.assessment.rule_set import RuleSet, build_rule_set
from tidegate.core.assessment.verdict import Verdict

NOW_US = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z."""

HOUR_US = 3_600_000_000
NOW = instant_at(NOW_US)
FIRES: dict[str, Any] = {"when": {"field": "country", "op": "eq", "value": "CH"}}
RESTS: dict[str, Any] = {"when": {"field": "country", "op": "eq", "value": "LI"}}
UNKNOWN: dict[str, Any] = {"when": {"field": "context_data.absent", "op": "eq", "value": 1}}
"""Logics that are TRUE, FALSE and UNKNOWN of ``a_request()``."""


def a_request(**fields: Any) -> AssessmentRequest:
    usual: dict[str, Any] = {
        "trace_id": "",
        "subject_id": "s-1",
        "source_system": "kyc",
        "country": "CH",
        "product_type": "LOAN",
        "risk_category": "STANDARD",
        "context_data": {},
    }
    return AssessmentRequest(**{**usual, **fields})


def a_rule(rule_code: str, logic_config: Mapping[str, object] | None = None, **fields: Any) -> RiskRule:
    usual: dict[str, Any] = {"category": Category.CREDIT, "weight": 100, "scope": {}}
    return RiskRule(rule_code=rule_code, logic_config=logic_config or FIRES, **{**usual, **fields})


def a_scope(**values: str) -> dict[str, frozenset[str]]:
    """A scope written as ``country="CH LI"``."""
    return {key: frozenset(listed.split()) for key, listed in values.items()}


def ranges(*bounds: int, decisions: str = "APPROVED MANUAL_REVIEW REJECTED", **scope: str) -> list[RiskThreshold]:
    """Ranges that cover 0 to 1000, parted before each bound."""
    starts, ends = [0, *bounds], [*(bound - 1 for bound in bounds), 1_000]
    named = [Decision(name) for name in decisions.split()][: len(starts)]
    parts = zip(starts, ends, named, strict=True)
    return [RiskThreshold(start, end, decision, a_scope(**scope)) for start, end, decision in parts]


def a_rule_set(
    rules: Sequence[RiskRule],
    thresholds: Sequence[RiskThreshold] | None = None,
    *,
    lists: Sequence[ManagedList] = (),
) -> RuleSet:
    return build_rule_set(rules, ranges(300, 700) if thresholds is None else thresholds, lists=lists, engines=ENGINES)


def answered(**fields: object) -> ProviderAnswer:
    return ProviderAnswer(CallStatus.SUCCESS, fields)


FAILED = ProviderAnswer(CallStatus.FAILURE, {}, "status 500")
TIMED_OUT = ProviderAnswer(CallStatus.TIMEOUT, {}, "no answer in 300 ms")


def past(hours_ago: int, decision: Decision = Decision.APPROVED, *, subject_id: str = "s-1") -> PastAssessment:
    return PastAssessment(subject_id, NOW_US - hours_ago * HOUR_US, decision, 10)


def verdict_of(
    rule_set: RuleSet,
    request: AssessmentRequest | None = None,
    *,
    outside: Mapping[str, ProviderAnswer] | None = None,
    history: Mapping[str, object] | None = None,
) -> Verdict:
    return assess(request or a_request(), rule_set=rule_set, outside=outside or {}, history=history or {}, now=NOW)
