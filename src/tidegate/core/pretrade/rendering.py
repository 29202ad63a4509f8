"""How a verdict and a margin report are written out (``spec/pretrade.md`` section 9): plain decimal texts of 8 places.

Notionals and what a user owes are rounded toward +infinity, what it owns toward -infinity, prices and ratios
half-even (section 4); what was not computed is ``None``.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final

from tidegate.core.kernel.decimals import plain, shown_even, shown_owed, shown_owned
from tidegate.core.pretrade.margin_report import MarginReport
from tidegate.core.pretrade.verdict import Verdict
from tidegate.core.pretrade.violation import Violation

SHOWN_METRICS: Final = (
    "order_notional",
    "worst_case_notional",
    "initial_margin_before",
    "initial_margin_after",
    "maintenance_margin_before",
    "maintenance_margin_after",
    "equity",
    "available_margin",
    "required_initial_margin",
    "projected_margin_ratio",
    "projected_exposure_usdt",
    "liquidation_price_before",
    "projected_liquidation_price",
    "open_loss",
    "fee",
)
"""The metrics of the output, in its order."""


def _as_it_is(value: Decimal) -> Decimal:
    return value


_OWNED: Final = ("equity", "available_margin", "unrealised_pnl")
_EVEN: Final = (
    "projected_margin_ratio",
    "margin_ratio",
    "liquidation_price_before",
    "projected_liquidation_price",
    "liquidation_price",
    "price_deviation_pct",
    "exposure_utilization_pct",
    "liquidation_distance_pct",
    "leverage",
    "risk_score",
)
_AS_IT_IS: Final = ("order_quantity", "open_orders_count", "orders_per_minute", "rejects_per_hour")
_ROUNDING: Final[Mapping[str, Callable[[Decimal], Decimal]]] = {
    **dict.fromkeys(_OWNED, shown_owned),
    **dict.fromkeys(_EVEN, shown_even),
    **dict.fromkeys(_AS_IT_IS, _as_it_is),
}
"""How a metric is rounded; those that are not here are owed."""


def shown(metric: str, value: Decimal) -> str:
    """Write the value of a metric (by its name in ``Metrics`` or ``MarginReport``) as a plain decimal of 8 places."""
    return plain(_ROUNDING.get(metric, shown_owed)(value))


def render_verdict(verdict: Verdict) -> dict[str, Any]:
    """Write a verdict as the JSON object that ``tidegate check`` prints, keys in the order of the specification."""
    metrics = {name: getattr(verdict.metrics, name) for name in SHOWN_METRICS}
    return {
        "decision": verdict.decision.value,
        "reject_reason": verdict.reject_reason.value if verdict.reject_reason else None,
        "message": verdict.message,
        "violations": [render_violation(violation) for violation in verdict.violations],
        "rule_hits": list(verdict.rule_hits),
        "metrics": _shown_all(metrics),
        "liquidation_risk": verdict.liquidation_risk,
    }


def render_violation(violation: Violation) -> dict[str, Any]:
    """Write a violation, keys in the order of the proto message."""
    return {
        "code": violation.code.value,
        "message": violation.message,
        "metric": violation.metric,
        "observed": violation.observed,
        "limit": violation.limit,
        "unit": violation.unit,
        "rule_id": violation.rule_id,
        "rule_version": violation.rule_version,
        "action": violation.action.value,
    }


def render_margin_report(report: MarginReport) -> dict[str, Any]:
    """Write a margin report as the JSON object that ``tidegate margin`` prints."""
    return {
        "assets": {asset: _shown_all(asdict(margin)) for asset, margin in report.assets.items()},
        "symbols": {symbol: _shown_all(asdict(margin)) for symbol, margin in report.symbols.items()},
    }


def _shown_all(values: Mapping[str, Decimal | None]) -> dict[str, str | None]:
    return {name: None if value is None else shown(name, value) for name, value in values.items()}
