"""Protos of the upstream services: what others serve is read by these names, numbers and types."""

import pytest
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor

from tidegate.core.pretrade.account import MarginMode
from tidegate.core.pretrade.instrument import Kind, KycLevel
from tidegate.core.pretrade.order import OrderType, PositionSide, Side
from tidegate.wire.proto.metadata.v1 import main_pb2 as metadata
from tidegate.wire.proto.position.v1 import main_pb2 as position
from tidegate.wire.proto.wallet.v1 import main_pb2 as wallet

# One line a message: its fields in the order of their numbers, 1, 2, 3... ("*": repeated, "?": a message, "#": an enum,
# "+": a whole number, "!": true or false, else a string). A field may be added at the end, never moved.
MESSAGES = {
    wallet.DESCRIPTOR: """
        GetBalancesRequest user_id account_id
        GetBalancesResponse ?account
        ListBalancesRequest +page_size page_token
        ListBalancesResponse *?accounts next_page_token
        AccountBalances user_id account_id +sequence ?event_ts *?balances
        Balance asset total locked
    """,
    position.DESCRIPTOR: """
        GetHoldingsRequest *?accounts
        GetHoldingsResponse *?accounts
        Account user_id account_id
        AccountHoldings ?account ?positions ?orders
        Positions +sequence ?event_ts +closed_sequence *?rows
        Orders +sequence ?event_ts +engine_sequence *?rows
        Position symbol #position_side quantity entry_price leverage #margin_mode isolated_margin
        Order order_id symbol #side #order_type #position_side quantity filled_quantity price stop_price leverage \
!reduce_only ?placed_at +revision
    """,
    metadata.DESCRIPTOR: """
        ListInstrumentsRequest +page_size page_token
        ListInstrumentsResponse *?instruments next_page_token
        Instrument symbol +created_sequence +updated_sequence ?event_ts #kind base quote status tick_size lot_size \
quantity_min quantity_max notional_min notional_max price_band_pct leverage_max leverage_default contract_size \
taker_fee_pct #kyc_min_level
    """,
}
_MARKS = {
    FieldDescriptor.TYPE_STRING: "",
    FieldDescriptor.TYPE_INT32: "+",
    FieldDescriptor.TYPE_INT64: "+",
    FieldDescriptor.TYPE_BOOL: "!",
    FieldDescriptor.TYPE_ENUM: "#",
    FieldDescriptor.TYPE_MESSAGE: "?",
}
METHODS = {
    "wallet.v1.WalletService": "GetBalances ListBalances",
    "position.v1.PositionService": "GetHoldings",
    "metadata.v1.MetadataService": "ListInstruments",
}


def _written(field: FieldDescriptor) -> str:
    return ("*" if field.is_repeated else "") + _MARKS[field.type] + field.name


@pytest.mark.parametrize("file", MESSAGES, ids=lambda file: file.package)
def test_messages_have_the_fields_that_upstreams_serve(file: FileDescriptor) -> None:
    """RE-300: names, numbers and types of every message of the upstream services."""
    told = {name: list(message.fields) for name, message in file.message_types_by_name.items()}
    expected = {words[0]: words[1:] for words in map(str.split, MESSAGES[file].strip().splitlines())}
    assert {name: [_written(field) for field in fields] for name, fields in told.items()} == expected
    assert all([field.number for field in fields] == list(range(1, len(fields) + 1)) for fields in told.values())


def test_services_have_the_calls_that_are_made() -> None:
    """RE-300: one call an account, one a page, and no stream."""
    services = [service for file in MESSAGES for service in file.services_by_name.values()]
    assert {service.full_name: " ".join(method.name for method in service.methods) for service in services} == METHODS


def test_enums_name_what_the_core_knows() -> None:
    """RE-300: every value but the unspecified one is read by its name, and every name can be told."""
    for file in MESSAGES:
        for name, enum in file.enum_types_by_name.items():
            core = {
                choices.__name__: choices for choices in (Side, OrderType, PositionSide, MarginMode, Kind, KycLevel)
            }
            told = [value.name for value in enum.values]
            assert told[0].endswith("_UNSPECIFIED")
            assert set(told[1:]) == set(core[name]), name
