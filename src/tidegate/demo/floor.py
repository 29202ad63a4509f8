"""The trading floor: where traders ask the gate, and what the gate lets through goes to the exchange."""

import itertools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.order import Order, OrderType, Side
from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.demo.exchange import Exchange
from tidegate.demo.gateway import CallFailed, Gateway, request_of
from tidegate.demo.market import Market
from tidegate.demo.presentation import DecisionLine, DemoSummary, Presentation
from tidegate.demo.telling import ACCOUNT, Event, Teller
from tidegate.demo.world import Person
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

Publish = Callable[[Sequence[Event]], Awaitable[None]]
"""Publishes (base topic, record) in order; durable when it returns."""

Settled = Callable[[], Awaitable[None]]
"""Waits until everything published has been applied."""

_PASSED: Final = frozenset({pb.APPROVED, pb.FLAGGED})


@dataclass(frozen=True, slots=True)
class Expected:
    """The answer that a part of the flow is about."""

    decision: Decision
    reason: RejectReason | None = None

    def __str__(self) -> str:
        return f"{self.decision} {self.reason or ''}".strip()


@dataclass(frozen=True, slots=True)
class Told:
    """Where events go."""

    publish: Publish
    settled: Settled


class Floor:
    """Asks, counts, shows, and hands what passes to the exchange. ``run`` names this run of the demo in user ids."""

    def __init__(self, gateway: Gateway, told: Told, *, market: Market, teller: Teller, show: Presentation) -> None:
        self.gateway = gateway
        self.market = market
        self.teller = teller
        self.exchange = Exchange(market.listings, teller)
        self.show = show
        self.summary = DemoSummary()
        self.run = ""
        self._told = told
        self._unsent: list[Event] = []
        self._numbers = itertools.count(1)
        self._began_ms = teller.now_ms()

    def order(self, person: Person, side: Side, *, symbol: str, quantity: Decimal, price: Decimal | None) -> Order:
        """Make an order under a new id: LIMIT with a price, MARKET without."""
        order_type = OrderType.MARKET if price is None else OrderType.LIMIT
        order_id = f"{person.name}-{next(self._numbers)}"
        user_id = person.user_id(self.run)
        return Order(
            user_id, ACCOUNT, order_id, symbol, side, order_type, quantity=quantity, price=price, trace_id=order_id
        )

    def renamed(self, order: Order) -> Order:
        """Give the same order under a new id."""
        order_id = f"{order.order_id.split('-', 1)[0]}-{next(self._numbers)}"
        return replace(order, order_id=order_id, trace_id=order_id)

    async def ask(
        self, order: Order, expected: Expected | None = None, *, dry_run: bool = False
    ) -> pb.PreTradeCheckResponse | None:
        """Have an order decided and, if it may proceed, executed; ``None`` when the call got no answer."""
        try:
            response = await self.gateway.check(request_of(order, dry_run=dry_run))
        except CallFailed as failed:
            self.summary.troubles.append(f"{order.order_id}: {failed}")
            return None
        self.take(order, response, expected=expected, dry_run=dry_run)
        return response

    def take(
        self, order: Order, response: pb.PreTradeCheckResponse, *, expected: Expected | None, dry_run: bool = False
    ) -> None:
        """Count and show an answer; execute what may proceed."""
        decision, reason = pb.RiskDecision.Name(response.decision), _reason(response)
        self.show.decision(
            DecisionLine(self.elapsed_s(), _trader(order), _words(order), decision, _why(response, dry_run=dry_run))
        )
        if expected is not None and (decision, reason) != (expected.decision, expected.reason):
            self.summary.surprises.append(f"{order.order_id}: {expected} expected, {decision} {reason or ''} came")
        if dry_run:
            return
        self.summary.decisions[decision] += 1
        if reason is not None:
            self.summary.reasons[reason] += 1
        elif decision == Decision.FLAGGED:
            self.summary.warnings[pb.RejectReason.Name(response.violations[0].code)] += 1
        if response.decision in _PASSED:
            self.tell(self.exchange.place(order, self.market.marks[order.symbol]))

    def say(self, trader: str, what: str, *, answer: str, why: str) -> None:
        """Show an answer that is no decision."""
        self.show.decision(DecisionLine(self.elapsed_s(), trader, what, answer, why))

    def elapsed_s(self) -> float:
        """Give the seconds since the floor opened."""
        return (self.teller.now_ms() - self._began_ms) / 1_000

    def tell(self, events: Iterable[Event]) -> None:
        """Put events on the way."""
        self._unsent.extend(events)

    async def mark(self, symbols: Iterable[str]) -> None:
        """Tell the marks of these symbols, fill what has become marketable, and wait until the gate knows it all."""
        marks = self.market.marks
        self.tell(self.teller.tell("md.mark.v1", symbol, fields={"price": plain(marks[symbol])}) for symbol in symbols)
        self.tell(self.exchange.sweep(marks))
        await self.settle()

    async def settle(self) -> None:
        """Send what is on the way and wait until it has been applied."""
        sent, self._unsent = self._unsent, []
        if sent:
            await self._told.publish(sent)
            self.summary.events.update(topic for topic, _ in sent)
        await self._told.settled()


def _reason(response: pb.PreTradeCheckResponse) -> str | None:
    return pb.RejectReason.Name(response.reject_reason) if response.reject_reason else None


def _trader(order: Order) -> str:
    return order.order_id.split("-", 1)[0]


def _words(order: Order) -> str:
    flags = f" x{plain(order.leverage)}" if order.leverage is not None else ""
    flags += " reduce" if order.reduce_only else ""
    price = order.price if order.price is not None else order.stop_price
    at = "" if price is None else f" @ {plain(price)}"
    return f"{order.side} {order.order_type} {plain(order.quantity)} {order.symbol}{at}{flags}"


def _why(response: pb.PreTradeCheckResponse, *, dry_run: bool) -> str:
    words = "dry run; " if dry_run else ""
    if not response.violations:
        margin, available = response.required_initial_margin, response.available_margin
        return words + (f"margin {margin} of {available} free" if margin and available else response.message)
    first = response.violations[0]
    code = pb.RejectReason.Name(first.code)
    trial = " (on trial)" if first.action == pb.SHADOW else ""
    more = f" (+{len(response.violations) - 1} more)" if len(response.violations) > 1 else ""
    numbers = f" [{first.observed} / {first.limit}{' ' + first.unit if first.unit else ''}]" if first.limit else ""
    return f"{words}{code}{trial}{more}: {first.message}{numbers}"
