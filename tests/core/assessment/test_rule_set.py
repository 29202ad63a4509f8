"""One version of rules, ranges and lists: checked together, compiled once."""

import pytest
from tests.core.assessment.builders import (
    FIRES,
    RESTS,
    a_request,
    a_rule,
    a_rule_set,
    a_scope,
    answered,
    ranges,
    verdict_of,
)
from tests.core.rules.builders import ENGINES

from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.rule_set import InvalidRuleSet, RuleSetVersions, build_rule_set
from tidegate.core.rules.truth import Truth

IN_LIST = {"when": {"field": "country", "op": "in", "value": {"list": "banned"}}}
REGISTER = {"type": "company_register", "uid_field": "context_data.uid", "statuses": ["CANCELLED"]}
OWNER = {**REGISTER, "uid_field": "context_data.owner"}
SCREENING = {"type": "name_screening", "field": "context_data.name", "lists": ["pep"]}


def test_rule_set_names_every_fault_of_its_rows() -> None:
    """AS-124: rules, codes that stand twice, ranges and lists are told at once, each with its row and place."""
    with pytest.raises(InvalidRuleSet) as refusal:
        build_rule_set(
            [a_rule("A"), a_rule("A", IN_LIST), a_rule("B", {"when": 1}), a_rule("C", {}, is_active=False)],
            ranges(300)[:1],
            lists=[ManagedList("x", ["a"]), ManagedList("x", ["b"])],
        )
    found = [(each.table, each.place, each.fault.pointer, each.fault.code) for each in refusal.value.faults]
    assert found == [
        ("rules", 1, "/rule_code", "duplicate"),
        ("lists", 1, "/name", "duplicate"),
        ("rules", 1, "/logic_config/when", "unknown_list"),
        ("rules", 2, "/logic_config/when", "not_a_condition"),
        ("thresholds", 0, "", "gap"),
    ]


def test_rule_set_takes_2048_active_rules_and_no_more() -> None:
    """AS-124: at the bound passes; inactive rules do not count."""
    rules = [a_rule(f"R{number}", FIRES if number % 2 else RESTS) for number in range(2_048)]
    assert len(a_rule_set([*rules, a_rule("OFF", is_active=False)]).active) == 2_048
    with pytest.raises(InvalidRuleSet, match="at most 2048 active rules"):
        a_rule_set([*rules, a_rule("MORE")])


def test_rules_read_the_managed_list_that_they_name() -> None:
    """AS-124: by name; a list that is not active is none."""
    banned = ManagedList("banned", ["CH", "LI"])
    rule_set = a_rule_set([a_rule("L", IN_LIST)], lists=[banned])
    assert verdict_of(rule_set).rules[0].result is Truth.TRUE
    assert verdict_of(rule_set, a_request(country="DE")).rules[0].result is Truth.FALSE
    with pytest.raises(InvalidRuleSet, match="no managed list banned"):
        a_rule_set([a_rule("L", IN_LIST)], lists=[ManagedList("banned", ["CH"], is_active=False)])


def test_rules_in_scope_are_those_whose_every_key_names_the_requests_value() -> None:
    """AS-106: a missing key means any."""
    rules = [
        a_rule("ANY"),
        a_rule("CH", scope=a_scope(country="CH LI")),
        a_rule("CH-LOAN", scope=a_scope(country="CH", product_type="LOAN")),
        a_rule("CH-CARD", scope=a_scope(country="CH", product_type="CARD")),
        a_rule("KYC", scope=a_scope(source_system="kyc")),
        a_rule("HIGH", scope=a_scope(risk_category="HIGH")),
    ]
    rule_set = a_rule_set(rules)
    in_scope = [each.rule.rule_code for each in rule_set.in_scope(a_request().attributes())]
    assert in_scope == ["ANY", "CH", "CH-LOAN", "KYC"]
    assert [each.rule_code for each in verdict_of(rule_set).rules] == in_scope


