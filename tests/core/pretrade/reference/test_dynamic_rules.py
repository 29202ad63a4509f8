import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from tests.core.pretrade.builders import (
    BUY,
    SELL,
    D,
    a_mark,
    a_position,
    a_profile,
    a_scenario,
    an_open_order,
    an_order,
)

from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.reasons import Action, Decision
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.rules import Operator, RiskRule, RuleAction
from tidegate.core.pretrade.scenario import Activity, Scenario
from tidegate.core.pretrade.verdict import Verdict

Values = Mapping[str, Decimal | str | bool | None]


def a_rule(metric: str = "order_notional", operator: str = "GT", *thresholds: str, **said: Any) -> RiskRule:
    limits = tuple(D(threshold) for threshold in thresholds or ("1000",))
    fields: dict[str, Any] = {"rule_id": "7", "name": "r", "action": RuleAction.REJECT, "version": 3}
    return RiskRule(metric=metric, operator=Operator(operator), thresholds=limits, **fields | said)


def a_condition(condition: object, **said: Any) -> RiskRule:
    fields: dict[str, Any] = {"rule_id": "7", "name": "r", "action": RuleAction.REJECT}
    return RiskRule(condition=json.dumps(condition), **fields | said)


def verdict_of(*rules: RiskRule, **said: Any) -> Verdict:
    return decide_plainly(a_scenario(rules=rules, **said))


def is_hit(rule: RiskRule, **said: Any) -> bool:
    return bool(verdict_of(rule, **said).rule_hits)


OPERATORS = [
    ("GT", ["4999"], True),
    ("GT", ["5000"], False),
    ("GTE", ["5000"], True),
    ("GTE", ["5000.00000000000000000001"], False),
    ("LT", ["5000"], False),
    ("LT", ["5001"], True),
    ("LTE", ["5000"], True),
    ("LTE", ["4999"], False),
    ("EQ", ["5000.0"], True),
    ("EQ", ["5001"], False),
    ("NE", ["5000.0"], False),
    ("NE", ["1"], True),
    ("IN", ["1", "5000"], True),
    ("IN", ["1"], False),
    ("NOT_IN", ["1", "5000"], False),
    ("NOT_IN", ["1"], True),
    ("BETWEEN", ["5000", "6000"], True),
    ("BETWEEN", ["4000", "5000"], True),
    ("BETWEEN", ["5001", "6000"], False),
]


@pytest.mark.parametrize(("operator", "thresholds", "hit"), OPERATORS)
def test_rule_compares_the_metric_with_its_threshold(operator: str, thresholds: list[str], hit: bool) -> None:
    """PT-501, PT-505: an order notional of 5,000 against every operator; BETWEEN includes both ends."""
    assert is_hit(a_rule("order_notional", operator, *thresholds)) is hit


HELD: dict[str, Any] = {
    "positions": (a_position("0.2", "49000"),),
    "open_orders": (an_open_order(BUY, "0.1", "49000"),),
}
ACTIVE: dict[str, Any] = {"activity": Activity(orders_last_minute=4, notional_24h=D(100), rejects_last_hour=2)}
METRICS = [
    ("order_notional", "5000"),
    ("order_quantity", "0.1"),
    ("leverage", "10"),
    ("price_deviation_pct", "0"),
    ("required_initial_margin", "502.5"),
    # equity 10,200 less (10,000 + 4,900)/10
    ("available_margin", "8710"),
    ("account_equity", "10200"),
    ("position_notional", "10000"),
    ("projected_position_notional", "15000"),
    ("worst_case_notional", "19900"),
    ("projected_exposure", "19900"),
    ("exposure_utilization_pct", "1.99"),
    ("open_orders_count", "1"),
    ("orders_per_minute", "5"),
    ("notional_24h", "5100"),
    ("rejects_per_hour", "2"),
    ("risk_score", "7"),
]


@pytest.mark.parametrize(("metric", "value"), METRICS)
def test_rule_metric_has_its_value(metric: str, value: str) -> None:
    """PT-520, PT-523, PT-524, PT-527: long 0.2 from 49,000, a live BUY of 0.1 at 49,000, a BUY of 0.1 at the mark."""
    said = HELD | ACTIVE | {"profile": a_profile(risk_score=D(7))}
    assert is_hit(a_rule(metric, "EQ", value), **said)


def test_rule_metric_deviation_and_distance() -> None:
    """PT-521, PT-525: a fill at 51,000 is 2 % off; |50,000 - LP| / 50,000 with LP (10,000 - 25.5 - 51,000)/-0.996."""
    far = {"order": an_order(BUY, "1", "51000")}
    assert is_hit(a_rule("price_deviation_pct", "EQ", "2"), **far)
    assert is_hit(a_rule("liquidation_distance_pct", "BETWEEN", "17.61", "17.63"), **far)


def test_rule_on_a_liquidation_price_that_does_not_exist_is_not_hit() -> None:
    """PT-525: a position that is never liquidated, and an order that closes it, have no distance."""
    rule = a_rule("liquidation_distance_pct", "LT", "1000")
    assert not is_hit(rule)
    assert not is_hit(rule, positions=(a_position("0.1"),), order=an_order(SELL, "0.1"))


