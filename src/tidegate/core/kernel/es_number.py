"""A number as ECMAScript writes it: the binary64 nearest to it, in the fewest digits that name that binary64 again.

RFC 8785 asks for this form. It is worked out in whole numbers, since core holds no float: a binary64 is
``significand * 2**exponent`` with a significand of 53 bits.
"""

from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import Final, NamedTuple

_BITS: Final = 53
_EXPONENT_MIN: Final = -1_074
_EXPONENT_MAX: Final = 971
_DIGITS_MAX: Final = 17
_PLAIN_FROM: Final = -6
_PLAIN_BELOW: Final = 21
_BEYOND_POWER: Final = 400
"""Powers of ten beyond this are no binary64 (or are zero) by far."""

_EXACT: Final = Context(prec=800, Emax=MAX_EMAX, Emin=MIN_EMIN)


class _Binary(NamedTuple):
    significand: int
    exponent: int

    def exactly(self) -> Decimal:
        """Give the value; a binary64 has at most 767 significant decimal digits."""
        if self.exponent >= 0:
            return Decimal(self.significand << self.exponent)
        return _EXACT.divide(Decimal(self.significand), Decimal(1 << -self.exponent))


def es_number(number: Decimal) -> str:
    """Write a number as ECMAScript's ``Number.prototype.toString`` writes the binary64 that is nearest to it.

    Raises:
        ValueError: the number is not finite, or too large for a binary64.
    """
    if not number.is_finite():
        raise ValueError("NaN and Infinity have no JSON form")
    nearest = _nearest(number.copy_abs())
    if not nearest.significand:
        return "0"
    return ("-" if number < 0 else "") + _written(_shortest(nearest))


def _nearest(number: Decimal) -> _Binary:
    """Round a number that is not negative to a binary64, half to even."""
    if not number or number.adjusted() < -_BEYOND_POWER:
        return _Binary(0, 0)
    if number.adjusted() > _BEYOND_POWER:
        raise ValueError(f"{number} is too large for a binary64")
    value = Fraction(number)
    size = value.numerator.bit_length() - value.denominator.bit_length()
    exponent = max(size - _BITS, _EXPONENT_MIN)
    if round(value / Fraction(2) ** exponent) >= 1 << _BITS:
        exponent += 1
    significand = round(value / Fraction(2) ** exponent)
    if significand == 1 << _BITS:
        significand, exponent = significand >> 1, exponent + 1
    if exponent > _EXPONENT_MAX:
        raise ValueError(f"{number} is too large for a binary64")
    return _Binary(significand, exponent)


def _shortest(binary: _Binary) -> Decimal:
    """Find the fewest digits that are read back as this binary64; of equally few, those nearest to its value."""
    exactly = binary.exactly()
    for digits in range(1, _DIGITS_MAX):
        near = {Context(prec=digits, rounding=rounding).plus(exactly) for rounding in (ROUND_FLOOR, ROUND_CEILING)}
        fitting = [each for each in near if _same(each, binary)]
        if fitting:
            return min(fitting, key=lambda each: (abs(_EXACT.subtract(each, exactly)), each.as_tuple().digits[-1] % 2))
    return Context(prec=_DIGITS_MAX).plus(exactly)


def _same(number: Decimal, binary: _Binary) -> bool:
    try:
        return _nearest(number) == binary
    except ValueError:
        return False


def _written(number: Decimal) -> str:
    _, digits, power = number.normalize(_EXACT).as_tuple()
    text = "".join(map(str, digits))
    point = len(text) + int(power)
    if len(text) <= point <= _PLAIN_BELOW:
        return text + "0" * (point - len(text))
    if 0 < point <= _PLAIN_BELOW:
        return f"{text[:point]}.{text[point:]}"
    if _PLAIN_FROM < point <= 0:
        return "0." + "0" * -point + text
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{text[0]}{fraction}e{point - 1:+d}"
