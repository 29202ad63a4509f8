"""The compiled decision and the plain one say the same."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from tests.core.assessment.builders import NOW, UNKNOWN, a_request, a_rule, a_rule_set, ranges
from tests.core.assessment.situations import LISTS, Situation
from tests.core.assessment.strategies import situations
from tests.core.rules.builders import ENGINES

from tidegate.core.assessment.decide import assess
from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.logic import parse_logic
from tidegate.core.assessment.reference import PlainRules, assess_plainly
from tidegate.core.assessment.rule_set import build_rule_set
from tidegate.core.assessment.verdict import verdict_bytes

LIST_NAMES = [each.name for each in LISTS]


def plain_rules(situation: Situation) -> PlainRules:
    logics = [
        (rule, parse_logic(rule.logic_config, list_names=LIST_NAMES, engines=ENGINES))
        for rule in situation.rules
        if rule.is_active
    ]
    return PlainRules(tuple(logics), tuple(situation.thresholds), {each.name: each.entries for each in LISTS})


@given(situations())
def test_decision_of_random_rules_is_that_of_the_reference(situation: Situation) -> None:
    """AS-125: score, bounds, coverage, reasons, warnings, decision and every leaf agree, to the byte."""
    rule_set = build_rule_set(situation.rules, situation.thresholds, lists=LISTS, engines=ENGINES)
    fast = assess(situation.request, rule_set=rule_set, outside=situation.outside, history=situation.history, now=NOW)
    plainly = assess_plainly(
        situation.request,
        plain_rules(situation),
        outside=situation.outside,
        history=situation.history,
        now=NOW,
    )
    assert verdict_bytes(fast) == verdict_bytes(plainly)
    assert fast == plainly


@given(situations())
def test_decision_is_approved_only_on_a_range_that_says_so(situation: Situation) -> None:
    """AS-118: no combination of failures, unknown rules or missing ranges approves by itself."""
    rule_set = build_rule_set(situation.rules, situation.thresholds, lists=LISTS, engines=ENGINES)
    verdict = assess(
        situation.request, rule_set=rule_set, outside=situation.outside, history=situation.history, now=NOW
    )
    if verdict.decision is Decision.APPROVED:
        found = rule_set.thresholds.for_request(situation.request.attributes())
        assert found is not None
        assert found.decision_of(verdict.risk_score) is Decision.APPROVED
        assert verdict.rules
    assert verdict.score_min <= verdict.risk_score <= verdict.score_max


def test_random_scores_reach_every_decision() -> None:
    """AS-125: a seeded sweep over weights and unknown rules agrees too, and meets all three decisions."""
    random, seen = Random(7), Counter[Decision]()
    for _ in range(300):
        logics = [None, UNKNOWN, {**UNKNOWN, "on_unknown": "trigger"}, {**UNKNOWN, "on_unknown": "ignore"}]
        rules = [
            a_rule(f"R{number}", random.choice(logics), weight=random.randint(-300, 600))
            for number in range(random.randint(1, 8))
        ]
        thresholds = ranges(*sorted(random.sample(range(1, 1_001), 2)))
        situation = Situation(a_request(), rules, thresholds, {}, {})
        rule_set = a_rule_set(rules, thresholds)
        fast = assess(situation.request, rule_set=rule_set, outside={}, history={}, now=NOW)
        plainly = assess_plainly(situation.request, plain_rules(situation), outside={}, history={}, now=NOW)
        assert fast == plainly
        seen[fast.decision] += 1
    assert min(seen[decision] for decision in Decision) > 20


def test_reference_refuses_what_it_cannot_try() -> None:
    """AS-125: it never guesses a bound."""
    rules = [a_rule(f"U{number}", UNKNOWN, weight=1) for number in range(13)]
    situation = Situation(a_request(), rules, [], {}, {})
    with pytest.raises(ValueError, match="too many to try"):
        assess_plainly(situation.request, plain_rules(situation), outside={}, history={}, now=NOW)
