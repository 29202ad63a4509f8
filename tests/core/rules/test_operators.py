"""The meaning of each operator: one decision table an operator, held by the interpreter and the compiled form alike.

Columns: the field's value, the rule's value, the result. `absent` is a field that is not there.
"""

import pytest
from tests.core.rules.builders import both_ways, cell, leaf_truth, parsed, rows

from tidegate.core.rules.truth import Truth

EQ = r"""
"CH"           | "CH"           | TRUE
"CH"           | "ch"           | FALSE
"\u00e9"       | "e\u0301"      | TRUE
"e\u0301"      | "\u00e9"       | TRUE
""             | ""             | TRUE
1              | 1.0            | TRUE
1E+400         | 1E+400         | TRUE
1E+400         | 1E-400         | FALSE
-0             | 0              | TRUE
1              | "1.00"         | TRUE
"1.00"         | 1              | TRUE
"1.00"         | "1"            | FALSE
"2"            | 1              | FALSE
"-0"           | 0              | TRUE
1              | "1e0"          | UNKNOWN
"1e0"          | 1              | UNKNOWN
"01"           | 1              | UNKNOWN
"+1"           | 1              | UNKNOWN
" 1"           | 1              | UNKNOWN
"1\n"          | 1              | UNKNOWN
"1."           | 1              | UNKNOWN
".5"           | 0.5            | UNKNOWN
"\u0661"       | 1              | UNKNOWN
"abc"          | 1              | UNKNOWN
1              | "abc"          | UNKNOWN
true           | true           | TRUE
true           | false          | FALSE
true           | 1              | UNKNOWN
false          | 0              | UNKNOWN
1              | true           | UNKNOWN
"true"         | true           | UNKNOWN
true           | "true"         | UNKNOWN
absent         | "CH"           | UNKNOWN
null           | "CH"           | UNKNOWN
["CH"]         | "CH"           | UNKNOWN
{"a": 1}       | "CH"           | UNKNOWN
"2026-01-01T00:00:00Z" | "2026-01-01T01:00:00+01:00" | FALSE
"""

EQ_FOLD = r"""
"CH"           | "ch"           | TRUE
"stra\u00dfe"  | "STRASSE"      | TRUE
"E\u0301"      | "\u00e9"       | TRUE
"\u0130"       | "i"            | FALSE
"a"            | "b"            | FALSE
1              | "1"            | UNKNOWN
true           | "true"         | UNKNOWN
absent         | "a"            | UNKNOWN
["a"]          | "a"            | UNKNOWN
"""

GT = r"""
0.47           | 0.4            | TRUE
0.4            | 0.40           | FALSE
0.3            | 0.4            | FALSE
"0.47"         | 0.4            | TRUE
0.47           | "0.4"          | TRUE
"10"           | "9"            | TRUE
"9"            | "10"           | FALSE
"-1"           | "-2.5"         | TRUE
1E+400         | 1E-400         | TRUE
-1E+400        | 1E-400         | FALSE
"b"            | "a"            | UNKNOWN
"abc"          | 1              | UNKNOWN
1              | "abc"          | UNKNOWN
true           | 0              | UNKNOWN
absent         | 0              | UNKNOWN
null           | 0              | UNKNOWN
[1]            | 0              | UNKNOWN
{}             | 0              | UNKNOWN
"2026-01-01T00:00:00.1Z"    | "2026-01-01T00:00:00Z"      | TRUE
"2026-01-01T00:00:00+01:00" | "2026-01-01T00:00:00Z"      | FALSE
"2026-01-01t00:00:00z"      | "2025-12-31T23:59:60Z"      | TRUE
"2017-01-01T00:00:00Z"      | "2016-12-31T23:59:60.9Z"    | TRUE
"2026-01-02"                | "2026-01-01T00:00:00Z"      | UNKNOWN
"2026-01-02T00:00:00Z"      | "2026-01-01"                | UNKNOWN
"2026-01-02"                | "2026-01-01"                | UNKNOWN
"2026-01-01T00:00:00Z"      | "5"                         | UNKNOWN
"2026-01-01T00:00:00Z"      | 5                           | UNKNOWN
"2026-01-01 00:00:00Z"      | "2025-01-01T00:00:00Z"      | UNKNOWN
"2026-01-01T00:00:00"       | "2025-01-01T00:00:00Z"      | UNKNOWN
"""

ORDER_AT_THE_BOUND = """
gt  | 0.3 | FALSE
gt  | 0.4 | FALSE
gt  | 0.5 | TRUE
gte | 0.3 | FALSE
gte | 0.4 | TRUE
gte | 0.5 | TRUE
lt  | 0.3 | TRUE
lt  | 0.4 | FALSE
lt  | 0.5 | FALSE
lte | 0.3 | TRUE
lte | 0.4 | TRUE
lte | 0.5 | FALSE
"""

