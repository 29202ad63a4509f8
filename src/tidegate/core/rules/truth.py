"""The three values of a condition."""

from enum import Enum


class Truth(Enum):
    """TRUE, FALSE or UNKNOWN; joined by Kleene's strong logic (spec/rules.md, Meaning)."""

    TRUE = "TRUE"
    FALSE = "FALSE"
    UNKNOWN = "UNKNOWN"

    def __bool__(self) -> bool:
        """Refuse to be used as a bool: `if truth` would read UNKNOWN as one of the other two."""
        raise TypeError("a Truth has three values: compare it with `is`")


def truth_of(value: bool, /) -> Truth:
    """TRUE or FALSE for a plain bool."""
    return Truth.TRUE if value else Truth.FALSE


def opposite(truth: Truth) -> Truth:
    """Kleene's not: UNKNOWN stays UNKNOWN."""
    if truth is Truth.UNKNOWN:
        return truth
    return Truth.FALSE if truth is Truth.TRUE else Truth.TRUE
