"""The naive decision: every sum from scratch, every phase in turn. The oracle of the fast path."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from tidegate.core.kernel.decimals import working_precision
from tidegate.core.pretrade.instrument import Kind
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.reasons import PRECEDENCE, Action, Decision, RejectReason
from tidegate.core.pretrade.reference import early_phases, late_phases
from tidegate.core.pretrade.reference.dynamic_rules import ConditionReader, dynamic_rules_phase
from tidegate.core.pretrade.reference.holdings import order_margin_price
from tidegate.core.pretrade.reference.measures import Measures, measure
from tidegate.core.pretrade.rules import RiskRule
from tidegate.core.pretrade.scenario import Scenario
from tidegate.core.pretrade.verdict import Verdict
from tidegate.core.pretrade.violation import Violation


def never_known(_condition: str, _values: Mapping[str, Decimal | str | bool | None]) -> bool | None:
    """Leave every condition UNKNOWN: the reader of scenarios that hold none."""
    return None


def decide_plainly(scenario: Scenario, evaluate_condition: ConditionReader = never_known) -> Verdict:
    """Decide the order of a scenario as ``spec/pretrade.md`` is printed, without any shortcut.

    Raises:
        ValueError: the scenario has no order.
    """
    order = scenario.order
    if order is None:
        raise ValueError("a scenario without order cannot be decided")
    with working_precision():
        if order.symbol not in scenario.instruments:
            return _verdict(_unknown_instrument(scenario, order), measures=None, hits=[])
        measures = measure(scenario, order)
        violations = [
            *early_phases.account_phase(scenario, order, proven=measures.proven),
            *early_phases.instrument_phase(order, measures),
            *late_phases.overflow_violations(measures),
            *early_phases.freshness_phase(scenario, order, measures=measures),
            *early_phases.flow_phase(scenario, order, proven=measures.proven),
            *late_phases.reduce_only_phase(scenario, order, measures=measures),
            *late_phases.leverage_phase(scenario, order, measures=measures),
            *late_phases.exposure_phase(scenario, order, measures=measures),
            *late_phases.margin_phase(order, measures),
            *late_phases.liquidation_phase(scenario, measures),
        ]
        hits = dynamic_rules_phase(scenario, order, measures=measures, evaluate_condition=evaluate_condition)
        verdict = _verdict([*violations, *(violation for _, violation in hits)], measures=measures, hits=hits)
        return replace(
            verdict,
            margin_price=order_margin_price(scenario, order),
            spot=measures.instrument.kind is Kind.SPOT,
        )


def _unknown_instrument(scenario: Scenario, order: Order) -> list[Violation]:
    """Only the account can be judged."""
    missing = Violation(
        RejectReason.INSTRUMENT_NOT_FOUND, f"no instrument {order.symbol}", metric="symbol", observed=order.symbol
    )
    return [*early_phases.account_phase(scenario, order, proven=False), missing]


def _verdict(
    violations: list[Violation], *, measures: Measures | None, hits: list[tuple[RiskRule, Violation]]
) -> Verdict:
    actions = (Action.REJECT, Action.WARN, Action.SHADOW)
    ordered = sorted(violations, key=lambda found: (actions.index(found.action), PRECEDENCE[found.code]))
    headline = next((found for found in ordered if found.action is not Action.SHADOW), None)
    if headline is None:
        decision = Decision.APPROVED
    else:
        decision = Decision.REJECTED if headline.action is Action.REJECT else Decision.FLAGGED
    return Verdict(
        decision=decision,
        reject_reason=headline.code if headline is not None and headline.action is Action.REJECT else None,
        message="approved" if headline is None else headline.message,
        violations=tuple(ordered),
        rule_hits=tuple(rule.name for rule, violation in hits if violation.action is not Action.SHADOW),
        metrics=Metrics() if measures is None else measures.metrics,
        liquidation_risk=any(found.code is RejectReason.LIQUIDATION_RISK for found in violations),
        proven_reducer=measures is not None and measures.proven,
    )
