"""Why, in sentences, and what would have changed it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from tests.core.assessment.builders import (
    FIRES,
    NOW,
    NOW_US,
    RESTS,
    TIMED_OUT,
    UNKNOWN,
    a_request,
    a_rule,
    a_rule_set,
    a_scope,
    answered,
    past,
    ranges,
    verdict_of,
)
from tests.core.assessment.situations import LISTS, Situation
from tests.core.assessment.strategies import situations
from tests.core.rules.builders import ENGINES

from tidegate.core.assessment.decide import assess
from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.explain import (
    CHANGES_TOLD_MAX,
    Circumstances,
    Explanation,
    decision_changes,
    explain_decision,
    reason_in,
)
from tidegate.core.assessment.history import history_fields
from tidegate.core.assessment.request import SCOPE_KEYS, AssessmentRequest
from tidegate.core.assessment.rule_set import RuleSet, build_rule_set
from tidegate.core.rules.json_exact import write_json
from tidegate.core.rules.truth import Truth

NOTHING = Circumstances({}, {}, NOW)
DEBT = {"type": "threshold", "field": "context_data.debt_ratio", "op": "gt", "value": Decimal("0.40")}


def explained(rule_set: RuleSet, request: AssessmentRequest | None = None, **options: Any) -> Explanation:
    return explain_decision(request or a_request(), rule_set, circumstances=NOTHING, **options)


def test_each_rule_is_told_in_sentences_with_its_reason() -> None:
    """AS-126: result, contribution, the officer's reason and a sentence a leaf, also of rules that did not fire."""
    reasons = {"en": "too much debt", "de": "zu viele Schulden"}
    rules = [a_rule("DEBT", {**DEBT, "reason": reasons}, weight=40), a_rule("R", RESTS), a_rule("U", UNKNOWN)]
    request = a_request(context_data={"debt_ratio": Decimal("0.47")})
    explanation = explained(a_rule_set(rules), request, language="de-CH")
    debt, rests, unknown = explanation.rules
    assert (debt.result, debt.contribution, debt.reason) == (Truth.TRUE, 40, "zu viele Schulden")
    assert debt.sentences == ("debt ratio 0.47 is above 0.40",)
    assert rests.sentences == ("country CH is not LI",)
    assert rests.leaves[0].actual == "CH"
    assert unknown.sentences == ("absent is not known, so it cannot be said whether it is 1",)


@pytest.mark.parametrize(
    ("language", "text"),
    [("de", "de"), ("DE-ch", "de"), ("fr-CH", "fr-CH"), ("fr", "en"), ("xx", "en")],
)
def test_reason_is_given_in_the_nearest_language(language: str, text: str) -> None:
    """AS-126: the language itself, its main language, English, else whatever there is."""
    assert reason_in({"de": "de", "en": "en", "fr-CH": "fr-CH"}, language) == text
    assert (reason_in({"it": "it"}, language), reason_in({}, language)) == ("it", "")


def test_sentences_speak_of_what_was_asked_and_counted() -> None:
    """AS-126: keys of questions and paths of counts do not show."""
    rules = [
        a_rule("S", {"type": "name_screening", "field": "context_data.name", "lists": ["pep"]}),
        a_rule("Z", {"type": "company_register", "uid_field": "context_data.uid", "statuses": ["CANCELLED"]}),
        a_rule("V", {"type": "velocity", "window": "PT24H", "count_gt": 1}),
        a_rule("W", {"when": {"field": "history.rejected.P7D", "op": "gt", "value": 0}}),
    ]
    rule_set = a_rule_set(rules)
    outside = {"screening": answered(score=Decimal("0.9123")), "zefix": TIMED_OUT}
    history = history_fields([past(1), past(2)], now_us=NOW_US, windows=rule_set.windows)
    explanation = explain_decision(a_request(), rule_set, circumstances=Circumstances(outside, history, NOW))
    assert [each.sentences[0] for each in explanation.rules] == [
        "screening score of name 0.9123 is at least 0.85",
        "zefix status of uid is not known, so it cannot be said whether it is one of CANCELLED",
        "assessments within PT24H 2 is above 1",
        "rejected assessments within P7D 0 is not above 0",
    ]


