"""Dynamic rules that officers wrote (RISK_RULE_VIOLATION): each hit with its own action, shadow rules only recorded."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.dynamic_rules import RuleHit, shown_thresholds
from tidegate.core.pretrade.metric_values import METRIC_READERS, METRIC_ROUNDING
from tidegate.core.pretrade.reasons import Action, RejectReason
from tidegate.core.pretrade.rule_metrics import DERIVATIVE_METRICS
from tidegate.core.pretrade.rules import RuleAction
from tidegate.core.pretrade.violation import Violation

_NOTHING: Final[frozenset[str]] = frozenset()
_NO_LIQUIDATION: Final = frozenset({"liquidation_distance_pct"})


def check_dynamic_rules(case: Case) -> tuple[tuple[Violation, ...], tuple[str, ...]]:
    """Evaluate the rules that apply; give the violations, and the names of the hits that are not shadow.

    A metric that could not be computed makes its rule a hit: with the rule's own action, a warning for an order
    proven to reduce.
    """
    rules = case.snapshot.configuration.rules
    if not rules.rules:
        return (), ()
    attributes = {"symbol": case.order.symbol}
    profile = case.snapshot.profile
    if profile is not None:
        attributes["kyc_level"] = profile.kyc_level  # a text already; its `value` is a property and costs
    hits = rules.hits(_lookup(case), attributes=attributes, inapplicable=_inapplicable(case), shown=_rounded)
    if not hits:
        return (), ()
    names = tuple(hit.rule.name for hit in hits if not hit.rule.shadow)
    return tuple(_violation(case, hit) for hit in hits), names


def _inapplicable(case: Case) -> frozenset[str]:
    if case.spot:
        return DERIVATIVE_METRICS
    return _NO_LIQUIDATION if case.liquidation_impossible else _NOTHING


def _lookup(case: Case) -> Callable[[str], object]:
    order, profile, metrics, reader_of = case.order, case.snapshot.profile, case.metrics, METRIC_READERS.get

    def look(path: str) -> object:
        reader = reader_of(path)
        if reader is not None:
            return reader(metrics)
        if path == "kyc_level":
            return profile.kyc_level.value if profile is not None else None
        value = getattr(order, path)
        return value.value if hasattr(value, "value") else value

    return look


def _violation(case: Case, hit: RuleHit) -> Violation:
    rule = hit.rule
    action = Action(rule.action.value)
    observed = ""
    if rule.metric is not None and hit.known:
        observed = _shown(rule.metric, METRIC_READERS[rule.metric](case.metrics))
    if not hit.known and case.proven and rule.action is RuleAction.REJECT:
        action = Action.WARN
    if rule.shadow:
        action = Action.SHADOW
    told = hit.why if hit.known else f"could not be worked out ({hit.why})"
    return Violation(
        RejectReason.RISK_RULE_VIOLATION,
        f"rule {rule.name}: {told}",
        metric=rule.metric or "condition",
        observed=observed,
        limit=shown_thresholds(rule),
        rule_id=rule.rule_id,
        rule_version=rule.version,
        action=action,
    )


def _rounded(path: str | None, value: object) -> object:
    """Round a metric as it is shown; anything else is as it is."""
    rounding = METRIC_ROUNDING.get(path or "")
    return rounding(value).normalize() if rounding is not None and isinstance(value, Decimal) else value


def _shown(metric: str, value: Decimal | None) -> str:
    if value is None:
        return ""
    rounding = METRIC_ROUNDING.get(metric)
    return plain(rounding(value) if rounding is not None else value)