BETWEEN = r"""
1              | [1, 3]         | TRUE
3              | [1, 3]         | TRUE
2              | ["1", "3"]     | TRUE
"2"            | [1, "3"]       | TRUE
0.999          | [1, 3]         | FALSE
3.001          | [1, 3]         | FALSE
1              | [1, 1]         | TRUE
"abc"          | [1, 3]         | UNKNOWN
true           | [0, 3]         | UNKNOWN
absent         | [1, 3]         | UNKNOWN
[2]            | [1, 3]         | UNKNOWN
"2026-01-15T00:00:00Z" | ["2026-01-15T01:00:00+01:00", "2026-02-01T00:00:00Z"] | TRUE
"2026-02-01T00:00:01Z" | ["2026-01-15T01:00:00+01:00", "2026-02-01T00:00:00Z"] | FALSE
"2026-01-15"           | ["2026-01-15T01:00:00+01:00", "2026-02-01T00:00:00Z"] | UNKNOWN
"""

IN = r"""
"CH"           | ["CH", "LI"]   | TRUE
"DE"           | ["CH", "LI"]   | FALSE
"e\u0301"      | ["\u00e9"]     | TRUE
"CH"           | []             | FALSE
true           | []             | FALSE
absent         | []             | UNKNOWN
null           | []             | UNKNOWN
["CH"]         | []             | UNKNOWN
{"a": 1}       | []             | UNKNOWN
"CH"           | ["CH", 5]      | TRUE
"DE"           | ["CH", 5]      | FALSE
"DE"           | [5, true]      | UNKNOWN
5              | ["CH", 5]      | TRUE
6              | ["CH", 5]      | FALSE
5              | ["CH", "LI"]   | UNKNOWN
5              | ["CH", "5.0"]  | TRUE
6              | ["CH", "5.0"]  | FALSE
"5.0"          | [5]            | TRUE
"6"            | [5]            | FALSE
"5"            | ["5.0"]        | FALSE
"5"            | ["5.0", 5]     | TRUE
"abc"          | [5]            | UNKNOWN
true           | [true, "CH"]   | TRUE
true           | [false]        | FALSE
true           | [1, "true"]    | UNKNOWN
absent         | ["CH"]         | UNKNOWN
["CH"]         | ["CH"]         | UNKNOWN
"""

CONTAINS = r"""
["CH", "LI"]   | "CH"           | TRUE
["CH", "LI"]   | "DE"           | FALSE
["e\u0301"]    | "\u00e9"       | TRUE
[]             | "CH"           | FALSE
[]             | 5              | FALSE
["CH", 5]      | "CH"           | TRUE
["CH", 5]      | 6              | FALSE
["CH", "LI"]   | 5              | UNKNOWN
["5.0"]        | 5              | TRUE
["5.0"]        | "5"            | FALSE
[null, ["CH"]] | "CH"           | UNKNOWN
[null, "LI"]   | "CH"           | FALSE
[true]         | true           | TRUE
[1]            | true           | UNKNOWN
"Zurich"       | "uri"          | TRUE
"Zurich"       | ""             | TRUE
"Zurich"       | "URI"          | FALSE
"cafe\u0301"   | "\u00e9"       | TRUE
"12"           | 1              | UNKNOWN
12             | "1"            | UNKNOWN
{"a": 1}       | "a"            | UNKNOWN
absent         | "a"            | UNKNOWN
"""

STARTS_WITH = r"""
"CHE-123"      | "CHE"          | TRUE
"CHE-123"      | ""             | TRUE
"CHE-123"      | "che"          | FALSE
"e\u0301a"     | "\u00e9"       | TRUE
12             | "1"            | UNKNOWN
["CHE"]        | "CHE"          | UNKNOWN
absent         | "CHE"          | UNKNOWN
"""

ENDS_WITH = r"""
"CHE-123"      | "123"          | TRUE
"CHE-123"      | "CHE"          | FALSE
"ae\u0301"     | "\u00e9"       | TRUE
12             | "2"            | UNKNOWN
absent         | "2"            | UNKNOWN
"""

MATCHES = r"""
"xCHE-123x"    | "CHE-[0-9]+"   | TRUE
"xCHE-123x"    | "^CHE"         | FALSE
"ZURICH"       | "(?i)zurich"   | TRUE
"e\u0301"      | "^\u00e9$"     | TRUE
"\u00e9"       | "^e\u0301$"    | TRUE
""             | "^$"           | TRUE
12             | "1"            | UNKNOWN
["a"]          | "a"            | UNKNOWN
absent         | "a"            | UNKNOWN
"""

