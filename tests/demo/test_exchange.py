"""The demo's matching engine: what fills, what rests, and that what it tells adds up."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tidegate.core.pretrade.account import MarginMode, Position
from tidegate.core.pretrade.order import Order, OrderType, PositionSide, Side
from tidegate.demo.exchange import Account, Exchange
from tidegate.demo.ladders import load_listings
from tidegate.demo.market import dice_for
from tidegate.demo.telling import Event, Teller

D = Decimal
USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"


class Trading:
    """One account on an exchange, and everything it was told."""

    def __init__(self, **balances: str) -> None:
        self.exchange = Exchange(load_listings(), Teller(lambda: 1_767_225_600_000, dice=dice_for(1, "events")))
        self.account = Account(USER, {asset: D(total) for asset, total in balances.items()})
        self.exchange.open_account(self.account)
        self.events: list[Event] = []

    def place(self, mark: str, **fields: Any) -> list[str]:
        """Place an order and give what happened to it."""
        plain = Order(USER, "main", "o-1", "ETHUSDT", Side.BUY, OrderType.MARKET, D(1), leverage=D(10))
        fresh = list(self.exchange.place(replace(plain, **fields), D(mark)))
        self.events += fresh
        return [_what(event) for event in fresh]

    def sweep(self, mark: str, symbol: str = "ETHUSDT") -> list[str]:
        fresh = list(self.exchange.sweep({symbol: D(mark)}))
        self.events += fresh
        return [_what(event) for event in fresh]


def _what(event: Event) -> str:
    topic, record = event
    return str(record.get("command") or record.get("type") or topic.split(".")[0])


def test_market_order_placed_fills_at_the_mark_and_tells_the_position_first() -> None:
    """Position and wallet are told before the order that ends: margin is never free in between."""
    trading = Trading(USDT="10000")
    assert trading.place("2000") == ["NEW", "position", "wallet", "FILLED"]
    held = trading.account.positions["ETHUSDT"]
    assert (held.quantity, held.entry_price, held.leverage) == (D(1), D(2000), D(10))
    assert trading.account.balances["USDT"] == D(10_000) - 1
    filled = trading.events[-1][1]
    assert (filled["last_fill_quantity"], filled["last_fill_price"]) == ("1", "2000")


def test_position_filled_to_nothing_realises_and_is_told_as_closed() -> None:
    """Bought at 2,000 and sold at 2,100: 100 less two fees of 0.05 %; the closing names the update it closes."""
    trading = Trading(USDT="10000")
    trading.place("2000")
    assert trading.place("2100", order_id="o-2", side=Side.SELL)[1:] == ["position", "wallet", "FILLED"]
    assert trading.account.positions == {}
    assert trading.account.balances["USDT"] == D(10_000) + 100 - D("1") - D("1.05")
    topic, closing = trading.events[-3]
    assert topic == "position.closed.v1"
    assert closing["position_sequence"] == 1


@pytest.mark.parametrize(
    ("side", "order_type", "price", "stop_price", "reached"),
    [
        (Side.BUY, OrderType.LIMIT, "1990", None, "1990"),
        (Side.SELL, OrderType.LIMIT, "2010", None, "2010"),
        (Side.BUY, OrderType.STOP_MARKET, None, "2010", "2010"),
        (Side.SELL, OrderType.STOP_MARKET, None, "1990", "1990"),
        (Side.BUY, OrderType.STOP_LIMIT, "2020", "2010", "2015"),
    ],
)
def test_order_that_is_not_marketable_rests_until_the_mark_comes(
    side: Side, order_type: OrderType, price: str | None, stop_price: str | None, reached: str
) -> None:
    """At 2,000 each of them rests; at the price it waits for it fills at the mark."""
    trading = Trading(USDT="10000")
    fields: dict[str, Any] = {"side": side, "order_type": order_type}
    fields |= {"price": price and D(price), "stop_price": stop_price and D(stop_price)}
    assert trading.place("2000", **fields) == ["NEW", "ACCEPTED"]
    assert trading.sweep("2000") == []
    assert trading.sweep(reached) == ["position", "wallet", "FILLED"]
    assert trading.account.positions["ETHUSDT"].entry_price == D(reached)
    assert trading.account.resting == {}


def test_large_limit_order_fills_in_two_parts() -> None:
    """Half at once, the rest with the next mark; filled quantities are cumulative."""
    trading = Trading(USDT="10000")
    trading.place("2000", order_type=OrderType.LIMIT, price=D(2001))
    trading.sweep("2000")
    told = [record["order"]["filled_quantity"] for _, record in trading.events if record.get("type") == "FILLED"]
    assert told == ["0.5", "1"]


def test_reduce_only_order_with_nothing_left_is_cancelled() -> None:
    """What was reduced meanwhile is not turned around."""
    trading = Trading(USDT="10000")
    assert trading.place("2000", side=Side.SELL, reduce_only=True) == ["NEW", "CANCELLED"]
    assert trading.account.positions == {}


def test_reduce_only_order_larger_than_the_position_fills_what_is_held() -> None:
    """It never opens the other way, and what cannot be filled is cancelled with the next mark."""
    trading = Trading(USDT="10000")
    trading.place("2000")
    trading.place("2000", order_id="o-2", side=Side.SELL, quantity=D(2), reduce_only=True)
    assert trading.account.positions == {}
    assert trading.sweep("2000") == ["CANCELLED"]
    assert trading.account.resting == {}


def test_spot_order_exchanges_assets_and_pays_the_fee_in_the_quote() -> None:
    """0.1 BTC at 60,000 with 0.1 % fee."""
    trading = Trading(USDT="10000")
    trading.place("60000", symbol="BTC-USDT", quantity=D("0.1"), leverage=None)
    assert trading.account.balances == {"BTC": D("0.1"), "USDT": D(10_000) - 6_000 - 6}


def test_inverse_order_settles_in_its_base() -> None:
    """60 contracts of 100 USD at 60,000 are 0.1 BTC; at 66,000 a long has won 60*100*(1/60000 - 1/66000)."""
    trading = Trading(BTC="1")
    trading.place("60000", symbol="BTCUSD", quantity=D(60))
    assert trading.account.balances["BTC"] == 1 - D("0.00005")
    trading.place("66000", order_id="o-2", symbol="BTCUSD", quantity=D(60), side=Side.SELL)
    assert trading.account.balances["BTC"] == 1 - D("0.00005") + D("0.00909090") - D("0.00004546")


def test_isolated_position_added_to_takes_its_margin_from_the_wallet() -> None:
    """One more at 2,000 and leverage 50 moves 40 of margin; half of it sold gives half of the margin back."""
    trading = Trading(USDT="1000")
    margin = D(30)
    held = Position("ETHUSDT", PositionSide.BOTH, D(1), D(2000), D(50), MarginMode.ISOLATED, margin)
    trading.account.positions["ETHUSDT"] = held
    trading.place("2000", leverage=D(50))
    assert trading.account.positions["ETHUSDT"].isolated_margin == D(70)
    assert trading.account.balances["USDT"] == D(1000) - 40 - 1
    trading.place("2000", order_id="o-2", side=Side.SELL, leverage=D(50))
    assert trading.account.positions["ETHUSDT"].isolated_margin == D(35)
    assert trading.account.balances["USDT"] == D(1000) - 40 - 1 + 35 - 1


def test_order_cancelled_is_asked_for_and_then_done() -> None:
    """CANCEL asks, CANCELLED ends."""
    trading = Trading(USDT="10000")
    trading.place("2000", order_type=OrderType.LIMIT, price=D(1900))
    assert [_what(event) for event in trading.exchange.cancel(USER, "o-1")] == ["CANCEL", "CANCELLED"]
    assert trading.account.resting == {}
