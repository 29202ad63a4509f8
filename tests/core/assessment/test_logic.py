"""What a logic_config may say, what it means, and every fault with its place."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from tests.core.rules.builders import ENGINES

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.logic import OnUnknown, logic_faults, parse_logic
from tidegate.core.rules.faults import InvalidRule
from tidegate.core.rules.parse import Engines
from tidegate.core.rules.tree import Leaf, Literal, leaves_of
from tidegate.core.rules.truth import Truth

LEAF = {"field": "context_data.x", "op": "gt", "value": "0.4"}
ZEFIX_LEAF = {"field": "providers.zefix.status", "op": "eq", "value": "ACTIVE"}


def places(logic_config: object, *, engines: Engines = ENGINES) -> list[tuple[str, str]]:
    faults = logic_faults(logic_config, list_names=["banned"], engines=engines)
    return [(fault.pointer, fault.code) for fault in faults]


def test_logic_with_a_condition_alone_has_the_defaults() -> None:
    """AS-102: on_unknown review, no outcome, no reason, no providers."""
    logic = parse_logic({"when": LEAF})
    assert (logic.on_unknown, logic.outcome, logic.reason, logic.providers) == (OnUnknown.REVIEW, None, {}, {})
    assert [leaf.pointer for leaf in leaves_of(logic.condition)] == ["/when"]


def test_logic_with_everything_is_read() -> None:
    """AS-101: params are resolved, nulls are defaults, leaves point into logic_config."""
    logic = parse_logic(
        {
            "when": {"any": [{"not": {**ZEFIX_LEAF, "value": {"param": "p"}}}, LEAF]},
            "params": {"p": "CANCELLED", "unused": [1, True]},
            "providers": ["zefix", "crif"],
            "on_unknown": "trigger",
            "outcome": "REJECTED",
            "reason": {"en": "gone", "de-CH": "fort"},
        }
    )
    assert [leaf.pointer for leaf in leaves_of(logic.condition)] == ["/when/any/0/not", "/when/any/1"]
    assert (logic.on_unknown, logic.outcome) == (OnUnknown.TRIGGER, Decision.REJECTED)
    assert (dict(logic.reason), list(logic.providers)) == ({"en": "gone", "de-CH": "fort"}, ["zefix", "crif"])
    assert parse_logic({"when": LEAF, "outcome": None, "reason": None}).outcome is None


FAULTS: list[tuple[object, list[tuple[str, str]]]] = [
    (None, [("", "not_an_object")]),
    ([], [("", "not_an_object")]),
    ({}, [("", "ambiguous_logic")]),
    ({"params": {}}, [("", "ambiguous_logic")]),
    ({"when": LEAF, "type": "required"}, [("", "ambiguous_logic")]),
    ({"type": "velocities"}, [("/type", "unknown_preset")]),
    ({"type": ["required"]}, [("/type", "unknown_preset")]),
    ({"when": LEAF, "colour": 1, "a/b": 2}, [("/colour", "unknown_key"), ("/a~1b", "unknown_key")]),
    ({"when": 3}, [("/when", "not_a_condition")]),
    ({"when": {"all": [LEAF, {"any": []}]}}, [("/when/all/1", "empty_group")]),
    ({"when": {**LEAF, "op": "is"}}, [("/when", "unknown_op")]),
    ({"when": {**LEAF, "field": "colour"}}, [("/when", "unknown_field")]),
    ({"when": {**LEAF, "field": "history.velocity"}}, [("/when", "unknown_field")]),
    ({"when": {**LEAF, "field": "history.count.P1Y"}}, [("/when", "unknown_field")]),
    ({"when": {"field": "country", "op": "in", "value": {"list": "gone"}}}, [("/when", "unknown_list")]),
    ({"when": {**LEAF, "value": {"param": "p"}}}, [("/when", "unknown_param")]),
    ({"when": {**LEAF, "value": {"param": "p"}}, "params": {"p": None}}, [("/params/p", "null_literal")]),
    (
        {"when": LEAF, "params": {"p": {}, "q": [[]]}},
        [("/params/p", "literal_misfit"), ("/params/q", "literal_misfit")],
    ),
    ({"when": LEAF, "params": []}, [("/params", "not_an_object")]),
    ({"when": LEAF, "providers": "zefix"}, [("/providers", "not_a_list")]),
    ({"when": LEAF, "providers": ["a.b", 1, ""]}, [(f"/providers/{at}", "bad_provider_name") for at in range(3)]),
    ({"when": LEAF, "providers": [f"p{at}" for at in range(17)]}, [("/providers", "list_too_long")]),
    ({"when": LEAF, "on_unknown": None}, [("/on_unknown", "bad_choice")]),
    ({"when": LEAF, "on_unknown": "REVIEW"}, [("/on_unknown", "bad_choice")]),
    ({"when": LEAF, "outcome": "APPROVED"}, [("/outcome", "bad_choice")]),
    ({"when": LEAF, "outcome": False}, [("/outcome", "bad_choice")]),
    ({"when": LEAF, "reason": "because"}, [("/reason", "not_an_object")]),
    ({"when": LEAF, "reason": {"english": "a"}}, [("/reason/english", "bad_language")]),
    ({"when": LEAF, "reason": {"en": ""}}, [("/reason/en", "bad_text")]),
    ({"when": LEAF, "reason": {"en": "x" * 4_097}}, [("/reason/en", "bad_text")]),
    (
        {"when": {"all": [{"field": "nope", "op": "eq", "value": 1}]}, "on_unknown": 1, "outcome": 2, "reason": 3},
        [
            ("/on_unknown", "bad_choice"),
            ("/outcome", "bad_choice"),
            ("/reason", "not_an_object"),
            ("/when/all/0", "unknown_field"),
        ],
    ),
]


@pytest.mark.parametrize(("logic_config", "expected"), FAULTS)
def test_logic_with_faults_names_each_with_its_place(logic_config: object, expected: list[tuple[str, str]]) -> None:
    """AS-101, AS-105: every fault at once, the pointer from logic_config's root."""
    assert places(logic_config) == expected
    with pytest.raises(InvalidRule):
        parse_logic(logic_config, list_names=["banned"], engines=ENGINES)


