"""Time and ids from outside, handed to whoever needs them."""

from typing import Protocol


class Clock(Protocol):
    """Wall clock."""

    def now_us(self) -> int:
        """Give microseconds since 1970."""


class Ids(Protocol):
    """Source of identifiers."""

    def new(self) -> str:
        """Give a UUID never given before."""
