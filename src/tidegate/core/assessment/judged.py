"""A rule of a rule set, and what it comes to with each of its three results: worked out once a version."""

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.core.assessment.logic import Logic, OnUnknown
from tidegate.core.assessment.risk_rule import RiskRule
from tidegate.core.assessment.verdict import RuleOutcome
from tidegate.core.rules.truth import Truth


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """A rule as it was written, and its logic."""

    rule: RiskRule
    logic: Logic


@dataclass(frozen=True, slots=True)
class Judged:
    """A rule with a result.

    ``triggered``: TRUE, or UNKNOWN with on_unknown ``trigger``. ``asks_for_review``: UNKNOWN with ``review``.
    ``outcome``: its record, without leaves.
    """

    active: ActiveRule
    result: Truth
    weight: int
    unknown: bool
    triggered: bool
    asks_for_review: bool
    outcome: RuleOutcome


def every_way(active: ActiveRule) -> Mapping[Truth, Judged]:
    """Give what the rule comes to with each result."""
    return {result: _judged(active, result) for result in Truth}


def _judged(active: ActiveRule, result: Truth) -> Judged:
    rule, on_unknown = active.rule, active.logic.on_unknown
    unknown = result is Truth.UNKNOWN
    triggered = result is Truth.TRUE or (unknown and on_unknown is OnUnknown.TRIGGER)
    contribution = rule.weight if triggered else 0
    return Judged(
        active=active,
        result=result,
        weight=rule.weight,
        unknown=unknown,
        triggered=triggered,
        asks_for_review=unknown and on_unknown is OnUnknown.REVIEW,
        outcome=RuleOutcome(rule.rule_code, rule.rule_id, rule.version, rule.weight, result, contribution, ()),
    )
