"""Microseconds since 1970, in which the desk keeps time, beside the instants that rules compare."""

from typing import Final

from tidegate.core.rules.instants import Duration, Instant

SECOND_US: Final = 1_000_000
_US_DIGITS: Final = 6


def instant_at(at_us: int) -> Instant:
    """Give the instant of microseconds since 1970."""
    second, rest = divmod(at_us, SECOND_US)
    return Instant(second, 0, f"{rest:06d}".rstrip("0"))


def us_of(instant: Instant) -> int:
    """Give microseconds since 1970; further digits are cut, and a leap second is the second that follows it."""
    return (instant.second + instant.leap) * SECOND_US + int(instant.fraction[:_US_DIGITS].ljust(_US_DIGITS, "0"))


def duration_us(duration: Duration) -> int:
    """Give a span in whole microseconds, rounded up.

    Of times in whole microseconds, those after ``now - duration`` are the same as those after the rounded one.
    """
    digits = duration.fraction.ljust(_US_DIGITS, "0")
    rest = int(digits[:_US_DIGITS]) + (1 if digits[_US_DIGITS:].strip("0") else 0)
    return duration.seconds * SECOND_US + rest
