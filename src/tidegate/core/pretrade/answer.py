"""What the caller is told: the recorded answer of one check, as text, ready to be repeated word for word."""

from dataclasses import dataclass
from hashlib import sha256

from tidegate.core.kernel.decimals import plain
from tidegate.core.kernel.quick import quickly_made
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.core.pretrade.violation import Violation


@quickly_made
@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. Numbers are plain decimals, empty when not computed; times are microseconds since 1970.

    ``decision_id`` is empty for a dry run, which is not stored.
    """

    decision: Decision
    reject_reason: RejectReason | None
    message: str
    projected_margin_ratio: str
    required_initial_margin: str
    liquidation_risk: bool
    rule_hits: tuple[str, ...]
    trace_id: str
    decision_id: str
    violations: tuple[Violation, ...]
    available_margin: str
    projected_exposure_usdt: str
    projected_liquidation_price: str
    evaluated_at_us: int
    reservation_expires_at_us: int | None


def content_fingerprint(order: Order) -> bytes:
    """Give 16 bytes that are equal for equal content: every field but the trace id, decimals by value (PT-103)."""
    parts = (
        order.user_id,
        order.account_id,
        order.order_id,
        order.symbol,
        order.side,
        order.order_type,
        plain(order.quantity),
        "-" if order.price is None else plain(order.price),
        "-" if order.stop_price is None else plain(order.stop_price),
        "-" if order.leverage is None else plain(order.leverage),
        order.position_side,
        "r" if order.reduce_only else "",
        "p" if order.post_only else "",
    )
    return sha256("\x00".join(parts).encode()).digest()[:16]
