"""The plain interpreter: walks the tree. The compiled form is held against it by a property test."""

from typing import Final, NamedTuple

from tidegate.core.rules import operators
from tidegate.core.rules.instants import Instant
from tidegate.core.rules.tree import All, Any, CelLeaf, Condition, FieldRef, Leaf, ListRef, Literal, Not, Op, leaves_of
from tidegate.core.rules.truth import Truth, opposite
from tidegate.core.rules.values import Lists, Lookup, shown

NO_LISTS: Final[Lists] = {}
CEL_OP: Final = "cel"


class LeafResult(NamedTuple):
    """How one leaf came out.

    `expected` is the literal (of a parameter: its value), the other field's value, or `{"list": name}`; `actual` is
    None when the field is missing or unavailable. A CEL leaf has no field, op "cel" and its text as expected.
    """

    pointer: str
    field: str | None
    op: str
    expected: object
    actual: object
    result: Truth

    def as_json(self) -> dict[str, object]:
        """The leaf as spec/rules.md shows it."""
        return {**self._asdict(), "result": self.result.value}


def evaluate(condition: Condition, lookup: Lookup, *, now: Instant, lists: Lists = NO_LISTS) -> Truth:
    """The condition's value. Raises KeyError only for a managed list that is not in `lists`."""
    if isinstance(condition, Not):
        return opposite(evaluate(condition.child, lookup, now=now, lists=lists))
    if isinstance(condition, All | Any):
        found = {evaluate(child, lookup, now=now, lists=lists) for child in condition.children}
        decisive, neutral = (Truth.FALSE, Truth.TRUE) if isinstance(condition, All) else (Truth.TRUE, Truth.FALSE)
        if decisive in found:
            return decisive
        return Truth.UNKNOWN if Truth.UNKNOWN in found else neutral
    return _leaf_truth(condition, lookup, now=now, lists=lists)


def explain(condition: Condition, lookup: Lookup, *, now: Instant, lists: Lists = NO_LISTS) -> tuple[LeafResult, ...]:
    """Every leaf in tree order, those included that did not matter to the result."""
    return tuple(
        LeafResult(
            leaf.pointer,
            leaf.field if isinstance(leaf, Leaf) else None,
            leaf.op.value if isinstance(leaf, Leaf) else CEL_OP,
            expected_shown(leaf, lookup),
            shown(lookup(leaf.field)) if isinstance(leaf, Leaf) else None,
            _leaf_truth(leaf, lookup, now=now, lists=lists),
        )
        for leaf in leaves_of(condition)
    )


def expected_shown(leaf: Leaf | CelLeaf, lookup: Lookup) -> object:
    """What an explanation shows beside the actual value."""
    if isinstance(leaf, CelLeaf):
        return leaf.text
    expected = leaf.expected
    if isinstance(expected, FieldRef):
        return shown(lookup(expected.path))
    return fixed_expected(expected)


def fixed_expected(expected: Literal | ListRef | None) -> object:
    """What an explanation shows of an expectation that no request changes."""
    if isinstance(expected, Literal):
        return list(expected.value) if isinstance(expected.value, tuple) else expected.value
    return None if expected is None else {"list": expected.name}


def _leaf_truth(leaf: Leaf | CelLeaf, lookup: Lookup, *, now: Instant, lists: Lists) -> Truth:
    if isinstance(leaf, CelLeaf):
        return leaf.program(lookup)
    actual = lookup(leaf.field)
    if leaf.op is Op.EXISTS:
        return operators.exists(actual)
    if leaf.op is Op.MISSING:
        return opposite(operators.exists(actual))
    if leaf.search is not None:
        return operators.matches(actual, leaf.search)
    expected = _expected_value(leaf, lookup, lists=lists)
    if leaf.op is Op.BETWEEN:
        low, high = expected if isinstance(expected, tuple) else (None, None)
        return operators.is_between(actual, low=low, high=high)
    if leaf.op is Op.OLDER_THAN:
        return operators.is_older(actual, expected, now=now)
    if leaf.op is Op.NEWER_THAN:
        return operators.is_newer(actual, expected, now=now)
    return operators.PAIR_OPERATORS[leaf.op](actual, expected)


def _expected_value(leaf: Leaf, lookup: Lookup, *, lists: Lists) -> object:
    expected = leaf.expected
    if isinstance(expected, FieldRef):
        return lookup(expected.path)
    if isinstance(expected, ListRef):
        return lists[expected.name]
    return None if expected is None else expected.value
