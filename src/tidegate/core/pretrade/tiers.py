"""Margin ladders: tiered maintenance margin with its cumulative amount, and what a sound ladder is."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from tidegate.core.kernel.decimals import HUNDRED, ONE, WORKING, ZERO


@dataclass(frozen=True, slots=True)
class MarginTier:
    """One rung as it is stored: ``max_notional`` in the settle asset, ``maintenance_margin_pct`` in percent.

    ``symbol`` ``None`` is the default ladder; ``max_leverage`` ``None`` sets no cap.
    """

    symbol: str | None
    tier: int
    max_notional: Decimal
    maintenance_margin_pct: Decimal
    max_leverage: Decimal | None
    active: bool = True


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung as it is used: notional in (floor, cap] owes ``notional * rate - amount`` of maintenance margin."""

    floor: Decimal
    cap: Decimal
    rate: Decimal
    amount: Decimal
    leverage_max: Decimal | None


@dataclass(frozen=True, slots=True)
class Ladder:
    """The active tiers of one symbol (or the default), sound by construction."""

    rungs: tuple[Rung, ...]
    inner_caps: tuple[Decimal, ...] = field(init=False)
    """The caps of all rungs but the last, which holds what is above it too."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "inner_caps", tuple(rung.cap for rung in self.rungs[:-1]))

    def place_of(self, notional: Decimal) -> int:
        """Give the index of the rung that holds ``notional`` (cap included; above the last: the last)."""
        return bisect_left(self.inner_caps, notional)

    def rung_of(self, notional: Decimal) -> Rung:
        """Give the rung that holds ``notional``."""
        return self.rungs[bisect_left(self.inner_caps, notional)]


class UnsoundLadder(ValueError):
    """The active tiers of a ladder break a rule; ``faults`` says which, in words."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


def build_ladder(tiers: Iterable[MarginTier]) -> Ladder:
    """Build a ladder from the active tiers of one symbol, in any order.

    ``cum_1 = 0``, ``cum_n = cum_(n-1) + floor_n * (mmr_n - mmr_(n-1))``: the amount that makes the tiered sum
    continuous at every floor (Binance's maintenance amount).

    Raises:
        UnsoundLadder: not numbered 1, 2, 3... without holes, max_notional not strictly rising or not positive,
            percentage falling, negative or not below 100, max_leverage rising or below 1.
    """
    ordered = sorted((tier for tier in tiers if tier.active), key=lambda tier: tier.tier)
    faults = ladder_faults(ordered)
    if faults:
        raise UnsoundLadder(faults)
    rungs: list[Rung] = []
    floor, rate, amount = ZERO, ZERO, ZERO
    for tier in ordered:
        tier_rate = WORKING.divide(tier.maintenance_margin_pct, HUNDRED)
        if rungs:
            amount = WORKING.add(amount, WORKING.multiply(floor, WORKING.subtract(tier_rate, rate)))
        rungs.append(Rung(floor, tier.max_notional, tier_rate, amount, tier.max_leverage))
        floor, rate = tier.max_notional, tier_rate
    return Ladder(tuple(rungs))


def ladder_faults(ordered: Sequence[MarginTier]) -> list[str]:
    """Say what is wrong with the active tiers of one ladder, given by rising tier number; empty when it is sound."""
    if not ordered:
        return ["a ladder needs at least one active tier"]
    faults: list[str] = []
    numbers = [tier.tier for tier in ordered]
    if numbers != list(range(1, len(ordered) + 1)):
        faults.append(f"tiers must be numbered 1 to {len(ordered)} without holes or twins, not {numbers}")
    for tier in ordered:
        if tier.max_notional <= ZERO:
            faults.append(f"tier {tier.tier}: max_notional must be positive")
        if not ZERO <= tier.maintenance_margin_pct < HUNDRED:
            faults.append(f"tier {tier.tier}: maintenance_margin_pct must be at least 0 and below 100")
        if tier.max_leverage is not None and tier.max_leverage < ONE:
            faults.append(f"tier {tier.tier}: max_leverage must be at least 1")
    for lower, upper in pairwise(ordered):
        if upper.max_notional <= lower.max_notional:
            faults.append(f"tier {upper.tier}: max_notional must be above that of tier {lower.tier}")
        if upper.maintenance_margin_pct < lower.maintenance_margin_pct:
            faults.append(f"tier {upper.tier}: maintenance_margin_pct must not fall below that of tier {lower.tier}")
        if _rises(lower.max_leverage, upper.max_leverage):
            faults.append(f"tier {upper.tier}: max_leverage must not rise above that of tier {lower.tier}")
    return faults


def _rises(lower: Decimal | None, upper: Decimal | None) -> bool:
    return lower is not None and (upper is None or upper > lower)
