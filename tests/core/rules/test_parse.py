"""What saving a rule refuses, with a pointer to the leaf or group and what would be right."""

import pytest
from tests.core.rules.builders import NOW, a_leaf, both_ways, cell, codes_of, faults_of, parsed, rows

from tidegate.core.rules import limits
from tidegate.core.rules.evaluate import evaluate, explain
from tidegate.core.rules.lookup import nested_lookup
from tidegate.core.rules.parse import NO_ENGINES, Engines
from tidegate.core.rules.tree import All, CelProgram, FieldRef, Leaf, ListRef, Literal, Not, Op
from tidegate.core.rules.tree import Any as AnyOf
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.vocabularies import GATE_VOCABULARY

GOOD: dict[str, object] = {"field": "country", "op": "eq", "value": "CH"}
# Columns: the condition, then pointer and code of its one fault.
FORM = r"""
5                                                            | .        | not_a_condition
null                                                         | .        | not_a_condition
[]                                                           | .        | not_a_condition
{}                                                           | .        | not_a_condition
{"every": []}                                                | .        | not_a_condition
{"all": []}                                                  | .        | empty_group
{"any": []}                                                  | .        | empty_group
{"all": {}}                                                  | .        | group_not_a_list
{"all": null}                                                | .        | group_not_a_list
{"not": []}                                                  | /not     | not_a_condition
{"not": {"any": []}}                                         | /not     | empty_group
{"all": [5]}                                                 | /all/0   | not_a_condition
{"all": [{"not": {"any": []}}]}                              | /all/0/not | empty_group
{"all": [{"field": "country", "op": "exists"}], "any": []}   | .        | ambiguous_node
{"not": {"field": "country", "op": "exists"}, "x": 1}        | .        | ambiguous_node
{"field": "country", "op": "eq", "value": "CH", "not": 1}    | .        | ambiguous_node
{"field": "country", "op": "eq", "value": "CH", "note": "x"} | .        | unknown_key
{"field": "country", "value": "CH"}                          | .        | missing_key
{"op": "eq", "value": "CH"}                                  | .        | missing_key
{"field": "country", "op": "eq"}                             | .        | missing_key
{"field": "country", "op": "equals", "value": "CH"}          | .        | unknown_op
{"field": "country", "op": 5, "value": "CH"}                 | .        | unknown_op
{"field": "country", "op": ["eq"], "value": "CH"}            | .        | unknown_op
{"field": "country", "op": "EQ", "value": "CH"}              | .        | unknown_op
{"field": 5, "op": "eq", "value": "CH"}                      | .        | unknown_field
{"field": "county", "op": "eq", "value": "CH"}               | .        | unknown_field
{"field": "", "op": "eq", "value": "CH"}                     | .        | unknown_field
{"field": "context_data.", "op": "eq", "value": "CH"}        | .        | unknown_field
{"field": "context_data..x", "op": "eq", "value": "CH"}      | .        | unknown_field
{"field": "context_datax.y", "op": "eq", "value": "CH"}      | .        | unknown_field
{"field": "providers.zefix", "op": "exists"}                 | .        | unknown_field
{"field": "country", "op": "exists", "value": true}          | .        | unexpected_value
{"field": "country", "op": "missing", "value": null}         | .        | unexpected_value
{"field": "country", "op": "eq", "value": null}              | .        | null_literal
{"field": "country", "op": "eq", "value": {}}                | .        | bad_reference
{"field": "country", "op": "eq", "value": {"parm": "x"}}     | .        | bad_reference
{"field": "country", "op": "eq", "value": {"param": "a", "list": "b"}} | . | bad_reference
{"field": "country", "op": "eq", "value": {"param": 5}}      | .        | bad_reference
{"field": "country", "op": "eq", "value": {"param": "no"}}   | .        | unknown_param
{"field": "country", "op": "in", "value": {"list": "no"}}    | .        | unknown_list
{"field": "country", "op": "eq", "value": {"list": "banned"}} | .       | literal_misfit
{"field": "country", "op": "eq", "value": {"field": "county"}} | .      | unknown_field
{"cel": "1 < 2"}                                             | .        | cel_unavailable
{"any": [{"cel": ""}]}                                       | /any/0   | bad_cel
{"cel": 5}                                                   | .        | bad_cel
"""

