"""Reading values from text: plain decimals, identifiers, UUIDs, instants. Every fault is named, none guessed away."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from tidegate.core.kernel import limits

_PLAIN_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One field that cannot be read: its name (or JSON pointer) and what would be right."""

    field: str
    reason: str


class Unreadable(ValueError):
    """A text that is not the value it should be; the message says what would be right."""


def read_decimal(text: str) -> Decimal:
    r"""Read a plain decimal (``-?(0|[1-9][0-9]*)(\.[0-9]+)?``) of at most 38 digits.

    Raises:
        Unreadable: exponent, sign ``+``, blanks, NaN, Infinity, leading zeros, or more than 38 digits.
    """
    if len(text) > limits.DECIMAL_DIGITS_MAX + 2:
        raise Unreadable(f"must have at most {limits.DECIMAL_DIGITS_MAX} digits")
    if _PLAIN_DECIMAL.fullmatch(text) is None:
        raise Unreadable("must be a plain decimal such as 0.25, without exponent")
    if len(text) - text.count("-") - text.count(".") > limits.DECIMAL_DIGITS_MAX:
        raise Unreadable(f"must have at most {limits.DECIMAL_DIGITS_MAX} digits")
    return Decimal(text)


def read_bounded(text: str, *, at_least: Decimal | None = None, above: Decimal | None = None) -> Decimal:
    """Read a plain decimal within its bounds: not below ``at_least`` (at the bound passes), above ``above``.

    Raises:
        Unreadable: it is no plain decimal, or beyond a bound.
    """
    number = read_decimal(text)
    if at_least is not None and number < at_least:
        raise Unreadable(f"must not be below {at_least}")
    if above is not None and number <= above:
        raise Unreadable(f"must be above {above}")
    return number


def read_identifier(text: str) -> str:
    """Read an identifier: 1 to 128 UTF-8 bytes without control characters.

    Raises:
        Unreadable: empty, too long, a control character, or text that is not UTF-8.
    """
    if not text:
        raise Unreadable("must not be empty")
    return read_text(text)


def read_text(text: str) -> str:
    """Read a text that may be empty: at most 128 UTF-8 bytes without control characters.

    Raises:
        Unreadable: too long, a control character, or text that is not UTF-8.
    """
    if text.isascii():
        if len(text) > limits.IDENTIFIER_BYTES_MAX:
            raise Unreadable(f"must have at most {limits.IDENTIFIER_BYTES_MAX} bytes")
        if not text.isprintable():
            raise Unreadable("must not contain control characters")
        return text
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Unreadable("must be UTF-8 text") from None
    if size > limits.IDENTIFIER_BYTES_MAX:
        raise Unreadable(f"must have at most {limits.IDENTIFIER_BYTES_MAX} bytes")
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in text):
        raise Unreadable("must not contain control characters")
    return text


def read_uuid(text: str) -> str:
    """Read a UUID in its 8-4-4-4-12 form and give it in lower case.

    Raises:
        Unreadable: any other form.
    """
    if _UUID.fullmatch(text) is None:
        raise Unreadable("must be a UUID such as 7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11")
    return text.lower()


def read_instant_us(text: str) -> int:
    """Read an RFC 3339 date-time and give microseconds since 1970 (digits beyond the sixth are cut).

    Raises:
        Unreadable: any other form, or a date that does not exist.
    """
    parts = _INSTANT.fullmatch(text)
    if parts is None:
        raise Unreadable("must be an RFC 3339 date-time such as 2026-01-01T00:00:00Z")
    day, clock, fraction, offset = parts.groups()
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if offset in 'Zz' else offset}")
        seconds = (whole - _EPOCH) // _SECOND
    except (ValueError, OverflowError):
        raise Unreadable("must be an existing RFC 3339 date-time") from None
    return seconds * 1_000_000 + int(((fraction or "") + "000000")[:6])


def instant_text(instant_us: int) -> str:
    """Write microseconds since 1970 as an RFC 3339 date-time in UTC, with six digits only where they are needed."""
    seconds, fraction = divmod(instant_us, 1_000_000)
    whole = (_EPOCH + seconds * _SECOND).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{fraction:06d}Z" if fraction else f"{whole}Z"
