"""Writes Python for checked trees.

Each condition becomes two expressions, one that holds when it is TRUE and one that holds when it is FALSE; when
neither holds it is UNKNOWN. Two plain expressions let Python's own `and` and `or` stop early wherever Kleene allows.
Nothing a user wrote is ever part of the source: names and literals are bound in the namespace under made-up names.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Final, NamedTuple

from tidegate.core.rules import operators
from tidegate.core.rules.evaluate import CEL_OP, LeafResult, fixed_expected
from tidegate.core.rules.instants import parse_date_time, parse_duration
from tidegate.core.rules.membership import Membership
from tidegate.core.rules.readings import (
    Conversion,
    SlotTable,
    boolean_view,
    folded_view,
    instant_view,
    moment_view,
    text_view,
)
from tidegate.core.rules.tree import All, Any, CelLeaf, Condition, FieldRef, Leaf, ListRef, Literal, Not, Op, leaves_of
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.values import UNAVAILABLE, Lists, Scalar, number_of, own_number, plain_decimal
from tidegate.core.rules.vocabulary import AGE_OPS, LIST_OPS, ORDER_OPS


class Rails(NamedTuple):
    """The source of the two expressions of one condition."""

    true: str
    false: str


_NEVER: Final = Rails("False", "False")
_ORDER_SIGNS: Final = {Op.GT: (">", "<="), Op.GTE: (">=", "<"), Op.LT: ("<", ">="), Op.LTE: ("<=", ">")}
_NEGATED: Final = frozenset({Op.NE, Op.NOT_IN, Op.MISSING})


class RuleWriter:
    """Writes the functions of the rules of one version; `namespace` is what their source is run in."""

    def __init__(self, slots: SlotTable, lists: Lists) -> None:
        self.namespace: dict[str, object] = {
            "__builtins__": {},
            # The constructor of a named tuple is Python; this one is not, and explanations are made by the dozen.
            "leaf_result": partial(tuple.__new__, LeafResult),
            "TRUE": Truth.TRUE,
            "FALSE": Truth.FALSE,
            "UNKNOWN": Truth.UNKNOWN,
            "UNAVAILABLE": UNAVAILABLE,
        }
        self._slots = slots
        self._lists = lists
        self._memberships: dict[str, Membership] = {}
        self._used: set[int] = set()

    def block(self, name: str, numbered: Iterable[tuple[int, Condition]]) -> str:
        """A function of many rules: tells `fired` the numbers of those that are TRUE, `unknown` of the UNKNOWN ones."""
        self._used = set()
        body: list[str] = []
        bundles, others = _bundled(numbered)
        for bundle in bundles:
            # When the limit that is reached first is not reached, none of the bundle is.
            body.append(f"    if not ({self._rails(bundle.first).false}):")
            for number, condition in bundle.numbered:
                body += self._rule(number, condition, indent="        ")
        for number, condition in others:
            body += self._rule(number, condition, indent="    ")
        return "\n".join([f"def {name}(readings, fired, unknown):", *self._preamble(), *body, ""])

    def _rule(self, number: int, condition: Condition, *, indent: str) -> list[str]:
        rails = self._rails(condition)
        # Most rules are FALSE, so that is asked first and is all that most rules cost.
        return [
            f"{indent}if not ({rails.false}):",
            f"{indent}    fired({number}) if {rails.true} else unknown({number})",
        ]

    def explanation(self, name: str, condition: Condition) -> str:
        """A function of one rule: the results of all its leaves, in tree order."""
        self._used = set()
        results = [f"        {self._leaf_result(leaf)}," for leaf in leaves_of(condition)]
        return "\n".join([f"def {name}(readings):", *self._preamble(), "    return (", *results, "    )", ""])

    def _preamble(self) -> list[str]:
        return [f"    s{slot} = readings[{slot}]" for slot in sorted(self._used)]

    def _leaf_result(self, leaf: Leaf | CelLeaf) -> str:
        rails = self._leaf(leaf)
        if isinstance(leaf, CelLeaf):
            path, op, expected, actual = None, CEL_OP, self._bound(leaf.text), "None"
        else:
            path, op, actual = leaf.field, leaf.op.value, self._shown(leaf.field)
            if isinstance(leaf.expected, FieldRef):
                expected = self._shown(leaf.expected.path)
            else:
                expected = self._bound(fixed_expected(leaf.expected))
        fixed = ", ".join(self._bound(value) for value in (leaf.pointer, path, op))
        truth = f"TRUE if {rails.true} else FALSE if {rails.false} else UNKNOWN"
        return f"leaf_result(({fixed}, {expected}, {actual}, {truth}))"

    def _rails(self, condition: Condition) -> Rails:
        if isinstance(condition, Not):
            return _swapped(self._rails(condition.child))
        if isinstance(condition, All | Any):
            below = [self._rails(child) for child in condition.children]
            true_join, false_join = (" and ", " or ") if isinstance(condition, All) else (" or ", " and ")
            return Rails(
                "(" + true_join.join(rails.true for rails in below) + ")",
                "(" + false_join.join(rails.false for rails in below) + ")",
            )
        return self._leaf(condition)

    def _leaf(self, leaf: Leaf | CelLeaf) -> Rails:
        if isinstance(leaf, CelLeaf):
            truth = self._slot(self._slots.cel(leaf.program))
            return Rails(f"{truth} is TRUE", f"{truth} is FALSE")
        rails = self._positive(leaf)
        return _swapped(rails) if leaf.op in _NEGATED else rails

    def _positive(self, leaf: Leaf) -> Rails:
        """The leaf's rails; those of eq, in, exists for ne, not_in, missing."""
        if leaf.op in (Op.EXISTS, Op.MISSING):
            value = self._slot(self._slots.field(leaf.field))
            return Rails(f"({value} is not None and {value} is not UNAVAILABLE)", f"{value} is None")
        if isinstance(leaf.expected, FieldRef):
            return self._two_fields(leaf, leaf.expected)
        if isinstance(leaf.expected, ListRef):
            return self._membership(leaf.field, self._managed_membership(leaf.expected.name))
        if isinstance(leaf.expected, Literal):
            return self._against_literal(leaf, leaf.expected.value)
        return _NEVER

    def _against_literal(self, leaf: Leaf, value: Scalar | tuple[Scalar, ...]) -> Rails:
        if isinstance(value, tuple):
            if leaf.op in LIST_OPS:
                return self._membership(leaf.field, Membership(value))
            return self._between(leaf.field, *value)
        if leaf.op in (Op.EQ, Op.NE):
            return self._equal(leaf.field, value)
        if leaf.op in ORDER_OPS:
            return self._ordered(leaf, value)
        if leaf.op is Op.CONTAINS:
            return self._tested(self._slots.field(leaf.field), _contains_test(value))
        if not isinstance(value, str):
            return _NEVER
        if leaf.op in AGE_OPS:
            return self._aged(leaf, value)
        return self._text_test(leaf, value)

    def _equal(self, path: str, value: Scalar) -> Rails:
        if isinstance(value, bool):
            view = self._view(path, boolean_view)
            return Rails(f"{view} is {value}", f"{view} is {not value}")
        if not isinstance(value, str):
            return self._same(self._view(path, number_of), value)
        as_text = self._same(self._view(path, text_view), text_view(value))
        number = plain_decimal(value)
        if number is None:
            return as_text
        as_number = self._same(self._view(path, own_number), number)
        return Rails(f"({as_text.true} or {as_number.true})", f"({as_text.false} or {as_number.false})")

    def _same(self, view: str, value: object) -> Rails:
        bound = self._bound(value)
        return Rails(f"{view} == {bound}", f"({view} is not None and {view} != {bound})")

    def _ordered(self, leaf: Leaf, value: Scalar) -> Rails:
        convert, limit = _ordering(value)
        if convert is None:
            return _NEVER
        holds, fails = _ORDER_SIGNS[leaf.op]
        view, bound = self._view(leaf.field, convert), self._bound(limit)
        return Rails(
            f"({view} is not None and {view} {holds} {bound})", f"({view} is not None and {view} {fails} {bound})"
        )

    def _between(self, path: str, *bounds: Scalar) -> Rails:
        converts, limits = zip(*(_ordering(bound) for bound in bounds), strict=True)
        if converts[0] is None or converts[0] is not converts[1]:
            return _NEVER
        view, (low, high) = self._view(path, converts[0]), (self._bound(limit) for limit in limits)
        inside = f"{low} <= {view} <= {high}"
        return Rails(f"({view} is not None and {inside})", f"({view} is not None and not {inside})")

    def _aged(self, leaf: Leaf, value: str) -> Rails:
        duration = parse_duration(value)
        if duration is None:
            return _NEVER
        view, limit = self._view(leaf.field, moment_view), self._slot(self._slots.cutoff(duration))
        holds, fails = ("<", ">=") if leaf.op is Op.OLDER_THAN else (">", "<=")
        return Rails(
            f"({view} is not None and {view} {holds} {limit})", f"({view} is not None and {view} {fails} {limit})"
        )

    def _text_test(self, leaf: Leaf, value: str) -> Rails:
        if leaf.op is Op.EQ_FOLD:
            return self._same(self._view(leaf.field, folded_view), folded_view(value))
        view = self._view(leaf.field, text_view)
        if leaf.op is Op.MATCHES:
            test = f"{self._bound(leaf.search)}({view})"
        else:
            method = "startswith" if leaf.op is Op.STARTS_WITH else "endswith"
            test = f"{view}.{method}({self._bound(text_view(value))})"
        return Rails(f"({view} is not None and {test})", f"({view} is not None and not {test})")

    def _membership(self, path: str, members: Membership) -> Rails:
        if not members.is_textual:
            return self._tested(self._slots.field(path), members.test)
        view, texts = self._view(path, text_view), self._bound(members.texts)
        return Rails(f"{view} in {texts}", f"({view} is not None and {view} not in {texts})")

    def _managed_membership(self, name: str) -> Membership:
        if name not in self._memberships:
            self._memberships[name] = Membership(self._lists[name])
        return self._memberships[name]

    def _two_fields(self, leaf: Leaf, other: FieldRef) -> Rails:
        positive = {Op.NE: Op.EQ, Op.NOT_IN: Op.IN}.get(leaf.op, leaf.op)
        operator = self._bound(operators.PAIR_OPERATORS[positive])
        left, right = self._slot(self._slots.field(leaf.field)), self._slot(self._slots.field(other.path))
        call = f"{operator}({left}, {right})"
        return Rails(f"{call} is TRUE", f"{call} is FALSE")

    def _tested(self, slot: int, test: Callable[[object], Truth]) -> Rails:
        call = f"{self._bound(test)}({self._slot(slot)})"
        return Rails(f"{call} is TRUE", f"{call} is FALSE")

    def _shown(self, path: str) -> str:
        value = self._slot(self._slots.field(path))
        return f"None if {value} is UNAVAILABLE else {value}"

    def _view(self, path: str, convert: Conversion) -> str:
        return self._slot(self._slots.view(path, convert))

    def _slot(self, number: int) -> str:
        self._used.add(number)
        return f"s{number}"

    def _bound(self, value: object) -> str:
        name = f"k{len(self.namespace)}"
        self.namespace[name] = value
        return name


