"""order.command.v1 and engine.event.v1."""

from tidegate.core.kernel.decimals import ONE, ZERO
from tidegate.core.pretrade.account import OpenOrder
from tidegate.core.pretrade.changes import (
    EngineEventType,
    EngineReported,
    OrderCommand,
    OrderCommanded,
    OrderRow,
    OrdersReplaced,
)
from tidegate.core.pretrade.feeds import ENGINE_EVENT, ORDER_COMMAND
from tidegate.core.pretrade.order import PRICED_TYPES, OrderType, PositionSide, Side
from tidegate.inbound.events.record import RecordRow


def read_order_command(record: RecordRow) -> OrderCommanded | OrdersReplaced:
    """What was asked of the engine, or all open orders."""
    user_id, account_id, stamp = record.user_id(), record.text("account_id"), record.stamp(ORDER_COMMAND)
    heals = record.heals()
    if heals is None:
        command = record.choice("command", OrderCommand)
        return OrderCommanded(user_id, account_id, stamp, command, _order(record.row("order")))
    return OrdersReplaced(user_id, account_id, stamp, tuple(map(_order, record.rows("snapshot"))), heals)


def read_engine_event(record: RecordRow) -> EngineReported:
    """What the engine did."""
    return EngineReported(
        record.user_id(),
        record.text("account_id"),
        record.stamp(ENGINE_EVENT),
        record.choice("type", EngineEventType),
        _order(record.row("order")),
        record.optional_decimal("last_fill_quantity", at_least=ZERO),
        record.optional_decimal("last_fill_price", at_least=ZERO),
    )


def _order(row: RecordRow) -> OrderRow:
    order = OpenOrder(
        order_id=row.text("order_id"),
        symbol=row.text("symbol"),
        side=row.choice("side", Side),
        order_type=row.choice("order_type", OrderType),
        quantity=row.decimal("quantity", above=ZERO),
        filled_quantity=row.decimal("filled_quantity", at_least=ZERO),
        price=row.optional_decimal("price", above=ZERO),
        stop_price=row.optional_decimal("stop_price", above=ZERO),
        leverage=row.optional_decimal("leverage", at_least=ONE),
        position_side=row.choice("position_side", PositionSide),
        reduce_only=row.flag("reduce_only"),
        at_us=row.instant_us("placed_at"),
    )
    if order.filled_quantity > order.quantity:
        row.fault("filled_quantity", "must not be above quantity")
    if order.order_type in PRICED_TYPES and not row.has("price"):
        row.fault("price", f"is required for {order.order_type}")
    if order.order_type not in PRICED_TYPES and row.has("price"):
        row.fault("price", f"must be null for {order.order_type}")
    if order.order_type is OrderType.STOP_MARKET and not row.has("stop_price"):
        row.fault("stop_price", "is required for STOP_MARKET")
    return OrderRow(order, row.count("revision"))
