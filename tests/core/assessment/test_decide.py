"""The desk's decision: score, ranges, what unknown rules and outcomes do to it."""

from decimal import Decimal

import pytest
from tests.core.assessment.builders import (
    FAILED,
    FIRES,
    RESTS,
    TIMED_OUT,
    UNKNOWN,
    a_request,
    a_rule,
    a_rule_set,
    a_scope,
    answered,
    ranges,
    verdict_of,
)

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.verdict import verdict_bytes
from tidegate.core.rules.truth import Truth

ZEFIX = {"when": {"field": "providers.zefix.status", "op": "eq", "value": "CANCELLED"}, "providers": ["zefix"]}


@pytest.mark.parametrize(
    ("weights", "score"),
    [
        ((), 0),
        ((100, 50), 150),
        ((700, 300), 1_000),
        ((700, 301), 1_000),
        ((-50,), 0),
        ((100, -40), 60),
        ((1_000, -1), 999),
    ],
)
def test_score_is_the_sum_of_triggered_weights_within_0_and_1000(weights: tuple[int, ...], score: int) -> None:
    """AS-110: weights of triggered rules are added, then the sum is clamped; what did not trigger adds nothing."""
    rules = [a_rule(f"R{number}", weight=weight) for number, weight in enumerate(weights)]
    verdict = verdict_of(a_rule_set([*rules, a_rule("RESTS", RESTS, weight=500)]))
    assert (verdict.risk_score, verdict.score_min, verdict.score_max) == (score, score, score)


@pytest.mark.parametrize(
    ("score", "decision"),
    [
        (0, Decision.APPROVED),
        (299, Decision.APPROVED),
        (300, Decision.MANUAL_REVIEW),
        (699, Decision.MANUAL_REVIEW),
        (700, Decision.REJECTED),
        (1_000, Decision.REJECTED),
    ],
)
def test_decision_is_that_of_the_range_that_holds_the_score(score: int, decision: Decision) -> None:
    """AS-111: both ends of a range belong to it."""
    assert verdict_of(a_rule_set([a_rule("R", weight=score)], ranges(300, 700))).decision is decision


def test_ranges_of_the_scope_with_most_keys_win() -> None:
    """AS-111: of several scopes that match, the one with most keys decides; one that does not match is passed over."""
    thresholds = [
        *ranges(decisions="APPROVED"),
        *ranges(decisions="MANUAL_REVIEW", country="CH"),
        *ranges(decisions="REJECTED", country="CH", product_type="LOAN"),
    ]
    rule_set = a_rule_set([a_rule("R", RESTS)], thresholds)
    decisions = [
        verdict_of(rule_set, a_request(country=country, product_type=product)).decision
        for country, product in (("DE", "LOAN"), ("CH", "CARD"), ("CH", "LOAN"))
    ]
    assert decisions == [Decision.APPROVED, Decision.MANUAL_REVIEW, Decision.REJECTED]


def test_reason_codes_come_by_weight_then_by_code() -> None:
    """AS-112: triggered rules, the largest weight first, equal weights by code; nothing else."""
    rules = [a_rule(code, weight=weight) for code, weight in (("B", 10), ("A", 10), ("C", -5), ("D", 90), ("Z", 0))]
    verdict = verdict_of(a_rule_set([*rules, a_rule("RESTS", RESTS), a_rule("U", UNKNOWN)]))
    assert verdict.reason_codes == ("D", "A", "B", "Z", "C")


def test_unknown_rule_that_triggers_counts_as_triggered() -> None:
    """AS-113: on_unknown trigger counts in score, reason_codes and outcome; the result stays UNKNOWN."""
    logic = {**UNKNOWN, "on_unknown": "trigger", "outcome": "REJECTED"}
    verdict = verdict_of(a_rule_set([a_rule("U", logic, weight=120)], ranges(300, 700)))
    assert (verdict.decision, verdict.risk_score, verdict.reason_codes) == (Decision.REJECTED, 120, ("U",))
    assert (verdict.score_min, verdict.score_max) == (0, 120)
    assert [(each.result, each.contribution) for each in verdict.rules] == [(Truth.UNKNOWN, 120)]
    assert verdict.warnings == ("U: UNKNOWN",)


def test_unknown_rule_that_is_ignored_changes_nothing_but_the_bounds() -> None:
    """AS-113: on_unknown ignore leaves score and decision alone; coverage, bounds and warnings tell of it."""
    logic = {**UNKNOWN, "on_unknown": "ignore", "outcome": "REJECTED"}
    verdict = verdict_of(a_rule_set([a_rule("U", logic, weight=900), a_rule("F", weight=100)]))
    assert (verdict.decision, verdict.risk_score, verdict.reason_codes) == (Decision.APPROVED, 100, ("F",))
    assert (verdict.score_min, verdict.score_max, verdict.coverage) == (100, 1_000, Decimal("0.1000"))
    assert verdict.warnings == ("U: UNKNOWN",)


