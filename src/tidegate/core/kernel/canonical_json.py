"""Canonical JSON (RFC 8785): one text for one value, so that equal values have equal hashes."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal

from tidegate.core.kernel.es_number import es_number


def canonical_json(value: object, *, number: Callable[[Decimal], str] = es_number) -> str:
    """Write a JSON value: keys in the order of their UTF-16 code units, no blanks, no needless escapes.

    Numbers are ``Decimal`` or ``int`` and are written by ``number``: by default as RFC 8785 says, which passes them
    through a binary64; ``decimals.plain`` keeps every digit instead (and is RFC 8785 no more).

    Raises:
        ValueError: a text with an unpaired surrogate, or a number that is not finite or no binary64.
        TypeError: a value that JSON has no form for, a float among them.
    """
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Decimal | int):
        return number(Decimal(value))
    if isinstance(value, Mapping):
        members = sorted(((_key(key), member) for key, member in value.items()), key=_code_units)
        return "{" + ",".join(f"{_text(key)}:{canonical_json(member, number=number)}" for key, member in members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(canonical_json(element, number=number) for element in value) + "]"
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{type(key).__name__} is no key of a JSON object")
    return key


def _code_units(member: tuple[str, object]) -> bytes:
    return member[0].encode("utf-16-be", "surrogatepass")


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text with an unpaired surrogate has no canonical form") from error
    return json.dumps(text, ensure_ascii=False)