# Columns: the op, the value, the code; the field is open.
VALUES = r"""
eq          | [1]                       | literal_misfit
eq_fold     | 5                         | literal_misfit
gt          | true                      | literal_misfit
gt          | ["1"]                     | literal_misfit
in          | "CH"                      | literal_misfit
not_in      | 5                         | literal_misfit
in          | [null]                    | null_literal
in          | [["CH"]]                  | literal_misfit
in          | [{"a": 1}]                | literal_misfit
in          | ["CH", {"param": "low"}]  | literal_misfit
in          | {"param": "low"}          | literal_misfit
eq          | {"param": "nothing"}      | null_literal
eq          | {"param": "nested"}       | literal_misfit
contains    | ["CH"]                    | literal_misfit
starts_with | 5                         | literal_misfit
ends_with   | true                      | literal_misfit
matches     | 5                         | literal_misfit
matches     | "("                       | bad_regex
matches     | "a(?=b)"                  | bad_regex
matches     | "(a)\\1"                  | bad_regex
matches     | {"field": "country"}      | literal_misfit
between     | 5                         | literal_misfit
between     | []                        | bad_range
between     | [1]                       | bad_range
between     | [1, 2, 3]                 | bad_range
between     | [2, 1]                    | bad_range
between     | ["10", "9"]               | bad_range
between     | ["2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"] | bad_range
between     | ["a", "b"]                | bad_range
between     | [true, true]              | bad_range
between     | [1, "2026-01-01T00:00:00Z"] | bad_range
between     | ["2026-01-01", "2026-01-02"] | bad_range
between     | {"field": "country"}      | literal_misfit
between     | {"list": "banned"}        | literal_misfit
older_than  | "P1Y"                     | bad_duration
older_than  | "1 day"                   | bad_duration
newer_than  | 5                         | bad_duration
newer_than  | {"field": "country"}      | literal_misfit
in          | {"field": "country"}      | literal_misfit
"""

PARAMS = {"low": 1, "nothing": None, "nested": {"a": 1}}


@pytest.mark.parametrize(("condition", "pointer", "code"), list(rows(FORM)))
def test_condition_of_a_wrong_form_is_refused_at_its_place(condition: str, pointer: str, code: str) -> None:
    """RU-101 RU-102 RU-301: the pointer names the leaf or group from the condition's root."""
    found = codes_of(cell(condition), lists={"banned": []})
    assert found == [("" if pointer == "." else pointer, code)]


@pytest.mark.parametrize(("op", "value", "code"), list(rows(VALUES)))
def test_value_that_its_operator_cannot_take_is_refused(op: str, value: str, code: str) -> None:
    """RU-102 RU-109 RU-301: whatever the field holds, such a leaf could never hold."""
    condition = {"any": [a_leaf("context_data.x", op, value=cell(value))]}
    assert codes_of(condition, params=PARAMS, lists={"banned": []}) == [("/any/0", code)]


def test_every_fault_is_told_in_one_answer() -> None:
    """RU-301: an author corrects a rule once, not once a fault."""
    condition = {
        "all": [
            GOOD,
            a_leaf("county", "gt", value=None),
            {"any": [a_leaf("country", "gt", value=5), {"not": a_leaf("context_data.x", "matches", value="(")}]},
            {"any": []},
            a_leaf("context_data.x", "in", value=[None, ["a"], "CH"]),
        ]
    }
    assert codes_of(condition) == [
        ("/all/1", "unknown_field"),
        ("/all/1", "null_literal"),
        ("/all/2/any/0", "op_misfit"),
        ("/all/2/any/1/not", "bad_regex"),
        ("/all/3", "empty_group"),
        ("/all/4", "null_literal"),
        ("/all/4", "literal_misfit"),
    ]


@pytest.mark.parametrize(
    ("condition", "advice"),
    [
        (a_leaf("county", "eq", value="CH"), "did you mean country?"),
        (a_leaf("context_data.x", "equals", value="CH"), "known are eq, ne"),
        (a_leaf("country", "gt", value=5), "fitting ops are eq, ne"),
        (a_leaf("country", "eq", value=5), 'give a text such as "CH"'),
        (a_leaf("context_data.x", "between", value=[2, 1]), "write the lower bound first"),
        (a_leaf("context_data.x", "older_than", value="P1Y"), "such as P7D or PT24H"),
        (a_leaf("context_data.x", "eq", value=None), "use exists or missing"),
        (a_leaf("context_data.x", "eq", value={"param": "b"}), "it has a"),
        ({"all": []}, "at least one condition"),
    ],
)
def test_fault_says_what_would_be_right(condition: object, advice: str) -> None:
    """RU-301: a fault is help, not only a no."""
    assert advice in faults_of(condition, params={"a": 1})[0].message


def test_parameter_is_checked_and_kept_as_the_literal_it_stands_for() -> None:
    """RU-102: a parameter is resolved when the rule is checked, and remembers its name."""
    condition = a_leaf("country", "in", value={"param": "banned"})
    tree = parsed(condition, params={"banned": ["CH", "LI"]})
    assert isinstance(tree, Leaf)
    assert tree.expected == Literal(("CH", "LI"), "banned")
    assert both_ways(tree, {"country": "LI"})[1][0].expected == ["CH", "LI"]
    faults = faults_of(condition, params={"banned": "CH"})
    assert [fault.message.partition(":")[0] for fault in faults] == ["parameter banned"]


def test_tree_keeps_groups_and_points_at_its_leaves() -> None:
    """RU-101: pointers start at the condition's root."""
    tree = parsed({"all": [{"any": [GOOD, {"not": a_leaf("country", "in", value={"list": "l"})}]}]}, lists={"l": []})
    first = Leaf("/all/0/any/0", "country", Op.EQ, Literal("CH"))
    second = Leaf("/all/0/any/1/not", "country", Op.IN, ListRef("l"))
    assert tree == All((AnyOf((first, Not(second))),))
    assert parsed(a_leaf("country", "eq", value={"field": "context_data.x"})) == Leaf(
        "", "country", Op.EQ, FieldRef("context_data.x")
    )


