"""Liquidation prices: where margin and maintenance margin meet, with the tier that holds at that price.

Formulas: ``spec/pretrade.md`` section 4 (Binance's, FAQ b3c689c1f50a44cabb3a84e663b81d93, and their INVERSE forms).
"""

from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import ONE, SUM_LIMIT, SUM_QUANTUM, ZERO
from tidegate.core.pretrade.instrument import Instrument, Kind
from tidegate.core.pretrade.tiers import Ladder, Rung

STEPS_MAX: Final = 50

_NEXT_TO_NOTHING: Final = SUM_QUANTUM / 2
"""The largest price that quantises to 0 (half-even)."""

Holding = tuple[Decimal, Decimal]
"""Quantity (not negative) and entry price."""


def one_way_price(
    holding: Holding, direction: Decimal, *, cushion: Decimal, market: tuple[Instrument, Decimal], ladder: Ladder
) -> Decimal | None:
    """Give the liquidation price of a position; ``direction`` +1 long, -1 short; ``market`` is instrument and mark.

    ``cushion`` = WB - TMM + UPNL: margin balance less what the other cross positions need and plus what they make.
    ``None`` when there is none: not positive, undefined, 10**22 or more, or no fixed point in 50 steps.
    """
    instrument, mark = market
    quantity, entry = holding
    size = quantity * instrument.contract_size
    inverse = instrument.kind is Kind.INVERSE
    fixed = cushion + direction * size / entry if inverse else cushion - direction * size * entry
    rung = _rung_at(size, mark, inverse=inverse, ladder=ladder)
    for _ in range(STEPS_MAX):
        if inverse:
            above, below = size * (rung.rate + direction), fixed + rung.amount
        else:
            above, below = fixed + rung.amount, size * (rung.rate - direction)
        price = _price(above, below)
        following = _rung_at(size, price, inverse=inverse, ladder=ladder)
        if following is rung:
            return price if ZERO < price < SUM_LIMIT else None
        rung = following
    return None


def hedge_price(
    long: Holding, short: Holding, *, cushion: Decimal, market: tuple[Instrument, Decimal], ladder: Ladder
) -> Decimal | None:
    """Give the liquidation price that two legs of one symbol share; a leg that is not held has quantity 0."""
    instrument, mark = market
    long_size, short_size = long[0] * instrument.contract_size, short[0] * instrument.contract_size
    inverse = instrument.kind is Kind.INVERSE
    if inverse:
        fixed = cushion + long_size / long[1] - short_size / short[1]
    else:
        fixed = cushion - long_size * long[1] + short_size * short[1]
    on_long = _rung_at(long_size, mark, inverse=inverse, ladder=ladder)
    on_short = _rung_at(short_size, mark, inverse=inverse, ladder=ladder)
    for _ in range(STEPS_MAX):
        free = fixed + on_long.amount + on_short.amount
        if inverse:
            above, below = long_size * (on_long.rate + ONE) + short_size * (on_short.rate - ONE), free
        else:
            above, below = free, long_size * (on_long.rate - ONE) + short_size * (on_short.rate + ONE)
        price = _price(above, below)
        next_long = _rung_at(long_size, price, inverse=inverse, ladder=ladder)
        next_short = _rung_at(short_size, price, inverse=inverse, ladder=ladder)
        if next_long is on_long and next_short is on_short:
            return price if ZERO < price < SUM_LIMIT else None
        on_long, on_short = next_long, next_short
    return None


def _price(above: Decimal, below: Decimal) -> Decimal:
    """Give the price, 0 where there is none: undefined, negative, or 0 when quantised to 20 places as all sums are."""
    price = above / below if below else ZERO
    return price if price > _NEXT_TO_NOTHING else ZERO


def _rung_at(size: Decimal, price: Decimal, *, inverse: bool, ladder: Ladder) -> Rung:
    """Give the rung that holds a size (quantity times contract size) at a price; the first one where there is none."""
    if price <= ZERO or not size:
        return ladder.rungs[0]
    held = size / price if inverse else size * price
    return ladder.rung_of(held.quantize(SUM_QUANTUM) if held < SUM_LIMIT else held)
