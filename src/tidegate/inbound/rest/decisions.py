"""``/v1/decisions``: what was decided, on what evidence, and whether it would be decided so again."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field
from starlette.responses import Response

from tidegate.core.kernel.readings import instant_text
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.core.pretrade.rendering import render_violation, shown
from tidegate.inbound.rest.dependencies import Admin
from tidegate.inbound.rest.exact_json import ExactJson, jsonable
from tidegate.inbound.rest.fields import (
    DecimalOut,
    Document,
    Identifier,
    InstantUs,
    Omittable,
    PageQuery,
    TimeText,
    Uuid,
)
from tidegate.inbound.rest.operations import READERS, Operation, Success
from tidegate.inbound.rest.problems import RequestRefused, require_range
from tidegate.inbound.shared.faults import FaultCode
from tidegate.ports.decision_journal import DecisionFilter, DecisionRecord
from tidegate.ports.paging import PageRequest
from tidegate.ports.stored import NotStored


class DecisionQuery(PageQuery):
    """Filters of the decisions; ``from`` is inclusive, ``to`` is not."""

    user_id: Annotated[Uuid | None, Omittable()] = None
    symbol: Annotated[Identifier | None, Omittable()] = None
    decision: Annotated[Decision | None, Omittable()] = None
    reason: Annotated[RejectReason | None, Omittable()] = None
    from_us: Annotated[InstantUs | None, Omittable(), Field(alias="from")] = None
    to_us: Annotated[InstantUs | None, Omittable(), Field(alias="to")] = None


class OrderDocument(Document):
    """The order that was judged."""

    user_id: str
    account_id: str
    order_id: str
    symbol: str
    side: str
    order_type: str
    quantity: DecimalOut
    price: DecimalOut | None
    stop_price: DecimalOut | None
    leverage: DecimalOut | None
    position_side: str
    reduce_only: bool
    post_only: bool
    trace_id: str


class ViolationDocument(Document):
    """One violated check: what was observed against which limit."""

    code: RejectReason
    message: str
    metric: str
    observed: str
    limit: str
    unit: str
    rule_id: str
    rule_version: int
    action: str


class DecisionDocument(Document):
    """One decision, headline first."""

    decision_id: str
    evaluated_at: TimeText
    decision: Decision
    reject_reason: RejectReason | None
    message: str
    order: OrderDocument
    violations: list[ViolationDocument]
    rule_hits: list[str]
    liquidation_risk: bool
    reservation_expires_at: TimeText | None


class DecisionsDocument(Document):
    """A page of decisions, newest first."""

    items: list[DecisionDocument]
    next_cursor: str | None


class DecisionDetail(DecisionDocument):
    """One decision, whole: all metrics, its reservation and its evidence (times there in microseconds since 1970)."""

    metrics: dict[str, DecimalOut | None]
    reservation: dict[str, Any] | None
    evidence: dict[str, Any]


class ReplayDocument(Document):
    """A decision decided again from its evidence; ``differences`` is empty when the same came out."""

    decision_id: str
    identical: bool
    recorded: Any
    replayed: Any
    differences: list[str]


DecisionId = Annotated[Uuid, Path(description="The decision's id, a UUID.")]

DECISION_EXAMPLE: Mapping[str, object] = {
    "decision_id": "4f9c2a64-52b1-4d0e-9a3e-1f2f3a4b5c6d",
    "evaluated_at": "2026-01-01T00:00:00Z",
    "decision": "REJECTED",
    "reject_reason": "INSUFFICIENT_MARGIN",
    "message": "required initial margin is above what is available",
    "order": {
        "user_id": "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11",
        "account_id": "main",
        "order_id": "o-2",
        "symbol": "BTCUSDT",
        "side": "BUY",
        "order_type": "LIMIT",
        "quantity": "0.05",
        "price": "50000",
        "stop_price": None,
        "leverage": "10",
        "position_side": "BOTH",
        "reduce_only": False,
        "post_only": False,
        "trace_id": "t-1",
    },
    "violations": [
        {
            "code": "INSUFFICIENT_MARGIN",
            "message": "required initial margin is above what is available",
            "metric": "required_initial_margin",
            "observed": "251.25",
            "limit": "100",
            "unit": "USDT",
            "rule_id": "",
            "rule_version": 0,
            "action": "REJECT",
        }
    ],
    "rule_hits": [],
    "liquidation_risk": False,
    "reservation_expires_at": None,
}
DETAIL_EXAMPLE = {
    **DECISION_EXAMPLE,
    "metrics": {"required_initial_margin": "251.25", "available_margin": "100"},
    "reservation": None,
    "evidence": {"now_us": 1767225600000000, "user_version": 7, "versions": {"rules": 3, "tiers": 2}},
}
REPLAY_EXAMPLE = {
    "decision_id": DECISION_EXAMPLE["decision_id"],
    "identical": True,
    "recorded": {"decision": "REJECTED"},
    "replayed": {"decision": "REJECTED"},
    "differences": [],
}


async def list_decisions(admin: Admin, query: Annotated[DecisionQuery, Query()]) -> Response:
    """List decisions, newest first."""
    require_range(query.from_us, query.to_us)
    wanted = DecisionFilter(
        user_id=query.user_id,
        symbol=query.symbol,
        decision=query.decision,
        reason=query.reason,
        from_us=query.from_us,
        to_us=query.to_us,
    )
    page = await admin.decisions.page(PageRequest(query.limit, query.cursor), wanted)
    items = [DecisionDocument(**_fields_of(record)) for record in page.items]
    return ExactJson(DecisionsDocument(items=items, next_cursor=page.next_cursor).model_dump())


async def get_decision(admin: Admin, decision_id: DecisionId) -> Response:
    """Read one decision with the evidence it was made on."""
    record = await admin.decisions.get(decision_id)
    if record is None:
        raise _unknown(decision_id)
    detail = DecisionDetail(
        **_fields_of(record),
        metrics=_metrics(record.metrics),
        reservation=_object(record.reservation) if record.reservation is not None else None,
        evidence=_object(record.evidence),
    )
    return ExactJson(detail.model_dump())


async def replay_decision(admin: Admin, decision_id: DecisionId) -> Response:
    """Decide a stored decision again from its evidence; nothing is stored."""
    try:
        result = await admin.replay(decision_id)
    except NotStored:
        detail = "a configuration version that the decision was made on is no longer kept"
        raise RequestRefused(FaultCode.CONFLICT, detail) from None
    if result is None:
        raise _unknown(decision_id)
    document = ReplayDocument(
        decision_id=decision_id,
        identical=result.identical,
        recorded=jsonable(result.recorded),
        replayed=jsonable(result.replayed),
        differences=list(result.differences),
    )
    return ExactJson(document.model_dump())


def operations() -> list[Operation]:
    """Give the operations on decisions. A replay stores nothing, so auditors may ask for it."""
    page = Success(DecisionsDocument, {"items": [DECISION_EXAMPLE], "next_cursor": None})
    detail = Success(DecisionDetail, DETAIL_EXAMPLE)
    replay = Success(ReplayDocument, REPLAY_EXAMPLE)
    unknown = (FaultCode.NOT_FOUND,)
    path = "/v1/decisions/{decision_id}"
    return [
        Operation("GET", "/v1/decisions", list_decisions, "List decisions", READERS, page),
        Operation("GET", path, get_decision, "Read a decision with its evidence", READERS, detail, unknown),
        Operation(
            "POST",
            f"{path}/replay",
            replay_decision,
            "Decide a decision again",
            READERS,
            replay,
            (*unknown, FaultCode.CONFLICT),
        ),
    ]


def _unknown(decision_id: str) -> RequestRefused:
    return RequestRefused(FaultCode.NOT_FOUND, f"there is no decision {decision_id}")


def _fields_of(record: DecisionRecord) -> dict[str, Any]:
    answer = record.answer
    expires_us = answer.reservation_expires_at_us
    return {
        "decision_id": answer.decision_id,
        "evaluated_at": instant_text(answer.evaluated_at_us),
        "decision": answer.decision,
        "reject_reason": answer.reject_reason,
        "message": answer.message,
        "order": _order(record.order),
        "violations": [ViolationDocument(**render_violation(violation)) for violation in answer.violations],
        "rule_hits": list(answer.rule_hits),
        "liquidation_risk": answer.liquidation_risk,
        "reservation_expires_at": None if expires_us is None else instant_text(expires_us),
    }


def _order(order: Order) -> OrderDocument:
    return OrderDocument.model_validate(jsonable(order))


def _metrics(metrics: Metrics) -> dict[str, str | None]:
    return {name: None if value is None else shown(name, value) for name, value in asdict(metrics).items()}


def _object(value: object) -> dict[str, Any]:
    written = jsonable(value)
    assert isinstance(written, dict)
    return written
