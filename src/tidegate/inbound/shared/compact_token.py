"""Takes a compact JWS (RFC 7515) apart, strictly: what two readers could read in two ways is refused."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_NESTING_MAX: Final = 32
_NUMBER_CHARACTERS_MAX: Final = 40


class UnreadableToken(ValueError):
    """A text that is no compact JWS with a JSON payload; the message may go back to the caller."""


@dataclass(frozen=True, slots=True)
class CompactToken:
    """Header and claims of a token, not verified yet; numbers are ``Decimal``."""

    header: Mapping[str, object]
    claims: Mapping[str, object]


def read_compact_token(token: str) -> CompactToken:
    """Read header and claims.

    Raises:
        UnreadableToken: not three non-empty segments of unpadded, canonical base64url; header or payload not a JSON
            object in UTF-8; a key that stands twice; NaN or Infinity; nesting over 32; a number over 40 characters.
    """
    segments = token.split(".")
    if len(segments) != 3:
        raise UnreadableToken("a token has three segments")
    header, claims, _ = (_octets(segment) for segment in segments)
    return CompactToken(_object(header, "header"), _object(claims, "payload"))


def _octets(segment: str) -> bytes:
    if _SEGMENT.fullmatch(segment) is None:
        raise UnreadableToken("a token's segments are base64url without padding")
    try:
        octets = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise UnreadableToken("a token's segments are base64url without padding") from None
    # Trailing bits that no octet uses would give one token several spellings.
    if urlsafe_b64encode(octets).rstrip(b"=") != segment.encode():
        raise UnreadableToken("a token's segments are canonical base64url")
    return octets


def _object(octets: bytes, part: str) -> Mapping[str, object]:
    try:
        value = json.loads(
            octets.decode("utf-8"),
            object_pairs_hook=_without_twins,
            parse_int=_number,
            parse_float=_number,
            parse_constant=_refused_constant,
        )
    except UnreadableToken:
        raise
    except (ValueError, RecursionError):
        raise UnreadableToken(f"the token's {part} is not JSON") from None
    if not isinstance(value, Mapping):
        raise UnreadableToken(f"the token's {part} is not a JSON object")
    if _depth(value) > _NESTING_MAX:
        raise UnreadableToken(f"the token's {part} nests deeper than {_NESTING_MAX}")
    return value


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise UnreadableToken("a key of the token stands twice")
    return members


def _number(digits: str) -> Decimal:
    if len(digits) > _NUMBER_CHARACTERS_MAX:
        raise UnreadableToken("a number of the token is too long")
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise UnreadableToken("a number of the token is too large") from None


def _refused_constant(name: str) -> NoReturn:
    raise UnreadableToken(f"{name} is not JSON")


def _depth(value: object) -> int:
    deepest, layer = 0, [value]
    while layer:
        layer = [
            inner
            for outer in layer
            if isinstance(outer, Mapping | list)
            for inner in (outer.values() if isinstance(outer, Mapping) else outer)
        ]
        deepest += 1
    return deepest - 1
