"""A matching engine for the demo: one price a symbol (the mark), everything that is marketable fills at it.

It keeps what order service, engine, position service and wallet would, and tells of every change as they would.
Positions and wallets are told before the order that ends, so that margin is never free in between.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple

from tidegate.core.kernel.decimals import HUNDRED, ONE, ZERO, plain, whole_multiple_below, working_precision
from tidegate.core.pretrade.account import Balance, MarginMode, OpenOrder, Position
from tidegate.core.pretrade.filled import fill_position
from tidegate.core.pretrade.instrument import Instrument, Kind
from tidegate.core.pretrade.live import notional
from tidegate.core.pretrade.order import STOP_TYPES, Order, OrderType, Side
from tidegate.demo.ladders import Listing
from tidegate.demo.telling import Event, Teller
from tidegate.usecases.pretrade.told_rows import balance_row, order_row, position_row

_CENT = Decimal("0.00000001")
_PRICE = Decimal("0.000000000001")


class Fill(NamedTuple):
    """How much of an order was filled, and at what price."""

    quantity: Decimal
    price: Decimal


@dataclass(slots=True)
class Account:
    """What one trader owns, and the orders that rest."""

    user_id: str
    balances: dict[str, Decimal] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)
    resting: dict[str, OpenOrder] = field(default_factory=dict)


class Exchange:
    """Takes orders that the gate let through, fills them, and tells of it."""

    def __init__(self, listings: Mapping[str, Listing], teller: Teller) -> None:
        self._listings = listings
        self._teller = teller
        self.accounts: dict[str, Account] = {}

    def open_account(self, account: Account) -> None:
        """Take an account as it is told of in the opening events."""
        self.accounts[account.user_id] = account

    def place(self, order: Order, mark: Decimal) -> Iterator[Event]:
        """Take an order: it fills at once (a large limit order half of it), or rests, or is cancelled."""
        account = self.accounts[order.user_id]
        resting = OpenOrder(
            order.order_id,
            order.symbol,
            order.side,
            order.order_type,
            order.quantity,
            price=order.price,
            stop_price=order.stop_price,
            leverage=order.leverage,
            position_side=order.position_side,
            reduce_only=order.reduce_only,
            at_us=self._teller.now_ms() * 1_000,
        )
        yield self._command("NEW", account, order=resting)
        if not _marketable(resting, mark):
            account.resting[order.order_id] = resting
            yield self._report("ACCEPTED", account, order=resting)
            return
        yield from self._execute(account, resting, mark=mark, quantity=self._first_part(resting))

    def sweep(self, marks: Mapping[str, Decimal]) -> Iterator[Event]:
        """Fill what rests and has become marketable."""
        for account in self.accounts.values():
            for order in list(account.resting.values()):
                if _marketable(order, marks[order.symbol]):
                    left = order.quantity - order.filled_quantity
                    yield from self._execute(account, order, mark=marks[order.symbol], quantity=left)

    def cancel(self, user_id: str, order_id: str) -> Iterator[Event]:
        """Cancel an order that rests."""
        account = self.accounts[user_id]
        order = account.resting.pop(order_id)
        yield self._command("CANCEL", account, order=order)
        yield self._report("CANCELLED", account, order=order, reason="asked for by the trader")

    def _first_part(self, order: OpenOrder) -> Decimal:
        lot = self._listings[order.symbol].instrument.lot_size
        half = whole_multiple_below(order.quantity / 2, lot)
        return half if order.order_type is OrderType.LIMIT and half >= 10 * lot else order.quantity

    def _execute(self, account: Account, order: OpenOrder, *, mark: Decimal, quantity: Decimal) -> Iterator[Event]:
        """Fill ``quantity`` at the mark; a reduce-only order never more than is held."""
        held = account.positions.get(order.symbol)
        if order.reduce_only:
            against = held is not None and (held.quantity > ZERO) is (order.side is Side.SELL)
            quantity = min(quantity, abs(held.quantity)) if held is not None and against else ZERO
        if not quantity:
            account.resting.pop(order.order_id, None)
            yield self._report("CANCELLED", account, order=order, reason="nothing left to reduce")
            return
        instrument, fill = self._listings[order.symbol].instrument, Fill(quantity, mark)
        with working_precision():
            if instrument.kind is Kind.SPOT:
                changed = self._exchange_assets(account, instrument, side=order.side, fill=fill)
            else:
                changed = self._move_position(account, order, instrument=instrument, fill=fill)
        yield from changed
        filled = replace(order, filled_quantity=order.filled_quantity + quantity)
        if filled.filled_quantity == filled.quantity:
            account.resting.pop(order.order_id, None)
        else:
            account.resting[order.order_id] = filled
        yield self._report("FILLED", account, order=filled, fill=fill)

    def _exchange_assets(self, account: Account, instrument: Instrument, *, side: Side, fill: Fill) -> list[Event]:
        worth = notional(instrument, fill.quantity, price=fill.price)
        fee = _fee(worth, instrument)
        sign = ONE if side is Side.BUY else -ONE
        return [
            self._book(account, instrument.base, amount=fill.quantity * sign),
            self._book(account, instrument.quote, amount=-worth * sign - fee),
        ]

    def _move_position(self, account: Account, order: OpenOrder, *, instrument: Instrument, fill: Fill) -> list[Event]:
        held = account.positions.get(order.symbol)
        asked = Order(
            account.user_id, "", order.order_id, order.symbol, order.side, order.order_type, quantity=fill.quantity
        )
        after = fill_position(held, asked, instrument=instrument, price=fill.price)
        leverage = _lowest([order.leverage, None if held is None else held.leverage], instrument.leverage_default)
        margin, moved = None, ZERO
        if held is not None and held.isolated_margin is not None:
            opened = notional(instrument, after.opened, price=fill.price) / leverage
            given_back = held.isolated_margin * after.closed / abs(held.quantity)
            margin = (held.isolated_margin + opened - given_back).quantize(_CENT, ROUND_HALF_EVEN)
            moved = margin - held.isolated_margin
        fee = _fee(notional(instrument, fill.quantity, price=fill.price), instrument)
        position = Position(
            order.symbol,
            order.position_side,
            after.quantity,
            after.entry_price.quantize(_PRICE, ROUND_HALF_EVEN),
            leverage,
            MarginMode.CROSS if margin is None else MarginMode.ISOLATED,
            margin,
        )
        paid = after.realised.quantize(_CENT, ROUND_FLOOR) - moved - fee
        return [self._hold(account, position), self._book(account, instrument.settle, amount=paid)]

    def _hold(self, account: Account, position: Position) -> Event:
        if position.quantity:
            account.positions[position.symbol] = position
            told: dict[str, Any] = {"position": position_row(position), "snapshot": None, "heals": None}
            return self._teller.tell("position.updated.v1", account.user_id, fields=told)
        del account.positions[position.symbol]
        told = {
            "symbol": position.symbol,
            "position_side": position.position_side.value,
            "position_sequence": self._teller.last("position.updated.v1", account.user_id),
        }
        return self._teller.tell("position.closed.v1", account.user_id, fields=told)

    def _book(self, account: Account, asset: str, *, amount: Decimal) -> Event:
        account.balances[asset] = account.balances.get(asset, ZERO) + amount
        row = balance_row(Balance(asset, account.balances[asset], ZERO))
        told = {"balance": row, "snapshot": None, "heals": None}
        return self._teller.tell("wallet.balance_changed.v1", account.user_id, fields=told)

    def _command(self, command: str, account: Account, *, order: OpenOrder) -> Event:
        told = {"command": command, "order": order_row(order), "snapshot": None, "heals": None}
        return self._teller.tell("order.command.v1", account.user_id, fields=told)

    def _report(
        self, event: str, account: Account, *, order: OpenOrder, fill: Fill | None = None, reason: str | None = None
    ) -> Event:
        told = {
            "type": event,
            "order": order_row(order),
            "last_fill_quantity": None if fill is None else plain(fill.quantity),
            "last_fill_price": None if fill is None else plain(fill.price),
            "reason": reason,
        }
        return self._teller.tell("engine.event.v1", account.user_id, fields=told)


def _fee(worth: Decimal, instrument: Instrument) -> Decimal:
    return (worth * instrument.taker_fee_pct / HUNDRED).quantize(_CENT, ROUND_CEILING)


def _lowest(leverages: Iterable[Decimal | None], default: Decimal | None) -> Decimal:
    named = [leverage for leverage in leverages if leverage is not None]
    return min(named) if named else default or ONE


def _marketable(order: OpenOrder, mark: Decimal) -> bool:
    """Tell whether an order fills at the mark: a stop has been reached, a limit is not worse than the mark."""
    buying = order.side is Side.BUY
    if order.order_type in STOP_TYPES:
        stop = order.stop_price
        reached = stop is not None and (mark >= stop if buying else mark <= stop)
        if not reached or order.price is None:
            return reached
    if order.price is None:
        return True
    return mark <= order.price if buying else mark >= order.price
