"""Leaves in plain words."""

from typing import Any

import pytest
from tests.core.rules.builders import both_ways, cell, parsed, rows

from tidegate.core.rules.evaluate import LeafResult
from tidegate.core.rules.sentences import leaf_sentence
from tidegate.core.rules.truth import Truth

SENTENCES = """
gt          | 0.47         | "0.40"       | debt ratio 0.47 is above 0.40
gt          | 0.35         | "0.40"       | debt ratio 0.35 is not above 0.40
gt          | absent       | "0.40"       | debt ratio is not known, so it cannot be said whether it is above 0.40
gt          | true         | 0.4          | debt ratio true does not fit the question whether it is above 0.4
gte         | 1            | 1            | debt ratio 1 is at least 1
lt          | 2            | 1            | debt ratio 2 is not below 1
lte         | 2            | 1            | debt ratio 2 is above 1
eq          | "a"          | "a"          | debt ratio a is a
ne          | "a"          | "a"          | debt ratio a is a
ne          | "a"          | "b"          | debt ratio a is not b
eq_fold     | "A"          | "a"          | debt ratio A is a, written in whatever case
in          | "a"          | ["a", "b"]   | debt ratio a is one of a, b
in          | "a"          | []           | debt ratio a is not one of an empty list
in          | 7            | [1, 2, 3, 4, 5, 6, 8] | debt ratio 7 is not one of 1, 2, 3, 4, 5 and 2 more
not_in      | "a"          | ["a"]        | debt ratio a is one of a
between     | 2            | [1, 3]       | debt ratio 2 is between 1 and 3
between     | 4            | [1, 3]       | debt ratio 4 is not between 1 and 3
contains    | ["a"]        | "a"          | debt ratio a contains a
starts_with | "ab"         | "b"          | debt ratio ab does not start with b
matches     | "ab"         | "^a"         | debt ratio ab matches the pattern ^a
older_than  | "2025-01-01" | "P1D"        | debt ratio 2025-01-01 is older than P1D
newer_than  | "2025-01-01" | "P1D"        | debt ratio 2025-01-01 is not newer than P1D
eq          | 1E+400       | 1            | debt ratio 1E+400 is not 1
"""


@pytest.mark.parametrize(("op", "actual", "expected", "sentence"), list(rows(SENTENCES)))
def test_leaf_is_told_in_one_plain_sentence(op: str, actual: str, expected: str, sentence: str) -> None:
    """RU-503: name, value, comparison and limit."""
    fields: dict[str, Any] = {} if actual == "absent" else {"debt_ratio": cell(actual)}
    tree = parsed({"field": "context_data.debt_ratio", "op": op, "value": cell(expected)})
    assert leaf_sentence(both_ways(tree, {"context_data": fields})[1][0]) == sentence


def a_result(field: str | None, op: str, *, result: Truth, **values: object) -> LeafResult:
    return LeafResult("", field, op, values.get("expected"), values.get("actual"), result)


@pytest.mark.parametrize(
    ("leaf", "sentence"),
    [
        (a_result("country", "exists", result=Truth.TRUE, actual="CH"), "country is given"),
        (a_result("country", "exists", result=Truth.FALSE), "country is missing"),
        (a_result("country", "missing", result=Truth.TRUE), "country is missing"),
        (a_result("country", "missing", result=Truth.FALSE, actual="CH"), "country is given"),
        (
            a_result("providers.zefix.status", "missing", result=Truth.UNKNOWN),
            "whether zefix status is given is not known, its provider did not answer",
        ),
        (
            a_result("country", "in", result=Truth.TRUE, actual="CH", expected={"list": "banned"}),
            "country CH is one of the list banned",
        ),
        (
            a_result(None, "cel", result=Truth.UNKNOWN, expected="1 < context_data.x"),
            "the expression 1 < context_data.x is not known",
        ),
        (
            a_result("context_data.note", "eq", result=Truth.FALSE, actual="x" * 200, expected="y"),
            f"note {'x' * 80}... is not y",
        ),
    ],
)
def test_special_leaf_has_its_own_sentence(leaf: LeafResult, sentence: str) -> None:
    """RU-503: presence, managed lists, CEL and long texts."""
    assert leaf_sentence(leaf) == sentence
