"""Positions and live-order totals of one symbol of one account; reading them costs the same for any number of them."""

from decimal import Decimal

from tidegate.core.kernel.decimals import SUM_LIMIT, WORKING, ZERO
from tidegate.core.pretrade.account import OpenOrder, Position, Reservation
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.live import SymbolView, TotalsView, notional, own_price
from tidegate.core.pretrade.order import PositionSide, Side, is_closing
from tidegate.core.pretrade.symbol_value import SymbolValue

SideAndLeg = tuple[Side, PositionSide]


class LegTotals:
    """Running totals of the live orders of one symbol, side and leg.

    ``quantity`` is the remaining quantity of all of them, ``reducing`` that of the reduce-only (or closing) ones. Of
    those that open: ``notional`` at their own price, ``stops`` the notional of STOP_MARKET orders at the bare trigger
    price (slippage is applied when it is read), ``market`` the quantity of MARKET orders, which the mark prices.
    Orders of 10**22 or more are only counted (``oversized``): their sum is out of range anyway.
    """

    __slots__ = ("count", "market", "notional", "oversized", "quantity", "reducing", "stops")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.quantity = self.reducing = self.notional = self.stops = self.market = ZERO
        self.count = self.oversized = 0


class SymbolBook:
    """Positions and live-order totals of one symbol of one account.

    ``live_one_way`` and ``live_in_legs`` count the live orders of each position mode.
    """

    __slots__ = (
        "both",
        "extra",
        "legs",
        "leverageless",
        "leverages",
        "live_in_legs",
        "live_one_way",
        "long",
        "short",
        "symbol",
        "value",
        "view",
    )

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.both: Position | None = None
        self.long: Position | None = None
        self.short: Position | None = None
        self.legs: dict[SideAndLeg, LegTotals] = {}
        self.live_one_way = self.live_in_legs = 0
        self.leverages: dict[Decimal, int] = {}
        self.leverageless = 0
        self.extra = ZERO
        self.value: SymbolValue | None = None
        self.view: SymbolView | None = None

    @property
    def live_count(self) -> int:
        """Number of live orders of the symbol."""
        return self.live_one_way + self.live_in_legs

    @property
    def empty(self) -> bool:
        """Tell whether neither a position nor a live order is left."""
        return not self.live_count and self.both is None and self.long is None and self.short is None

    @property
    def hedged(self) -> bool:
        """Tell whether the symbol is held, or ordered, in legs."""
        return self.live_in_legs > 0 or self.long is not None or self.short is not None

    @property
    def one_way(self) -> bool:
        """Tell whether the symbol is held, or ordered, one-way."""
        return self.live_one_way > 0 or self.both is not None

    def position(self, side: PositionSide) -> Position | None:
        """Give the position of one side."""
        if side is PositionSide.BOTH:
            return self.both
        return self.long if side is PositionSide.LONG else self.short

    def totals(self, side: Side, leg: PositionSide) -> LegTotals | None:
        """Give the totals of one side and leg, ``None`` when nothing is live there."""
        return self.legs.get((side, leg))

    def any_position(self) -> Position | None:
        """Give a position of the symbol: mode and leverage are the same for both legs."""
        return self.both or self.long or self.short

    def set_position(self, position: Position, side: PositionSide) -> None:
        """Put a position in its place; quantity 0 clears it."""
        held = position if position.quantity else None
        if side is PositionSide.BOTH:
            self.both = held
        elif side is PositionSide.LONG:
            self.long = held
        else:
            self.short = held

    def count_order(self, order: OpenOrder | Reservation, instrument: Instrument, *, sign: int) -> None:
        """Add (``sign`` 1) or take back (``sign`` -1) one live order."""
        key = (order.side, order.position_side)
        leg = self.legs.get(key)
        if leg is None:
            leg = self.legs[key] = LegTotals()
        self._count_leverage(order.leverage, sign)
        self.count_mode(order.position_side, sign)
        leg.count += sign
        if not leg.count:
            leg.clear()
            return
        remaining = WORKING.subtract(order.quantity, order.filled_quantity)
        signed = remaining if sign > 0 else remaining.copy_negate()
        leg.quantity = WORKING.add(leg.quantity, signed)
        if order.reduce_only or is_closing(order.side, order.position_side):
            leg.reducing = WORKING.add(leg.reducing, signed)
            return
        price = own_price(order)
        if price is None:
            leg.market = WORKING.add(leg.market, signed)
            return
        own = notional(instrument, remaining, price=price)
        if own >= SUM_LIMIT:
            leg.oversized += sign
        elif order.price is None:
            leg.stops = WORKING.add(leg.stops, own if sign > 0 else own.copy_negate())
        else:
            leg.notional = WORKING.add(leg.notional, own if sign > 0 else own.copy_negate())

    def count_mode(self, side: PositionSide, count: int) -> None:
        """Count live orders in the position mode that their position side belongs to."""
        if side is PositionSide.BOTH:
            self.live_one_way += count
        else:
            self.live_in_legs += count

    def _count_leverage(self, leverage: Decimal | None, sign: int) -> None:
        if leverage is None:
            self.leverageless += sign
            return
        left = self.leverages.get(leverage, 0) + sign
        if left:
            self.leverages[leverage] = left
        else:
            self.leverages.pop(leverage, None)

    def seen(self) -> SymbolView:
        """Give the totals as an immutable view, kept until the next change."""
        if self.view is None:
            self.view = SymbolView(
                symbol=self.symbol,
                both=self.both,
                long=self.long,
                short=self.short,
                totals=tuple(
                    TotalsView(
                        side,
                        leg,
                        totals.count,
                        totals.quantity,
                        totals.reducing,
                        totals.notional,
                        totals.stops,
                        totals.market,
                        totals.oversized,
                    )
                    for (side, leg), totals in self.legs.items()
                    if totals.count
                ),
                leverages=tuple(self.leverages.items()),
                leverageless=self.leverageless,
                extra=self.extra,
            )
        return self.view