PRESENCE = r"""
"a"            | TRUE
""             | TRUE
0              | TRUE
false          | TRUE
[]             | TRUE
{}             | TRUE
null           | FALSE
absent         | FALSE
"""

# now is 2026-01-01T00:00:00Z
OLDER_THAN = r"""
"2025-12-31T00:00:00Z"        | "P1D"     | FALSE
"2025-12-30T23:59:59.999Z"    | "P1D"     | TRUE
"2025-12-31T00:00:00.001Z"    | "P1D"     | FALSE
"2025-12-31T01:00:00+01:00"   | "PT24H"   | FALSE
"2025-12-31"                  | "P1D"     | FALSE
"2025-12-30"                  | "P1D"     | TRUE
"2025-12-24"                  | "P1W"     | TRUE
"2025-12-25"                  | "P1W"     | FALSE
"2026-01-02"                  | "PT0S"    | FALSE
"2026-01-01T00:00:00Z"        | "PT0S"    | FALSE
"2025-12-31T23:59:59.5Z"      | "PT0.4S"  | TRUE
"2025-12-31T23:59:59.5Z"      | "PT0.5S"  | FALSE
"yesterday"                   | "P1D"     | UNKNOWN
"2025-13-01"                  | "P1D"     | UNKNOWN
1735689600                    | "P1D"     | UNKNOWN
absent                        | "P1D"     | UNKNOWN
"""

NEWER_THAN = r"""
"2025-12-31T00:00:00Z"        | "P1D"     | FALSE
"2025-12-31T00:00:00.001Z"    | "P1D"     | TRUE
"2025-12-30"                  | "P1D"     | FALSE
"2026-01-02"                  | "PT0S"    | TRUE
"2026-01-01T00:00:00Z"        | "PT0S"    | FALSE
"yesterday"                   | "P1D"     | UNKNOWN
absent                        | "P1D"     | UNKNOWN
"""

TABLES = [
    ("eq", EQ),
    ("eq_fold", EQ_FOLD),
    ("gt", GT),
    ("between", BETWEEN),
    ("in", IN),
    ("contains", CONTAINS),
    ("starts_with", STARTS_WITH),
    ("ends_with", ENDS_WITH),
    ("matches", MATCHES),
    ("older_than", OLDER_THAN),
    ("newer_than", NEWER_THAN),
]
PAIR_OPS = ("eq", "eq_fold", "gt", "in", "contains", "starts_with", "ends_with")
CASES = [(op, *row) for op, table in TABLES for row in rows(table)]
OPPOSITE = {"TRUE": "FALSE", "FALSE": "TRUE", "UNKNOWN": "UNKNOWN"}
NEGATED_CASES = [
    ({"eq": "ne", "in": "not_in"}[op], actual, expected, OPPOSITE[result])
    for op, actual, expected, result in CASES
    if op in ("eq", "in")
]


@pytest.mark.parametrize(("op", "actual", "expected", "result"), CASES)
def test_operator_on_two_values_gives_its_row(op: str, actual: str, expected: str, result: str) -> None:
    """RU-103 RU-104 RU-106 RU-108 RU-109 RU-110 RU-111: the operator's decision table."""
    assert leaf_truth(op, cell(actual), expected=cell(expected)) is Truth(result)


@pytest.mark.parametrize(
    ("op", "actual", "expected", "result"),
    NEGATED_CASES,
)
def test_negated_operator_on_two_values_gives_the_opposite_row(
    op: str, actual: str, expected: str, result: str
) -> None:
    """RU-103: ne and not_in are eq and in negated, and UNKNOWN where those are."""
    assert leaf_truth(op, cell(actual), expected=cell(expected)) is Truth(result)


@pytest.mark.parametrize(("op", "actual", "result"), list(rows(ORDER_AT_THE_BOUND)))
def test_order_below_at_and_above_the_bound_differs_by_operator(op: str, actual: str, result: str) -> None:
    """RU-103: gt and lt leave the bound out, gte and lte take it in."""
    assert leaf_truth(op, cell(actual), expected=cell("0.4")) is Truth(result)


@pytest.mark.parametrize(("actual", "result"), list(rows(PRESENCE)))
def test_presence_of_a_request_field_is_never_unknown(actual: str, result: str) -> None:
    """RU-104 RU-203: any value is there, null and absent are missing."""
    fields: dict[str, object] = {} if actual == "absent" else {"x": cell(actual)}
    for op, wanted in (("exists", result), ("missing", OPPOSITE[result])):
        leaf = parsed({"field": "context_data.x", "op": op})
        assert both_ways(leaf, {"context_data": fields})[0] is Truth(wanted)


