"""Builders of changes: each states only what its test is about."""

from collections.abc import Mapping
from decimal import Decimal

from tidegate.core.pretrade import feeds
from tidegate.core.pretrade.account import Balance, MarginMode, OpenOrder, Position, Reservation
from tidegate.core.pretrade.changes import (
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
from tidegate.core.pretrade.instrument import Instrument, Kind
from tidegate.core.pretrade.order import OrderType, PositionSide, Side

USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"
ACCOUNT = "main"
SECOND_US = 1_000_000
START_US = 1_767_225_600_000_000


def an_instrument(symbol: str = "BTCUSDT", kind: Kind = Kind.LINEAR) -> Instrument:
    return Instrument(
        symbol=symbol,
        kind=kind,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        status="TRADING",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"),
        taker_fee_pct=Decimal("0.05"),
        leverage_max=Decimal(125),
        leverage_default=Decimal(10),
    )


def a_stamp(topic: str, sequence: int, *, event_id: str = "", at_us: int | None = None) -> EventStamp:
    """By default later sequences are later in time, and every (topic, sequence) has an id of its own."""
    time = START_US + sequence * SECOND_US if at_us is None else at_us
    return EventStamp(event_id or f"{topic}/{sequence}", topic, sequence, time)


def an_order(order_id: str = "o-1", *, quantity: str = "1", filled: str = "0", price: str = "100") -> OpenOrder:
    return OpenOrder(
        order_id,
        "BTCUSDT",
        Side.BUY,
        OrderType.LIMIT,
        Decimal(quantity),
        filled_quantity=Decimal(filled),
        price=Decimal(price),
    )


def a_reservation(
    order_id: str = "o-1", *, quantity: str = "1", price: str = "100", expires_at_us: int = START_US + 30 * SECOND_US
) -> Reservation:
    return Reservation(
        order_id,
        "BTCUSDT",
        Side.BUY,
        OrderType.LIMIT,
        Decimal(quantity),
        Decimal(price),
        expires_at_us,
        extra=Decimal("0.5"),
    )


def a_position(quantity: str = "1", *, symbol: str = "BTCUSDT", side: PositionSide = PositionSide.BOTH) -> Position:
    return Position(symbol, side, Decimal(quantity), Decimal(100), Decimal(10), MarginMode.CROSS)


def balance_set(
    sequence: int, total: str = "100", *, asset: str = "USDT", stamp: EventStamp | None = None
) -> BalanceSet:
    return BalanceSet(
        USER,
        ACCOUNT,
        stamp or a_stamp(feeds.BALANCE_CHANGED, sequence),
        Balance(asset, Decimal(total), Decimal(0)),
    )


def balances_replaced(sequence: int, **totals: str) -> BalancesReplaced:
    rows = tuple(Balance(asset, Decimal(total), Decimal(0)) for asset, total in totals.items())
    return BalancesReplaced(USER, ACCOUNT, a_stamp(feeds.BALANCE_CHANGED, sequence), rows)


def position_set(sequence: int, position: Position | None = None) -> PositionSet:
    return PositionSet(USER, ACCOUNT, a_stamp(feeds.POSITION_UPDATED, sequence), position or a_position())


def position_closed(
    sequence: int, *, position_sequence: int, symbol: str = "BTCUSDT", side: PositionSide = PositionSide.BOTH
) -> PositionClosed:
    stamp = a_stamp(feeds.POSITION_CLOSED, sequence)
    return PositionClosed(USER, ACCOUNT, stamp, symbol, side, position_sequence)


def positions_replaced(sequence: int, *positions: Position, closed: int = 0) -> PositionsReplaced:
    stamp = a_stamp(feeds.POSITION_UPDATED, sequence)
    return PositionsReplaced(USER, ACCOUNT, stamp, positions, {feeds.POSITION_CLOSED: closed})


def commanded(
    sequence: int, order: OpenOrder, *, command: OrderCommand = OrderCommand.NEW, revision: int = 0
) -> OrderCommanded:
    return OrderCommanded(USER, ACCOUNT, a_stamp(feeds.ORDER_COMMAND, sequence), command, OrderRow(order, revision))


def reported(sequence: int, order: OpenOrder, *, event: EngineEventType, revision: int = 0) -> EngineReported:
    return EngineReported(USER, ACCOUNT, a_stamp(feeds.ENGINE_EVENT, sequence), event, OrderRow(order, revision))


def orders_replaced(sequence: int, *rows: OrderRow, engine: int = 0) -> OrdersReplaced:
    heals: Mapping[str, int] = {feeds.ENGINE_EVENT: engine}
    return OrdersReplaced(USER, ACCOUNT, a_stamp(feeds.ORDER_COMMAND, sequence), rows, heals)
