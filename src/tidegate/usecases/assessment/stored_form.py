"""The one form of JSON that comes back from a store as it went in: what is decided on is what is replayed later.

A store may write 1E+2 as 100, drop the sign of a zero and order keys in a way of its own. So values are brought into
that form before they are looked at, and a replay meets the very same ones.
"""

from collections.abc import Mapping
from decimal import Decimal


def stored_form(value: object) -> object:
    """Give JSON with plain Decimals and with keys by length, then by their UTF-8 bytes, as ``jsonb`` keeps them."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, Decimal):
        plain = Decimal(format(value, "f"))
        return plain or plain.copy_abs()
    if isinstance(value, Mapping):
        return stored_members(value)
    assert isinstance(value, list | tuple), f"{type(value).__name__} is no JSON"
    return [stored_form(each) for each in value]


def stored_members(value: Mapping[str, object]) -> dict[str, object]:
    """Give the form of an object."""
    return {key: stored_form(value[key]) for key in sorted(value, key=_place)}


def _place(key: str) -> tuple[int, bytes]:
    written = key.encode()
    return len(written), written
