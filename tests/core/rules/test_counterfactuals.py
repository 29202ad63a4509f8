"""The smallest single changes that would change a result: each one told is true."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from tests.core.rules.builders import NOW, parsed
from tests.core.rules.strategies import LISTS, conditions, random_tree, requests

from tidegate.core.rules.counterfactuals import Counterfactual, counterfactuals
from tidegate.core.rules.evaluate import evaluate
from tidegate.core.rules.lookup import nested_lookup
from tidegate.core.rules.truth import Truth


def changes(condition: object, **fields: object) -> tuple[Counterfactual, ...]:
    return counterfactuals(parsed(condition), nested_lookup({"context_data": fields}), now=NOW)


def leaf(op: str, value: object = None, *, field: str = "context_data.x") -> dict[str, object]:
    return {"field": field, "op": op} if value is None else {"field": field, "op": op, "value": value}


@pytest.mark.parametrize(
    ("condition", "actual", "value", "result"),
    [
        (leaf("gt", "0.40"), Decimal("0.47"), Decimal("0.40"), Truth.FALSE),
        (leaf("gt", "0.40"), Decimal("0.35"), Decimal("0.41"), Truth.TRUE),
        (leaf("gte", 3), 2, Decimal(3), Truth.TRUE),
        (leaf("gte", 3), 5, Decimal(2), Truth.FALSE),
        (leaf("lt", 3), 3, Decimal(2), Truth.TRUE),
        (leaf("lte", 3), 3, Decimal(4), Truth.FALSE),
        (leaf("between", [1, 9]), 3, Decimal(0), Truth.FALSE),
        (leaf("between", [1, 9]), 12, Decimal(9), Truth.TRUE),
        (leaf("eq", 5), 7, Decimal(5), Truth.TRUE),
        (leaf("eq", True), False, True, Truth.TRUE),
        (leaf("ne", True), False, True, Truth.FALSE),
        (leaf("eq", "CH"), "DE", "CH", Truth.TRUE),
        (leaf("in", ["LI", "CH"]), "DE", "CH", Truth.TRUE),
        (leaf("not_in", ["CH"]), "DE", "CH", Truth.FALSE),
        (leaf("contains", "a"), ["a", "b"], ["b"], Truth.FALSE),
        (leaf("contains", "a"), ["b"], ["b", "a"], Truth.TRUE),
        (leaf("starts_with", "CHE"), "LIE", "CHE", Truth.TRUE),
        (leaf("exists"), "x", None, Truth.FALSE),
        (leaf("missing"), "x", None, Truth.TRUE),
        (leaf("gt", "2026-01-01T00:00:00Z"), "2026-06-01T00:00:00Z", "2025-12-31T23:59:59Z", Truth.FALSE),
        (leaf("older_than", "P1D"), "2025-06-01", "2025-12-31T00:00:00Z", Truth.FALSE),
        (leaf("newer_than", "P1D"), "2025-06-01", "2025-12-31T00:00:01Z", Truth.TRUE),
    ],
)
def test_single_leaf_has_its_nearest_change(condition: object, actual: object, value: object, result: Truth) -> None:
    """RU-503: to the limit when the limit is on the other side, one step over it when it is not."""
    found = changes(condition, x=actual)
    assert [(change.value, change.result) for change in found] == [(value, result)]


def test_change_away_from_a_text_is_told_as_anything_else() -> None:
    """RU-503: nobody needs to be told which other text."""
    (change,) = changes(leaf("eq", "CH"), x="CH")
    assert change.sentence == "if x were anything but CH, the result would be FALSE"


def test_smallest_change_of_a_number_comes_first() -> None:
    """RU-503: relative to the size of the values, so that units do not matter."""
    condition = {"all": [leaf("gt", 10), leaf("gt", 1_000, field="context_data.y")]}
    found = changes(condition, x=20, y=1_010)
    assert [(change.field, change.value) for change in found] == [
        ("context_data.y", Decimal(1_000)),
        ("context_data.x", Decimal(10)),
    ]
    assert found[0].sentence == "if y were 1000 instead of 1010, the result would be FALSE"


def test_change_that_other_leaves_undo_is_not_told() -> None:
    """RU-503: with two reasons for a result, neither alone would alter it."""
    condition = {"any": [leaf("gt", 10), leaf("gt", 10, field="context_data.y")]}
    assert changes(condition, x=20, y=20) == ()


def test_change_of_a_field_counts_in_all_its_leaves() -> None:
    """RU-503: the field is changed, not the leaf."""
    condition = {"any": [leaf("gt", 10), leaf("gt", 5)]}
    assert [(change.pointer, change.value) for change in changes(condition, x=20)] == [("/any/1", Decimal(5))]


def test_unknown_leaf_is_changed_by_giving_its_field() -> None:
    """RU-503: what is missing can be the reason too."""
    (change,) = changes(leaf("gt", 10))
    assert (change.value, change.distance) == (Decimal(10), None)
    assert change.sentence == "if x were 10, the result would be FALSE"


@settings(max_examples=200)
@given(conditions, requests)
def test_every_counterfactual_told_is_true(condition: object, request: dict[str, Any]) -> None:
    """RU-503: put in place, the value gives the result that was told, and it is another one."""
    tree, lookup = random_tree(condition), nested_lookup(request)
    before = evaluate(tree, lookup, now=NOW, lists=LISTS)
    for change in counterfactuals(tree, lookup, now=NOW, lists=LISTS):

        def changed(path: str, change: Counterfactual = change) -> object:
            return change.value if path == change.field else lookup(path)

        assert evaluate(tree, changed, now=NOW, lists=LISTS) is change.result is not before
