"""One story of a few accounts, told as events and asked as orders, and what the naive reference says to each order.

The story is drawn from a seed before anything runs: whoever is told and asked the same must answer the same.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Any, Final

from tests.inbound.events.records import balance_row, position_row
from tests.system.engine import Event, command, engine
from tests.system.reckoning import settings_of
from tests.system.world import (
    ACCOUNT,
    INSTRUMENTS,
    MARKS,
    TIERS,
    User,
    envelope,
    now_ms,
    opening,
    random_order,
    some_users,
)

from tidegate.core.kernel.decimals import ZERO, plain
from tidegate.core.pretrade.account import Balance, MarginMode, OpenOrder, Position, Reservation
from tidegate.core.pretrade.instrument import Kind, Mark
from tidegate.core.pretrade.order import Order, OrderType, PositionSide, Side
from tidegate.core.pretrade.reasons import Decision
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.rules import Operator, RiskRule, RuleAction
from tidegate.core.pretrade.scenario import Activity, Scenario
from tidegate.core.pretrade.verdict import Verdict
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

NEVER_US: Final = 1 << 60
HOUR_MS: Final = 3_600_000
REFUSALS_MAX: Final = 6
"""Refusals of a user within an hour after which a rule flags what passes: whoever answers must know of all of them."""

RULE: Final = RiskRule(
    "1",
    "too many refusals",
    RuleAction.WARN,
    metric="rejects_per_hour",
    operator=Operator.GT,
    thresholds=(Decimal(REFUSALS_MAX),),
)


@dataclass(frozen=True)
class Tell:
    """Events of one kind, dated when they are told; ``frozen``: of whom a user event tells that, ``marks``: what
    a mark is now.
    """

    events: tuple[Event, ...]
    frozen: tuple[str, bool] | None = None
    marks: tuple[str, Decimal] | None = None


@dataclass(frozen=True)
class Ask:
    """An order, and what the naive reference says to it."""

    order: pb.PreTradeCheckRequest
    verdict: Verdict


Step = Tell | Ask


@dataclass
class PlainAccount:
    """One account as rows, kept by the plainest means there are."""

    user: User
    balances: dict[str, Balance]
    positions: dict[str, Position] = field(default_factory=dict)
    open_orders: dict[str, OpenOrder] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)
    frozen: bool = False
    refusals: int = 0

    def asked(self, order: Order, marks: dict[str, Decimal]) -> Verdict:
        """Decide an order, and hold what it reserves."""
        profile = replace(self.user.profile, frozen=self.frozen)
        verdict = decide_plainly(
            Scenario(
                now_us=0,
                settings=settings_of(reservation_ttl_ms=1),
                instruments=INSTRUMENTS,
                margin_tiers=TIERS,
                marks={symbol: Mark(price, 0) for symbol, price in marks.items()},
                profile=profile,
                balances=self.balances,
                positions=tuple(self.positions.values()),
                open_orders=tuple(self.open_orders.values()),
                reservations=tuple(self.reservations.values()),
                activity=Activity(0, ZERO, self.refusals),
                rules=(RULE,),
                order=order,
            )
        )
        if verdict.decision is Decision.REJECTED:
            self.refusals += 1
        else:
            self.reservations[order.order_id] = self._reservation(order, verdict)
        return verdict

    def _reservation(self, order: Order, verdict: Verdict) -> Reservation:
        metrics = verdict.metrics
        extra = ZERO if verdict.spot else (metrics.open_loss or ZERO) + (metrics.fee or ZERO)
        assert verdict.margin_price is not None, "every mark is known here"
        return Reservation(
            order.order_id,
            order.symbol,
            order.side,
            order.order_type,
            order.quantity,
            verdict.margin_price,
            NEVER_US,
            extra=extra,
            stop_price=order.stop_price,
            leverage=order.leverage,
        )

    def stamped(self, topic: str, record: dict[str, Any]) -> Event:
        """Give a record the next place in its topic."""
        self.sent[topic] += 1
        about = {"user_id": self.user.user_id, "account_id": ACCOUNT}
        return topic, {**envelope(self.sent[topic]), **about, **record}


class Story:
    """Draws a story: ``steps`` are told and asked in their order, by whomever."""

    def __init__(self, seed: int, *, users: int) -> None:
        self.random = Random(seed)
        self.users = some_users(users, usdt="8000", btc="0.3", random=self.random)
        self.accounts = {
            user.user_id: PlainAccount(user, {row.asset: row for row in user.balances}) for user in self.users
        }
        self.marks = dict(MARKS)
        self._asked: dict[str, pb.PreTradeCheckRequest] = {}
        # A seed file's marks have the time of their loading as their place in the sequence.
        self._mark_sequence = now_ms() + HOUR_MS

    def openings(self) -> Tell:
        """Tell all there is of the users at the beginning."""
        for account in self.accounts.values():
            account.sent.update({topic: 1 for topic, _ in opening(account.user)})
        return Tell(tuple(event for user in self.users for event in opening(user)))

    def steps(self, count: int) -> Iterator[Step]:
        """Draw the next steps: mostly orders, and between them what their accounts, engine and market do."""
        for _ in range(count):
            account = self.accounts[self.random.choice(self.users).user_id]
            kind = self.random.random()
            if account.frozen and kind < 0.3:
                yield self._freeze(account)
            elif kind < 0.60:
                yield self._ask(account)
            elif kind < 0.78 and account.reservations:
                yield self._engine_takes(account)
            elif kind < 0.86 and account.open_orders:
                yield self._engine_ends(account)
            elif kind < 0.92:
                yield self._position(account)
            elif kind < 0.96:
                yield self._balance(account)
            elif kind < 0.98:
                yield self._mark()
            else:
                yield self._freeze(account)

    def probes(self) -> Iterator[Ask]:
        """Ask at the end of each account something that is refused: its evidence is the whole state."""
        for account in self.accounts.values():
            request = random_order(Random(0), account.user, order_id=f"probe of {account.user.user_id}")
            request.symbol, request.side, request.order_type = "BTCUSDT", pb.BUY, pb.LIMIT
            request.quantity, request.price, request.stop_price = "99999", "50000", ""
            yield Ask(request, account.asked(order_of(request), self.marks))

    def _ask(self, account: PlainAccount) -> Ask:
        number = len(self._asked)
        request = random_order(self.random, account.user, order_id=f"s-{number}-{self.random.getrandbits(32):08x}")
        self._asked[request.order_id] = request
        return Ask(request, account.asked(order_of(request), self.marks))

    def _engine_takes(self, account: PlainAccount) -> Tell:
        held = account.reservations.pop(self.random.choice(sorted(account.reservations)))
        request = self._asked[held.order_id]
        order = order_of(request)
        account.open_orders[order.order_id] = OpenOrder(
            order.order_id,
            order.symbol,
            order.side,
            order.order_type,
            order.quantity,
            price=order.price,
            stop_price=order.stop_price,
            leverage=order.leverage,
        )
        told = [account.stamped("order.command.v1", command(request))]
        return Tell((*told, account.stamped("engine.event.v1", engine(request, "ACCEPTED"))))

    def _engine_ends(self, account: PlainAccount) -> Tell:
        order_id = self.random.choice(sorted(account.open_orders))
        del account.open_orders[order_id]
        return Tell((account.stamped("engine.event.v1", engine(self._asked[order_id], "CANCELLED")),))

    def _position(self, account: PlainAccount) -> Tell:
        symbol = self.random.choice(["BTCUSDT", "ETHUSDT", "BTCUSD"])
        instrument, mark = INSTRUMENTS[symbol], self.marks[symbol]
        worth = Decimal(self.random.randint(-8_000, 8_000))
        units = worth / instrument.contract_size if instrument.kind is Kind.INVERSE else worth / mark
        quantity = int(units / instrument.lot_size) * instrument.lot_size
        leverage = Decimal(self.random.choice([5, 10, 20]))
        position = Position(symbol, PositionSide.BOTH, quantity, mark, leverage, MarginMode.CROSS)
        account.positions.pop(symbol, None)
        if quantity:
            account.positions[symbol] = position
        row = position_row(position)
        return Tell((account.stamped("position.updated.v1", {"position": row, "snapshot": None, "heals": None}),))

    def _balance(self, account: PlainAccount) -> Tell:
        total = Decimal(self.random.randint(5_000, 12_000))
        balance = account.balances["USDT"] = Balance("USDT", total, ZERO)
        row = balance_row(balance)
        return Tell((account.stamped("wallet.balance_changed.v1", {"balance": row, "snapshot": None, "heals": None}),))

    def _mark(self) -> Tell:
        symbol = self.random.choice(["BTCUSDT", "ETHUSDT"])
        instrument = INSTRUMENTS[symbol]
        ticks = int(self.marks[symbol] * Decimal(self.random.randint(985, 1_015)) / 1_000 / instrument.tick_size)
        price = self.marks[symbol] = ticks * instrument.tick_size
        self._mark_sequence += 1
        record = {**envelope(self._mark_sequence), "symbol": symbol, "price": plain(price)}
        return Tell((("md.mark.v1", record),), marks=(symbol, price))

    def _freeze(self, account: PlainAccount) -> Tell:
        account.frozen = not account.frozen
        topic = "user.frozen.v1" if account.frozen else "user.unfrozen.v1"
        account.sent[topic] += 1
        why = {"reason": "the story", "actor": "the story"}
        record = {**envelope(account.sent[topic]), "user_id": account.user.user_id, **why}
        return Tell(((topic, record),), frozen=(account.user.user_id, account.frozen))


def order_of(request: pb.PreTradeCheckRequest) -> Order:
    """Read an order of this suite, which is well-formed."""
    return Order(
        request.user_id,
        request.account_id,
        request.order_id,
        request.symbol,
        Side(pb.Side.Name(request.side)),
        OrderType(pb.OrderType.Name(request.order_type)),
        Decimal(request.quantity),
        price=Decimal(request.price) if request.price else None,
        stop_price=Decimal(request.stop_price) if request.stop_price else None,
        leverage=Decimal(request.leverage) if request.leverage else None,
        trace_id=request.trace_id,
    )


def asks_of(steps: Sequence[Step]) -> list[Ask]:
    """Give the orders among steps."""
    return [step for step in steps if isinstance(step, Ask)]
