"""A matching engine as its records tell of it: it takes orders, and lets go of some."""

from collections import Counter
from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from tests.system.reckoning import settings_of
from tests.system.world import INSTRUMENTS, MARKS, TIERS, User, envelope

from tidegate.core.pretrade.account import OpenOrder
from tidegate.core.pretrade.instrument import Mark
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.reference.margin import margin_plainly
from tidegate.core.pretrade.scenario import Scenario
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

Event = tuple[str, dict[str, Any]]


def engine_takes(order: pb.PreTradeCheckRequest, sent: Counter[str], *, cancels: bool) -> list[Event]:
    """Tell that an order was sent and taken, and perhaps cancelled; ``sent`` counts the records of its account."""
    told = [("order.command.v1", command(order)), ("engine.event.v1", engine(order, "ACCEPTED"))]
    told += [("engine.event.v1", engine(order, "CANCELLED"))] if cancels else []
    events = []
    for topic, record in told:
        sent[topic] += 1
        events.append((topic, {**envelope(sent[topic]), **record}))
    return events


def available_in_usdt(user: User, orders: Iterable[Order]) -> Decimal:
    """Give what is available to a user without positions who has these orders open, as it is shown (8 places, down)."""
    scenario = Scenario(
        now_us=0,
        settings=settings_of(reservation_ttl_ms=1),
        instruments=INSTRUMENTS,
        margin_tiers=TIERS,
        marks={symbol: Mark(price, 0) for symbol, price in MARKS.items()},
        profile=user.profile,
        balances={balance.asset: balance for balance in user.balances},
        open_orders=tuple(
            OpenOrder(
                order.order_id,
                order.symbol,
                order.side,
                order.order_type,
                order.quantity,
                price=order.price,
                stop_price=order.stop_price,
                leverage=order.leverage,
            )
            for order in orders
        ),
    )
    available = margin_plainly(scenario).assets["USDT"].available_margin
    assert available is not None
    return available.quantize(Decimal(1).scaleb(-8), rounding=ROUND_FLOOR)


def command(order: pb.PreTradeCheckRequest) -> dict[str, Any]:
    """Say that an order was sent to the engine."""
    about = {"user_id": order.user_id, "account_id": order.account_id}
    return {**about, "command": "NEW", "order": row(order), "snapshot": None, "heals": None}


def engine(order: pb.PreTradeCheckRequest, what: str) -> dict[str, Any]:
    """Say what the engine did with an order."""
    about = {"user_id": order.user_id, "account_id": order.account_id}
    fill = {"last_fill_quantity": None, "last_fill_price": None, "reason": None}
    return {**about, "type": what, "order": row(order), **fill}


def row(order: pb.PreTradeCheckRequest) -> dict[str, Any]:
    """Write an order as the order service tells of it."""
    return {
        "order_id": order.order_id,
        "symbol": order.symbol,
        "side": pb.Side.Name(order.side),
        "order_type": pb.OrderType.Name(order.order_type),
        "position_side": "BOTH",
        "quantity": order.quantity,
        "filled_quantity": "0",
        "price": order.price or None,
        "stop_price": order.stop_price or None,
        "leverage": order.leverage or None,
        "reduce_only": False,
        "post_only": False,
        "placed_at": envelope(1)["event_ts"],
        "revision": 0,
    }