def test_rule_whose_metric_could_not_be_computed_is_hit() -> None:
    """PT-506: missing data is never silently skipped; of a proven reducer it is a warning."""
    rule = a_rule("orders_per_minute", "GT", "100")
    verdict = verdict_of(rule)
    assert (verdict.decision, verdict.rule_hits) == (Decision.REJECTED, ("r",))
    assert (verdict.violations[0].observed, "could not be computed" in verdict.message) == ("", True)
    reducing = verdict_of(rule, positions=(a_position("0.2"),), order=an_order(SELL, "0.1"))
    assert (reducing.decision, reducing.violations[0].action) == (Decision.FLAGGED, Action.WARN)


def test_rule_that_an_officer_wrote_stops_a_proven_reducer() -> None:
    """PT-114: a dynamic rule whose metric is known keeps its own action."""
    verdict = verdict_of(a_rule(), positions=(a_position("0.2"),), order=an_order(SELL, "0.1"))
    assert (verdict.decision, verdict.proven_reducer) == (Decision.REJECTED, True)


@pytest.mark.parametrize(
    "metric",
    [
        "account_equity",
        "projected_margin_ratio",
        "position_notional",
        "projected_position_notional",
        "worst_case_notional",
        "liquidation_distance_pct",
    ],
)
def test_rule_on_a_derivative_metric_is_not_hit_on_spot(metric: str) -> None:
    """PT-508: what has no meaning on SPOT makes no hit there."""
    spot = {"order": an_order(symbol="BTC-USDT", leverage=None)}
    assert not is_hit(a_rule(metric, "GTE", "0"), **spot)
    condition = {"not": {"field": metric, "op": "lt", "value": "0"}}
    assert not is_hit(a_condition(condition), **spot)


@pytest.mark.parametrize(
    ("said", "scenario", "hit"),
    [
        ({}, {}, True),
        ({"active": False}, {}, False),
        ({"symbol": "BTCUSDT"}, {}, True),
        ({"symbol": "BTCUSD"}, {}, False),
        ({"kyc_level": KycLevel.L2}, {}, True),
        ({"kyc_level": KycLevel.L1}, {}, False),
        ({"kyc_level": KycLevel.L2}, {"profile": None}, False),
        ({}, {"profile": None}, True),
        ({}, {"order": an_order(symbol="NOWHERE")}, False),
    ],
)
def test_rule_applies_where_it_says(said: dict[str, Any], scenario: dict[str, Any], hit: bool) -> None:
    """PT-503, PT-306: active, of the symbol and the level it names, and never for an unknown instrument."""
    assert is_hit(a_rule(**said), **scenario) is hit


def test_rule_hit_names_its_numbers() -> None:
    """PT-505: observed, threshold, id and version are in the violation, the name in rule_hits."""
    verdict = verdict_of(a_rule("order_notional", "IN", "1", "5000", action=RuleAction.WARN))
    found = verdict.violations[0]
    assert (verdict.decision, verdict.reject_reason, verdict.rule_hits) == (Decision.FLAGGED, None, ("r",))
    assert (found.code.value, found.metric, found.observed, found.limit) == (
        "RISK_RULE_VIOLATION",
        "order_notional",
        "5000",
        '["1", "5000"]',
    )
    assert (found.rule_id, found.rule_version, found.action) == ("7", 3, Action.WARN)


def test_rule_in_shadow_is_recorded_and_decides_nothing() -> None:
    """PT-510, PT-303: a shadow hit comes last in violations, is not in rule_hits and never decides."""
    verdict = verdict_of(a_rule(shadow=True), a_rule(name="s", rule_id="8", action=RuleAction.WARN))
    assert (verdict.decision, verdict.rule_hits) == (Decision.FLAGGED, ("s",))
    assert [found.action for found in verdict.violations] == [Action.WARN, Action.SHADOW]
    alone = verdict_of(a_rule(shadow=True))
    assert (alone.decision, alone.message, alone.rule_hits) == (Decision.APPROVED, "approved", ())


def test_rules_are_taken_by_name_and_id() -> None:
    """PT-505: the order of the hits does not hang on the order of the rows."""
    rules = [a_rule(name="b", rule_id="1"), a_rule(name="a", rule_id="3"), a_rule(name="a", rule_id="2")]
    found = verdict_of(*rules).violations
    assert [row.rule_id for row in found] == ["2", "3", "1"]


@pytest.mark.parametrize(
    ("outcome", "decision"), [(True, Decision.REJECTED), (False, Decision.APPROVED), (None, Decision.REJECTED)]
)
def test_condition_that_is_true_or_unknown_is_hit(outcome: bool | None, decision: Decision) -> None:
    """PT-509: UNKNOWN is a hit with the rule's action."""
    scenario = a_scenario(rules=(a_condition({"field": "leverage", "op": "gt", "value": "1"}),))
    assert decide_plainly(scenario, lambda _condition, _values: outcome).decision is decision


def test_condition_reads_metrics_order_fields_and_level() -> None:
    """PT-504: what a condition can read, a missing field being None."""
    seen: dict[str, Decimal | str | bool | None] = {}

    def remember(_condition: str, values: Values) -> bool | None:
        seen.update(values)
        return False

    scenario: Scenario = a_scenario(rules=(a_condition({}),), marks={"BTCUSDT": a_mark("50000")})
    decide_plainly(scenario, remember)
    assert (seen["order_notional"], seen["side"], seen["quantity"], seen["kyc_level"]) == (5000, "BUY", D("0.1"), "L2")
    assert (seen["stop_price"], seen["orders_per_minute"], seen["reduce_only"]) == (None, None, False)
