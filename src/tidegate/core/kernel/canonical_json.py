"""Canonical JSON (RFC 8785): one text for one value, so that equal values have equal hashes."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Final

from tidegate.core.kernel.es_number import es_number

JSON_CONSTANTS: Final[Mapping[object, str]] = {None: "null", True: "true", False: "false"}
"""How JSON writes what is neither text, number, object nor list."""


def canonical_json(value: object, *, number: Callable[[Decimal], str] = es_number) -> str:
    """Write a JSON value: keys in the order of their UTF-16 code units, no blanks, no needless escapes.

    Numbers are ``Decimal`` or ``int`` and are written by ``number``: by default as RFC 8785 says, which passes them
    through a binary64; ``decimals.plain`` keeps every digit instead (and is RFC 8785 no more).

    Raises:
        ValueError: a text with an unpaired surrogate, or a number that is not finite or no binary64.
        TypeError: a value that JSON has no form for, a float among them.
    """
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return JSON_CONSTANTS[value]
    if isinstance(value, Decimal | int):
        return number(Decimal(value))
    if isinstance(value, Mapping):
        members = [f"{_text(key)}:{canonical_json(value[key], number=number)}" for key in _sorted_keys(value)]
        return "{" + ",".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join([canonical_json(element, number=number) for element in value]) + "]"
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")


def _sorted_keys(members: Mapping[object, object]) -> list[str]:
    keys: list[str] = []
    for key in members:
        if not isinstance(key, str):
            raise TypeError(f"{type(key).__name__} is no key of a JSON object")
        keys.append(key)
    if "".join(keys).isascii():  # then code points are in the order of code units
        keys.sort()
    else:
        keys.sort(key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    return keys


def _text(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError("a text with an unpaired surrogate has no canonical form") from error
    return encode_basestring(text)
