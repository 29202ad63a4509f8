"""Orders sent twice: an id that is already live, or an equal order inside the window (DUPLICATE_ORDER)."""

from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.violation import Violation


def check_duplicate(case: Case) -> tuple[Violation, ...]:
    """Refuse an order_id that is live, and an equal order sent less than ``duplicate_window_ms`` ago (0: off)."""
    found: list[Violation] = []
    if case.account.is_live(case.order.order_id):
        found.append(
            Violation(
                RejectReason.DUPLICATE_ORDER,
                f"order {case.order.order_id} is already live",
                metric="order_id",
                observed=case.order.order_id,
            )
        )
    window_ms = case.snapshot.configuration.settings.duplicate_window_ms
    sent_us = case.snapshot.flow.equal_order_at_us
    if window_ms and sent_us is not None and sent_us > case.snapshot.now_us - window_ms * 1_000:
        age_ms = (case.snapshot.now_us - sent_us) // 1_000
        found.append(
            Violation(
                RejectReason.DUPLICATE_ORDER,
                f"an equal order was sent {age_ms} ms ago",
                metric="equal_order_age_ms",
                observed=str(age_ms),
                limit=str(window_ms),
                unit="ms",
            )
        )
    return tuple(found)
