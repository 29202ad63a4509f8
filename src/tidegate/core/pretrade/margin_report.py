"""How an account stands without an order: what ``tidegate margin`` prints (``spec/pretrade.md`` section 9)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class AssetMargin:
    """One asset of the wallet, in units of it; ``None`` where a datum lacks.

    ``margin_ratio`` is maintenance margin over equity of the asset's cross positions, 0 without position.
    """

    equity: Decimal | None = None
    available_margin: Decimal | None = None
    margin_ratio: Decimal | None = None


@dataclass(frozen=True, slots=True)
class SymbolMargin:
    """One derivative (or isolated hedge leg) that is held or has live orders, in its settle asset.

    ``None`` where a datum lacks; ``liquidation_price`` (quote asset) also where there is none.
    """

    worst_case_notional: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    unrealised_pnl: Decimal | None = None
    liquidation_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class MarginReport:
    """Every balance row by asset; every derivative held or with live orders by symbol (``SYMBOL:LONG`` and
    ``SYMBOL:SHORT`` for isolated hedge legs). Raw values: quantised sums of 20 places.
    """

    assets: Mapping[str, AssetMargin] = field(default_factory=dict)
    symbols: Mapping[str, SymbolMargin] = field(default_factory=dict)
