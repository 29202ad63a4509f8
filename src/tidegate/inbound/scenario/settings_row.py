"""The gate's settings as a scenario overrides them: unknown names are refused, what is not named keeps its default."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from tidegate.core.kernel.decimals import HUNDRED, ONE, ZERO
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.settings import GateSettings
from tidegate.inbound.scenario.row import Row

_COUNTS: Final = (
    "mark_age_ms_max",
    "account_feed_lag_ms_max",
    "exposure_age_ms_max",
    "future_ms_max",
    "config_age_ms_max",
    "margin_call_cooldown_s",
    "orders_per_second_max",
    "open_orders_max",
    "open_orders_per_symbol_max",
    "duplicate_window_ms",
    "repeat_max",
    "repeat_window_ms",
    "reservation_ttl_ms",
    "answer_kept_ms",
)


def read_settings(file: Row) -> GateSettings:
    """The settings of the gate: the defaults, and what the scenario says instead."""
    row = file.row("settings")
    if row is None:
        return GateSettings()
    readers: dict[str, Callable[[str], Any]] = {
        **dict.fromkeys(_COUNTS, row.count),
        "kyc_min_level_spot": lambda key: row.choice(key, KycLevel),
        "kyc_min_level_derivatives": lambda key: row.choice(key, KycLevel),
        "kyc_max_leverage": lambda key: _kyc_max_leverage(row, key),
        "market_slippage_pct": lambda key: _market_slippage_pct(row, key),
        "liquidation_warn_ratio": lambda key: row.decimal(key, at_least=ZERO),
        "margin_call_ratio": lambda key: row.optional_decimal(key, at_least=ZERO),
    }
    said = {key: read(key) for key, read in readers.items() if row.value(key) is not None}
    row.close()
    return GateSettings(**said)


def _kyc_max_leverage(row: Row, key: str) -> dict[KycLevel, Decimal]:
    caps = dict(GateSettings().kyc_max_leverage)
    levels = row.row(key)
    if levels is not None:
        for level in KycLevel:
            if levels.has(level):
                caps[level] = levels.decimal(level, at_least=ONE)
        levels.close()
    return caps


def _market_slippage_pct(row: Row, key: str) -> Decimal:
    slippage_pct = row.decimal(key, at_least=ZERO)
    if slippage_pct >= HUNDRED:
        row.fault(key, f"must be below {HUNDRED}")
    return slippage_pct
