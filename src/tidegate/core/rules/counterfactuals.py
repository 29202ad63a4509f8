"""The smallest single changes of a field that would change a condition's result.

Each is tried on the condition before it is told: a change that other leaves undo is no counterfactual.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Final

from tidegate.core.rules.evaluate import NO_LISTS, evaluate, expected_shown
from tidegate.core.rules.instants import Duration, Instant, before, date_time_text, parse_date_time, parse_duration
from tidegate.core.rules.limits import EXPONENT_MAX
from tidegate.core.rules.operators import equal
from tidegate.core.rules.sentences import field_label, shown_value
from tidegate.core.rules.tree import Condition, Leaf, ListRef, Op, leaves_of
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.values import Lists, Lookup, number_of, present
from tidegate.core.rules.vocabulary import AGE_OPS, LIST_OPS, ORDER_OPS, PRESENCE_OPS

_EXACT: Final = Context(prec=2_048, Emax=MAX_EMAX, Emin=MIN_EMIN)
_ROUGH: Final = Context(prec=12, Emax=MAX_EMAX, Emin=MIN_EMIN)
_ELEMENTS_TRIED_MAX: Final = 16
_SECOND: Final = Duration(1)
_OTHER_TEXT: Final = "\ue000"
"""A private-use character: stands for "any other text" when a change away from a text is tried."""


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """If the leaf's field had been `value` (None: had been missing), the result would have been `result`.

    `distance` orders changes of numbers by their size relative to the larger of the two values; None for the rest.
    """

    pointer: str
    field: str
    value: object
    result: Truth
    distance: Decimal | None
    sentence: str


def counterfactuals(
    condition: Condition, lookup: Lookup, *, now: Instant, lists: Lists = NO_LISTS
) -> tuple[Counterfactual, ...]:
    """For each leaf, its smallest change that changes the result; changes of numbers first, the smallest first.

    Leaves of patterns and of CEL have no smallest change and are passed over, and so is whatever no single field
    can change.
    """
    present_result = evaluate(condition, lookup, now=now, lists=lists)
    found: dict[tuple[str, str], Counterfactual] = {}
    for leaf in leaves_of(condition):
        if not isinstance(leaf, Leaf):
            continue
        actual = lookup(leaf.field)
        for value in _changes(leaf, lookup, now=now, lists=lists):
            result = evaluate(condition, _changed(lookup, leaf.field, value=value), now=now, lists=lists)
            if result is not present_result:
                change = _told(leaf, actual, value=value, result=result)
                found.setdefault((leaf.field, repr(value)), change)
                break
    return tuple(sorted(found.values(), key=_size))


def _size(change: Counterfactual) -> tuple[bool, Decimal]:
    return change.distance is None, change.distance or Decimal(0)


def _told(leaf: Leaf, actual: object, *, value: object, result: Truth) -> Counterfactual:
    label = field_label(leaf.field)
    if value is None:
        condition = f"if {label} were missing"
    elif value == _OTHER_TEXT:
        condition = f"if {label} were anything but {shown_value(actual)}"
    else:
        condition = f"if {label} were {shown_value(value)}"
        condition += f" instead of {shown_value(actual)}" if present(actual) else ""
    sentence = f"{condition}, the result would be {result.value}"
    return Counterfactual(leaf.pointer, leaf.field, value, result, _distance(actual, value), sentence)


def _changed(lookup: Lookup, path: str, *, value: object) -> Lookup:
    return lambda asked: value if asked == path else lookup(asked)


def _distance(actual: object, value: object) -> Decimal | None:
    left, right = number_of(actual), number_of(value)
    if left is None or right is None:
        return None
    larger = max(_EXACT.abs(left), _EXACT.abs(right))
    return _ROUGH.divide(_EXACT.abs(_EXACT.subtract(left, right)), larger) if larger else Decimal(0)


def _changes(leaf: Leaf, lookup: Lookup, *, now: Instant, lists: Lists) -> Iterable[object]:
    """Values of the leaf's field worth trying, the nearest first."""
    actual = lookup(leaf.field)
    if leaf.op in PRESENCE_OPS:
        return () if actual is None else (None,)
    expected = lists[leaf.expected.name] if isinstance(leaf.expected, ListRef) else expected_shown(leaf, lookup)
    if leaf.op in AGE_OPS:
        return _ages(expected, now)
    if leaf.op in LIST_OPS and isinstance(expected, list | tuple | frozenset):
        return (*sorted(expected, key=str)[:_ELEMENTS_TRIED_MAX], _OTHER_TEXT)
    if leaf.op is Op.BETWEEN and isinstance(expected, list):
        return sorted((value for bound in expected for value in _around(actual, bound)), key=_nearness_to(actual))
    if leaf.op is Op.CONTAINS and isinstance(actual, list):
        return ([*actual, expected], [each for each in actual if equal(each, expected) is not Truth.TRUE])
    if leaf.op in ORDER_OPS:
        return _around(actual, expected)
    if leaf.op is Op.MATCHES or not present(expected):
        return ()
    if isinstance(expected, bool):
        return (expected, not expected)
    return (expected, _OTHER_TEXT) if isinstance(expected, str) else _around(actual, expected)


def _around(actual: object, bound: object) -> Sequence[object]:
    """The bound and its two neighbours, one step of the finer of the two values away; the nearest first."""
    limit = number_of(bound)
    if limit is None:
        instant = parse_date_time(bound) if isinstance(bound, str) else None
        return () if instant is None else (*_texts(before(instant, _SECOND), instant, _after_second(instant)),)
    number = number_of(actual)
    exponents = [int(each.as_tuple().exponent) for each in (limit, number) if each is not None]
    step = Decimal((0, (1,), max(min(exponents), -EXPONENT_MAX)))
    neighbours = [limit, _EXACT.subtract(limit, step), _EXACT.add(limit, step)]
    return sorted(neighbours, key=_nearness_to(actual))


def _ages(duration_text: object, now: Instant) -> Sequence[object]:
    duration = parse_duration(duration_text) if isinstance(duration_text, str) else None
    if duration is None:
        return ()
    cutoff = before(now, duration)
    return _texts(cutoff, before(cutoff, _SECOND), _after_second(cutoff))


def _after_second(instant: Instant) -> Instant:
    return Instant(instant.second + 1, 0, instant.fraction)


def _texts(*instants: Instant) -> Sequence[str]:
    return [text for text in map(date_time_text, instants) if text is not None]


def _nearness_to(actual: object) -> Callable[[object], Decimal]:
    number = number_of(actual)

    def nearness(value: object) -> Decimal:
        other = number_of(value)
        return Decimal(0) if number is None or other is None else _EXACT.abs(_EXACT.subtract(number, other))

    return nearness
