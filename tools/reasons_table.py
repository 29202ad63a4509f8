"""Write docs/reasons.md from the proto and the fault table: `python tools/reasons_table.py`."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tidegate.core.pretrade.reasons import HEALED_BY_TIME, PRECEDENCE, RejectReason
from tidegate.inbound.shared.faults import FAULTS, FaultCode

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "reasons.md"
PROTO: Final = ROOT / "protos" / "risk" / "v1" / "main.proto"

_ENUM: Final = re.compile(r"enum RejectReason \{(.*?)^\}", re.DOTALL | re.MULTILINE)
_VALUE: Final = re.compile(r"^\s*(\w+) = (\d+); // (.+)$", re.MULTILINE)

REASON_ADVICE: Final[Mapping[RejectReason, str]] = {
    RejectReason.TRADING_HALTED: "Wait; in REDUCING send orders that only reduce. Why: GET /v1/trading-state.",
    RejectReason.USER_FROZEN: "An officer unfreezes the profile (PATCH, or user.unfrozen.v1).",
    RejectReason.PROFILE_NOT_FOUND: "Check user_id; the profile comes with user.created.v1.",
    RejectReason.KYC_INSUFFICIENT: "The user verifies up to the level in `limit`.",
    RejectReason.INSTRUMENT_NOT_FOUND: "Check spelling and case; instruments come with md.instrument.created.v1.",
    RejectReason.INSTRUMENT_NOT_TRADABLE: "Wait; in REDUCING_ONLY send orders that only reduce.",
    RejectReason.STALE_DATA: "Send it again. If it stays, look at the feed of the datum that is named.",
    RejectReason.INVALID_ORDER: "Correct the field in `metric`; the proto says what goes with which type.",
    RejectReason.INVALID_PRICE: "Round to a multiple of the tick in `limit`.",
    RejectReason.INVALID_QUANTITY: "Round to a multiple of the lot, within the bound in `limit`.",
    RejectReason.NOTIONAL_OUT_OF_RANGE: "Change quantity or price so that the notional is within the bound in `limit`.",
    RejectReason.PRICE_OUT_OF_BAND: "Move the price toward the mark; `observed` and `limit` are percent.",
    RejectReason.DUPLICATE_ORDER: "Give a changed order a new order_id; to mean it twice, wait for the window.",
    RejectReason.RATE_LIMIT_EXCEEDED: "Send it again, more slowly. `repeat_count`: an officer re-arms the throttle.",
    RejectReason.MAX_OPEN_ORDERS_EXCEEDED: "Cancel live orders first; reservations count until they expire.",
    RejectReason.REDUCE_ONLY_VIOLATION: "Reduce by `limit` less other live reduce-only orders, or drop the flag.",
    RejectReason.MAX_LEVERAGE_EXCEEDED: "Lower the leverage to `limit`.",
    RejectReason.EXPOSURE_LIMIT_EXCEEDED: "Reduce the position or the order; an officer may raise the limit.",
    RejectReason.INSUFFICIENT_MARGIN: "Deposit, cancel orders, or ask MaxOrderQuantity how much would pass.",
    RejectReason.LIQUIDATION_RISK: "Add margin or order less. As a WARN the order may proceed.",
    RejectReason.RISK_RULE_VIOLATION: "`rule_id` and `rule_version` say which rule: GET /v1/risk-rules/{id}.",
    RejectReason.INTERNAL_ERROR: "Send it again, and tell the operator the decision_id; an alarm was raised.",
}

FAULT_ADVICE: Final[Mapping[FaultCode, str]] = {
    FaultCode.MALFORMED: "Correct the fields that are named; the same request fails again.",
    FaultCode.UNAUTHENTICATED: "Get a token from the issuer; the answer says what was wrong with this one.",
    FaultCode.FORBIDDEN: "Ask for the role that is named.",
    FaultCode.NOT_FOUND: "Check the id.",
    FaultCode.METHOD_NOT_ALLOWED: "Use a method that `Allow` names.",
    FaultCode.NOT_ACCEPTABLE: "Accept application/json.",
    FaultCode.CONFLICT: "Choose another name, or change what it collides with first.",
    FaultCode.VERSION_MOVED: "Read it again, decide again, send with the new ETag.",
    FaultCode.TOO_LARGE: "Send less.",
    FaultCode.UNSUPPORTED_MEDIA_TYPE: "Send application/json.",
    FaultCode.UNPROCESSABLE: "Correct the fields that `errors` name.",
    FaultCode.PRECONDITION_REQUIRED: "Send If-Match with the ETag that was read.",
    FaultCode.OVERLOADED: "Wait as told, then send again.",
    FaultCode.INTERNAL: "Tell the operator; asking again will not help.",
    FaultCode.DEPENDENCY_FAILED: "Wait as told, then send again: nothing was reserved. Operator: /readyz says which.",
    FaultCode.DEADLINE_EXCEEDED: "Send again with the same order_id: nothing stayed reserved.",
}


_ABOUT_REASONS: Final = """\
# Reasons and faults

Written by `tools/reasons_table.py` from the proto and the fault table.

## Reject reasons

Values of `reject_reason` and of `violations[].code`, in precedence order: of those that apply, the first is the
headline, and all are in `violations`, each with what was observed and the limit. Numbers on the wire never change.
Every refusal is remembered for 24 h, so that a repeat of the same order gets it again, unless the last column says
*anew*: when what was wrong has been mended, send the order under a new order_id.

| no. | reason | when | what to do | a repeat |
|---|---|---|---|---|
"""

_ABOUT_FAULTS: Final = """
## Faults

A call that ends without a decision. REST answers a problem document (RFC 9457) with `code`, gRPC the status with rich
details (`BadRequest` names every bad field; `RetryInfo`, in REST `Retry-After`, says when to come back). No fault
leaves a reservation behind.

| code | HTTP | gRPC | meaning | what to do | retry |
|---|---|---|---|---|---|
"""


def page_text() -> str:
    """What docs/reasons.md holds."""
    reasons = "\n".join(_reason_rows(_proto_values(PROTO.read_text(encoding="utf-8"))))
    faults = "\n".join(_fault_rows())
    return f"{_ABOUT_REASONS}{reasons}\n{_ABOUT_FAULTS}{faults}\n"


def _proto_values(proto: str) -> dict[str, tuple[int, str]]:
    """Number and comment of each reject reason, by name."""
    enum = _ENUM.search(proto)
    assert enum is not None, f"{PROTO.name} has no enum RejectReason"
    return {name: (int(number), comment) for name, number, comment in _VALUE.findall(enum[1])}


def _reason_rows(values: Mapping[str, tuple[int, str]]) -> Iterable[str]:
    for reason in sorted(RejectReason, key=PRECEDENCE.__getitem__):
        number, when = values[reason]
        repeat = "anew" if reason in HEALED_BY_TIME else "same answer"
        yield f"| {number} | {reason} | {when} | {REASON_ADVICE[reason]} | {repeat} |"


def _fault_rows() -> Iterable[str]:
    for fault in FAULTS.values():
        retry = "yes" if fault.retryable else "no"
        advice = FAULT_ADVICE[fault.code]
        yield f"| {fault.code} | {fault.http_status} | {fault.grpc_status} | {fault.title} | {advice} | {retry} |"


if __name__ == "__main__":
    PAGE.write_text(page_text(), encoding="utf-8")
