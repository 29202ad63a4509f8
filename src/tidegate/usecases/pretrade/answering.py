"""From a verdict to what is told and what is written: answer, reservation, journal record."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tidegate.core.kernel.decimals import WORKING, ZERO, plain, shown_even, shown_owed, shown_owned
from tidegate.core.kernel.quick import quickly_made
from tidegate.core.pretrade.account import Reservation
from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.evidence import Evidence
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.reasons import HEALED_BY_TIME, Decision, RejectReason
from tidegate.core.pretrade.snapshot import Snapshot
from tidegate.core.pretrade.verdict import Verdict
from tidegate.core.pretrade.violation import Violation
from tidegate.ports.account_book import Checked, Held


@quickly_made
@dataclass(frozen=True, slots=True)
class Decided:
    """One order decided: the verdict, what it is told, what it was decided on, what it holds in the book, and how it
    counts in the user's flow (``None``: a dry run counts nothing).
    """

    verdict: Verdict
    answer: Answer
    evidence: Evidence
    held: Held | None
    checked: Checked | None

    @property
    def remembered(self) -> bool:
        """Tell whether a repeat gets this answer: refusals that time heals are decided anew (PT-103)."""
        return self.verdict.reject_reason not in HEALED_BY_TIME


def answer_of(
    order: Order, verdict: Verdict, *, decision_id: str, now_us: int, reservation: Reservation | None
) -> Answer:
    """Give the answer that tells a verdict."""
    metrics = verdict.metrics
    return Answer(
        decision=verdict.decision,
        reject_reason=verdict.reject_reason,
        message=verdict.message,
        projected_margin_ratio=_told(metrics.projected_margin_ratio, shown_even),
        required_initial_margin=_told(metrics.required_initial_margin, shown_owed),
        liquidation_risk=verdict.liquidation_risk,
        rule_hits=verdict.rule_hits,
        trace_id=order.trace_id,
        decision_id=decision_id,
        violations=verdict.violations,
        available_margin=_told(metrics.available_margin, shown_owned),
        projected_exposure_usdt=_told(metrics.projected_exposure_usdt, shown_owed),
        projected_liquidation_price=_told(metrics.projected_liquidation_price, shown_even),
        evaluated_at_us=now_us,
        reservation_expires_at_us=None if reservation is None else reservation.expires_at_us,
    )


def _told(value: Decimal | None, rounding: Callable[[Decimal], Decimal]) -> str:
    return "" if value is None else plain(rounding(value))


def reservation_of(order: Order, verdict: Verdict, *, snapshot: Snapshot) -> Reservation | None:
    """Give what an order that may proceed holds; ``None`` when it was refused.

    It counts at its margin price; a proven reducer whose mark is not at hand counts at its position's entry price.
    """
    if verdict.decision is Decision.REJECTED:
        return None
    metrics = verdict.metrics
    return Reservation(
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        price=verdict.margin_price if verdict.margin_price is not None else _entry_price(order, snapshot),
        expires_at_us=snapshot.now_us + snapshot.configuration.settings.reservation_ttl_ms * 1_000,
        extra=_extra(metrics, spot=verdict.spot),
        stop_price=order.stop_price,
        leverage=order.leverage,
        position_side=order.position_side,
        reduce_only=order.reduce_only,
        at_us=snapshot.now_us,
    )


def _extra(metrics: Metrics, *, spot: bool) -> Decimal:
    if spot:
        return ZERO
    return WORKING.add(metrics.open_loss or ZERO, metrics.fee or ZERO)


def _entry_price(order: Order, snapshot: Snapshot) -> Decimal:
    account = snapshot.user.accounts.get(order.account_id)
    book = None if account is None else account.symbols.get(order.symbol)
    position = None if book is None else book.position(order.position_side)
    if position is None:
        raise AssertionError("only an order proven to reduce passes without a margin price, and it has a position")
    return position.entry_price


def duplicate_verdict(order: Order) -> Verdict:
    """Give the refusal of an order whose id was answered before with other content (PT-103)."""
    violation = Violation(
        RejectReason.DUPLICATE_ORDER,
        f"order {order.order_id} was sent before with other content",
        metric="order_id",
        observed=order.order_id,
    )
    return Verdict(
        Decision.REJECTED, RejectReason.DUPLICATE_ORDER, violation.message, (violation,), (), Metrics(), False
    )


def failed_verdict(order: Order) -> Verdict:
    """Give the refusal of an order on which the decision itself broke: INTERNAL_ERROR, decided anew on a repeat."""
    violation = Violation(
        RejectReason.INTERNAL_ERROR,
        "the order could not be decided; the fault has been reported",
        metric="order_id",
        observed=order.order_id,
    )
    return Verdict(
        Decision.REJECTED, RejectReason.INTERNAL_ERROR, violation.message, (violation,), (), Metrics(), False
    )
