"""The dynamic rules of a scenario: rows as in the REST API, with an optional id."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from tidegate.core.kernel.readings import FieldFault
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.rule_metrics import RULE_METRICS
from tidegate.core.pretrade.rules import LIST_OPERATORS, Operator, RiskRule, RuleAction, Severity
from tidegate.inbound.scenario.faults import ScenarioFault
from tidegate.inbound.scenario.json_text import JsonObject, Number, canonical_text
from tidegate.inbound.scenario.row import Row

ConditionFaults = Callable[[str], Iterable[FieldFault]]
"""The save-time checks of a condition (JSON text): faults with pointers from the condition's root, none when sound."""

_RANGE_LENGTH: Final = 2


def unchecked(_condition: str) -> Iterable[FieldFault]:
    """Leave conditions to whoever compiles them."""
    return ()


def read_rules(file: Row, condition_faults: ConditionFaults = unchecked) -> tuple[RiskRule, ...]:
    """The rules. Each has either metric, operator and threshold, or a condition; two rows of one id are a fault."""
    rules: list[RiskRule] = []
    seen: set[str] = set()
    for row in file.rows("rules"):
        rule = _rule(row, condition_faults)
        if rule.rule_id and rule.rule_id in seen:
            row.fault("id" if row.has("id") else "name", f"{rule.rule_id} stands twice")
        seen.add(rule.rule_id)
        rules.append(rule)
    return tuple(rules)


def _rule(row: Row, condition_faults: ConditionFaults) -> RiskRule:
    name = row.text("name")
    condition = _condition(row, condition_faults)
    metric = operator = None
    thresholds: tuple[Decimal, ...] = ()
    if condition is None:
        metric = _metric(row)
        operator = row.choice("operator", Operator)
        thresholds = _thresholds(row, operator)
    else:
        for key in ("metric", "operator", "threshold"):
            if row.has(key):
                row.fault(key, "must be absent beside a condition")
    rule = RiskRule(
        rule_id=_rule_id(row) if row.has("id") else name,
        name=name,
        action=row.choice("action", RuleAction),
        severity=row.choice("severity", Severity, default=Severity.MEDIUM),
        metric=metric,
        operator=operator,
        thresholds=thresholds,
        condition=condition,
        kyc_level=row.choice("kyc_level", KycLevel) if row.has("kyc_level") else None,
        symbol=row.optional_text("symbol"),
        active=row.flag("active", default=True),
        shadow=row.flag("shadow", default=False),
        version=row.count("version", default=1, at_least=1),
    )
    row.close()
    return rule


def _rule_id(row: Row) -> str:
    value = row.value("id")
    return str(row.count("id")) if isinstance(value, Number) else row.text("id")


def _metric(row: Row) -> str:
    metric = row.text("metric")
    if metric and metric not in RULE_METRICS:
        row.fault("metric", f"must be one of {', '.join(RULE_METRICS)}")
    return metric


def _condition(row: Row, condition_faults: ConditionFaults) -> str | None:
    if not row.has("condition"):
        return None
    value = row.value("condition")
    if not isinstance(value, JsonObject):
        row.fault("condition", "must be an object of the rule language")
        return "{}"
    condition = canonical_text(value)
    for fault in condition_faults(condition):
        row.faults.append(ScenarioFault(f"{row.at('condition')}{fault.field}", fault.reason))
    return condition


def _thresholds(row: Row, operator: Operator) -> tuple[Decimal, ...]:
    if not row.has("threshold"):
        row.fault("threshold", "is required")
        return ()
    value = row.value("threshold")
    if operator not in LIST_OPERATORS:
        if isinstance(value, list):
            row.fault("threshold", f"must be one decimal for {operator}")
            return ()
        return (row.decimal("threshold"),)
    if not isinstance(value, list) or not value:
        row.fault("threshold", f"must be a list of decimals for {operator}")
        return ()
    thresholds = tuple(row.decimal_of(element, "threshold") for element in value)
    if operator is Operator.BETWEEN and (len(thresholds) != _RANGE_LENGTH or thresholds[0] > thresholds[1]):
        row.fault("threshold", "must be [low, high] with low not above high")
    return thresholds
