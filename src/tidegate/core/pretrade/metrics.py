"""The numbers of a check. Raw values: quantised sums of 20 places, ``None`` when not computed."""

from dataclasses import dataclass
from decimal import Decimal

from tidegate.core.kernel.decimals import WORKING


@dataclass(slots=True)
class Metrics:
    """Numbers of one check (``spec/pretrade.md`` sections 4, 5 and 9); settle asset of the order's symbol unless said.

    ``order_notional`` at the fill price; ``initial_margin_*``, ``maintenance_margin_*``, ``worst_case_notional`` and
    liquidation prices of the order's symbol; ``equity`` and ``available_margin`` of its settle asset;
    ``projected_exposure_usdt`` of the user in USDT. Those below ``fee`` are read by dynamic rules alone.
    """

    order_notional: Decimal | None = None
    worst_case_notional: Decimal | None = None
    initial_margin_before: Decimal | None = None
    initial_margin_after: Decimal | None = None
    maintenance_margin_before: Decimal | None = None
    maintenance_margin_after: Decimal | None = None
    equity: Decimal | None = None
    available_margin: Decimal | None = None
    required_initial_margin: Decimal | None = None
    projected_margin_ratio: Decimal | None = None
    projected_exposure_usdt: Decimal | None = None
    liquidation_price_before: Decimal | None = None
    projected_liquidation_price: Decimal | None = None
    open_loss: Decimal | None = None
    fee: Decimal | None = None
    order_quantity: Decimal | None = None
    leverage: Decimal | None = None
    price_deviation_pct: Decimal | None = None
    position_notional: Decimal | None = None
    projected_position_notional: Decimal | None = None
    exposure_utilization_pct: Decimal | None = None
    liquidation_distance_pct: Decimal | None = None
    open_orders_count: Decimal | None = None
    orders_per_minute: Decimal | None = None
    notional_24h: Decimal | None = None
    rejects_per_hour: Decimal | None = None
    risk_score: Decimal | None = None

    def notional_added(self, before: Decimal | None) -> Decimal | None:
        """Give what the order adds to its user's notional of 24 h, in USDT, ``before`` being that notional without it;
        ``None`` when it is not known.
        """
        after = self.notional_24h
        return None if after is None or before is None else WORKING.subtract(after, before)