@pytest.mark.parametrize("outcome", ["MANUAL_REVIEW", "REJECTED"])
@pytest.mark.parametrize("at_score", list(Decision))
def test_outcome_makes_the_decision_stricter_and_never_more_lenient(at_score: Decision, outcome: str) -> None:
    """AS-114: APPROVED < MANUAL_REVIEW < REJECTED: a triggered rule's outcome is the least strict decision."""
    rule_set = a_rule_set([a_rule("R", {**FIRES, "outcome": outcome})], ranges(decisions=at_score))
    decision = verdict_of(rule_set).decision
    assert decision.strictness == max(at_score.strictness, Decision(outcome).strictness)


def test_outcome_of_a_rule_that_did_not_trigger_is_nothing() -> None:
    """AS-114: neither a FALSE rule nor an UNKNOWN one that asks for review has its outcome."""
    for logic in (RESTS, UNKNOWN):
        verdict = verdict_of(a_rule_set([a_rule("R", {**logic, "outcome": "REJECTED"}, weight=0)]))
        assert verdict.decision is (Decision.APPROVED if logic is RESTS else Decision.MANUAL_REVIEW)


@pytest.mark.parametrize(
    ("fired", "unknown", "bounds"),
    [
        (100, (50,), (100, 150)),
        (100, (-50,), (50, 100)),
        (100, (50, -30), (70, 150)),
        (900, (200,), (900, 1_000)),
        (100, (-200, 300), (0, 400)),
        (0, (), (0, 0)),
    ],
)
def test_score_bounds_count_each_unknown_rule_as_fired_or_not(
    fired: int, unknown: tuple[int, ...], bounds: tuple[int, int]
) -> None:
    """AS-115: each unknown rule counts whichever way lowers, or raises, the score; both bounds are clamped."""
    rules = [a_rule(f"U{number}", UNKNOWN, weight=weight) for number, weight in enumerate(unknown)]
    verdict = verdict_of(a_rule_set([a_rule("F", weight=fired), *rules]))
    assert (verdict.score_min, verdict.score_max) == bounds


@pytest.mark.parametrize(
    ("weight", "outcome", "decision"),
    [
        (299, None, Decision.APPROVED),
        (300, None, Decision.MANUAL_REVIEW),
        (700, None, Decision.MANUAL_REVIEW),
        (0, None, Decision.APPROVED),
        (-100, None, Decision.APPROVED),
        (0, "MANUAL_REVIEW", Decision.MANUAL_REVIEW),
        (0, "REJECTED", Decision.MANUAL_REVIEW),
    ],
)
def test_review_of_an_unknown_rule_is_dropped_only_when_it_could_not_matter(
    weight: int, outcome: str | None, decision: Decision
) -> None:
    """AS-116: dropped when every score from min to max has the same decision and no unknown outcome is stricter."""
    rule_set = a_rule_set([a_rule("U", {**UNKNOWN, "outcome": outcome}, weight=weight)], ranges(300, 700))
    assert verdict_of(rule_set).decision is decision


def test_review_is_kept_for_the_outcome_of_another_unknown_rule() -> None:
    """AS-116: any UNKNOWN rule's stricter outcome keeps the review, also that of one that is ignored."""
    ignored = {**UNKNOWN, "on_unknown": "ignore", "outcome": "REJECTED"}
    rules = [a_rule("U", UNKNOWN, weight=0), a_rule("I", ignored, weight=0)]
    assert verdict_of(a_rule_set(rules)).decision is Decision.MANUAL_REVIEW
    assert verdict_of(a_rule_set(rules[1:])).decision is Decision.APPROVED


def test_review_never_softens_a_rejection() -> None:
    """AS-116: the forced review can only make the decision stricter."""
    rules = [a_rule("F", weight=800), a_rule("U", UNKNOWN, weight=-700)]
    verdict = verdict_of(a_rule_set(rules))
    assert (verdict.decision, verdict.score_min, verdict.score_max) == (Decision.REJECTED, 100, 800)


@pytest.mark.parametrize(
    ("known", "unknown", "coverage"),
    [
        ((), (), "1.0000"),
        ((0,), (0,), "1.0000"),
        ((100,), (), "1.0000"),
        ((), (100,), "0.0000"),
        ((2,), (1,), "0.6667"),
        ((1,), (2,), "0.3333"),
        ((-1,), (1,), "0.5000"),
        ((1,), (31,), "0.0312"),
        ((3,), (29,), "0.0938"),
    ],
)
def test_coverage_is_the_share_of_the_weight_that_could_be_evaluated(
    known: tuple[int, ...], unknown: tuple[int, ...], coverage: str
) -> None:
    """AS-117: sums of absolute weights, 4 decimals half to even; 1 when the sum in scope is 0."""
    rules = [a_rule(f"K{number}", weight=weight) for number, weight in enumerate(known)]
    rules += [a_rule(f"U{number}", UNKNOWN, weight=weight) for number, weight in enumerate(unknown)]
    assert str(verdict_of(a_rule_set(rules)).coverage) == coverage


