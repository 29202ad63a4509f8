"""The crowd: traders without a part, who trade with the market and keep within their means, mostly."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Final

from tidegate.core.pretrade.instrument import Kind
from tidegate.core.pretrade.order import Order, OrderType, Side
from tidegate.demo.floor import Floor
from tidegate.demo.market import Trade
from tidegate.demo.world import Person

RESTING_MAX: Final = 4
"""A trader with so many resting orders cancels the oldest before another one is sent."""

_SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "LINKUSDT", "AVAXUSDT", "TIAUSDT", "INJUSDT")
_LEVERAGES: Final = (3, 5, 10)
_REPLAY_NOTIONAL_MAX: Final = Decimal(3_000)


@dataclass(slots=True)
class CrowdTrader:
    """One trader with habits of their own: a leverage, favourite symbols, and dice."""

    person: Person
    leverage: Decimal
    symbols: Sequence[str]
    dice: Random

    async def act(self, floor: Floor) -> None:
        """Send an order, reduce a position, or do nothing."""
        chance = self.dice.random()
        if chance < 0.45:
            return
        await self._make_room(floor)
        if chance < 0.6 and (reducing := self._reducing(floor)) is not None:
            await floor.ask(reducing)
            return
        symbol = self.dice.choice(self.symbols)
        side = self.dice.choice((Side.BUY, Side.SELL))
        await floor.ask(self._opening(floor, symbol, side=side))

    async def follow(self, floor: Floor, trade: Trade) -> None:
        """Do what a trade of the captured market did, at a size of their own."""
        await self._make_room(floor)
        unit = floor.market.price_of_unit(trade.symbol)
        quantity = floor.market.lots(trade.symbol, min(trade.quantity * unit, _REPLAY_NOTIONAL_MAX))
        price = floor.market.on_tick(trade.symbol, trade.price)
        order = floor.order(self.person, trade.side, symbol=trade.symbol, quantity=quantity, price=price)
        await floor.ask(self._geared(floor, order))

    async def _make_room(self, floor: Floor) -> None:
        user_id = self.person.user_id(floor.run)
        resting = floor.exchange.accounts[user_id].resting
        while len(resting) >= RESTING_MAX:
            floor.tell(floor.exchange.cancel(user_id, next(iter(resting))))

    def _reducing(self, floor: Floor) -> Order | None:
        positions = floor.exchange.accounts[self.person.user_id(floor.run)].positions
        if not positions:
            return None
        held = self.dice.choice([positions[symbol] for symbol in sorted(positions)])
        lot = floor.market.listings[held.symbol].instrument.lot_size
        part = (abs(held.quantity) / self.dice.choice((1, 2, 3)) / lot).to_integral_value() * lot
        side = Side.SELL if held.quantity > 0 else Side.BUY
        quantity = part or abs(held.quantity)
        order = floor.order(self.person, side, symbol=held.symbol, quantity=quantity, price=None)
        return replace(order, reduce_only=True)

    def _opening(self, floor: Floor, symbol: str, *, side: Side) -> Order:
        mark, dice = floor.market.marks[symbol], self.dice
        quantity = floor.market.lots(symbol, Decimal(dice.randint(250, 3_500)))
        style = dice.random()
        away = Decimal(dice.randint(1, 60)).scaleb(-4)
        towards = away if side is Side.BUY else -away
        if style < 0.4:
            order = floor.order(self.person, side, symbol=symbol, quantity=quantity, price=None)
        elif style < 0.9:
            through = towards if style < 0.65 else -towards
            price = floor.market.on_tick(symbol, mark * (1 + through))
            order = floor.order(self.person, side, symbol=symbol, quantity=quantity, price=price)
        else:
            stop = floor.market.on_tick(symbol, mark * (1 + towards))
            plain_order = floor.order(self.person, side, symbol=symbol, quantity=quantity, price=None)
            order = replace(plain_order, order_type=OrderType.STOP_MARKET, stop_price=stop)
        return self._geared(floor, order)

    def _geared(self, floor: Floor, order: Order) -> Order:
        if floor.market.listings[order.symbol].instrument.kind is Kind.SPOT:
            return order
        return replace(order, leverage=self.leverage)


def gather_crowd(people: Sequence[Person], dice: Random) -> list[CrowdTrader]:
    """Give each of the people habits; who owns coins trades spot or inverse too."""
    crowd = []
    for person in people:
        symbols = dice.sample(_SYMBOLS, 4)
        if "BTC" in person.balances:
            symbols += ["BTC-USDT", "BTCUSD"]
        elif "ETH" in person.balances:
            symbols.append("ETH-USDT")
        crowd.append(CrowdTrader(person, Decimal(dice.choice(_LEVERAGES)), symbols, Random(dice.random())))  # noqa: S311 - a demo that plays the same way again
    return crowd
