"""Live orders (open orders and reservations): their own notional, and immutable views of their totals."""

from dataclasses import dataclass
from decimal import Decimal

from tidegate.core.kernel.decimals import ONE, WORKING
from tidegate.core.kernel.quick import quickly_made
from tidegate.core.pretrade.account import OpenOrder, Position, Reservation
from tidegate.core.pretrade.instrument import Instrument, Kind
from tidegate.core.pretrade.order import PositionSide, Side


def notional(instrument: Instrument, quantity: Decimal, *, price: Decimal) -> Decimal:
    """Give ``q*cs*price`` (SPOT, LINEAR) or ``q*cs/price`` (INVERSE), in the settle asset; ``price`` is positive."""
    size = WORKING.multiply(quantity, instrument.contract_size)
    return WORKING.divide(size, price) if instrument.kind is Kind.INVERSE else WORKING.multiply(size, price)


def slipped(price: Decimal, side: Side, *, slippage: Decimal) -> Decimal:
    """Give the price at which a market order of this side is taken to fill; ``slippage`` as a fraction."""
    factor = WORKING.add(ONE, slippage) if side is Side.BUY else WORKING.subtract(ONE, slippage)
    return WORKING.multiply(price, factor)


def own_price(order: OpenOrder | Reservation) -> Decimal | None:
    """Give the price at which a live order counts: its limit (or margin) price, else its bare trigger price;
    ``None`` for an open MARKET order, which the mark prices.
    """
    return order.price if order.price is not None else order.stop_price


@quickly_made
@dataclass(frozen=True, slots=True)
class TotalsView:
    """Totals of the live orders of one side and leg, as a decision saw them (see ``state.LegTotals``)."""

    side: Side
    leg: PositionSide
    count: int
    quantity: Decimal
    reducing: Decimal
    notional: Decimal
    stops: Decimal
    market: Decimal
    oversized: int


@quickly_made
@dataclass(frozen=True, slots=True)
class SymbolView:
    """One symbol of an account as a decision saw it: enough to decide again, whatever the number of live orders."""

    symbol: str
    both: Position | None
    long: Position | None
    short: Position | None
    totals: tuple[TotalsView, ...]
    leverages: tuple[tuple[Decimal, int], ...]
    leverageless: int
    extra: Decimal
