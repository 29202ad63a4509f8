"""What one symbol is worth at its mark: worst-case notional, margins and profit, and their totals by settle asset.

A symbol is valued when its mark, its orders or its positions have moved since; the totals of its asset move by the
difference. Formulas: ``spec/pretrade.md`` section 4.
"""

from decimal import Decimal

from tidegate.core.kernel.decimals import HUNDRED, ONE, SUM_LIMIT, ZERO, as_sum
from tidegate.core.pretrade.account import MarginMode, Position
from tidegate.core.pretrade.instrument import Instrument, Kind, Mark
from tidegate.core.pretrade.live import notional
from tidegate.core.pretrade.order import PositionSide, Side
from tidegate.core.pretrade.symbol_book import LegTotals, SymbolBook
from tidegate.core.pretrade.symbol_value import NEVER_PRICED_US, SymbolValue
from tidegate.core.pretrade.tiers import Ladder


def leg_notional(totals: LegTotals | None, instrument: Instrument, *, mark: Decimal | None, factor: Decimal) -> Decimal:
    """Sum the notional of the opening live orders of one leg: at their own price, MARKET orders at the slipped mark.

    ``factor`` is 1 + slippage for buys and 1 - slippage for sells.
    """
    if totals is None:
        return ZERO
    total = totals.notional
    inverse = instrument.kind is Kind.INVERSE
    if totals.stops:
        total += totals.stops / factor if inverse else totals.stops * factor
    if totals.market and mark is not None:
        total += notional(instrument, totals.market, price=mark * factor)
    return total


def worst_case(net: Decimal, *, buys: Decimal, sells: Decimal) -> Decimal:
    """Give the one-way worst case: the worse side, never the sum and never the net."""
    bought, sold = abs(net + buys), abs(net - sells)
    return max(bought, sold)


def initial_margin(worst: Decimal, held: Decimal, *, leverage: Decimal, isolated: bool) -> Decimal:
    """Give ``W / L`` for CROSS and ``max(0, W - |P|) / L`` for ISOLATED, whose position lives on its own margin."""
    return max(ZERO, worst - held) / leverage if isolated else worst / leverage


def unrealised_pnl(position: Position, instrument: Instrument, *, mark: Decimal) -> Decimal:
    """Give ``d*q*cs*(m - ep)`` (LINEAR) or ``d*q*cs*(1/ep - 1/m)`` (INVERSE), in the settle asset."""
    quantity = position.quantity * instrument.contract_size
    if position.position_side is PositionSide.SHORT:
        quantity = -quantity
    if instrument.kind is Kind.INVERSE:
        return quantity * (ONE / position.entry_price - ONE / mark)
    return quantity * (mark - position.entry_price)


def maintenance_margin(ladder: Ladder, held: Decimal) -> Decimal:
    """Give the tiered maintenance margin of a position's notional: ``N*mmr_n - cum_n``."""
    if not held:
        return ZERO
    rung = ladder.rung_of(as_sum(held) if held < SUM_LIMIT else held)
    return held * rung.rate - rung.amount


def lowest_leverage(book: SymbolBook, instrument: Instrument) -> Decimal | None:
    """Give the lowest leverage among the position and the live orders of a symbol; ``None`` when there is neither."""
    position = book.any_position()
    lowest = position.leverage if position is not None else None
    if book.leverages:
        ordered = min(book.leverages)
        lowest = ordered if lowest is None or ordered < lowest else lowest
    if book.leverageless and position is None:
        default = instrument.leverage_default or ONE
        lowest = default if lowest is None or default < lowest else lowest
    return lowest


