"""The metrics that dynamic rules read (``spec/pretrade.md`` section 5): their names, and where they apply."""

from typing import Final

RULE_METRICS: Final = {
    "order_notional": "order_notional",
    "order_quantity": "order_quantity",
    "leverage": "leverage",
    "price_deviation_pct": "price_deviation_pct",
    "required_initial_margin": "required_initial_margin",
    "available_margin": "available_margin",
    "account_equity": "equity",
    "projected_margin_ratio": "projected_margin_ratio",
    "position_notional": "position_notional",
    "projected_position_notional": "projected_position_notional",
    "worst_case_notional": "worst_case_notional",
    "projected_exposure": "projected_exposure_usdt",
    "exposure_utilization_pct": "exposure_utilization_pct",
    "liquidation_distance_pct": "liquidation_distance_pct",
    "open_orders_count": "open_orders_count",
    "orders_per_minute": "orders_per_minute",
    "notional_24h": "notional_24h",
    "rejects_per_hour": "rejects_per_hour",
    "risk_score": "risk_score",
}
"""Name of a metric in a rule -> its attribute in ``Metrics``."""

DERIVATIVE_METRICS: Final = frozenset(
    {
        "account_equity",
        "projected_margin_ratio",
        "position_notional",
        "projected_position_notional",
        "worst_case_notional",
        "liquidation_distance_pct",
    }
)
"""Metrics that have no meaning on a SPOT order: a rule on one of them makes no hit there."""
