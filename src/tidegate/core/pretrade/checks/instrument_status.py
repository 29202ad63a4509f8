"""Instrument status: TRADING lets all through, REDUCING_ONLY proven reducers, anything else nothing."""

from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.instrument import STATUS_REDUCING_ONLY, STATUS_TRADING
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.violation import Violation


def check_instrument_status(case: Case) -> Violation | None:
    """Refuse an instrument that does not trade (INSTRUMENT_NOT_TRADABLE)."""
    status = case.instrument.status
    if status == STATUS_TRADING or (status == STATUS_REDUCING_ONLY and case.proven):
        return None
    return Violation(
        RejectReason.INSTRUMENT_NOT_TRADABLE,
        f"{case.order.symbol} is {status}",
        metric="status",
        observed=status,
        limit=STATUS_TRADING,
    )