def test_logic_needs_the_providers_that_it_names_and_those_that_its_condition_reads() -> None:
    """AS-105: naming a provider is not needed where the condition reads it, on either side of a comparison."""
    other = {**LEAF, "value": {"field": "providers.crif.score"}}
    assert set(parse_logic({"when": ZEFIX_LEAF}).providers) == {"zefix"}
    assert set(parse_logic({"when": {"all": [ZEFIX_LEAF, LEAF, other]}, "providers": ["sst"]}).providers) == {
        "sst",
        "zefix",
        "crif",
    }


def test_logic_of_an_expression_needs_the_providers_that_it_reads() -> None:
    """AS-105: a CEL expression is looked through; what stands in quotes is text."""
    engines = Engines(cel=lambda _text: lambda _lookup: Truth.UNKNOWN)
    for text in ('providers.zefix.status == "GONE"', 'providers["zefix"].found', "size(providers . zefix.x) > 0"):
        assert set(parse_logic({"when": {"cel": text}}, engines=engines).providers) == {"zefix"}
    assert not parse_logic({"when": {"cel": 'context_data.x == "providers.zefix"'}}, engines=engines).providers


# type, parameters, condition's leaves: (pointer, field, op, expected)
PRESETS: list[tuple[dict[str, Any], list[tuple[str, str, str, object]]]] = [
    ({"type": "country_in", "countries": ["KP", "IR"]}, [("/countries", "country", "in", ("KP", "IR"))]),
    (
        {"type": "value_in", "field": "context_data.sector", "values": ["arms", 1]},
        [("/values", "context_data.sector", "in", ("arms", Decimal(1)))],
    ),
    (
        {"type": "threshold", "field": "context_data.debt_ratio", "op": "gt", "value": "0.4"},
        [("/value", "context_data.debt_ratio", "gt", "0.4")],
    ),
    (
        {"type": "required", "fields": ["context_data.a", "context_data.b.c"]},
        [
            ("/fields/0", "context_data.a", "missing", None),
            ("/fields/1", "context_data.b.c", "missing", None),
        ],
    ),
    (
        {"type": "velocity", "window": "PT24H", "count_gt": 3, "by": "subject_id"},
        [("/count_gt", "history.count.PT24H", "gt", Decimal(3))],
    ),
    (
        {"type": "velocity", "window": "PT1.5H", "count_gt": 3},
        [("/count_gt", "history.count.PT5400S", "gt", Decimal(3))],
    ),
]


