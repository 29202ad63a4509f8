"""Every bound of the kernel's values, in one place, so that they can be read together.

Sources: ``spec/pretrade.md`` section 1 (malformed fields) and section 4 (precision of the sums).
"""

from typing import Final

DECIMAL_DIGITS_MAX: Final = 38
"""Digits a plain decimal on the wire may carry, leading zero and fraction included (at the bound passes)."""

IDENTIFIER_BYTES_MAX: Final = 128
"""UTF-8 bytes an identifier may carry (at the bound passes)."""

WORKING_PRECISION: Final = 50
"""Significant digits of every intermediate result."""

REMAINDER_PRECISION: Final = 120
"""Digits that let a 38-digit value be divided by a 38-digit step without losing the remainder."""

SUM_PLACES: Final = 20
"""Decimal places to which a sum is quantised before it is compared, shown or stored."""

SHOWN_PLACES: Final = 8
"""Decimal places of what is shown or stored."""

SUM_EXPONENT_MAX: Final = 22
"""A sum of 10**SUM_EXPONENT_MAX or more is out of range."""

assert SUM_EXPONENT_MAX + SUM_PLACES <= WORKING_PRECISION
assert DECIMAL_DIGITS_MAX * 3 <= REMAINDER_PRECISION