SUMMARIES: list[tuple[RuleSet, list[str]]] = [
    (
        a_rule_set([a_rule("F", weight=350)]),
        ["the score is 350", "a score of 300 to 699 means MANUAL_REVIEW", "the decision is MANUAL_REVIEW"],
    ),
    (
        a_rule_set([a_rule("U", UNKNOWN, weight=350)]),
        [
            "the score is 0 (0 to 350 had every rule been known)",
            "a score of 0 to 299 means APPROVED",
            "U could not be evaluated, so a person decides",
            "the decision is MANUAL_REVIEW",
        ],
    ),
    (
        a_rule_set([a_rule("U", UNKNOWN), a_rule("I", {**UNKNOWN, "on_unknown": "ignore"})]),
        [
            "the score is 0 (0 to 200 had every rule been known)",
            "a score of 0 to 299 means APPROVED",
            "U could not be evaluated, which would change nothing",
            "I could not be evaluated, and is ignored",
            "the decision is APPROVED",
        ],
    ),
    (
        a_rule_set([a_rule("T", {**UNKNOWN, "on_unknown": "trigger", "outcome": "REJECTED"})], []),
        [
            "the score is 100 (0 to 100 had every rule been known)",
            "no threshold is configured for this request, so a person decides",
            "T could not be evaluated, and counts as triggered",
            "T triggered and asks for REJECTED at least",
            "the decision is REJECTED",
        ],
    ),
    (
        a_rule_set([a_rule("F", weight=300), a_rule("U", {**UNKNOWN, "outcome": "MANUAL_REVIEW"}, weight=0)]),
        [
            "the score is 300",
            "a score of 300 to 699 means MANUAL_REVIEW",
            "U could not be evaluated, which would change nothing",
            "the decision is MANUAL_REVIEW",
        ],
    ),
    (
        a_rule_set([]),
        [
            "the score is 0",
            "no rule is in scope of this request, so a person decides",
            "the decision is MANUAL_REVIEW",
        ],
    ),
]


@pytest.mark.parametrize(("rule_set", "summary"), SUMMARIES)
def test_summary_says_how_the_decision_came_about(rule_set: RuleSet, summary: list[str]) -> None:
    """AS-126: score, range, unknown rules, outcomes, decision."""
    assert list(explained(rule_set).summary) == summary


def test_smallest_change_of_a_number_that_alters_the_decision_is_told_first() -> None:
    """AS-127: the debt ratio only has to fall to its limit; the country would have to be another."""
    rules = [a_rule("DEBT", DEBT, weight=200), a_rule("C", FIRES, weight=150)]
    request = a_request(context_data={"debt_ratio": Decimal("0.47")})
    changes = decision_changes(request, a_rule_set(rules), circumstances=NOTHING)
    assert [(each.path, each.value, each.decision) for each in changes] == [
        ("context_data.debt_ratio", Decimal("0.40"), Decision.APPROVED),
        ("country", "\ue000", Decision.APPROVED),
    ]
    assert changes[0].sentence == "if debt ratio were 0.40 instead of 0.47, the decision would be APPROVED"
    assert changes[1].sentence == "if country were anything but CH, the decision would be APPROVED"


def test_change_that_alters_a_rule_but_not_the_decision_is_not_told() -> None:
    """AS-127: each change is tried on the whole decision."""
    rules = [a_rule("DEBT", DEBT, weight=10), a_rule("C", FIRES, weight=900)]
    request = a_request(context_data={"debt_ratio": Decimal("0.47")})
    changes = decision_changes(request, a_rule_set(rules), circumstances=NOTHING)
    assert [each.path for each in changes] == ["country"]


