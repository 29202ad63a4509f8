"""Dynamic risk rules as officers write them (``risk_rules``); compiled elsewhere, never edited once published."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from tidegate.core.pretrade.instrument import KycLevel


class Severity(StrEnum):
    """How bad a hit is; it informs people and does not decide."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class Operator(StrEnum):
    """Comparison of a metric with its threshold; BETWEEN is inclusive and takes ``[low, high]``."""

    GT = "GT"
    GTE = "GTE"
    LT = "LT"
    LTE = "LTE"
    EQ = "EQ"
    NE = "NE"
    IN = "IN"
    NOT_IN = "NOT_IN"
    BETWEEN = "BETWEEN"


LIST_OPERATORS: Final = frozenset({Operator.IN, Operator.NOT_IN, Operator.BETWEEN})
"""Operators whose threshold is a list."""


class RuleAction(StrEnum):
    """What a hit does: refuse the order or flag it."""

    REJECT = "REJECT"
    WARN = "WARN"


@dataclass(frozen=True, slots=True)
class RiskRule:
    """One version of one rule: either metric, operator and threshold, or a ``condition`` (JSON text of the rule
    language). ``thresholds`` holds one number, or the list of IN, NOT_IN and BETWEEN. ``kyc_level`` and ``symbol``
    narrow it; ``None`` means any.
    """

    rule_id: str
    name: str
    action: RuleAction
    severity: Severity = Severity.MEDIUM
    metric: str | None = None
    operator: Operator | None = None
    thresholds: tuple[Decimal, ...] = ()
    condition: str | None = None
    kyc_level: KycLevel | None = None
    symbol: str | None = None
    active: bool = True
    shadow: bool = False
    version: int = 1