class _Bundle(NamedTuple):
    """Rules that compare one field one way with a number each; ``first`` is the one whose limit is reached first."""

    first: Condition
    numbered: list[tuple[int, Condition]]


def _bundled(numbered: Iterable[tuple[int, Condition]]) -> tuple[list[_Bundle], list[tuple[int, Condition]]]:
    """Part rules into bundles of two or more, and the others."""
    alike: dict[tuple[str, Op], list[tuple[int, Condition]]] = {}
    others: list[tuple[int, Condition]] = []
    for number, condition in numbered:
        if _number_limit(condition) is None or not isinstance(condition, Leaf):
            others.append((number, condition))
        else:
            alike.setdefault((condition.field, condition.op), []).append((number, condition))
    bundles: list[_Bundle] = []
    for (_, op), rules in alike.items():
        if len(rules) == 1:
            others += rules
            continue
        nearest = min if op in (Op.GT, Op.GTE) else max
        bundles.append(_Bundle(nearest((condition for _, condition in rules), key=_limit), rules))
    return bundles, others


def _number_limit(condition: Condition) -> Decimal | None:
    """The number that the condition compares a field with by order, when that is all it does."""
    if not isinstance(condition, Leaf) or condition.op not in ORDER_OPS or not isinstance(condition.expected, Literal):
        return None
    value = condition.expected.value
    if isinstance(value, tuple | bool):
        return None
    return value if isinstance(value, Decimal) else plain_decimal(value)


def _limit(condition: Condition) -> Decimal:
    limit = _number_limit(condition)
    assert limit is not None, "bundles hold conditions with a number"
    return limit


def _swapped(rails: Rails) -> Rails:
    return Rails(rails.false, rails.true)


def _ordering(value: Scalar) -> tuple[Conversion | None, object]:
    """How a field is seen beside this limit, and the limit seen so; None when nothing is above or below it."""
    if isinstance(value, bool):
        return None, None
    number = value if isinstance(value, Decimal) else plain_decimal(value)
    if number is not None:
        return number_of, number
    instant = parse_date_time(value) if isinstance(value, str) else None
    return (instant_view, instant) if instant is not None else (None, None)


def _contains_test(value: Scalar) -> Callable[[object], Truth]:
    return lambda actual: operators.contains(actual, value)
