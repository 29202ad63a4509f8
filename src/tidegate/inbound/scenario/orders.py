"""The order of a scenario and the earlier orders of its user, by the field rules that every way in shares."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.scenario import Activity, RecentOrder
from tidegate.inbound.scenario.json_text import Number
from tidegate.inbound.scenario.row import Row
from tidegate.inbound.shared.order_fields import MalformedOrder, OrderFields, read_order

_ACCOUNT_DEFAULT: Final = "main"


def read_scenario_order(file: Row) -> Order | None:
    """The order that is to be checked, every request field by its proto name; ``None`` when absent or null."""
    row = file.row("order")
    if row is None:
        return None
    row.flag("dry_run", default=False)
    order = _order(row, {})
    row.close()
    return order


def read_activity(file: Row, user_id: str) -> Activity:
    """The sliding windows of the user before this check; a recent order that names no user is the user's."""
    row = file.row("activity")
    if row is None:
        return Activity()
    activity = Activity(
        orders_last_minute=row.optional_count("orders_last_minute"),
        notional_24h=row.optional_decimal("notional_24h", at_least=ZERO),
        rejects_last_hour=row.optional_count("rejects_last_hour"),
        recent=tuple(_recent_orders(row, user_id)),
    )
    row.close()
    return activity


def _recent_orders(activity: Row, user_id: str) -> list[RecentOrder]:
    recent: list[RecentOrder] = []
    for place, row in enumerate(activity.rows("recent")):
        row.value("dry_run")
        at_us = row.instant_us("at")
        filled_quantity = row.optional_decimal("filled_quantity", at_least=ZERO) or ZERO
        unsaid = {"user_id": user_id, "account_id": _ACCOUNT_DEFAULT, "order_id": f"recent-{place}"}
        order = _order(row, unsaid)
        row.close()
        if order is None:
            continue
        if user_id and order.user_id != user_id:
            row.fault("user_id", "must be the user of the order")
        recent.append(RecentOrder(order, at_us, filled_quantity))
    return recent


def _order(row: Row, unsaid: Mapping[str, str]) -> Order | None:
    """Read an order; ``unsaid`` stands for texts that are absent."""
    fields = OrderFields(
        user_id=_text(row, "user_id", unsaid=unsaid),
        account_id=_text(row, "account_id", unsaid=unsaid),
        order_id=_text(row, "order_id", unsaid=unsaid),
        symbol=_text(row, "symbol"),
        side=_text(row, "side"),
        order_type=_text(row, "order_type"),
        quantity=_digits(row, "quantity"),
        price=_digits(row, "price"),
        leverage=_digits(row, "leverage"),
        reduce_only=row.flag("reduce_only", default=False),
        post_only=row.flag("post_only", default=False),
        trace_id=_text(row, "trace_id"),
        position_side=_text(row, "position_side"),
        stop_price=_digits(row, "stop_price"),
    )
    faulty = {fault.field for fault in row.faults}
    try:
        return read_order(fields)
    except MalformedOrder as malformed:
        for fault in malformed.faults:
            if row.at(fault.field) not in faulty:
                row.fault(fault.field, fault.reason)
        return None


def _text(row: Row, key: str, *, unsaid: Mapping[str, str] = MappingProxyType({})) -> str:
    value = row.value(key)
    if value is None:
        return unsaid.get(key, "")
    if isinstance(value, str):
        return value
    row.fault(key, "must be a text")
    return ""


def _digits(row: Row, key: str) -> str:
    value = row.value(key)
    if isinstance(value, Number):
        return value.text
    if value is None or isinstance(value, str):
        return value or ""
    row.fault(key, "must be a decimal text such as 0.25")
    return ""
