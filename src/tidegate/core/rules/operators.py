"""What each operator means, on two plain values: the reference, written to be read.

Every function gives UNKNOWN when a value is missing, unavailable, or of a type the operator has no answer for.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from tidegate.core.rules.instants import Instant, before, parse_date_time, parse_duration, parse_moment
from tidegate.core.rules.tree import Op, TextTest
from tidegate.core.rules.truth import Truth, opposite, truth_of
from tidegate.core.rules.values import UNAVAILABLE, folded_text, normal_text, number_of, present


def equal(actual: object, expected: object) -> Truth:
    """Two texts in NFC; a number beside a number or a plain decimal text as numbers; two booleans."""
    if isinstance(actual, bool) or isinstance(expected, bool):
        both = isinstance(actual, bool) and isinstance(expected, bool)
        return truth_of(actual is expected) if both else Truth.UNKNOWN
    if isinstance(actual, str) and isinstance(expected, str):
        return truth_of(normal_text(actual) == normal_text(expected))
    left, right = number_of(actual), number_of(expected)
    if left is None or right is None:
        return Truth.UNKNOWN
    return truth_of(left == right)


def equal_folded(actual: object, expected: object) -> Truth:
    """Two texts by the Unicode casefold of their NFC."""
    if isinstance(actual, str) and isinstance(expected, str):
        return truth_of(folded_text(actual) == folded_text(expected))
    return Truth.UNKNOWN


def order_of(actual: object, expected: object) -> int | None:
    """-1, 0 or 1: as numbers when both are numbers or plain decimals, as instants when both are RFC 3339 date-times.

    None when neither: bare dates, other texts, booleans, lists and objects have no order.
    """
    left, right = number_of(actual), number_of(expected)
    if left is not None and right is not None:
        return (left > right) - (left < right)
    if isinstance(actual, str) and isinstance(expected, str):
        earlier, later = parse_date_time(actual), parse_date_time(expected)
        if earlier is not None and later is not None:
            return (earlier > later) - (earlier < later)
    return None


def is_between(actual: object, *, low: object, high: object) -> Truth:
    """Whether low <= actual <= high."""
    from_low, from_high = order_of(actual, low), order_of(actual, high)
    if from_low is None or from_high is None:
        return Truth.UNKNOWN
    return truth_of(from_low >= 0 and from_high <= 0)


def is_one_of(actual: object, elements: object) -> Truth:
    """Whether `actual` equals one of the elements.

    Elements whose type does not fit are passed over; UNKNOWN when none fits; FALSE for an empty list.
    """
    if not _is_scalar(actual) or not isinstance(elements, list | tuple | frozenset):
        return Truth.UNKNOWN
    return _any_equal(actual, elements)


def contains(actual: object, expected: object) -> Truth:
    """A list that has an element equal to `expected` (see is_one_of), or a text that has it as a part."""
    if isinstance(actual, list | tuple):
        return _any_equal(expected, actual) if _is_scalar(expected) else Truth.UNKNOWN
    if isinstance(actual, str) and isinstance(expected, str):
        return truth_of(normal_text(expected) in normal_text(actual))
    return Truth.UNKNOWN


def starts_with(actual: object, expected: object) -> Truth:
    """Two texts, in NFC."""
    if isinstance(actual, str) and isinstance(expected, str):
        return truth_of(normal_text(actual).startswith(normal_text(expected)))
    return Truth.UNKNOWN


def ends_with(actual: object, expected: object) -> Truth:
    """Two texts, in NFC."""
    if isinstance(actual, str) and isinstance(expected, str):
        return truth_of(normal_text(actual).endswith(normal_text(expected)))
    return Truth.UNKNOWN


def matches(actual: object, search: TextTest) -> Truth:
    """Whether the pattern is found anywhere in the text's NFC."""
    return truth_of(search(normal_text(actual))) if isinstance(actual, str) else Truth.UNKNOWN


def exists(actual: object) -> Truth:
    """TRUE for any value, FALSE for a missing one, UNKNOWN when the provider's call failed."""
    return Truth.UNKNOWN if actual is UNAVAILABLE else truth_of(actual is not None)


def is_older(actual: object, duration_text: object, *, now: Instant) -> Truth:
    """Whether now - actual > duration; a bare date is midnight UTC."""
    moment, cutoff = _moment(actual), _cutoff(duration_text, now)
    return Truth.UNKNOWN if moment is None or cutoff is None else truth_of(moment < cutoff)


def is_newer(actual: object, duration_text: object, *, now: Instant) -> Truth:
    """Whether now - actual < duration; a bare date is midnight UTC."""
    moment, cutoff = _moment(actual), _cutoff(duration_text, now)
    return Truth.UNKNOWN if moment is None or cutoff is None else truth_of(moment > cutoff)


def _ordered(holds: Callable[[int], bool]) -> Callable[[object, object], Truth]:
    def operator(actual: object, expected: object) -> Truth:
        order = order_of(actual, expected)
        return Truth.UNKNOWN if order is None else truth_of(holds(order))

    return operator


PAIR_OPERATORS: Final[Mapping[Op, Callable[[object, object], Truth]]] = {
    Op.EQ: equal,
    Op.NE: lambda actual, expected: opposite(equal(actual, expected)),
    Op.EQ_FOLD: equal_folded,
    Op.GT: _ordered(lambda order: order > 0),
    Op.GTE: _ordered(lambda order: order >= 0),
    Op.LT: _ordered(lambda order: order < 0),
    Op.LTE: _ordered(lambda order: order <= 0),
    Op.IN: is_one_of,
    Op.NOT_IN: lambda actual, expected: opposite(is_one_of(actual, expected)),
    Op.CONTAINS: contains,
    Op.STARTS_WITH: starts_with,
    Op.ENDS_WITH: ends_with,
}
"""The operators that need nothing but the field's value and the other value."""


def _is_scalar(value: object) -> bool:
    return present(value) and not isinstance(value, list | tuple | frozenset | dict)


def _any_equal(value: object, elements: Iterable[object]) -> Truth:
    answers = [equal(value, element) for element in elements]
    if Truth.TRUE in answers:
        return Truth.TRUE
    none_fits = bool(answers) and Truth.FALSE not in answers
    return Truth.UNKNOWN if none_fits else Truth.FALSE


def _moment(value: object) -> Instant | None:
    return parse_moment(value) if isinstance(value, str) else None


def _cutoff(duration_text: object, now: Instant) -> Instant | None:
    duration = parse_duration(duration_text) if isinstance(duration_text, str) else None
    return None if duration is None else before(now, duration)
