"""A small world that tells of itself: services that keep one account, write the truth down and emit records of it.

Records are delivered as a bus would (each topic in order, topics interleaved at random), or worse: doubled, dropped,
late. The world's own account of the truth is kept apart, naively, from the logs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random

from tests.core.pretrade.told import ACCOUNT, USER, a_stamp

from tidegate.core.pretrade import feeds
from tidegate.core.pretrade.account import Balance, MarginMode, OpenOrder, Position
from tidegate.core.pretrade.changes import (
    AccountChange,
    BalanceSet,
    BalancesReplaced,
    EngineEventType,
    EngineReported,
    OrderCommand,
    OrderCommanded,
    OrderRow,
    OrdersReplaced,
    PositionClosed,
    PositionSet,
    PositionsReplaced,
)
from tidegate.core.pretrade.feeds import EventStamp
from tidegate.core.pretrade.order import OrderType, PositionSide, Side

SYMBOLS = ("BTCUSDT", "ETHUSDT")
ROWS = (("BTCUSDT", PositionSide.BOTH), ("ETHUSDT", PositionSide.LONG), ("ETHUSDT", PositionSide.SHORT))
ENDS = (EngineEventType.CANCELLED, EngineEventType.REJECTED, EngineEventType.EXPIRED)


@dataclass(frozen=True)
class Truth:
    """What the account really holds."""

    balances: dict[str, Balance]
    positions: dict[tuple[str, PositionSide], Position]
    orders: dict[str, OpenOrder]


@dataclass
class World:
    """One account of one user, and all that was ever said of it, by topic."""

    random: Random
    logs: dict[str, list[AccountChange]] = field(default_factory=lambda: {topic: [] for topic in feeds.ACCOUNT_TOPICS})
    balances: dict[str, Balance] = field(default_factory=dict)
    positions: dict[tuple[str, PositionSide], Position] = field(default_factory=dict)
    asked: dict[str, list[OrderRow]] = field(default_factory=dict)
    """Terms by order: every revision commanded, in turn."""
    answered: dict[str, OrderRow] = field(default_factory=dict)
    """What the engine holds of an order; gone when it has ended."""
    ended: set[str] = field(default_factory=set)
    seen_by_engine: dict[str, int] = field(default_factory=dict)

    def live(self, steps: int) -> None:
        """Let things happen, then let the engine answer all that was asked."""
        for _ in range(steps):
            self.random.choice(
                [self._wallet, self._position, self._new, self._amend, self._engine, self._engine, self._snapshot]
            )()
        for order_id in self.asked:
            while order_id not in self.ended and self.seen_by_engine[order_id] < len(self.asked[order_id]):
                self._answer(order_id)

    def truth(self) -> Truth:
        """All that was asked has been answered, so the engine's books are the orders."""
        orders = {order_id: row.order for order_id, row in self.answered.items() if order_id not in self.ended}
        return Truth(dict(self.balances), dict(self.positions), orders)

    def snapshots(self) -> list[AccountChange]:
        """Say all there is, in each topic that can."""
        return [self._balances_now(), self._positions_now(), self._orders_now()]

    def asked_for(self) -> list[AccountChange]:
        """Answer as the services do when they are asked: all there is, up to the last record of each topic."""
        answers: list[AccountChange] = []
        for change in (self._all_orders(), self._all_positions(), self._all_balances()):
            topic, heals = change.stamp.topic, sorted(change.heals.items())
            stamp = a_stamp(topic, len(self.logs[topic]), event_id=f"answer {topic}/{len(self.logs[topic])}/{heals}")
            answers.append(replace(change, stamp=stamp))
        return answers

    def _stamp(self, topic: str) -> EventStamp:
        return a_stamp(topic, len(self.logs[topic]) + 1)

    def _say(self, change: AccountChange) -> AccountChange:
        self.logs[change.stamp.topic].append(change)
        return change

    def _amount(self) -> Decimal:
        return Decimal(self.random.randint(1, 9))

    def _wallet(self) -> None:
        asset = self.random.choice(("USDT", "BTC", "ETH"))
        self.balances[asset] = Balance(asset, self._amount(), Decimal(0))
        self._say(BalanceSet(USER, ACCOUNT, self._stamp(feeds.BALANCE_CHANGED), self.balances[asset]))

    def _position(self) -> None:
        row = self.random.choice(ROWS)
        if row in self.positions and self.random.random() < 0.4:
            del self.positions[row]
            told = len(self.logs[feeds.POSITION_UPDATED])
            self._say(PositionClosed(USER, ACCOUNT, self._stamp(feeds.POSITION_CLOSED), *row, told))
            return
        position = Position(*row, self._amount(), self._amount(), Decimal(10), MarginMode.CROSS)
        self.positions[row] = position
        self._say(PositionSet(USER, ACCOUNT, self._stamp(feeds.POSITION_UPDATED), position))

    def _new(self) -> None:
        order = OpenOrder(
            f"o-{len(self.asked) + 1}",
            self.random.choice(SYMBOLS),
            self.random.choice((Side.BUY, Side.SELL)),
            OrderType.LIMIT,
            self._amount(),
            price=self._amount(),
            reduce_only=self.random.random() < 0.2,
        )
        self.asked[order.order_id] = [OrderRow(order)]
        self.seen_by_engine[order.order_id] = 0
        self._command(OrderCommand.NEW, OrderRow(order))

    def _amend(self) -> None:
        live = [order_id for order_id in self.asked if order_id not in self.ended]
        if not live:
            return
        order_id = self.random.choice(live)
        last = self.asked[order_id][-1]
        if self.random.random() < 0.3:
            self._command(OrderCommand.CANCEL, last)
            return
        filled = self.answered[order_id].order.filled_quantity if order_id in self.answered else Decimal(0)
        row = OrderRow(replace(last.order, quantity=filled + self._amount(), price=self._amount()), last.revision + 1)
        self.asked[order_id].append(row)
        self._command(OrderCommand.AMEND, row)

    def _command(self, command: OrderCommand, row: OrderRow) -> None:
        self._say(OrderCommanded(USER, ACCOUNT, self._stamp(feeds.ORDER_COMMAND), command, row))

    def _engine(self) -> None:
        live = [order_id for order_id in self.asked if order_id not in self.ended]
        if live:
            self._answer(self.random.choice(live))

    def _answer(self, order_id: str) -> None:
        """The engine takes or refuses the next thing asked, or else fills or ends the order."""
        asked, seen = self.asked[order_id], self.seen_by_engine[order_id]
        held = self.answered.get(order_id)
        if held is None and self.random.random() < 0.2:
            self._end(order_id, asked[0])
        elif seen < len(asked) and (held is None or self.random.random() < 0.7):
            self.seen_by_engine[order_id] = seen + 1
            self._accept(order_id, asked[seen], held=held)
        elif held is not None and self.random.random() < 0.3:
            self._end(order_id, held)
        elif held is not None:
            self._fill(order_id, held)

    def _accept(self, order_id: str, row: OrderRow, *, held: OrderRow | None) -> None:
        taken = held is None or (row.order.quantity > held.order.filled_quantity and self.random.random() < 0.6)
        terms = row.order if taken or held is None else held.order
        filled = held.order.filled_quantity if held is not None else Decimal(0)
        self.answered[order_id] = OrderRow(replace(terms, filled_quantity=filled), row.revision)
        self._report(EngineEventType.ACCEPTED, self.answered[order_id])

    def _fill(self, order_id: str, held: OrderRow) -> None:
        left = held.order.quantity - held.order.filled_quantity
        fill = min(left, Decimal(self.random.randint(1, 4)))
        row = replace(held, order=replace(held.order, filled_quantity=held.order.filled_quantity + fill))
        self.answered[order_id] = row
        if fill == left:
            self.ended.add(order_id)
        self._report(EngineEventType.FILLED, row)

    def _end(self, order_id: str, row: OrderRow) -> None:
        self.ended.add(order_id)
        self._report(self.random.choice(ENDS), row)

    def _report(self, event: EngineEventType, row: OrderRow) -> None:
        self._say(EngineReported(USER, ACCOUNT, self._stamp(feeds.ENGINE_EVENT), event, row))

    def _snapshot(self) -> None:
        if self.random.random() < 0.5:
            self.random.choice([self._balances_now, self._positions_now, self._orders_now])()

    def _balances_now(self) -> AccountChange:
        return self._say(self._all_balances())

    def _positions_now(self) -> AccountChange:
        return self._say(self._all_positions())

    def _orders_now(self) -> AccountChange:
        return self._say(self._all_orders())

    def _all_balances(self) -> BalancesReplaced:
        rows = tuple(self.balances.values())
        return BalancesReplaced(USER, ACCOUNT, self._stamp(feeds.BALANCE_CHANGED), rows)

    def _all_positions(self) -> PositionsReplaced:
        heals = {feeds.POSITION_CLOSED: len(self.logs[feeds.POSITION_CLOSED])}
        rows = tuple(self.positions.values())
        return PositionsReplaced(USER, ACCOUNT, self._stamp(feeds.POSITION_UPDATED), rows, heals)

    def _all_orders(self) -> OrdersReplaced:
        """The order service's own books: terms as asked, unless the engine has answered that revision."""
        rows: list[OrderRow] = []
        for order_id, asked in self.asked.items():
            held = self.answered.get(order_id)
            if order_id in self.ended:
                continue
            if held is None or asked[-1].revision > held.revision:
                filled = held.order.filled_quantity if held is not None else Decimal(0)
                rows.append(replace(asked[-1], order=replace(asked[-1].order, filled_quantity=filled)))
            else:
                rows.append(held)
        heals = {feeds.ENGINE_EVENT: len(self.logs[feeds.ENGINE_EVENT])}
        return OrdersReplaced(USER, ACCOUNT, self._stamp(feeds.ORDER_COMMAND), tuple(rows), heals)


def interleaved(world: World) -> list[AccountChange]:
    """Every record once: each topic in its order, the topics in none."""
    left = {topic: list(log) for topic, log in world.logs.items()}
    delivered: list[AccountChange] = []
    while any(left.values()):
        topic = world.random.choice([topic for topic, log in left.items() if log])
        delivered.append(left[topic].pop(0))
    return delivered


def spoilt(world: World, delivered: Sequence[AccountChange]) -> list[AccountChange]:
    """Some records dropped, some doubled, some late."""
    random = world.random
    kept = [change for change in delivered if random.random() >= 0.03]
    for _ in range(random.randint(0, 6)):
        kept.insert(random.randrange(len(kept) + 1), random.choice(delivered))
    for _ in range(random.randint(0, 3)):
        late = kept.pop(random.randrange(len(kept)))
        kept.insert(random.randrange(len(kept) + 1), late)
    return kept
