"""Plain sentences for leaves: "debt ratio 0.47 is above 0.40"."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from tidegate.core.rules.evaluate import CEL_OP, LeafResult
from tidegate.core.rules.tree import Op
from tidegate.core.rules.truth import Truth

_LIST_SHOWN_MAX: Final = 5
_TEXT_SHOWN_MAX: Final = 80
_PLAIN_EXPONENT_MAX: Final = 40
_SILENT_PREFIXES: Final = ("context_data.", "providers.")

_PREDICATES: Final[Mapping[str, tuple[str, str]]] = {
    Op.EQ: ("is {}", "is not {}"),
    Op.NE: ("is not {}", "is {}"),
    Op.EQ_FOLD: ("is {}, written in whatever case", "is not {}, in whatever case"),
    Op.GT: ("is above {}", "is not above {}"),
    Op.GTE: ("is at least {}", "is below {}"),
    Op.LT: ("is below {}", "is not below {}"),
    Op.LTE: ("is at most {}", "is above {}"),
    Op.IN: ("is one of {}", "is not one of {}"),
    Op.NOT_IN: ("is not one of {}", "is one of {}"),
    Op.BETWEEN: ("is between {}", "is not between {}"),
    Op.CONTAINS: ("contains {}", "does not contain {}"),
    Op.STARTS_WITH: ("starts with {}", "does not start with {}"),
    Op.ENDS_WITH: ("ends with {}", "does not end with {}"),
    Op.MATCHES: ("matches the pattern {}", "does not match the pattern {}"),
    Op.OLDER_THAN: ("is older than {}", "is not older than {}"),
    Op.NEWER_THAN: ("is newer than {}", "is not newer than {}"),
}


def leaf_sentence(leaf: LeafResult) -> str:
    """What the leaf found, in words, without a full stop."""
    if leaf.field is None or leaf.op == CEL_OP:
        return f"the expression {shown_value(leaf.expected)} is {_CEL_WORDS[leaf.result]}"
    label = field_label(leaf.field)
    if leaf.op in (Op.EXISTS, Op.MISSING):
        if leaf.result is Truth.UNKNOWN:
            return f"whether {label} is given is not known, its provider did not answer"
        is_given = (leaf.result is Truth.TRUE) is (leaf.op == Op.EXISTS)
        return f"{label} is given" if is_given else f"{label} is missing"
    when_true, when_false = _PREDICATES[leaf.op]
    if leaf.actual is None:
        return f"{label} is not known, so it cannot be said whether it {_filled(when_true, leaf)}"
    subject = f"{label} {shown_value(leaf.actual)}"
    if leaf.result is Truth.UNKNOWN:
        return f"{subject} does not fit the question whether it {_filled(when_true, leaf)}"
    return f"{subject} {_filled(when_true if leaf.result is Truth.TRUE else when_false, leaf)}"


def field_label(path: str) -> str:
    """The field's name in words: `context_data.debt_ratio` is "debt ratio"."""
    for prefix in _SILENT_PREFIXES:
        path = path.removeprefix(prefix)
    return path.replace(".", " ").replace("_", " ")


def shown_value(value: object) -> str:
    """A value in a sentence: numbers plain, long texts and lists cut short and saying so."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}" if abs(value.adjusted()) <= _PLAIN_EXPONENT_MAX else str(value)
    if isinstance(value, Mapping):
        name = value.get("list") if len(value) == 1 else None
        return f"the list {name}" if isinstance(name, str) else "an object"
    if isinstance(value, list | tuple):
        words = [shown_value(each) for each in value[:_LIST_SHOWN_MAX]]
        more = len(value) - _LIST_SHOWN_MAX
        return ", ".join(words) + (f" and {more} more" if more > 0 else "") if words else "an empty list"
    text = str(value)
    return text if len(text) <= _TEXT_SHOWN_MAX else text[:_TEXT_SHOWN_MAX] + "..."


_CEL_WORDS: Final = {Truth.TRUE: "true", Truth.FALSE: "false", Truth.UNKNOWN: "not known"}


def _filled(predicate: str, leaf: LeafResult) -> str:
    if leaf.op == Op.BETWEEN and isinstance(leaf.expected, list | tuple) and len(leaf.expected) == 2:
        low, high = leaf.expected
        return predicate.format(f"{shown_value(low)} and {shown_value(high)}")
    return predicate.format(shown_value(leaf.expected))
