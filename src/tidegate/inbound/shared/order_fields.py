"""Reading the fields of an order, the same for every way in: malformed is named field by field, never decided."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import ONE, ZERO
from tidegate.core.kernel.quick import quickly_made
from tidegate.core.kernel.readings import (
    FieldFault,
    Unreadable,
    read_decimal,
    read_identifier,
    read_text,
    read_uuid,
)
from tidegate.core.pretrade.order import Order, OrderType, PositionSide, Side

SIDES: Final = {side.value: side for side in Side}
ORDER_TYPES: Final = {order_type.value: order_type for order_type in OrderType}
POSITION_SIDES: Final = {
    "": PositionSide.BOTH,
    "POSITION_SIDE_UNSPECIFIED": PositionSide.BOTH,
    **{side.value: side for side in PositionSide},
}
"""An unspecified position side means BOTH."""


@quickly_made
@dataclass(frozen=True, slots=True)
class OrderFields:
    """The fields of a ``PreTradeCheckRequest`` by their proto names: texts as received, enums by name."""

    user_id: str = ""
    account_id: str = ""
    order_id: str = ""
    symbol: str = ""
    side: str = ""
    order_type: str = ""
    quantity: str = ""
    price: str = ""
    leverage: str = ""
    reduce_only: bool = False
    post_only: bool = False
    trace_id: str = ""
    position_side: str = ""
    stop_price: str = ""


class MalformedOrder(ValueError):
    """An order that cannot be read; ``faults`` names every bad field by its proto name."""

    def __init__(self, faults: list[FieldFault]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.reason}" for fault in faults))
        self.faults = tuple(faults)


def read_order(fields: OrderFields) -> Order:
    """Read an order (``spec/pretrade.md`` section 1, PT-102).

    Ids are 1 to 128 bytes without control characters, ``trace_id`` may be empty; ``user_id`` is a UUID, given back in
    lower case. Side and order type must be specified; an unspecified position side means BOTH. ``quantity`` is a plain
    positive decimal of at most 38 digits. ``price``, ``stop_price`` and ``leverage`` are ``None`` when empty; a
    negative price is malformed (0 is left to INVALID_PRICE), and so is a leverage below 1 (1 passes).

    Raises:
        MalformedOrder: naming every field that cannot be read.
    """
    faults: list[FieldFault] = []
    side = SIDES.get(fields.side)
    order_type = ORDER_TYPES.get(fields.order_type)
    position_side = POSITION_SIDES.get(fields.position_side)
    order = Order(
        user_id=_read("user_id", fields.user_id, reader=read_uuid, faults=faults),
        account_id=_read("account_id", fields.account_id, reader=read_identifier, faults=faults),
        order_id=_read("order_id", fields.order_id, reader=read_identifier, faults=faults),
        symbol=_read("symbol", fields.symbol, reader=read_identifier, faults=faults),
        side=side or Side.BUY,
        order_type=order_type or OrderType.LIMIT,
        quantity=_quantity(fields.quantity, faults),
        price=_number("price", fields.price, minimum=ZERO, faults=faults),
        stop_price=_number("stop_price", fields.stop_price, minimum=ZERO, faults=faults),
        leverage=_number("leverage", fields.leverage, minimum=ONE, faults=faults),
        position_side=position_side or PositionSide.BOTH,
        reduce_only=fields.reduce_only,
        post_only=fields.post_only,
        trace_id=_read("trace_id", fields.trace_id, reader=read_text, faults=faults),
    )
    if side is None:
        faults.append(FieldFault("side", _one_of(list(Side))))
    if order_type is None:
        faults.append(FieldFault("order_type", _one_of(list(OrderType))))
    if position_side is None:
        faults.append(FieldFault("position_side", _one_of(list(PositionSide))))
    if faults:
        raise MalformedOrder(faults)
    return order


def _read(field: str, text: str, *, reader: Callable[[str], str], faults: list[FieldFault]) -> str:
    try:
        return reader(text)
    except Unreadable as unreadable:
        faults.append(FieldFault(field, str(unreadable)))
        return ""


def _quantity(text: str, faults: list[FieldFault]) -> Decimal:
    if not text:
        faults.append(FieldFault("quantity", "must not be empty"))
        return ONE
    quantity = _number("quantity", text, minimum=ZERO, faults=faults)
    if quantity is not None and quantity == ZERO:
        faults.append(FieldFault("quantity", "must be above 0"))
    return quantity or ONE


def _number(field: str, text: str, *, minimum: Decimal, faults: list[FieldFault]) -> Decimal | None:
    if not text:
        return None
    try:
        number = read_decimal(text)
    except Unreadable as unreadable:
        faults.append(FieldFault(field, str(unreadable)))
        return None
    if number < minimum:
        faults.append(FieldFault(field, f"must not be below {minimum}"))
        return None
    return number


def _one_of(names: Iterable[str]) -> str:
    return f"must be one of {', '.join(names)}"
