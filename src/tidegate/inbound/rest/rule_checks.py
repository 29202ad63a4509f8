"""What a rule compares, checked when it is saved: every fault with a pointer into the rule as it was sent."""

from tidegate.core.pretrade.dynamic_rules import condition_of
from tidegate.core.pretrade.rules import LIST_OPERATORS, Operator, RiskRule
from tidegate.core.rules.faults import InvalidJson, InvalidRule, RuleFault
from tidegate.core.rules.limits import LIST_LITERAL_MAX
from tidegate.core.rules.parse import Engines
from tidegate.core.rules.vocabularies import GATE_METRICS
from tidegate.inbound.rest.dependencies import RuleFaults


def rule_checker(engines: Engines) -> RuleFaults:
    """Make the check of a rule; ``engines`` compile what a condition's ``matches`` searches for."""

    def faults(rule: RiskRule) -> list[RuleFault]:
        if rule.condition is None:
            return _metric_faults(rule)
        try:
            condition_of(rule, engines=engines)
        except (InvalidRule, InvalidJson) as invalid:
            return [RuleFault(f"/condition{each.pointer}", each.code, each.message) for each in invalid.faults]
        return []

    return faults


def _metric_faults(rule: RiskRule) -> list[RuleFault]:
    faults: list[RuleFault] = []
    if rule.metric not in GATE_METRICS:
        faults.append(RuleFault("/metric", "unknown_metric", f"must be one of {', '.join(GATE_METRICS)}"))
    low, high = rule.thresholds[:1], rule.thresholds[1:]
    if rule.operator is Operator.BETWEEN and (len(high) != 1 or low > high):
        faults.append(RuleFault("/threshold", "bad_range", "BETWEEN takes [low, high], low not above high"))
    elif rule.operator in LIST_OPERATORS and not 1 <= len(rule.thresholds) <= LIST_LITERAL_MAX:
        message = f"{rule.operator} takes a list of 1 to {LIST_LITERAL_MAX} numbers"
        faults.append(RuleFault("/threshold", "bad_list", message))
    return faults
