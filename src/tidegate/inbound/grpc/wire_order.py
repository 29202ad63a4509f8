"""Bytes of the wire to an order and an answer back: the only place that knows both the proto and the domain."""

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from tidegate.core.kernel.decimals import plain
from tidegate.core.kernel.readings import FieldFault
from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.violation import Violation
from tidegate.inbound.shared.order_fields import MalformedOrder, OrderFields, read_order
from tidegate.usecases.pretrade.max_quantity import MaxQuantity
from tidegate.wire.proto.risk.v1 import main_pb2 as pb


def _names(enum: object) -> dict[int, str]:
    return {number: name for name, number in enum.items()}  # type: ignore[attr-defined]  # protobuf enum wrappers


_NO_REASON = "REJECT_REASON_UNSPECIFIED"


class OrderWire:
    """Translates requests and answers; the enum tables are read from the descriptors once."""

    def __init__(self) -> None:
        self._sides = {**_names(pb.Side), pb.SIDE_UNSPECIFIED: ""}
        self._types = {**_names(pb.OrderType), pb.ORDER_TYPE_UNSPECIFIED: ""}
        self._position_sides = {**_names(pb.PositionSide), pb.POSITION_SIDE_UNSPECIFIED: ""}
        self._decisions = dict(pb.RiskDecision.items())
        self._reasons = dict(pb.RejectReason.items())
        self._actions = dict(pb.ViolationAction.items())

    def order(self, request: pb.PreTradeCheckRequest, *, quantity: str | None = None) -> Order:
        """Read an order; ``quantity`` stands in for the request's own.

        Raises:
            MalformedOrder: naming every field that cannot be read.
        """
        return read_order(
            OrderFields(
                request.user_id,
                request.account_id,
                request.order_id,
                request.symbol,
                self._sides.get(request.side, str(request.side)),
                self._types.get(request.order_type, str(request.order_type)),
                request.quantity if quantity is None else quantity,
                request.price,
                request.leverage,
                request.reduce_only,
                request.post_only,
                request.trace_id,
                self._position_sides.get(request.position_side, str(request.position_side)),
                request.stop_price,
            )
        )

    def malformed(
        self, request: pb.PreTradeCheckRequest, faults: Iterable[FieldFault], *, quantity: str | None = None
    ) -> MalformedOrder:
        """Give the fault of a request that is no message: ``faults``, and every other field that cannot be read."""
        found = {fault.field.removeprefix("order."): fault for fault in faults}
        if all(name in request.DESCRIPTOR.fields_by_name for name in found):
            try:
                self.order(request, quantity=quantity)
            except MalformedOrder as others:
                found = {**{fault.field: fault for fault in others.faults}, **found}
        return MalformedOrder([FieldFault(name, fault.reason) for name, fault in found.items()])

    def response(self, answer: Answer, *, trace_id: str) -> pb.PreTradeCheckResponse:
        """Write an answer, with the trace id of the call that gets it."""
        response = pb.PreTradeCheckResponse(
            decision=self._decisions[answer.decision],
            reject_reason=self._reasons[answer.reject_reason or _NO_REASON],
            message=answer.message,
            projected_margin_ratio=answer.projected_margin_ratio,
            required_initial_margin=answer.required_initial_margin,
            liquidation_risk=answer.liquidation_risk,
            trace_id=trace_id,
            decision_id=answer.decision_id,
            available_margin=answer.available_margin,
            projected_exposure_usdt=answer.projected_exposure_usdt,
            projected_liquidation_price=answer.projected_liquidation_price,
            evaluated_at=_timestamp(answer.evaluated_at_us),
        )
        if answer.rule_hits:
            response.rule_hits.extend(answer.rule_hits)
        if answer.violations:
            response.violations.extend(self.violations(answer.violations))
        if answer.reservation_expires_at_us is not None:
            response.reservation_expires_at.CopyFrom(_timestamp(answer.reservation_expires_at_us))
        return response

    def violations(self, violations: Iterable[Violation]) -> list[pb.Violation]:
        """Write violations."""
        return [
            pb.Violation(
                code=self._reasons[violation.code],
                message=violation.message,
                metric=violation.metric,
                observed=violation.observed,
                limit=violation.limit,
                unit=violation.unit,
                rule_id=violation.rule_id,
                rule_version=violation.rule_version,
                action=self._actions[violation.action],
            )
            for violation in violations
        ]

    def max_quantity(self, found: MaxQuantity) -> pb.MaxOrderQuantityResponse:
        """Write the largest quantity and what stops the next lot."""
        stopping = found.stopping
        response = pb.MaxOrderQuantityResponse(
            quantity=plain(found.quantity), evaluated_at=_timestamp(found.evaluated_at_us)
        )
        if stopping.reject_reason is not None:
            response.binding_reason = self._reasons[stopping.reject_reason]
            response.message = stopping.message
            response.violations.extend(self.violations(stopping.violations))
        return response


def _timestamp(at_us: int) -> Timestamp:
    seconds, micros = divmod(at_us, 1_000_000)
    return Timestamp(seconds=seconds, nanos=micros * 1_000)