def test_change_of_the_country_changes_which_rules_are_in_scope() -> None:
    """AS-127: a rule that is only for CH is gone when the country is another."""
    rules = [a_rule("CH", DEBT, weight=800, scope=a_scope(country="CH")), a_rule("C", {**FIRES}, weight=1)]
    request = a_request(context_data={"debt_ratio": Decimal(1)})
    changes = {each.path: each.decision for each in decision_changes(request, a_rule_set(rules), circumstances=NOTHING)}
    assert changes == {"context_data.debt_ratio": Decision.APPROVED, "country": Decision.APPROVED}


def test_change_that_would_make_an_unknown_rule_known_is_told() -> None:
    """AS-127: what is missing is told with what it would do."""
    changes = decision_changes(a_request(), a_rule_set([a_rule("U", UNKNOWN, weight=700)]), circumstances=NOTHING)
    assert {(each.value, each.decision) for each in changes} <= {
        (Decimal(1), Decision.REJECTED),
        (Decimal(0), Decision.APPROVED),
        (Decimal(2), Decision.APPROVED),
    }
    assert changes[0].sentence.startswith("if absent were")


def test_changes_told_are_ten_at_most() -> None:
    """AS-127: the smallest ones."""
    rules = [
        a_rule(f"R{number:02}", {**DEBT, "field": f"context_data.f{number}"}, weight=0 if number else 300)
        for number in range(20)
    ]
    rules = [a_rule(rule.rule_code, {**rule.logic_config, "outcome": "REJECTED"}) for rule in rules]
    request = a_request(context_data={f"f{number}": Decimal("0.1") for number in range(20)})
    changes = decision_changes(request, a_rule_set(rules), circumstances=NOTHING)
    assert len(changes) == CHANGES_TOLD_MAX
    assert {each.decision for each in changes} == {Decision.REJECTED}


@given(situations())
def test_explanation_of_random_decisions_is_true(situation: Situation) -> None:
    """AS-126, AS-127: it decides as the decision did, is JSON, and each change of the request does what it says."""
    rule_set = build_rule_set(situation.rules, situation.thresholds, lists=LISTS, engines=ENGINES)
    circumstances = Circumstances(situation.outside, situation.history, NOW)
    explanation = explain_decision(situation.request, rule_set, circumstances=circumstances)
    verdict = assess(
        situation.request, rule_set=rule_set, outside=situation.outside, history=situation.history, now=NOW
    )
    assert explanation.decision is verdict.decision
    assert [each.result for each in explanation.rules] == [each.result for each in verdict.rules]
    for outcome, told in zip(verdict.rules, explanation.rules, strict=True):
        assert told.contribution == outcome.contribution
        assert outcome.leaves in ((), told.leaves)
    write_json(explanation.as_json())
    for change in explanation.changes:
        assert change.decision is not verdict.decision
        if change.path.startswith("context_data."):
            context = dict(situation.request.context_data)
            context[change.path.partition(".")[2]] = change.value
            changed = a_request(**fields_of(situation.request), context_data=context)
        elif change.path in SCOPE_KEYS:
            fields = {**fields_of(situation.request), change.path: change.value}
            changed = a_request(**fields, context_data=situation.request.context_data)
        else:
            continue
        again = assess(changed, rule_set=rule_set, outside=situation.outside, history=situation.history, now=NOW)
        assert again.decision is change.decision


def fields_of(request: AssessmentRequest) -> dict[str, Any]:
    return dict(request.attributes())


def test_explanation_of_a_range_with_one_score() -> None:
    """AS-126: a range may hold a single score."""
    rule_set = a_rule_set([a_rule("F", weight=1)], ranges(1, 2))
    assert verdict_of(rule_set).decision is Decision.MANUAL_REVIEW
    assert "a score of 1 to 1 means MANUAL_REVIEW" in explained(rule_set).summary
