"""JSON as it is written: numbers keep their digits, a key that stands twice is seen, nothing becomes a float."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

from tidegate.core.kernel.readings import FieldFault

NESTING_MAX: Final = 40
"""Objects and lists inside each other (at the bound passes): a rule's condition takes up to 32 of them."""

NUMBER_CHARACTERS_MAX: Final = 500
"""Characters of one number; what a field takes is bounded further where it is read."""

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number by its digits."""

    text: str


@dataclass(frozen=True, slots=True)
class JsonObject:
    """A JSON object, and the keys that stood in it more than once (the first value is kept)."""

    members: dict[str, "JsonValue"]
    twins: tuple[str, ...] = ()


JsonValue = JsonObject | list["JsonValue"] | str | Number | bool | None


class NotJson(ValueError):
    """Bytes that are not one JSON value of bearable size."""


def parse_json(content: bytes) -> JsonValue:
    """Parse UTF-8 bytes that hold one JSON value.

    Raises:
        NotJson: not UTF-8, not JSON, NaN or Infinity, nested deeper than 40, or a number of more than 500 characters.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as fault:
        raise NotJson(f"must be UTF-8 text (byte {fault.start})") from None
    if _nesting(content) > NESTING_MAX:
        raise NotJson(f"must not nest deeper than {NESTING_MAX}")
    try:
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_number,
            parse_float=_number,
            parse_constant=_refused_constant,
        )
    except json.JSONDecodeError as fault:
        raise NotJson(f"must be JSON: {fault.msg} (line {fault.lineno}, column {fault.colno})") from None
    return value


def twin_faults(value: JsonValue, pointer: str = "") -> Iterator[FieldFault]:
    """Name every key that stands twice in its object."""
    if isinstance(value, JsonObject):
        for twin in value.twins:
            yield FieldFault(pointer_to(pointer, twin), "must stand once in its object")
        for key, member in value.members.items():
            yield from twin_faults(member, pointer_to(pointer, key))
    elif isinstance(value, list):
        for place, element in enumerate(value):
            yield from twin_faults(element, f"{pointer}/{place}")


def pointer_to(pointer: str, key: str) -> str:
    """Extend a JSON pointer (RFC 6901) by a key; what is not UTF-8 text in the key is written with escapes."""
    readable = key.encode("utf-8", "backslashreplace").decode()
    return f"{pointer}/{readable.replace('~', '~0').replace('/', '~1')}"


def canonical_text(value: JsonValue) -> str:
    """Write a value as JSON text with the digits it came with."""
    if isinstance(value, JsonObject):
        members = (f"{json.dumps(key)}:{canonical_text(member)}" for key, member in value.members.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical_text(element) for element in value) + "]"
    return value.text if isinstance(value, Number) else json.dumps(value)


def _nesting(content: bytes) -> int:
    depth = deepest = 0
    for token in _TOKEN.finditer(content):
        match token[0]:
            case b"{" | b"[":
                depth += 1
                deepest = max(deepest, depth)
            case b"}" | b"]":
                depth -= 1
    return deepest


def _object(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    members: dict[str, JsonValue] = {}
    twins: list[str] = []
    for key, value in pairs:
        if key in members:
            twins.append(key)
        else:
            members[key] = value
    return JsonObject(members, tuple(twins))


def _number(digits: str) -> Number:
    if len(digits) > NUMBER_CHARACTERS_MAX:
        raise NotJson(f"must not hold a number of more than {NUMBER_CHARACTERS_MAX} characters")
    return Number(digits)


def _refused_constant(name: str) -> NoReturn:
    raise NotJson(f"must not hold {name}")
