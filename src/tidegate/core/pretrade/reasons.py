"""Why an order is refused: the closed, ordered list. The order is the precedence of the headline."""

from enum import StrEnum
from typing import Final


class Decision(StrEnum):
    """What the gate says: REJECTED if any check rejects, else FLAGGED if any warns, else APPROVED."""

    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    FLAGGED = "FLAGGED"


class Action(StrEnum):
    """What a violation does to the decision."""

    REJECT = "REJECT"
    WARN = "WARN"
    SHADOW = "SHADOW"


class RejectReason(StrEnum):
    """Reject reasons in precedence order (``spec/pretrade.md`` section 1); the first that applies is the headline."""

    TRADING_HALTED = "TRADING_HALTED"
    USER_FROZEN = "USER_FROZEN"
    PROFILE_NOT_FOUND = "PROFILE_NOT_FOUND"
    KYC_INSUFFICIENT = "KYC_INSUFFICIENT"
    INSTRUMENT_NOT_FOUND = "INSTRUMENT_NOT_FOUND"
    INSTRUMENT_NOT_TRADABLE = "INSTRUMENT_NOT_TRADABLE"
    STALE_DATA = "STALE_DATA"
    INVALID_ORDER = "INVALID_ORDER"
    INVALID_PRICE = "INVALID_PRICE"
    INVALID_QUANTITY = "INVALID_QUANTITY"
    NOTIONAL_OUT_OF_RANGE = "NOTIONAL_OUT_OF_RANGE"
    PRICE_OUT_OF_BAND = "PRICE_OUT_OF_BAND"
    DUPLICATE_ORDER = "DUPLICATE_ORDER"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    MAX_OPEN_ORDERS_EXCEEDED = "MAX_OPEN_ORDERS_EXCEEDED"
    REDUCE_ONLY_VIOLATION = "REDUCE_ONLY_VIOLATION"
    MAX_LEVERAGE_EXCEEDED = "MAX_LEVERAGE_EXCEEDED"
    EXPOSURE_LIMIT_EXCEEDED = "EXPOSURE_LIMIT_EXCEEDED"
    INSUFFICIENT_MARGIN = "INSUFFICIENT_MARGIN"
    LIQUIDATION_RISK = "LIQUIDATION_RISK"
    RISK_RULE_VIOLATION = "RISK_RULE_VIOLATION"
    INTERNAL_ERROR = "INTERNAL_ERROR"


PRECEDENCE: Final = {reason: place for place, reason in enumerate(RejectReason)}
"""Place of each reason in the precedence order, 0 first."""

HEALED_BY_TIME: Final = frozenset(
    {RejectReason.STALE_DATA, RejectReason.RATE_LIMIT_EXCEEDED, RejectReason.INTERNAL_ERROR}
)
"""Refusals that time heals: not remembered, a repeat is decided anew (PT-103)."""