def test_providers_are_those_that_rules_in_scope_need_with_each_question_once() -> None:
    """AS-104: two rules that ask the same thing ask it once; what rules out of scope need is not asked."""
    declared = {**FIRES, "providers": ["crif"]}
    rules = [
        a_rule("A", REGISTER),
        a_rule("B", {**REGISTER, "statuses": ["BEING_CANCELLED"]}),
        a_rule("C", OWNER),
        a_rule("D", SCREENING, scope=a_scope(country="DE")),
        a_rule("E", declared),
    ]
    rule_set = a_rule_set(rules)
    needs = rule_set.providers_for(a_request().attributes())
    assert list(needs) == ["crif", "zefix"]
    assert needs["crif"] == {}
    uids = needs["zefix"]["uids"]
    assert [each["field"] for each in uids] == ["context_data.uid", "context_data.owner"]
    assert len({each["key"] for each in uids}) == 2
    (check,) = rule_set.providers_for(a_request(country="DE").attributes())["screening"]["checks"]
    assert check["lists"] == ["pep"]


def test_each_rule_reads_the_answer_to_its_own_question() -> None:
    """AS-104: answers filed by key go to the rule that asked; one that is not filed answers every question."""
    rule_set = a_rule_set([a_rule("UID", REGISTER), a_rule("OWNER", OWNER)])
    uids = rule_set.providers_for(a_request().attributes())["zefix"]["uids"]
    keys = [each["key"] for each in uids]
    filed = answered(status="ACTIVE", by_key={keys[0]: {"status": "ACTIVE"}, keys[1]: {"status": "CANCELLED"}})
    results = {
        "FALSE TRUE": filed,
        "FALSE UNKNOWN": answered(by_key={keys[0]: {"status": "ACTIVE"}}),
        "TRUE TRUE": answered(status="CANCELLED"),
        "UNKNOWN UNKNOWN": answered(found=False),
    }
    for expected, answer in results.items():
        verdict = verdict_of(rule_set, outside={"zefix": answer})
        assert " ".join(each.result.value for each in verdict.rules) == expected


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"score": "0.85"}, Truth.TRUE),
        ({"score": "0.8499"}, Truth.FALSE),
        ({"found": False}, Truth.FALSE),
        ({"found": True}, Truth.UNKNOWN),
        ({"found": False, "score": "0.9"}, Truth.TRUE),
        ({}, Truth.UNKNOWN),
        ({"checks": {}}, Truth.UNKNOWN),
        ({"checks": []}, Truth.UNKNOWN),
    ],
)
def test_screening_fires_at_its_score_and_no_match_scores_nothing(fields: dict[str, object], result: Truth) -> None:
    """AS-104: score_gte is reached at the score itself; an answer without match or score is a score of 0."""
    verdict = verdict_of(a_rule_set([a_rule("S", SCREENING)]), outside={"screening": answered(**fields)})
    assert verdict.rules[0].result is result


def test_rule_set_carries_the_versions_it_was_made_of() -> None:
    """AS-124: whoever stores a decision can say on what it was made."""
    rule_set = build_rule_set([], [], engines=ENGINES, versions=RuleSetVersions(3, 4, 5))
    assert rule_set.versions == RuleSetVersions(rules=3, thresholds=4, lists=5)


def test_rule_that_was_read_before_is_taken_with_its_logic_while_its_lists_are_there() -> None:
    """AS-124: a version that differs in one rule reads that one; a list that is gone is a fault all the same."""
    banned = ManagedList("banned", ["IR"])
    former = build_rule_set([a_rule("A", IN_LIST), a_rule("B")], ranges(300), lists=[banned])
    (known, other) = former.active
    again = build_rule_set([known, a_rule("C"), other], ranges(300), lists=[ManagedList("banned", ["CH"])])
    assert [each.rule.rule_code for each in again.active] == ["A", "C", "B"]
    assert again.active[0] is known
    assert verdict_of(again).rules[0].result is Truth.TRUE
    with pytest.raises(InvalidRuleSet) as refusal:
        build_rule_set([other, known], ranges(300))
    assert [(each.place, each.fault.code) for each in refusal.value.faults] == [(1, "unknown_list")]