def nested(depth: int) -> object:
    condition: object = GOOD
    for _ in range(depth - 1):
        condition = {"not": condition}
    return condition


@pytest.mark.parametrize(
    ("at_the_bound", "beyond", "code"),
    [
        (nested(16), nested(17), "too_deep"),
        ({"all": [GOOD] * 255}, {"all": [GOOD] * 256}, "too_many_nodes"),
        (
            a_leaf("context_data.x", "in", value=[1] * 1_000),
            a_leaf("context_data.x", "in", value=[1] * 1_001),
            "list_too_long",
        ),
        (a_leaf("country", "eq", value="é" * 2_048), a_leaf("country", "eq", value="é" * 2_048 + "a"), "text_too_long"),
        (a_leaf("country", "in", value=["a" * 4_096]), a_leaf("country", "in", value=["a" * 4_097]), "text_too_long"),
        (
            a_leaf("country", "matches", value="é" * 256),
            a_leaf("country", "matches", value="é" * 256 + "a"),
            "regex_too_long",
        ),
        (
            {"field": "context_data." + "a" * 4_083, "op": "exists"},
            {"field": "context_data." + "a" * 4_084, "op": "exists"},
            "text_too_long",
        ),
        (
            a_leaf("context_data.x", "eq", value=10**63),
            a_leaf("context_data.x", "eq", value=10**64),
            "number_out_of_bounds",
        ),
    ],
)
def test_condition_at_the_bound_passes_and_beyond_it_is_refused(
    at_the_bound: object, beyond: object, code: str
) -> None:
    """RU-302: the root is level 1, leaves count, and bytes are UTF-8."""
    assert faults_of(at_the_bound) == ()
    assert [fault.code for fault in faults_of(beyond)] == [code]


def test_bounds_are_those_of_the_specification() -> None:
    """RU-302: one file holds them."""
    assert (limits.NODES_MAX, limits.DEPTH_MAX, limits.ACTIVE_RULES_MAX) == (256, 16, 2_048)
    assert (limits.LIST_LITERAL_MAX, limits.TEXT_BYTES_MAX, limits.REGEX_BYTES_MAX) == (1_000, 4_096, 512)
    assert (limits.DIGITS_MAX, limits.EXPONENT_MAX) == (64, 400)


@pytest.mark.parametrize("depth", [18, 500, 100_000])
def test_absurdly_deep_condition_gets_one_fault_and_no_crash(depth: int) -> None:
    """RU-302: the depth bound holds before the stack does."""
    assert [fault.code for fault in faults_of(nested(depth))] == ["too_deep"]


def test_absurdly_wide_condition_gets_one_fault() -> None:
    """RU-302: counting stops at the bound."""
    assert [fault.code for fault in faults_of({"any": [{"all": [5] * 10} for _ in range(10_000)]})].count(
        "too_many_nodes"
    ) == 1


def test_float_is_refused_as_a_literal() -> None:
    """RU-105: a number that came through float is not what the author wrote."""
    assert codes_of(a_leaf("context_data.x", "gt", value=0.1)) == [("", "literal_misfit")]


def test_pattern_without_a_regex_engine_is_refused() -> None:
    """RU-301: what cannot be run must not be saved."""
    assert codes_of(a_leaf("country", "matches", value="^C"), engines=NO_ENGINES) == [("", "regex_unavailable")]


def cel_compiler(text: str) -> CelProgram:
    """Reads `defined <path>`: enough of a language to see that its program is asked."""
    word, _, path = text.partition(" ")
    if word != "defined":
        raise ValueError(f"unknown word {word}")
    return lambda lookup: Truth.UNKNOWN if lookup(path) is None else Truth.TRUE


CEL = Engines(cel=cel_compiler)


def test_cel_leaf_runs_the_compiler_that_was_handed_in() -> None:
    """RU-301: a CEL text is type-checked when it is saved, and evaluated with the request."""
    tree = parsed({"not": {"cel": "defined country"}}, engines=CEL)
    result, leaves = both_ways(tree, {"country": "CH"})
    assert result is Truth.FALSE
    assert [item.as_json() for item in leaves] == [
        {
            "pointer": "/not",
            "field": None,
            "op": "cel",
            "expected": "defined country",
            "actual": None,
            "result": "TRUE",
        }
    ]
    assert evaluate(tree, nested_lookup({}), now=NOW) is Truth.UNKNOWN
    assert explain(tree, nested_lookup({}), now=NOW)[0].result is Truth.UNKNOWN
    assert codes_of({"all": [{"cel": "undefined x"}]}, engines=CEL) == [("/all/0", "bad_cel")]


def test_cel_leaf_in_a_gate_rule_is_refused() -> None:
    """RU-112: even where a CEL engine is at hand."""
    found = codes_of({"any": [{"cel": "defined symbol"}]}, vocabulary=GATE_VOCABULARY, engines=CEL)
    assert found == [("/any/0", "cel_not_allowed")]
