"""Phase 10: the officers' rules, one after the other."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.instrument import Kind
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.reasons import Action, RejectReason
from tidegate.core.pretrade.reference.measures import Measures
from tidegate.core.pretrade.rendering import shown
from tidegate.core.pretrade.rule_metrics import DERIVATIVE_METRICS, RULE_METRICS
from tidegate.core.pretrade.rules import Operator, RiskRule, RuleAction
from tidegate.core.pretrade.scenario import Scenario
from tidegate.core.pretrade.violation import Violation

ConditionReader = Callable[[str, Mapping[str, Decimal | str | bool | None]], bool | None]
"""Evaluates a condition (JSON text) on values by field name: TRUE, FALSE, or ``None`` for UNKNOWN."""

_COULD_NOT_BE_COMPUTED = "could not be computed"


def dynamic_rules_phase(
    scenario: Scenario, order: Order, *, measures: Measures, evaluate_condition: ConditionReader
) -> list[tuple[RiskRule, Violation]]:
    """Every rule that is hit, in the order of name and id, with its violation."""
    hits: list[tuple[RiskRule, Violation]] = []
    for rule in sorted(scenario.rules, key=lambda rule: (rule.name, rule.rule_id)):
        if not _applies(scenario, order, rule=rule):
            continue
        if rule.condition is None:
            violation = _metric_hit(rule, measures)
        else:
            violation = _condition_hit(
                scenario, order, rule=rule, measures=measures, evaluate_condition=evaluate_condition
            )
        if violation is not None:
            hits.append((rule, violation))
    return hits


def _applies(scenario: Scenario, order: Order, *, rule: RiskRule) -> bool:
    if not rule.active or rule.symbol not in {None, order.symbol}:
        return False
    if rule.kyc_level is None:
        return True
    return scenario.profile is not None and scenario.profile.kyc_level is rule.kyc_level


def _has_no_meaning(metric: str, measures: Measures) -> bool:
    """A derivative metric on SPOT; the distance to a liquidation price that does not exist."""
    if measures.instrument.kind is Kind.SPOT and metric in DERIVATIVE_METRICS:
        return True
    return metric == "liquidation_distance_pct" and measures.no_liquidation_price


def _value(metric: str, measures: Measures) -> Decimal | None:
    value: Decimal | None = getattr(measures.metrics, RULE_METRICS[metric])
    return value


def _metric_hit(rule: RiskRule, measures: Measures) -> Violation | None:
    metric = rule.metric or ""
    if _has_no_meaning(metric, measures):
        return None
    value = _value(metric, measures)
    limit = "".join(plain(threshold) for threshold in rule.thresholds)
    if rule.operator in {Operator.IN, Operator.NOT_IN, Operator.BETWEEN}:
        limit = json.dumps([plain(threshold) for threshold in rule.thresholds])
    if value is None:
        action = Action.WARN if measures.proven else Action(rule.action.value)
        message = f"rule {rule.name}: {metric} {_COULD_NOT_BE_COMPUTED}"
        return _violation(rule, message, observed="", limit=limit, action=action)
    if not _holds(rule, value):
        return None
    observed = shown(RULE_METRICS[metric], value)
    message = f"rule {rule.name}: {metric} {observed} is {rule.operator} {limit}"
    return _violation(rule, message, observed=observed, limit=limit, action=Action(rule.action.value))


def _holds(rule: RiskRule, value: Decimal) -> bool:
    thresholds = rule.thresholds
    match rule.operator:
        case Operator.GT:
            return value > thresholds[0]
        case Operator.GTE:
            return value >= thresholds[0]
        case Operator.LT:
            return value < thresholds[0]
        case Operator.LTE:
            return value <= thresholds[0]
        case Operator.EQ:
            return value == thresholds[0]
        case Operator.NE:
            return value != thresholds[0]
        case Operator.IN:
            return value in thresholds
        case Operator.NOT_IN:
            return value not in thresholds
        case Operator.BETWEEN:
            return thresholds[0] <= value <= thresholds[1]
        case None:
            raise ValueError(f"rule {rule.rule_id} has neither operator nor condition")


def _condition_hit(
    scenario: Scenario, order: Order, *, rule: RiskRule, measures: Measures, evaluate_condition: ConditionReader
) -> Violation | None:
    condition = rule.condition or ""
    outcome = evaluate_condition(condition, condition_values(scenario, order, measures=measures))
    if outcome is True:
        message = f"rule {rule.name}: its condition holds"
        return _violation(rule, message, observed="", limit="", action=Action(rule.action.value))
    if outcome is False or any(_has_no_meaning(metric, measures) for metric in _fields_of(json.loads(condition))):
        return None
    action = Action.WARN if measures.proven else Action(rule.action.value)
    message = f"rule {rule.name}: its condition {_COULD_NOT_BE_COMPUTED}"
    return _violation(rule, message, observed="", limit="", action=action)


def _fields_of(node: Any) -> set[str]:  # noqa: ANN401 - parsed JSON of any kind
    """Every field that a condition reads."""
    if isinstance(node, list):
        return {name for element in node for name in _fields_of(element)}
    if not isinstance(node, dict):
        return set()
    own = {node["field"]} if isinstance(node.get("field"), str) else set()
    return own | {name for member in node.values() for name in _fields_of(member)}


def condition_values(scenario: Scenario, order: Order, *, measures: Measures) -> dict[str, Decimal | str | bool | None]:
    """What a condition can read: the metrics, the order's fields, and the user's kyc_level."""
    values: dict[str, Decimal | str | bool | None] = {name: _value(name, measures) for name in RULE_METRICS}
    values |= {
        "user_id": order.user_id,
        "account_id": order.account_id,
        "order_id": order.order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "order_type": order.order_type.value,
        "quantity": order.quantity,
        "price": order.price,
        "stop_price": order.stop_price,
        "position_side": order.position_side.value,
        "reduce_only": order.reduce_only,
        "post_only": order.post_only,
        "trace_id": order.trace_id,
        "kyc_level": None if scenario.profile is None else scenario.profile.kyc_level.value,
    }
    return values


def _violation(rule: RiskRule, message: str, *, observed: str, limit: str, action: Action) -> Violation:
    return Violation(
        RejectReason.RISK_RULE_VIOLATION,
        message,
        metric=rule.metric or "condition",
        observed=observed,
        limit=limit,
        rule_id=rule.rule_id,
        rule_version=rule.version,
        action=Action.SHADOW if rule.shadow else action,
    )


assert {action.value for action in RuleAction} <= {action.value for action in Action}
