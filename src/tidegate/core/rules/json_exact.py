"""JSON without loss: numbers are `Decimal` from text to text, and whatever JSON leaves open is refused.

Refused, each with a pointer: duplicate keys, NaN and Infinity, numbers beyond the language's bounds, U+0000, unpaired
surrogates, nesting beyond the bound, and bytes that are not UTF-8.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring
from typing import Final

from tidegate.core.kernel.canonical_json import JSON_CONSTANTS
from tidegate.core.rules.faults import InvalidJson, RuleFault, pointer_to
from tidegate.core.rules.limits import EXPONENT_MAX, JSON_DEPTH_MAX
from tidegate.core.rules.values import number_fault

_FORBIDDEN: Final = re.compile("[\\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Refused:
    """Stands in the read value for what must not be there, until the walk that knows the pointer reports it."""

    code: str
    message: str


class _TwinKeys(dict[str, object]):
    """An object that names a key twice."""


def read_json(source: bytes | str, *, depth_max: int = JSON_DEPTH_MAX) -> object:
    """The value of a JSON text: dict, list, str, Decimal, bool or None. Raises InvalidJson with every fault."""
    try:
        text = source if isinstance(source, str) else source.decode("utf-8")
        value = json.loads(
            text,
            parse_float=_number,
            parse_int=_number,
            parse_constant=_not_a_number,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as error:
        raise InvalidJson([RuleFault("", "invalid_utf8", f"byte {error.start} is not UTF-8")]) from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise InvalidJson([RuleFault("", "invalid_json", f"not JSON: {error.msg} at {where}")]) from error
    except RecursionError as error:
        # The reader recurses; the interpreter's own limit lies far above every depth_max used here.
        raise InvalidJson([_too_deep("", depth_max)]) from error
    return value if _is_sound(value, depth_max) else checked_json(value, depth_max=depth_max)


def checked_json(value: object, *, depth_max: int = JSON_DEPTH_MAX) -> object:
    """A copy of an already read value with `int` as `Decimal`; raises InvalidJson with every fault (floats too)."""
    faults: list[RuleFault] = []
    checked = _checked(value, "", room=depth_max, faults=faults)
    if faults:
        raise InvalidJson(faults)
    return checked


def write_json(value: object) -> str:
    """Compact JSON text of a value; each Decimal is written as the number it is, digit by digit."""
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, Decimal):
        return str(value)
    if value is None or isinstance(value, bool):
        return JSON_CONSTANTS[value]
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, dict | Mapping):
        return "{" + ", ".join([encode_basestring(str(key)) + ": " + write_json(value[key]) for key in value]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join([write_json(element) for element in value]) + "]"
    raise TypeError(f"{type(value).__name__} has no exact JSON form")


def _number(text: str) -> Decimal | _Refused:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _Refused("number_out_of_bounds", f"a number's exponent is within -{EXPONENT_MAX} and +{EXPONENT_MAX}")
    fault = number_fault(number)
    return number if fault is None else _Refused("number_out_of_bounds", fault)


def _not_a_number(text: str) -> _Refused:
    return _Refused("number_out_of_bounds", f"{text} is not a JSON number")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _TwinKeys(members)


def _too_deep(pointer: str, depth_max: int) -> RuleFault:
    return RuleFault(pointer, "json_too_deep", f"at most {depth_max} levels of nesting are read")


def _is_sound(value: object, room: int) -> bool:
    """Tell quickly, without a place, that nothing is wrong with a value of the reader; False may be wrong."""
    if isinstance(value, str):
        return _FORBIDDEN.search(value) is None
    if value is None or isinstance(value, Decimal | bool):
        return True
    if room <= 0:
        return False
    if isinstance(value, list):
        return all(_is_sound(element, room - 1) for element in value)
    return type(value) is dict and all(  # one with twin keys is of a class of its own
        _FORBIDDEN.search(key) is None and _is_sound(member, room - 1) for key, member in value.items()
    )


def _checked(value: object, pointer: str, *, room: int, faults: list[RuleFault]) -> object:
    if isinstance(value, str):
        _check_text(value, pointer, faults=faults)
        return value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, _Refused):
        faults.append(RuleFault(pointer, value.code, value.message))
        return None
    if isinstance(value, Decimal | int):
        number = Decimal(value)
        if (fault := number_fault(number)) is not None:
            faults.append(RuleFault(pointer, "number_out_of_bounds", fault))
        return number
    if not isinstance(value, Mapping | list | tuple):
        message = f"{type(value).__name__} is not read; give a number as Decimal or as text"
        faults.append(RuleFault(pointer, "not_json", message))
        return None
    if room <= 0:
        faults.append(_too_deep(pointer, len(pointer.split("/")) - 1))
        return None
    if not isinstance(value, Mapping):
        return [_checked(each, pointer_to(pointer, at), room=room - 1, faults=faults) for at, each in enumerate(value)]
    if isinstance(value, _TwinKeys):
        faults.append(RuleFault(pointer, "duplicate_key", "a key is named twice; give each key once"))
    members: dict[str, object] = {}
    for key, member in value.items():
        _check_text(key, pointer, faults=faults)
        members[key] = _checked(member, pointer_to(pointer, key), room=room - 1, faults=faults)
    return members


def _check_text(text: str, pointer: str, *, faults: list[RuleFault]) -> None:
    found = _FORBIDDEN.search(text)
    if found is not None:
        kind = "U+0000" if found[0] == "\x00" else "an unpaired surrogate"
        faults.append(RuleFault(pointer, "forbidden_character", f"a text must not hold {kind}"))
