"""Draws of plausible values from a seeded random source."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Plausible values from one random source; ``trouble`` is the chance of each fault that a scenario may have."""

    def __init__(self, source: Random) -> None:
        self._source = source
        self.trouble = 0.0 if source.random() < 0.6 else 0.08

    def chance(self, probability: float) -> bool:
        return self._source.random() < probability

    def fault(self, weight: float = 1.0) -> bool:
        """True now and then in a scenario that has faults, never in one that has none."""
        return self.chance(self.trouble * weight)

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self._source.random() * len(choices))]

    def whole(self, low: int, high: int) -> int:
        return low + int(self._source.random() * (high - low + 1))

    def decimal(self, low: str, high: str, *, places: int) -> Decimal:
        """A decimal between the bounds, with this many places."""
        scale = 10**places
        return Decimal(self.whole(int(Decimal(low) * scale), int(Decimal(high) * scale))).scaleb(-places)

    def around(self, value: Decimal, step: Decimal, *, percent: int) -> Decimal:
        """A positive multiple of a step within so many percent of a value."""
        moved = value * (100 + self.decimal(str(-percent), str(percent), places=3)) / 100
        return max(moved // step, Decimal(1)) * step