def test_no_threshold_means_review_and_never_approval() -> None:
    """AS-118: with no range for the request the decision is MANUAL_REVIEW, reason NO_THRESHOLD; stricter stays."""
    for thresholds in ([], ranges(country="DE", decisions="APPROVED")):
        verdict = verdict_of(a_rule_set([a_rule("F")], thresholds))
        assert (verdict.decision, verdict.reason_codes) == (Decision.MANUAL_REVIEW, ("F", "NO_THRESHOLD"))
    rejecting = a_rule_set([a_rule("F", {**FIRES, "outcome": "REJECTED"})], [])
    assert verdict_of(rejecting).decision is Decision.REJECTED


def test_no_rule_in_scope_means_review_and_never_approval() -> None:
    """AS-118: with no rule in scope the decision is MANUAL_REVIEW, whatever a score of 0 means."""
    for rules in ([], [a_rule("F", scope=a_scope(country="DE"))], [a_rule("F", is_active=False)]):
        verdict = verdict_of(a_rule_set(rules, ranges(decisions="APPROVED")))
        assert (verdict.decision, verdict.reason_codes) == (Decision.MANUAL_REVIEW, ("NO_RULE_IN_SCOPE",))
        assert verdict.rules == ()
        assert verdict.coverage == 1
    assert verdict_of(a_rule_set([], [])).reason_codes == ("NO_THRESHOLD", "NO_RULE_IN_SCOPE")


def test_provider_that_did_not_answer_leaves_its_rule_unknown_and_a_warning() -> None:
    """AS-119: failure, timeout and no call are told by name, then the rules that stayed unknown."""
    rule_set = a_rule_set([a_rule("Z", ZEFIX)])
    warned = {
        "FAILURE": {"zefix": FAILED},
        "TIMEOUT": {"zefix": TIMED_OUT},
        "NOT_CALLED": {"crif": answered(found=True)},
    }
    for call, outside in warned.items():
        verdict = verdict_of(rule_set, outside=outside)
        assert verdict.warnings == (f"zefix: {call}", "Z: UNKNOWN")
        assert verdict.decision is Decision.APPROVED
    verdict = verdict_of(rule_set, outside={"zefix": answered(status="CANCELLED")})
    assert (verdict.warnings, verdict.reason_codes) == ((), ("Z",))


def test_provider_that_only_rules_out_of_scope_need_is_no_warning() -> None:
    """AS-119: only what rules in scope need is told."""
    rule_set = a_rule_set([a_rule("Z", ZEFIX, scope=a_scope(country="DE")), a_rule("F")])
    assert verdict_of(rule_set, outside={"zefix": FAILED}).warnings == ()


def test_log_has_every_rule_in_scope_and_leaves_of_those_that_are_not_false() -> None:
    """AS-120: code, id, version, weight, result and contribution of each; leaves of fired and unknown ones."""
    rules = [
        a_rule("F", rule_id="id-1", version=3, weight=7),
        a_rule("R", RESTS),
        a_rule("U", UNKNOWN),
        a_rule("OUT", scope=a_scope(country="DE")),
    ]
    log = verdict_of(a_rule_set(rules)).execution_log()
    assert [row["rule_code"] for row in log] == ["F", "R", "U"]
    leaf = {"pointer": "/when", "field": "country", "op": "eq", "expected": "CH", "actual": "CH", "result": "TRUE"}
    assert log[0] == {
        "rule_code": "F",
        "rule_id": "id-1",
        "version": 3,
        "weight": 7,
        "result": "TRUE",
        "contribution": 7,
        "leaves": [leaf],
    }
    assert log[1] == {
        "rule_code": "R",
        "rule_id": "",
        "version": 1,
        "weight": 100,
        "result": "FALSE",
        "contribution": 0,
    }
    assert (log[2]["result"], "leaves" in log[2]) == ("UNKNOWN", True)


def test_same_inputs_give_the_same_bytes() -> None:
    """AS-123: a verdict is written canonically, with every digit of its numbers."""
    logic = {"when": {"field": "context_data.x", "op": "gt", "value": Decimal("0.10")}}
    request = a_request(context_data={"x": Decimal("0.10000000000000000001")})
    once, again = (verdict_bytes(verdict_of(a_rule_set([a_rule("X", logic)]), request)) for _ in range(2))
    assert once == again
    assert b'"actual":0.10000000000000000001' in once
    assert once.startswith(b'{"coverage":1,"decision":"APPROVED","reason_codes":["X"]')
