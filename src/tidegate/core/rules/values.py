"""Field values as the language sees them: text, number, boolean, list, object, or none of these.

A value is what JSON gives, with numbers as `Decimal` (`int` is taken too, `float` never). `None` is a missing
field; `UNAVAILABLE` is a field of a provider whose call failed, so that nobody knows whether it is there.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Final, Literal, TypeAlias

from tidegate.core.rules.limits import DIGITS_MAX, EXPONENT_MAX

Scalar: TypeAlias = str | Decimal | bool
Lookup: TypeAlias = Callable[[str], object]
"""Gives the value at a dotted path: a value, `None` for missing or null, or `UNAVAILABLE`."""

Lists: TypeAlias = Mapping[str, Sequence[Scalar] | frozenset[Scalar]]
"""Managed lists by name."""


class _Unavailable(Enum):
    UNAVAILABLE = "UNAVAILABLE"


UNAVAILABLE: Final = _Unavailable.UNAVAILABLE
Unavailable: TypeAlias = Literal[_Unavailable.UNAVAILABLE]

_PLAIN_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")


def own_number(value: object) -> Decimal | None:
    """The value as a number when it is one; booleans, floats, NaN and infinities are not."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return None


def plain_decimal(text: str) -> Decimal | None:
    r"""The number that a text of the form `-?(0|[1-9][0-9]*)(\.[0-9]+)?` writes, exactly."""
    return Decimal(text) if _PLAIN_DECIMAL.fullmatch(text) else None


def number_of(value: object) -> Decimal | None:
    """The value as a number: a number, or a text that is a plain decimal."""
    if type(value) is Decimal:  # what it mostly is
        return value if value.is_finite() else None
    if isinstance(value, str):
        return plain_decimal(value)
    return own_number(value)


def normal_text(text: str) -> str:
    """The text in NFC, the form in which all texts are compared."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def folded_text(text: str) -> str:
    """The Unicode casefold of the text's NFC form."""
    return normal_text(text).casefold()


def present(value: object) -> bool:
    """Whether the field has a value that can be looked at."""
    return value is not None and value is not UNAVAILABLE


def shown(value: object) -> object:
    """The value as an explanation shows it: null when there is none to show."""
    return None if value is UNAVAILABLE else value


def number_fault(number: Decimal) -> str | None:
    """Why a number is refused, or None: at most 64 significant digits and a power of ten within +-400."""
    if not number.is_finite():
        return "a number must be finite"
    exponent = int(number.as_tuple().exponent)
    if number.adjusted() - exponent + 1 > DIGITS_MAX:
        return f"a number has at most {DIGITS_MAX} significant digits"
    if abs(number.adjusted()) > EXPONENT_MAX:
        return f"a number's exponent is within -{EXPONENT_MAX} and +{EXPONENT_MAX}"
    return None


def type_name(value: object) -> str:
    """What to call the value in a message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, Decimal | int):
        return "a number"
    if isinstance(value, list | tuple | frozenset):
        return "a list"
    return "an object" if isinstance(value, Mapping) else f"a {type(value).__name__}"
