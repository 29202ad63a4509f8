import contextlib
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.pretrade.order import OrderType, PositionSide, Side
from tidegate.inbound.shared.order_fields import MalformedOrder, OrderFields, read_order

USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"


def some_fields(**said: str | bool) -> OrderFields:
    plain = OrderFields(
        user_id=USER,
        account_id="main",
        order_id="o-1",
        symbol="BTCUSDT",
        side="BUY",
        order_type="LIMIT",
        quantity="0.05",
        price="50000",
    )
    return replace(plain, **said)  # type: ignore[arg-type]  # said names fields of their kind


def bad_fields(fields: OrderFields) -> list[str]:
    with pytest.raises(MalformedOrder) as malformed:
        read_order(fields)
    return sorted(fault.field for fault in malformed.value.faults)


def test_order_of_readable_fields_is_read() -> None:
    """PT-102: every field becomes its value; what is empty is None and an unspecified position side is BOTH."""
    order = read_order(some_fields(user_id=USER.upper(), trace_id="t-1"))
    assert order.user_id == USER
    assert (order.side, order.order_type, order.position_side) == (Side.BUY, OrderType.LIMIT, PositionSide.BOTH)
    assert (order.quantity, order.price) == (Decimal("0.05"), Decimal(50000))
    assert (order.stop_price, order.leverage, order.trace_id) == (None, None, "t-1")
    assert (order.reduce_only, order.post_only) == (False, False)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("user_id", ""),
        ("user_id", "7b0d4c1e"),
        ("user_id", USER.replace("-", "")),
        ("account_id", ""),
        ("order_id", ""),
        ("order_id", "a\n"),
        ("order_id", "x" * 129),
        ("order_id", "é" * 65),
        ("symbol", ""),
        ("symbol", "BTC\x7fUSDT"),
        ("trace_id", "\x00"),
        ("side", ""),
        ("side", "SIDE_UNSPECIFIED"),
        ("side", "buy"),
        ("order_type", "ORDER_TYPE_UNSPECIFIED"),
        ("order_type", "ICEBERG"),
        ("position_side", "NET"),
        ("quantity", ""),
        ("quantity", "0"),
        ("quantity", "0.000"),
        ("quantity", "-1"),
        ("quantity", "1e3"),
        ("quantity", "NaN"),
        ("quantity", "+1"),
        ("quantity", " 1"),
        ("quantity", "1,5"),
        ("quantity", "01"),
        ("quantity", "1" * 39),
        ("quantity", "\u0661"),
        ("price", "-0.1"),
        ("price", "Infinity"),
        ("stop_price", "-1"),
        ("stop_price", "1."),
        ("leverage", "0.99"),
        ("leverage", "0"),
        ("leverage", "-5"),
    ],
)
def test_order_with_an_unreadable_field_is_malformed(field: str, text: str) -> None:
    """PT-132, PT-133: the bad field is named, and only it."""
    assert bad_fields(some_fields(**{field: text})) == [field]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("order_id", "x" * 128),
        ("order_id", "é" * 64),
        ("trace_id", ""),
        ("position_side", ""),
        ("position_side", "POSITION_SIDE_UNSPECIFIED"),
        ("position_side", "SHORT"),
        ("quantity", "1" * 38),
        ("quantity", "0." + "1" * 37),
        ("price", ""),
        ("price", "0"),
        ("stop_price", "0.0"),
        ("leverage", ""),
        ("leverage", "1"),
        ("leverage", "2.5"),
    ],
)
def test_order_at_the_bounds_is_read(field: str, text: str) -> None:
    """PT-132, PT-133: 128 bytes, 38 digits, a zero price and a leverage of 1 can be read."""
    assert read_order(some_fields(**{field: text})).order_type is OrderType.LIMIT


def test_order_with_many_faults_names_them_all() -> None:
    """PT-102: one answer names every bad field."""
    empty = OrderFields(price="x", leverage="x", stop_price="x", position_side="x", trace_id="\x01")
    assert bad_fields(empty) == [
        "account_id",
        "leverage",
        "order_id",
        "order_type",
        "position_side",
        "price",
        "quantity",
        "side",
        "stop_price",
        "symbol",
        "trace_id",
        "user_id",
    ]


@given(
    st.builds(
        OrderFields,
        user_id=st.text(),
        account_id=st.text(),
        order_id=st.text(),
        symbol=st.text(),
        side=st.text(),
        order_type=st.text(),
        quantity=st.text(),
        price=st.text(),
        leverage=st.text(),
        trace_id=st.text(),
        position_side=st.text(),
        stop_price=st.text(),
    )
)
def test_order_of_any_text_is_read_or_malformed(fields: OrderFields) -> None:
    """PT-102: no text whatever makes anything but an order or a MalformedOrder."""
    with contextlib.suppress(MalformedOrder):
        assert read_order(fields).quantity > 0