@pytest.mark.parametrize(("logic_config", "leaves"), PRESETS)
def test_preset_expands_to_a_condition(
    logic_config: Mapping[str, Any], leaves: list[tuple[str, str, str, object]]
) -> None:
    """AS-103: a preset is a condition whose leaves point at its own parameters; on_unknown and the rest go with it."""
    logic = parse_logic({**logic_config, "on_unknown": "ignore", "outcome": "REJECTED", "reason": {"en": "r"}})
    found = [
        (leaf.pointer, leaf.field, leaf.op.value, getattr(leaf.expected, "value", None))
        for leaf in leaves_of(logic.condition)
        if isinstance(leaf, Leaf)
    ]
    assert found == leaves
    assert (logic.on_unknown, logic.outcome, logic.reason) == (OnUnknown.IGNORE, Decision.REJECTED, {"en": "r"})


def test_preset_may_name_a_managed_list_for_its_values() -> None:
    """AS-103: the values of country_in, value_in and company_register may be a managed list, which must exist."""
    assert places({"type": "country_in", "countries": {"list": "banned"}}) == []
    assert places({"type": "country_in", "countries": {"list": "gone"}}) == [("/countries", "unknown_list")]


def test_preset_on_a_providers_field_needs_that_provider() -> None:
    """AS-103: a preset has no key for providers; those that its fields name are needed."""
    logic = parse_logic({"type": "value_in", "field": "providers.crif.decision", "values": ["RED"]})
    assert dict(logic.providers) == {"crif": ()}


