from collections import Counter
from random import Random

from hypothesis import given, settings
from tests.core.pretrade.scenarios import random_scenario, read_condition, scenarios

from tidegate.core.pretrade.reasons import Action, Decision, RejectReason
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.reference.margin import margin_plainly
from tidegate.core.pretrade.rendering import render_margin_report, render_verdict
from tidegate.core.pretrade.scenario import Scenario

NEVER_DECIDED = {RejectReason.INTERNAL_ERROR}


def test_random_scenarios_are_repeatable_and_meet_everything() -> None:
    """PT-439: the same seed gives the same scenario; together they meet every reason, and a third is approved."""
    assert random_scenario(Random(5)) == random_scenario(Random(5))
    verdicts = [decide_plainly(random_scenario(Random(seed)), read_condition) for seed in range(2000)]
    decisions = Counter(verdict.decision for verdict in verdicts)
    assert decisions[Decision.APPROVED] > 650
    assert decisions[Decision.FLAGGED] > 20
    found = {violation.code for verdict in verdicts for violation in verdict.violations}
    assert found == set(RejectReason) - NEVER_DECIDED
    assert sum(verdict.proven_reducer for verdict in verdicts) > 100
    shown = {name for verdict in verdicts for name in verdict.metrics.__dataclass_fields__}
    computed = {name for name in shown if any(getattr(verdict.metrics, name) is not None for verdict in verdicts)}
    assert computed == shown


@given(scenarios())
@settings(max_examples=200)
def test_plain_decision_holds_together(scenario: Scenario) -> None:
    """PT-131, PT-303, PT-108, PT-910: whatever is met, the verdict is consistent and can be written out."""
    verdict = decide_plainly(scenario, read_condition)
    actions = [found.action for found in verdict.violations]
    assert actions == sorted(actions, key=[Action.REJECT, Action.WARN, Action.SHADOW].index)
    assert (verdict.decision is Decision.REJECTED) is (Action.REJECT in actions)
    assert (verdict.reject_reason is None) is (verdict.decision is not Decision.REJECTED)
    if verdict.decision is Decision.APPROVED and not verdict.proven_reducer:
        assert scenario.profile is not None
        assert verdict.metrics.required_initial_margin is not None
        assert verdict.metrics.projected_exposure_usdt is not None
    assert render_verdict(verdict)["decision"] == verdict.decision.value
    assert set(render_margin_report(margin_plainly(scenario))) == {"assets", "symbols"}
