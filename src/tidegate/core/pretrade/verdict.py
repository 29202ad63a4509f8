"""What the gate decided about one order, and on which numbers."""

from dataclasses import dataclass
from decimal import Decimal

from tidegate.core.kernel.quick import quickly_made
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.core.pretrade.violation import Violation


@quickly_made
@dataclass(frozen=True, slots=True)
class Verdict:
    """Decision, headline and every violation (REJECTs by precedence, then WARNs, then SHADOWs), with the metrics.

    ``reject_reason`` is set when the decision is REJECTED and only then. ``rule_hits`` names the dynamic rules that
    were hit, shadow rules excepted. ``margin_price`` is the price at which the order would count as a live one
    (quote asset; ``None`` when its datum is missing); ``spot`` tells a SPOT order.
    """

    decision: Decision
    reject_reason: RejectReason | None
    message: str
    violations: tuple[Violation, ...]
    rule_hits: tuple[str, ...]
    metrics: Metrics
    liquidation_risk: bool
    proven_reducer: bool = False
    margin_price: Decimal | None = None
    spot: bool = False
