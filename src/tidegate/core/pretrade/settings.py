"""Settings of the order gate that the decision reads. Every limit is inclusive unless its line says otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from tidegate.core.pretrade.instrument import KycLevel

KYC_MAX_LEVERAGE: Final[Mapping[KycLevel, Decimal]] = {
    KycLevel.L0: Decimal(1),
    KycLevel.L1: Decimal(20),
    KycLevel.L2: Decimal(125),
}
"""The house's leverage caps by KYC level (``spec/pretrade.md`` section 3, phase 1)."""


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Limits of the gate; ages and windows in milliseconds, ``*_pct`` in percent, counts with 0 = off."""

    mark_age_ms_max: int = 5_000
    account_feed_lag_ms_max: int = 5_000
    exposure_age_ms_max: int = 60_000
    future_ms_max: int = 1_000
    config_age_ms_max: int = 10_000
    kyc_min_level_spot: KycLevel = KycLevel.L0
    kyc_min_level_derivatives: KycLevel = KycLevel.L1
    kyc_max_leverage: Mapping[KycLevel, Decimal] = field(default_factory=lambda: dict(KYC_MAX_LEVERAGE))
    market_slippage_pct: Decimal = Decimal("0.5")
    liquidation_warn_ratio: Decimal = Decimal("0.8")
    """A projected margin ratio at or above it warns; at or above 1 it refuses."""
    margin_call_ratio: Decimal | None = None
    """A projected margin ratio at or above it is a margin call; ``None`` leaves margin calls to the rules."""
    margin_call_cooldown_s: int = 3_600
    orders_per_second_max: int = 0
    open_orders_max: int = 0
    open_orders_per_symbol_max: int = 0
    duplicate_window_ms: int = 0
    repeat_max: int = 0
    repeat_window_ms: int = 0
    reservation_ttl_ms: int = 30_000
    answer_kept_ms: int = 86_400_000
