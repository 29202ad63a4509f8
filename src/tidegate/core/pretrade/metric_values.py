"""Metrics by the names that rules, answers and documents use, and how each is rounded when it is shown."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Final

from tidegate.core.kernel.decimals import shown_even, shown_owed, shown_owned
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.rule_metrics import RULE_METRICS

Reader = Callable[[Metrics], Decimal | None]

METRIC_READERS: Final[Mapping[str, Reader]] = {name: attrgetter(attribute) for name, attribute in RULE_METRICS.items()}
"""How a rule reads each metric of ``spec/pretrade.md`` section 5."""

METRIC_ROUNDING: Final[Mapping[str, Callable[[Decimal], Decimal]]] = {
    **dict.fromkeys(
        (
            "order_notional",
            "required_initial_margin",
            "position_notional",
            "projected_position_notional",
            "worst_case_notional",
            "projected_exposure",
            "notional_24h",
        ),
        shown_owed,
    ),
    **dict.fromkeys(("available_margin", "account_equity"), shown_owned),
    **dict.fromkeys(
        (
            "leverage",
            "price_deviation_pct",
            "projected_margin_ratio",
            "exposure_utilization_pct",
            "liquidation_distance_pct",
            "risk_score",
        ),
        shown_even,
    ),
}
"""How each metric is rounded to 8 places when it is shown; counts and quantities are shown as they are."""
