"""Prices of the order: positive and whole multiples of the tick (INVALID_PRICE); the fill inside the band around the
mark (PRICE_OUT_OF_BAND).
"""

from decimal import Decimal

from tidegate.core.kernel.decimals import HUNDRED, ZERO, is_multiple, plain, shown_even
from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.order import PRICED_TYPES, STOP_TYPES
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.violation import Violation


def check_prices(case: Case) -> tuple[Violation, ...]:
    """Refuse a price of 0 and one off the tick: multiples count, not digits."""
    order, tick = case.order, case.instrument.tick_size
    found: list[Violation] = []
    if order.price is not None and order.order_type in PRICED_TYPES:
        found += _faults("price", order.price, tick=tick)
    if order.stop_price is not None and order.order_type in STOP_TYPES:
        found += _faults("stop_price", order.stop_price, tick=tick)
    return tuple(found)


def _faults(name: str, price: Decimal, *, tick: Decimal) -> tuple[Violation, ...]:
    if price <= ZERO:
        message = f"{name} must be positive"
        limit = "0"
    elif not is_multiple(price, tick):
        message = f"{name} {plain(price)} is not a multiple of the tick {plain(tick)}"
        limit = plain(tick)
    else:
        return ()
    return (Violation(RejectReason.INVALID_PRICE, message, metric=name, observed=plain(price), limit=limit),)


def check_band(case: Case) -> Violation | None:
    """Refuse a fill price outside ``mark * (1 +- price_band_pct / 100)``; at the bound passes."""
    band, fill, mark = case.instrument.price_band_pct, case.fill, case.mark
    if band is None or fill is None or mark is None or abs(fill - mark) <= mark * band / HUNDRED:
        return None
    deviation = case.metrics.price_deviation_pct
    observed = plain(shown_even(deviation)) if deviation is not None else plain(fill)
    return Violation(
        RejectReason.PRICE_OUT_OF_BAND,
        f"fill price {plain(fill)} is {observed} % from the mark {plain(mark)}",
        metric="price_deviation_pct",
        observed=observed,
        limit=plain(band),
        unit="%",
    )
