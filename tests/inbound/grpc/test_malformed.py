"""What cannot be read is the caller's fault, field by field, however broken the bytes are."""

from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from tests.inbound.grpc.edge import METHODS, a_request, an_edge, refused
from tests.usecases.pretrade.builders import USER

from tidegate.inbound.grpc.server import MESSAGE_BYTES_MAX
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

NO_MESSAGE = b"\x0a\xff\xff\xff\xff\x0f"  # user_id, of four billion bytes that do not follow
BAD_TEXT = b"\x0a\x02\xff\xfe"  # user_id, two bytes that are no UTF-8


@dataclass(frozen=True)
class Row:
    """A field as it must not be, and the names that the answer gives."""

    changes: dict[str, Any]
    named: tuple[str, ...]


ROWS = [
    Row({"user_id": ""}, ("user_id",)),
    Row({"user_id": "7b0d4c1e6f3a4a539d0b0f6a1f6f7c11"}, ("user_id",)),
    Row({"account_id": ""}, ("account_id",)),
    Row({"account_id": "a" * 129}, ("account_id",)),
    Row({"order_id": "\x00"}, ("order_id",)),
    Row({"order_id": "ä" * 65}, ("order_id",)),
    Row({"symbol": "BTC\nUSDT"}, ("symbol",)),
    Row({"side": pb.SIDE_UNSPECIFIED}, ("side",)),
    Row({"side": 7}, ("side",)),
    Row({"side": -1}, ("side",)),
    Row({"order_type": pb.ORDER_TYPE_UNSPECIFIED}, ("order_type",)),
    Row({"order_type": 2_147_483_647}, ("order_type",)),
    Row({"position_side": 9}, ("position_side",)),
    Row({"quantity": ""}, ("quantity",)),
    Row({"quantity": "0"}, ("quantity",)),
    Row({"quantity": "-1"}, ("quantity",)),
    Row({"quantity": "1e3"}, ("quantity",)),
    Row({"quantity": "NaN"}, ("quantity",)),
    Row({"quantity": "Infinity"}, ("quantity",)),
    Row({"quantity": "+1"}, ("quantity",)),
    Row({"quantity": " 1"}, ("quantity",)),
    Row({"quantity": "1_000"}, ("quantity",)),
    Row({"quantity": "\u0661"}, ("quantity",)),
    Row({"quantity": "1" * 39}, ("quantity",)),
    Row({"price": "-0.1"}, ("price",)),
    Row({"price": "1,5"}, ("price",)),
    Row({"stop_price": "-5"}, ("stop_price",)),
    Row({"leverage": "0.99"}, ("leverage",)),
    Row({"leverage": "ten"}, ("leverage",)),
    Row({"trace_id": "t\x7f"}, ("trace_id",)),
    Row(
        {"user_id": "me", "order_id": "", "side": 0, "quantity": "x", "price": "y", "leverage": "0"},
        ("user_id", "order_id", "side", "quantity", "price", "leverage"),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.changes)[:40])
async def test_check_of_a_field_that_cannot_be_read_is_invalid_and_names_it(row: Row) -> None:
    """PT-102, PT-132, PT-133: INVALID_ARGUMENT with a BadRequest that names every bad field, and no other."""
    async with an_edge() as edge:
        told = await refused(edge.stub.PreTradeCheck(a_request(**row.changes)))
        assert told.code is grpc.StatusCode.INVALID_ARGUMENT
        assert sorted(told.fields) == sorted(row.named)
        assert await edge.gate.reserved() == {}


async def test_check_of_fields_at_their_bounds_is_decided() -> None:
    """PT-132, PT-133: 128 bytes, 38 digits and a leverage of 1 are read; what they mean is for the checks."""
    async with an_edge() as edge:
        bounds = a_request("ä" * 64, account_id="a" * 128, quantity="1" * 38, leverage="1", trace_id="")
        assert (await edge.stub.PreTradeCheck(bounds)).decision == pb.REJECTED


@pytest.mark.parametrize("method", METHODS)
async def test_bytes_that_are_no_message_are_invalid(method: str) -> None:
    """PT-102: what protobuf cannot parse is the caller's fault, not an internal error, on every method."""
    async with an_edge() as edge:
        for payload in (NO_MESSAGE, b"\xff" * 40, b"\x07", b"\x0a\x05ab"):
            told = await refused(edge.send(method, payload))
            assert told.code is grpc.StatusCode.INVALID_ARGUMENT, payload
            assert told.fields == ("request",), payload


@pytest.mark.parametrize("method", ["PreTradeCheck", "PreTradeCheckStream"])
async def test_text_that_is_not_utf_8_is_named_with_every_other_bad_field(method: str) -> None:
    """PT-102: text that is not UTF-8 makes the message unreadable, and still every bad field is named."""
    async with an_edge() as edge:
        rest = a_request(quantity="x", side=pb.SIDE_UNSPECIFIED)
        rest.ClearField("user_id")
        told = await refused(edge.send(method, BAD_TEXT + rest.SerializeToString()))
        assert told.code is grpc.StatusCode.INVALID_ARGUMENT
        assert sorted(told.fields) == ["quantity", "side", "user_id"]
        assert "user_id: must be UTF-8 text" in told.message


async def test_text_that_is_not_utf_8_alone_is_named_alone() -> None:
    """PT-102: the fields that can be read are not blamed."""
    async with an_edge() as edge:
        order = a_request(reduce_only=True, dry_run=True, position_side=pb.LONG)
        broken = order.SerializeToString() + b"\x62\x01\x80"  # trace_id
        assert (await refused(edge.send("PreTradeCheck", broken))).fields == ("trace_id",)
        inner = b"\x0a" + bytes([len(broken)]) + broken
        assert (await refused(edge.send("MaxOrderQuantity", inner))).fields == ("trace_id",)


async def test_max_order_quantity_of_nothing_is_invalid_and_names_what_it_needs() -> None:
    """PT-102, PT-125: the order is read like any other, its quantity excepted."""
    async with an_edge() as edge:
        told = await refused(edge.stub.MaxOrderQuantity(pb.MaxOrderQuantityRequest()))
        assert told.code is grpc.StatusCode.INVALID_ARGUMENT
        assert sorted(told.fields) == ["account_id", "order_id", "order_type", "side", "symbol", "user_id"]


async def test_fields_of_another_wire_type_are_unknown_and_the_named_one_is_missing() -> None:
    """PT-102: a number where text belongs leaves the text out, and that is named."""
    async with an_edge() as edge:
        order = a_request()
        order.ClearField("order_id")
        told = await refused(edge.send("PreTradeCheck", order.SerializeToString() + b"\x18\x01"))
        assert (told.code, told.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ("order_id",))


async def test_a_request_that_is_too_large_is_refused_by_the_transport() -> None:
    """PT-102: the transport's own bound; nothing of it is read."""
    async with an_edge() as edge:
        told = await refused(edge.stub.PreTradeCheck(a_request(trace_id="t" * MESSAGE_BYTES_MAX)))
        assert told.code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_malformed_order_of_a_known_user_is_never_a_decision() -> None:
    """PT-102: the journal holds nothing, and the order id is free."""
    async with an_edge() as edge:
        await refused(edge.stub.PreTradeCheck(a_request("o-1", quantity="0")))
        assert await edge.gate.journal.remembered(USER, "o-1", since_us=0) is None
        assert (await edge.stub.PreTradeCheck(a_request("o-1"))).decision == pb.APPROVED