PRESET_FAULTS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"type": "country_in"}, [("", "missing_key")]),
    ({"type": "country_in", "countries": "CH"}, [("/countries", "literal_misfit")]),
    ({"type": "country_in", "countries": ["ch"]}, [("/countries/0", "literal_misfit")]),
    ({"type": "country_in", "countries": ["CH", 1]}, [("/countries/1", "literal_misfit")]),
    ({"type": "country_in", "countries": ["CH"], "when": LEAF}, [("", "ambiguous_logic")]),
    ({"type": "country_in", "countries": ["CH"], "params": {}}, [("/params", "unknown_key")]),
    ({"type": "value_in", "field": "colour", "values": [1]}, [("/field", "unknown_field")]),
    ({"type": "value_in", "field": 3, "values": [1]}, [("/field", "unknown_field")]),
    ({"type": "value_in", "field": "country", "values": [1]}, [("/values", "literal_misfit")]),
    ({"type": "value_in", "field": "context_data.x", "values": [None]}, [("/values", "null_literal")]),
    ({"type": "value_in", "field": "context_data.x", "values": [0] * 1_001}, [("/values", "list_too_long")]),
    ({"type": "threshold", "field": "context_data.x", "op": "is", "value": 1}, [("/op", "unknown_op")]),
    ({"type": "threshold", "field": "country", "op": "gt", "value": 1}, [("/op", "op_misfit")]),
    ({"type": "threshold", "field": "context_data.x", "op": "gt", "value": True}, [("/value", "literal_misfit")]),
    ({"type": "required", "fields": []}, [("/fields", "literal_misfit")]),
    ({"type": "required", "fields": ["context_data.a", "b"]}, [("/fields/1", "unknown_field")]),
    ({"type": "required", "fields": ["context_data.a", None]}, [("/fields/1", "literal_misfit")]),
    ({"type": "required", "fields": ["context_data.a"] * 256}, [("/fields", "too_many_nodes")]),
    ({"type": "velocity", "window": "P1Y", "count_gt": 1}, [("/window", "bad_duration")]),
    ({"type": "velocity", "window": "PT0.5S", "count_gt": 1}, [("/window", "bad_duration")]),
    ({"type": "velocity", "window": 24, "count_gt": 1}, [("/window", "bad_duration")]),
    ({"type": "velocity", "window": "PT1H", "count_gt": True}, [("/count_gt", "literal_misfit")]),
    ({"type": "velocity", "window": "PT1H", "count_gt": 1, "by": "country"}, [("/by", "literal_misfit")]),
    ({"type": "name_screening", "field": "context_data.n", "lists": []}, [("/lists", "literal_misfit")]),
    ({"type": "name_screening", "field": "context_data.n", "lists": [""]}, [("/lists/0", "literal_misfit")]),
    ({"type": "name_screening", "field": "history.x", "lists": ["a"]}, [("/field", "unknown_field")]),
    ({"type": "name_screening", "field": "n", "lists": ["a"], "score_gte": 2}, [
        ("/field", "unknown_field"), ("/score_gte", "literal_misfit"),
    ]),
    ({"type": "company_register", "uid_field": "context_data.u", "statuses": ["GONE"]}, [
        ("/statuses/0", "literal_misfit"),
    ]),
    ({"type": "company_register", "uid_field": None, "statuses": ["ACTIVE"]}, [("/uid_field", "unknown_field")]),
]  # fmt: skip


@pytest.mark.parametrize(("logic_config", "expected"), PRESET_FAULTS)
def test_preset_with_faults_names_each_at_its_parameter(
    logic_config: Mapping[str, Any], expected: list[tuple[str, str]]
) -> None:
    """AS-103: what is wrong with the expanded condition is told at the parameter that it comes from."""
    assert places(logic_config) == expected


def test_questions_to_one_provider_have_keys_of_their_own() -> None:
    """AS-104: two rules that tell a provider different things read different fields; the same thing has one key."""
    fields = ("context_data.uid", "context_data.owner_uid", "context_data.uid")
    logics = [
        parse_logic({"type": "company_register", "uid_field": field, "statuses": ["CANCELLED"]}) for field in fields
    ]
    keys = [logic.providers["zefix"][0].key for logic in logics]
    paths = [next(leaf.field for leaf in leaves_of(logic.condition) if isinstance(leaf, Leaf)) for logic in logics]
    assert keys[0] == keys[2] != keys[1]
    assert paths == [f"providers.zefix.by_key.{key}.status" for key in keys]


def test_screening_is_asked_for_name_lists_and_score() -> None:
    """AS-104: what is asked does not hang on the order of the lists or on the score; 0.85 is the default."""
    one = {
        "type": "name_screening",
        "field": "context_data.n",
        "lists": ["b", "a"],
        "birth_date_field": "context_data.d",
    }
    logics = [parse_logic(one), parse_logic({**one, "lists": ["a", "b"], "score_gte": "0.9"})]
    questions = [logic.providers["screening"][0] for logic in logics]
    assert questions[0].key == questions[1].key
    assert questions[0].content == {
        "field": "context_data.n",
        "lists": ["a", "b"],
        "birth_date_field": "context_data.d",
    }
    (leaf,) = leaves_of(logics[0].condition)
    assert isinstance(leaf, Leaf)
    assert leaf.expected == Literal(Decimal("0.85"))
