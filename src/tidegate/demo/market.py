"""The demo's market: marks that move a little with every tick, the same way for the same seed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random
from typing import Final

from tidegate.core.pretrade.order import Side
from tidegate.demo.ladders import Listing

TICK_S: Final = 0.2
TICKS: Final = 80
"""Length of the flow when nothing is replayed: 16 s at speed 1."""

_STEP: Final = 25
"""Largest step of a price in one tick, in hundred-thousandths."""


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade that happened on the captured market; ``side`` is the taker's."""

    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Tick:
    """What a captured market did in one tick: the latest mark of each symbol that moved, and its trades."""

    marks: Mapping[str, Decimal] = field(default_factory=dict)
    trades: tuple[Trade, ...] = ()


@dataclass(frozen=True, slots=True)
class Tape:
    """A market to be played: ``opening`` marks where the listings' own prices do not hold, and ticks of equal length
    (``tick_s``, seconds at speed 1).
    """

    tick_s: float
    ticks: Sequence[Tick]
    opening: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def replayed(self) -> bool:
        """Tell whether orders follow captured trades."""
        return bool(self.opening)


def invented_tape() -> Tape:
    """Give the tape of a market that only the dice move."""
    return Tape(TICK_S, (Tick(),) * TICKS)


def dice_for(seed: int, purpose: str) -> Random:
    """Give dice of their own for each purpose, so that one use does not shift another."""
    return Random(f"{seed}/{purpose}")  # noqa: S311 - a demo that plays the same way again, no secret


class Market:
    """The mark of every symbol; those of one base asset move together unless a tape moves them."""

    def __init__(self, listings: Mapping[str, Listing], tape: Tape, *, dice: Random) -> None:
        self.listings = listings
        self._dice = dice
        self._taped = frozenset(tape.opening)
        self.marks: dict[str, Decimal] = {symbol: listing.price for symbol, listing in listings.items()}
        self.marks.update(tape.opening)

    def follow(self, marks: Mapping[str, Decimal]) -> Iterator[str]:
        """Take marks from the tape; give the symbols that were marked."""
        for symbol, mark in marks.items():
            self.marks[symbol] = mark
            yield symbol

    def wander(self, *, all_symbols: bool = False) -> Iterator[str]:
        """Let the dice move what the tape does not (or everything, once the tape has ended)."""
        steps: dict[str, Decimal] = {}
        for symbol, listing in self.listings.items():
            base = listing.instrument.base
            if base not in steps:
                steps[base] = Decimal(100_000 + self._dice.randint(-_STEP, _STEP)).scaleb(-5)
            if all_symbols or symbol not in self._taped:
                self.marks[symbol] = self.on_tick(symbol, self.marks[symbol] * steps[base])
                yield symbol

    def on_tick(self, symbol: str, price: Decimal) -> Decimal:
        """Give the price as a multiple of the symbol's tick, at least one."""
        tick = self.listings[symbol].instrument.tick_size
        return max(tick, (price / tick).to_integral_value(ROUND_HALF_EVEN) * tick)

    def lots(self, symbol: str, notional: Decimal) -> Decimal:
        """Give the quantity in whole lots, at least one, that a notional in quote units comes to at the mark."""
        instrument = self.listings[symbol].instrument
        each = self.price_of_unit(symbol) * instrument.lot_size
        return max(Decimal(1), (notional / each).to_integral_value(ROUND_HALF_EVEN)) * instrument.lot_size

    def price_of_unit(self, symbol: str) -> Decimal:
        """Give what one unit (contract) of a symbol comes to in quote units, at the mark."""
        instrument = self.listings[symbol].instrument
        if instrument.settle != instrument.quote:
            return instrument.contract_size
        return self.marks[symbol] * instrument.contract_size