def value_symbol(
    book: SymbolBook, instrument: Instrument, *, mark: Mark | None, ladder: Ladder | None, slippage: Decimal
) -> SymbolValue | None:
    """Value one symbol at its mark (``slippage`` a fraction); ``None`` for a derivative whose mark cannot be read."""
    price = mark.price if mark is not None and mark.price is not None and mark.price > ZERO else None
    hedged = book.hedged
    buy_leg, sell_leg = (PositionSide.LONG, PositionSide.SHORT) if hedged else (PositionSide.BOTH, PositionSide.BOTH)
    buys = leg_notional(book.totals(Side.BUY, buy_leg), instrument, mark=price, factor=ONE + slippage)
    sells = leg_notional(book.totals(Side.SELL, sell_leg), instrument, mark=price, factor=ONE - slippage)
    oversized = any(leg.oversized for leg in book.legs.values())
    if instrument.kind is Kind.SPOT:
        return _spot_value(book, instrument, mark=mark, buys=buys, sells=sells, oversized=oversized)
    if price is None:
        return None
    net = notional(instrument, book.both.quantity, price=price) if book.both is not None else ZERO
    long = notional(instrument, book.long.quantity, price=price) if book.long is not None else ZERO
    short = notional(instrument, book.short.quantity, price=price) if book.short is not None else ZERO
    held = long + short if hedged else abs(net)
    worst = long + buys + short + sells if hedged else worst_case(net, buys=buys, sells=sells)
    position = book.any_position()
    isolated = position is not None and position.margin_mode is MarginMode.ISOLATED
    leverage = lowest_leverage(book, instrument)
    initial = initial_margin(worst, held, leverage=leverage, isolated=isolated) if leverage is not None else ZERO
    cross = position is not None and not isolated
    pnl, maintenance = ZERO, _maintenance(ladder, hedged=hedged, net=net, long=long, short=short)
    if cross:
        for leg in (book.both, book.long, book.short):
            if leg is not None:
                pnl += unrealised_pnl(leg, instrument, mark=price)
    sizes = (worst, initial, abs(pnl), maintenance or ZERO, abs(book.extra))
    return SymbolValue(
        mark=mark,
        priced_us=_priced_us(mark),
        asset=instrument.settle,
        base=instrument.base,
        hedged=hedged,
        net=net,
        long=long,
        short=short,
        buys=buys,
        sells=sells,
        worst=worst,
        leverage=leverage,
        initial=initial,
        held=held,
        pnl=pnl,
        maintenance=maintenance,
        exposure=worst,
        extra=book.extra,
        spent=ZERO,
        spent_base=ZERO,
        cross=cross,
        in_range=not oversized and max(sizes) < SUM_LIMIT,
    )


def _priced_us(mark: Mark | None) -> int:
    return NEVER_PRICED_US if mark is None or mark.price is None or mark.price <= ZERO else mark.at_us


def _maintenance(ladder: Ladder | None, *, hedged: bool, net: Decimal, long: Decimal, short: Decimal) -> Decimal | None:
    if ladder is None:
        return None
    if hedged:
        return maintenance_margin(ladder, long) + maintenance_margin(ladder, short)
    return maintenance_margin(ladder, abs(net))


def _spot_value(  # tidy: allow-parameters - the five sums of the caller, handed on by name
    book: SymbolBook, instrument: Instrument, *, mark: Mark | None, buys: Decimal, sells: Decimal, oversized: bool
) -> SymbolValue:
    spent = buys + buys * instrument.taker_fee_pct / HUNDRED
    selling = book.totals(Side.SELL, PositionSide.BOTH)
    spent_base = selling.quantity if selling is not None else ZERO
    return SymbolValue(
        mark=mark,
        priced_us=_priced_us(mark),
        asset=instrument.quote,
        base=instrument.base,
        hedged=False,
        net=ZERO,
        long=ZERO,
        short=ZERO,
        buys=buys,
        sells=sells,
        worst=ZERO,
        leverage=None,
        initial=ZERO,
        held=ZERO,
        pnl=ZERO,
        maintenance=ZERO,
        exposure=buys + sells,
        extra=ZERO,
        spent=spent,
        spent_base=spent_base,
        cross=False,
        in_range=not oversized and max(spent, sells, spent_base) < SUM_LIMIT,
    )
