"""The vocabularies of the two contexts (spec/pretrade.md section 5, spec/assessment.md section 3)."""

from typing import Final

from tidegate.core.rules.vocabulary import FieldType, Vocabulary

GATE_METRICS: Final = (
    "order_notional",
    "order_quantity",
    "leverage",
    "price_deviation_pct",
    "required_initial_margin",
    "available_margin",
    "account_equity",
    "projected_margin_ratio",
    "position_notional",
    "projected_position_notional",
    "worst_case_notional",
    "projected_exposure",
    "exposure_utilization_pct",
    "liquidation_distance_pct",
    "open_orders_count",
    "orders_per_minute",
    "notional_24h",
    "rejects_per_hour",
    "risk_score",
)

_ORDER_FIELDS: Final = {
    "user_id": FieldType.TEXT,
    "account_id": FieldType.TEXT,
    "order_id": FieldType.TEXT,
    "symbol": FieldType.TEXT,
    "side": FieldType.TEXT,
    "order_type": FieldType.TEXT,
    "quantity": FieldType.NUMBER,
    "price": FieldType.NUMBER,
    "leverage": FieldType.NUMBER,
    "reduce_only": FieldType.BOOLEAN,
    "post_only": FieldType.BOOLEAN,
    "position_side": FieldType.TEXT,
    "stop_price": FieldType.NUMBER,
}

GATE_VOCABULARY: Final = Vocabulary(
    context="gate",
    fields=dict.fromkeys(GATE_METRICS, FieldType.NUMBER) | _ORDER_FIELDS | {"kyc_level": FieldType.TEXT},
)

DESK_VOCABULARY: Final = Vocabulary(
    context="desk",
    fields={
        "trace_id": FieldType.TEXT,
        "subject_id": FieldType.TEXT,
        "source_system": FieldType.TEXT,
        "country": FieldType.TEXT,
        "product_type": FieldType.TEXT,
        "risk_category": FieldType.TEXT,
        "context_data": FieldType.OBJECT,
    },
    open_prefixes=("context_data", "history"),
    provider_fields={"call": FieldType.TEXT, "found": FieldType.BOOLEAN},
    cel_allowed=True,
)