@pytest.mark.parametrize(
    ("op", "actual", "expected", "result"),
    [*(case for case in CASES if case[0] in PAIR_OPS), *NEGATED_CASES],
)
def test_operator_on_two_fields_says_the_same_as_on_a_literal(op: str, actual: str, expected: str, result: str) -> None:
    """RU-102: `{"field": path}` compares with the other field's value as with a literal."""
    leaf = parsed({"field": "context_data.x", "op": op, "value": {"field": "context_data.y"}})
    fields = {name: cell(text) for name, text in (("x", actual), ("y", expected)) if text != "absent"}
    assert both_ways(leaf, {"context_data": fields})[0] is Truth(result)


@pytest.mark.parametrize("op", ["eq", "ne", "eq_fold", "gt", "in", "not_in", "contains", "starts_with"])
def test_operator_with_the_other_field_missing_is_unknown(op: str) -> None:
    """RU-201: a missing field is UNKNOWN on either side, even of an empty list."""
    leaf = parsed({"field": "context_data.x", "op": op, "value": {"field": "context_data.y"}})
    values: list[object] = ["a", []]
    for value in values:
        assert both_ways(leaf, {"context_data": {"x": value}})[0] is Truth.UNKNOWN


@pytest.mark.parametrize(("actual", "result"), [("CH", "TRUE"), ("DE", "FALSE"), (None, "UNKNOWN"), (True, "UNKNOWN")])
def test_managed_list_is_read_when_the_rule_is_evaluated(actual: object, result: str) -> None:
    """RU-102: in and not_in take a managed list by its name."""
    lists = {"banned": ["CH", "LI"]}
    for op, wanted in (("in", result), ("not_in", OPPOSITE[result])):
        leaf = parsed({"field": "context_data.x", "op": op, "value": {"list": "banned"}}, lists=lists)
        assert both_ways(leaf, {"context_data": {"x": actual}}, lists=lists)[0] is Truth(wanted)


def test_empty_managed_list_is_false() -> None:
    """RU-110: nothing is in an empty list."""
    leaf = parsed({"field": "country", "op": "in", "value": {"list": "banned"}}, lists={"banned": []})
    assert both_ways(leaf, {"country": "CH"}, lists={"banned": []})[0] is Truth.FALSE


def test_gate_counts_given_as_int_compare_as_numbers() -> None:
    """RU-105: a plain int is a number; a float never is, so it makes the leaf UNKNOWN instead of nearly right."""
    leaf = parsed({"field": "context_data.x", "op": "gte", "value": 3})
    assert both_ways(leaf, {"context_data": {"x": 3}})[0] is Truth.TRUE
    assert both_ways(leaf, {"context_data": {"x": 3.0}})[0] is Truth.UNKNOWN


KLEENE_ALL = """
TRUE    TRUE    | TRUE
TRUE    FALSE   | FALSE
FALSE   UNKNOWN | FALSE
UNKNOWN FALSE   | FALSE
TRUE    UNKNOWN | UNKNOWN
UNKNOWN UNKNOWN | UNKNOWN
FALSE   FALSE   | FALSE
"""
KLEENE_ANY = """
TRUE    TRUE    | TRUE
TRUE    FALSE   | TRUE
TRUE    UNKNOWN | TRUE
UNKNOWN TRUE    | TRUE
FALSE   UNKNOWN | UNKNOWN
UNKNOWN UNKNOWN | UNKNOWN
FALSE   FALSE   | FALSE
"""
LEAF_OF = {
    "TRUE": {"field": "context_data.x", "op": "eq", "value": 1},
    "FALSE": {"field": "context_data.x", "op": "eq", "value": 2},
    "UNKNOWN": {"field": "context_data.absent", "op": "eq", "value": 1},
}


@pytest.mark.parametrize(
    ("group", "children", "result"),
    [(group, *row) for group, table in (("all", KLEENE_ALL), ("any", KLEENE_ANY)) for row in rows(table)],
)
def test_group_joins_its_children_by_kleene(group: str, children: str, result: str) -> None:
    """RU-201: a FALSE decides all, a TRUE decides any, whatever is unknown beside it; not leaves UNKNOWN."""
    condition = {group: [LEAF_OF[child] for child in children.split()]}
    request: dict[str, object] = {"context_data": {"x": 1}}
    assert both_ways(parsed(condition), request)[0] is Truth(result)
    assert both_ways(parsed({"not": condition}), request)[0] is Truth(OPPOSITE[result])
    assert both_ways(parsed({"not": {"not": condition}}), request)[0] is Truth(result)


def test_truth_refuses_to_be_a_bool() -> None:
    """RU-201: UNKNOWN is never read as one of the other two by an `if`."""
    with pytest.raises(TypeError, match="three values"):
        bool(Truth.UNKNOWN)
