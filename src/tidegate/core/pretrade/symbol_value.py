"""What one symbol was worth at one mark, and the running totals of such values by settle asset."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import WORKING, ZERO
from tidegate.core.pretrade.instrument import Mark

NEVER_PRICED_US: Final = -(1 << 63)
"""The time of a mark that is missing or cannot be read: older than any age limit."""


@dataclass(slots=True)
class SymbolValue:
    """One symbol at one mark; unquantised, in ``asset`` (the settle asset).

    ``net`` is the signed notional of the one-way position, ``long``/``short`` those of the legs; ``buys``/``sells``
    the opening live orders of each side (hedge: of the LONG and the SHORT leg). ``pnl`` and ``maintenance`` are those
    of CROSS positions, 0 when ISOLATED. ``exposure`` is the worst case, on SPOT the live orders' notional. On SPOT
    ``spent`` is what live buys spend of the quote, fee included, and ``spent_base`` what live sells spend of the base;
    ``mark`` may be missing there, live MARKET orders then count nothing (and their asset is unknown to the check).
    ``liquidation`` is the liquidation price worked out last, with what the rest of the account then left (``cushion``).
    ``priced_us`` is the time of a mark that can be read, ``NEVER_PRICED_US`` without one.
    """

    mark: Mark | None
    priced_us: int
    asset: str
    base: str
    hedged: bool
    net: Decimal
    long: Decimal
    short: Decimal
    buys: Decimal
    sells: Decimal
    worst: Decimal
    leverage: Decimal | None
    initial: Decimal
    held: Decimal
    pnl: Decimal
    maintenance: Decimal | None
    exposure: Decimal
    extra: Decimal
    spent: Decimal
    spent_base: Decimal
    cross: bool
    in_range: bool
    cushion: Decimal | None = None
    liquidation: Decimal | None = None


class AssetTotals:
    """Running totals of one asset of one account; unquantised. Counters tell what cannot be summed at the moment."""

    __slots__ = (
        "cross_positions",
        "exposure",
        "extra",
        "initial",
        "maintenance",
        "out_of_range",
        "pnl",
        "spent",
        "unladdered",
    )

    def __init__(self) -> None:
        self.initial = self.pnl = self.maintenance = self.exposure = self.extra = self.spent = ZERO
        self.cross_positions = self.unladdered = self.out_of_range = 0

    def add(self, value: SymbolValue) -> None:
        """Count a symbol that settles in this asset."""
        self._move(value, by=WORKING.add, sign=1)

    def take_back(self, value: SymbolValue) -> None:
        """Count a symbol no longer, exactly as it was counted."""
        self._move(value, by=WORKING.subtract, sign=-1)

    def _move(self, value: SymbolValue, *, by: Callable[[Decimal, Decimal], Decimal], sign: int) -> None:
        if not value.in_range:
            self.out_of_range += sign
            return
        self.initial = by(self.initial, value.initial)
        self.exposure = by(self.exposure, value.exposure)
        if value.extra:
            self.extra = by(self.extra, value.extra)
        if value.spent:
            self.spent = by(self.spent, value.spent)
        if value.cross:
            self.cross_positions += sign
            self.pnl = by(self.pnl, value.pnl)
            if value.maintenance is None:
                self.unladdered += sign
            else:
                self.maintenance = by(self.maintenance, value.maintenance)
