"""Checks a value that is written in a rule (or given as its parameter) against the operator and the field's type."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from tidegate.core.rules.instants import parse_date_time, parse_duration
from tidegate.core.rules.limits import LIST_LITERAL_MAX, REGEX_BYTES_MAX, TEXT_BYTES_MAX
from tidegate.core.rules.operators import order_of
from tidegate.core.rules.tree import Literal, Op
from tidegate.core.rules.values import Scalar, number_fault, number_of, type_name
from tidegate.core.rules.vocabulary import AGE_OPS, LIST_OPS, ORDER_OPS, FieldType

_TEXT_OPS: Final = frozenset({Op.EQ_FOLD, Op.STARTS_WITH, Op.ENDS_WITH})


class LiteralFault(NamedTuple):
    """What is wrong with a literal; the leaf it stands in is known to the caller."""

    code: str
    message: str


class CheckedLiteral(NamedTuple):
    """A literal that may go into the tree, or None with the faults that forbid it."""

    value: Scalar | tuple[Scalar, ...] | None
    faults: Sequence[LiteralFault]


def check_literal(value: object, *, op: Op | None, field_type: FieldType) -> CheckedLiteral:
    """Check a literal: its bounds always; when `op` is known, its shape; when the field's type is declared, its fit."""
    if isinstance(value, list | tuple):
        checked = _check_list(op, value)
    else:
        checked = _check_scalar(value)
        if not checked.faults and op is not None and (op in LIST_OPS or op is Op.BETWEEN):
            right = "a list of texts, numbers or booleans" if op in LIST_OPS else "a list [low, high]"
            return _refused("literal_misfit", f"{op} takes {right}, not {type_name(value)}")
    if checked.faults or op is None or checked.value is None:
        return checked
    faults = _op_faults(op, checked.value) or _type_faults(checked.value, op=op, field_type=field_type)
    return CheckedLiteral(None if faults else checked.value, faults)


def literal_of(checked: CheckedLiteral, param: str | None) -> Literal | None:
    """The tree's literal, None when it was refused."""
    return None if checked.value is None else Literal(checked.value, param)


def _refused(code: str, message: str) -> CheckedLiteral:
    return CheckedLiteral(None, (LiteralFault(code, message),))


def _check_list(op: Op | None, values: Sequence[object]) -> CheckedLiteral:
    if op is not None and op not in LIST_OPS and op is not Op.BETWEEN:
        message = f"{op} takes a single value, not a list; a list goes with in, not_in, between"
        return _refused("literal_misfit", message)
    if len(values) > LIST_LITERAL_MAX:
        message = f"a list in a rule has at most {LIST_LITERAL_MAX} entries, not {len(values)}; use a managed list"
        return _refused("list_too_long", message)
    elements: list[Scalar] = []
    faults: list[LiteralFault] = []
    for at, each in enumerate(values):
        checked = _check_scalar(each)
        faults.extend(LiteralFault(code, f"entry {at}: {message}") for code, message in checked.faults)
        if checked.value is not None and not isinstance(checked.value, tuple):
            elements.append(checked.value)
    return CheckedLiteral(None if faults else tuple(elements), faults)


def _check_scalar(value: object) -> CheckedLiteral:
    if value is None:
        return _refused("null_literal", "null is not a value; to ask whether a field is there use exists or missing")
    if isinstance(value, bool):
        return CheckedLiteral(value, ())
    if isinstance(value, str):
        size = len(value.encode("utf-8", "surrogatepass"))
        if size > TEXT_BYTES_MAX:
            return _refused("text_too_long", f"a text has at most {TEXT_BYTES_MAX} bytes, not {size}")
        return CheckedLiteral(value, ())
    if isinstance(value, Decimal | int):
        number = Decimal(value)
        fault = number_fault(number)
        return CheckedLiteral(number, ()) if fault is None else _refused("number_out_of_bounds", fault)
    return _refused("literal_misfit", f"a value is a text, a number or a boolean, not {type_name(value)}")


def _op_faults(op: Op, value: Scalar | tuple[Scalar, ...]) -> Sequence[LiteralFault]:
    if op in ORDER_OPS and isinstance(value, bool):
        return [LiteralFault("literal_misfit", f"{op} takes a number or a date-time, not a boolean")]
    if (op in _TEXT_OPS or op is Op.MATCHES) and not isinstance(value, str):
        return [LiteralFault("literal_misfit", f"{op} takes a text, not {type_name(value)}")]
    if op is Op.MATCHES and isinstance(value, str):
        size = len(value.encode("utf-8", "surrogatepass"))
        if size > REGEX_BYTES_MAX:
            return [LiteralFault("regex_too_long", f"a pattern has at most {REGEX_BYTES_MAX} bytes, not {size}")]
    if op in AGE_OPS and (not isinstance(value, str) or parse_duration(value) is None):
        message = f"{op} takes an ISO 8601 duration of weeks, days, hours, minutes, seconds, such as P7D or PT24H"
        return [LiteralFault("bad_duration", message)]
    if op is Op.BETWEEN and isinstance(value, tuple):
        return _range_faults(value)
    return []


def _range_faults(bounds: tuple[Scalar, ...]) -> Sequence[LiteralFault]:
    if len(bounds) != 2:
        return [LiteralFault("bad_range", f"between takes a list of two, [low, high], not of {len(bounds)}")]
    order = order_of(bounds[0], bounds[1])
    if order is None:
        return [LiteralFault("bad_range", "between takes two numbers or two RFC 3339 date-times, [low, high]")]
    if order > 0:
        return [LiteralFault("bad_range", f"low {bounds[0]} is above high {bounds[1]}; write the lower bound first")]
    return []


def _type_faults(value: Scalar | tuple[Scalar, ...], *, op: Op, field_type: FieldType) -> Sequence[LiteralFault]:
    if op in AGE_OPS or op is Op.MATCHES or field_type in (FieldType.ANY, FieldType.LIST, FieldType.OBJECT):
        return []
    if not isinstance(value, tuple):
        misfits = not _fits(value, op=op, field_type=field_type)
    elif op is Op.BETWEEN:
        misfits = not all(_fits(each, op=op, field_type=field_type) for each in value)
    else:
        # One fitting entry is enough: the others are passed over when the rule is evaluated.
        misfits = bool(value) and not any(_fits(each, op=op, field_type=field_type) for each in value)
    if not misfits:
        return []
    right = _RIGHT_FOR[field_type]
    if field_type is FieldType.INSTANT and op not in ORDER_OPS and op is not Op.BETWEEN:
        right = _RIGHT_FOR[FieldType.TEXT]
    return [LiteralFault("literal_misfit", f"the field is of type {field_type}: give {right}")]


_RIGHT_FOR: Final = {
    FieldType.TEXT: 'a text such as "CH"',
    FieldType.NUMBER: 'a number such as 0.4 or "0.4"',
    FieldType.BOOLEAN: "true or false",
    FieldType.INSTANT: 'an RFC 3339 date-time such as "2026-01-01T00:00:00Z"',
}


def _fits(value: Scalar, *, op: Op, field_type: FieldType) -> bool:
    if field_type is FieldType.BOOLEAN:
        return isinstance(value, bool)
    if field_type is FieldType.NUMBER:
        return number_of(value) is not None
    if field_type is FieldType.INSTANT and (op in ORDER_OPS or op is Op.BETWEEN):
        return isinstance(value, str) and parse_date_time(value) is not None
    return isinstance(value, str)
