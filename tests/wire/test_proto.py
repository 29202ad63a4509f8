"""protos/risk/v1/main.proto as it was released: names, numbers and types (spec/pretrade.md section 1)."""

import pytest
from google.protobuf.descriptor import FieldDescriptor

from tidegate.wire.proto.risk.v1 import main_pb2

# One line a field: number, name, type ("*" before it: repeated). A line may be added, never changed.
RELEASED = {
    "PreTradeCheckRequest": """
        1  user_id           string
        2  account_id        string
        3  order_id          string
        4  symbol            string
        5  side              risk.v1.Side
        6  order_type        risk.v1.OrderType
        7  quantity          string
        8  price             string
        9  leverage          string
        10 reduce_only       bool
        11 post_only         bool
        12 trace_id          string
        13 dry_run           bool
        14 position_side     risk.v1.PositionSide
        15 stop_price        string
    """,
    "PreTradeCheckResponse": """
        1  decision                    risk.v1.RiskDecision
        2  reject_reason               risk.v1.RejectReason
        3  message                     string
        4  projected_margin_ratio      string
        5  required_initial_margin     string
        6  liquidation_risk            bool
        7  rule_hits                   *string
        8  trace_id                    string
        9  decision_id                 string
        10 violations                  *risk.v1.Violation
        11 available_margin            string
        12 projected_exposure_usdt     string
        13 projected_liquidation_price string
        14 evaluated_at                google.protobuf.Timestamp
        15 reservation_expires_at      google.protobuf.Timestamp
    """,
    "Violation": """
        1  code         risk.v1.RejectReason
        2  message      string
        3  metric       string
        4  observed     string
        5  limit        string
        6  unit         string
        7  rule_id      string
        8  rule_version int64
        9  action       risk.v1.ViolationAction
    """,
    "MaxOrderQuantityRequest": """
        1  order        risk.v1.PreTradeCheckRequest
    """,
    "MaxOrderQuantityResponse": """
        1  quantity       string
        2  binding_reason risk.v1.RejectReason
        3  message        string
        4  violations     *risk.v1.Violation
        5  evaluated_at   google.protobuf.Timestamp
    """,
}
# The number of a value is its place in the line. A name may be added at the end, never moved.
RELEASED_ENUMS = {
    "Side": "SIDE_UNSPECIFIED BUY SELL",
    "OrderType": "ORDER_TYPE_UNSPECIFIED LIMIT MARKET STOP_LIMIT STOP_MARKET",
    "PositionSide": "POSITION_SIDE_UNSPECIFIED BOTH LONG SHORT",
    "RiskDecision": "RISK_DECISION_UNSPECIFIED APPROVED REJECTED FLAGGED",
    "RejectReason": """REJECT_REASON_UNSPECIFIED TRADING_HALTED USER_FROZEN PROFILE_NOT_FOUND KYC_INSUFFICIENT
        INSTRUMENT_NOT_FOUND INSTRUMENT_NOT_TRADABLE STALE_DATA INVALID_ORDER INVALID_PRICE INVALID_QUANTITY
        NOTIONAL_OUT_OF_RANGE PRICE_OUT_OF_BAND DUPLICATE_ORDER RATE_LIMIT_EXCEEDED MAX_OPEN_ORDERS_EXCEEDED
        REDUCE_ONLY_VIOLATION MAX_LEVERAGE_EXCEEDED EXPOSURE_LIMIT_EXCEEDED INSUFFICIENT_MARGIN LIQUIDATION_RISK
        RISK_RULE_VIOLATION INTERNAL_ERROR""",
    "ViolationAction": "VIOLATION_ACTION_UNSPECIFIED REJECT WARN SHADOW",
}
_SCALARS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_INT64: "int64",
}


def _type(field: FieldDescriptor) -> str:
    named = field.message_type or field.enum_type
    return ("*" if field.is_repeated else "") + (named.full_name if named else _SCALARS[field.type])


@pytest.mark.parametrize("message", sorted(RELEASED))
def test_message_has_the_released_fields(message: str) -> None:
    """PT-120, PT-121, PT-122, PT-127: the source's fields and the additions, with the numbers of the spec."""
    descriptor = main_pb2.DESCRIPTOR.message_types_by_name[message]
    fields = {(str(field.number), field.name, _type(field)) for field in descriptor.fields}
    released = {tuple(line.split()) for line in RELEASED[message].strip().splitlines()}
    assert fields == released


@pytest.mark.parametrize("enum", sorted(RELEASED_ENUMS))
def test_enum_has_the_released_numbers(enum: str) -> None:
    """PT-127, PT-128, PT-129: zero is unspecified; the numbers of the reject reasons are their precedence."""
    values = main_pb2.DESCRIPTOR.enum_types_by_name[enum].values
    assert [(value.number, value.name) for value in values] == list(enumerate(RELEASED_ENUMS[enum].split()))


def test_service_has_the_three_calls() -> None:
    """Section 1: one order, a stream of orders, and how much of an order would pass."""
    service = main_pb2.DESCRIPTOR.services_by_name["RiskService"]
    assert service.full_name == "risk.v1.RiskService"
    assert [
        (method.name, method.input_type.name, method.output_type.name, method.client_streaming, method.server_streaming)
        for method in service.methods
    ] == [
        ("PreTradeCheck", "PreTradeCheckRequest", "PreTradeCheckResponse", False, False),
        ("PreTradeCheckStream", "PreTradeCheckRequest", "PreTradeCheckResponse", True, True),
        ("MaxOrderQuantity", "MaxOrderQuantityRequest", "MaxOrderQuantityResponse", False, False),
    ]


def test_request_of_the_source_is_read_with_the_additions_at_their_defaults() -> None:
    """PT-121: bytes of a caller that knows fields 1-12 only: no dry run, position_side unspecified, no stop_price."""
    # user_id "u", side SELL, quantity "1.5", post_only: tag, (length,) value of each, as the wire format has it.
    request = main_pb2.PreTradeCheckRequest.FromString(b"\x0a\x01u\x28\x02\x3a\x031.5\x58\x01")
    assert (request.user_id, request.side, request.quantity, request.post_only) == ("u", main_pb2.SELL, "1.5", True)
    assert (request.dry_run, request.position_side, request.stop_price) == (False, 0, "")
