"""Liquidation prices: where margin and maintenance margin meet, with the tier that holds at that price.

Formulas: ``spec/pretrade.md`` section 4 (Binance's, FAQ b3c689c1f50a44cabb3a84e663b81d93, and their INVERSE forms).
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import ONE, SUM_LIMIT, ZERO, as_sum
from tidegate.core.pretrade.instrument import Instrument, Kind
from tidegate.core.pretrade.live import notional
from tidegate.core.pretrade.tiers import Ladder, Rung

STEPS_MAX: Final = 50

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

    def at(rungs: tuple[Rung, ...]) -> Decimal | None:
        (rung,) = rungs
        if instrument.kind is Kind.INVERSE:
            above = size * (rung.rate + direction)
            below = cushion + rung.amount + direction * size / entry
        else:
            above = cushion + rung.amount - direction * size * entry
            below = size * (rung.rate - direction)
        return above / below if below else None

    return _fixed_point(at, (quantity,), instrument=instrument, mark=mark, ladder=ladder)


def hedge_price(
    long: Holding, short: Holding, *, cushion: Decimal, market: tuple[Instrument, Decimal], ladder: Ladder
) -> Decimal | None:
    """Give the liquidation price that two legs of one symbol share; a leg that is not held has quantity 0."""
    instrument, mark = market
    (long_quantity, long_entry), (short_quantity, short_entry) = long, short
    long_size, short_size = long_quantity * instrument.contract_size, short_quantity * instrument.contract_size

    def at(rungs: tuple[Rung, ...]) -> Decimal | None:
        on_long, on_short = rungs
        free = cushion + on_long.amount + on_short.amount
        if instrument.kind is Kind.INVERSE:
            above = long_size * (on_long.rate + ONE) + short_size * (on_short.rate - ONE)
            below = free + long_size / long_entry - short_size / short_entry
        else:
            above = free - long_size * long_entry + short_size * short_entry
            below = long_size * on_long.rate + short_size * on_short.rate - long_size + short_size
        return above / below if below else None

    return _fixed_point(at, (long_quantity, short_quantity), instrument=instrument, mark=mark, ladder=ladder)


def _fixed_point(
    at: Callable[[tuple[Rung, ...]], Decimal | None],
    quantities: tuple[Decimal, ...],
    *,
    instrument: Instrument,
    mark: Decimal,
    ladder: Ladder,
) -> Decimal | None:
    rungs = tuple(_rung_at(quantity, mark, instrument=instrument, ladder=ladder) for quantity in quantities)
    for _ in range(STEPS_MAX):
        price = at(rungs)
        positive = price is not None and price > ZERO
        anchor = price if positive else None
        following = tuple(_rung_at(quantity, anchor, instrument=instrument, ladder=ladder) for quantity in quantities)
        if following == rungs:
            return price if positive and price is not None and price < SUM_LIMIT else None
        rungs = following
    return None


def _rung_at(quantity: Decimal, price: Decimal | None, *, instrument: Instrument, ladder: Ladder) -> Rung:
    """Give the rung that holds a quantity at a price; the first one where there is no price."""
    if price is None or not quantity:
        return ladder.rungs[0]
    held = notional(instrument, quantity, price=price)
    return ladder.rung_of(as_sum(held) if held < SUM_LIMIT else held)
