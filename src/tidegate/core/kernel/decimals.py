"""Decimal arithmetic of the house: working context, quantised sums, and how numbers are shown.

Money is ``Decimal`` from edge to edge. Intermediate results keep 50 significant digits; a sum is quantised to 20
places (half-even) before it is compared, shown or stored, so that running totals and plain sums agree.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    getcontext,
    setcontext,
)
from typing import Final

from tidegate.core.kernel import limits

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
HUNDRED: Final = Decimal(100)

SUM_LIMIT: Final = Decimal(10) ** limits.SUM_EXPONENT_MAX
SUM_QUANTUM: Final = Decimal(1).scaleb(-limits.SUM_PLACES)
SHOWN_QUANTUM: Final = Decimal(1).scaleb(-limits.SHOWN_PLACES)

_TRAPS: Final = [InvalidOperation, DivisionByZero, Overflow]
WORKING: Final = Context(prec=limits.WORKING_PRECISION, rounding=ROUND_HALF_EVEN, traps=_TRAPS)
_EXACT: Final = Context(prec=limits.REMAINDER_PRECISION, rounding=ROUND_HALF_EVEN, traps=_TRAPS)


@contextmanager
def working_precision() -> Iterator[None]:
    """Run the block with the working context as the current one, and put the former one back."""
    former = getcontext()
    setcontext(WORKING)
    try:
        yield
    finally:
        setcontext(former)


def in_range(value: Decimal) -> bool:
    """Tell whether a sum is below 10**22 in size; at the limit it is out of range."""
    return -SUM_LIMIT < value < SUM_LIMIT


def as_sum(value: Decimal) -> Decimal:
    """Quantise a sum in range to 20 places, half-even.

    Raises:
        decimal.InvalidOperation: the value is 10**30 or more; check ``in_range`` first.
    """
    return value.quantize(SUM_QUANTUM, None, WORKING)


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Tell whether ``value`` is a whole multiple of a positive ``step``, whatever their digits."""
    return _EXACT.remainder(value, step) == ZERO


def whole_multiple_below(value: Decimal, step: Decimal) -> Decimal:
    """Give the largest whole multiple of a positive ``step`` that is not above a non-negative ``value``."""
    return _EXACT.subtract(value, _EXACT.remainder(value, step))


def shown_owed(value: Decimal) -> Decimal:
    """Round what a user owes (notional, margin, fee, open loss, exposure) to 8 places toward +infinity."""
    return as_sum(value).quantize(SHOWN_QUANTUM, ROUND_CEILING, WORKING)


def shown_owned(value: Decimal) -> Decimal:
    """Round what a user owns (equity, available margin, unrealised PnL) to 8 places toward -infinity."""
    return as_sum(value).quantize(SHOWN_QUANTUM, ROUND_FLOOR, WORKING)


def shown_even(value: Decimal) -> Decimal:
    """Round a price or a ratio to 8 places, half-even."""
    return as_sum(value).quantize(SHOWN_QUANTUM, ROUND_HALF_EVEN, WORKING)


def plain(value: Decimal) -> str:
    """Write a decimal without exponent, without trailing zeros and without a negative zero."""
    if not value:
        return "0"
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
