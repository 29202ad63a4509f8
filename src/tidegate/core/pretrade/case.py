"""One order beside what it meets: instrument, account, position, prices; and the numbers worked out from them."""

from decimal import Decimal

from tidegate.core.kernel.decimals import ONE, SUM_QUANTUM, ZERO
from tidegate.core.kernel.limits import SUM_EXPONENT_MAX
from tidegate.core.pretrade.account import MarginMode, Position
from tidegate.core.pretrade.instrument import Instrument, Kind, Mark
from tidegate.core.pretrade.live import notional, slipped
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.order import Order, OrderType, PositionSide, Side, is_closing
from tidegate.core.pretrade.snapshot import Snapshot
from tidegate.core.pretrade.state import AccountState
from tidegate.core.pretrade.symbol_book import SymbolBook
from tidegate.core.pretrade.symbol_value import SymbolValue
from tidegate.core.pretrade.tiers import Ladder


class StaleDatum:
    """A datum that is missing, unreadable, too old or from the future: its name, what was seen, the limit."""

    __slots__ = ("limit", "metric", "name", "observed", "unit")

    def __init__(self, name: str, *, metric: str, observed: str, limit: str = "", unit: str = "") -> None:
        self.name, self.metric, self.observed, self.limit, self.unit = name, metric, observed, limit, unit


class Case:
    """One order in one snapshot. ``None`` stands for what could not be known or worked out.

    ``mark`` is the usable mark price of the order's symbol; ``fill`` and ``margin_price`` are the order's prices
    (``spec/pretrade.md`` section 4, "Prices of an order"); ``adds`` is what it adds to its side at the margin price;
    ``fee`` and ``open_loss`` are unquantised. ``value`` is the symbol's value before the order, ``None`` when flat or
    unknown. ``isolated`` tells an ISOLATED position of the symbol, ``hedged`` hedge mode, ``mismatched`` an order whose
    position side does not fit the mode.
    """

    __slots__ = (
        "account",
        "adds",
        "book",
        "closing",
        "exposure_known",
        "exposure_raised",
        "fee",
        "fill",
        "hedged",
        "instrument",
        "isolated",
        "ladder",
        "liquidation_impossible",
        "margin_price",
        "mark",
        "metrics",
        "mismatched",
        "notional",
        "open_loss",
        "order",
        "out_of_range",
        "position",
        "proven",
        "reducing",
        "snapshot",
        "spot",
        "stale",
        "unknown_available",
        "unknown_equity",
        "value",
        "worst_after",
        "worst_before",
    )

    def __init__(self, order: Order, snapshot: Snapshot, *, instrument: Instrument) -> None:
        self.order = order
        self.snapshot = snapshot
        self.instrument = instrument
        self.metrics = Metrics(order_quantity=order.quantity)
        self.spot = instrument.kind is Kind.SPOT
        self.account = snapshot.user.accounts.get(order.account_id) or AccountState(order.account_id)
        self.book: SymbolBook | None = self.account.symbols.get(order.symbol)
        self.position: Position | None = None if self.book is None else self.book.position(order.position_side)
        self._place_order()
        self.closing = is_closing(order.side, order.position_side)
        self.reducing = order.reduce_only or self.closing
        self.proven = not self.spot and snapshot.position_known and self._is_proven()
        self.ladder: Ladder | None = None if self.spot else snapshot.configuration.ladder_of(order.symbol)
        self.stale: list[StaleDatum] = []
        self.unknown_equity: set[str] = set()
        self.unknown_available: set[str] = set()
        self.exposure_known = True
        self.exposure_raised = True
        self.out_of_range: list[str] = []
        self.liquidation_impossible = False
        self.value: SymbolValue | None = None
        self.mark: Decimal | None = None
        self.fill: Decimal | None = None
        self.margin_price: Decimal | None = None
        self.notional: Decimal | None = None
        self.fee: Decimal | None = None
        self.open_loss: Decimal | None = None
        self.adds: Decimal | None = None
        self.worst_before: Decimal | None = None
        self.worst_after: Decimal | None = None

    def _place_order(self) -> None:
        """Find the modes of the symbol, by what is held and ordered, else by the order; whether the order fits them."""
        book, one_way_order = self.book, self.order.position_side is PositionSide.BOTH
        self.isolated = self.mismatched = False
        self.hedged = not one_way_order
        if book is None:
            return
        hedged, one_way = book.hedged, book.one_way
        if hedged or one_way:
            self.hedged = hedged
        self.mismatched = not self.spot and (hedged if one_way_order else one_way)
        held = book.any_position()
        self.isolated = held is not None and held.margin_mode is MarginMode.ISOLATED

    def _is_proven(self) -> bool:
        """Derivative, against the position, and not larger than what other live orders of its side leave of it."""
        position, book, order = self.position, self.book, self.order
        if position is None or book is None or self.mismatched:
            return False
        if order.position_side is PositionSide.BOTH:
            against = (position.quantity > ZERO) is (order.side is Side.SELL)
        else:
            against = self.closing
        if not against:
            return False
        live = book.totals(order.side, order.position_side)
        left = abs(position.quantity) if live is None else abs(position.quantity) - live.quantity
        return order.quantity <= left

    def kept(self, metric: str, value: Decimal) -> Decimal | None:
        """Quantise a sum to 20 places; out of range (10**22 or more) it is noted under its metric and ``None``."""
        if value.adjusted() < SUM_EXPONENT_MAX or not value:
            return value.quantize(SUM_QUANTUM)
        self.out_of_range.append(metric)
        return None

    def quotient(self, value: Decimal) -> Decimal | None:
        """Quantise a price, ratio or percentage to 20 places; one of 10**22 or more is not known (it is no sum)."""
        return value.quantize(SUM_QUANTUM) if value.adjusted() < SUM_EXPONENT_MAX or not value else None

    def price_order(self, mark: Mark | None) -> None:
        """Work out mark, fill price, margin price, notional, fee and open loss; ``mark`` is usable or ``None``."""
        order, instrument = self.order, self.instrument
        self.mark = market = mark.price if mark is not None else None
        self.fill = fill = self._fill_price(market)
        self._price_leverage()
        if fill is None or fill <= ZERO:
            self.fill = None
            return
        seller = order.side is Side.SELL and instrument.kind is not Kind.INVERSE
        if not seller:
            self.margin_price = fill
        elif market is not None:
            self.margin_price = max(fill, market)
        worth = notional(instrument, order.quantity, price=fill)
        self.metrics.order_notional = self.kept("order_notional", worth)
        if self.metrics.order_notional is not None:
            self.notional = worth
        if self.margin_price is not None:
            same = self.margin_price is fill
            self.adds = worth if same else notional(instrument, order.quantity, price=self.margin_price)

    def _fill_price(self, market: Decimal | None) -> Decimal | None:
        order = self.order
        if order.order_type is OrderType.LIMIT or order.order_type is OrderType.STOP_LIMIT:
            return order.price
        bare = market if order.order_type is OrderType.MARKET else order.stop_price
        if bare is None:
            return None
        return slipped(bare, order.side, slippage=self.snapshot.configuration.slippage)

    def _price_leverage(self) -> None:
        order, instrument = self.order, self.instrument
        held = None if self.book is None else self.book.any_position()
        if order.leverage is not None:
            self.metrics.leverage = order.leverage
        elif held is not None:
            self.metrics.leverage = held.leverage
        else:
            self.metrics.leverage = instrument.leverage_default or ONE
