"""The evidence of a decision: what it was made on, complete enough to decide again and to explain.

Live orders are kept as the totals the decision read (``live.SymbolView``), so evidence does not grow with their
number; ladders and rules are kept by version, since published versions never change.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.core.kernel.quick import quickly_made
from tidegate.core.pretrade.account import Balance, Profile, TradingState
from tidegate.core.pretrade.instrument import Instrument, Mark
from tidegate.core.pretrade.live import SymbolView
from tidegate.core.pretrade.scenario import ReportedExposure
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import FlowFacts


@quickly_made
@dataclass(frozen=True, slots=True)
class AccountEvidence:
    """One account of the user as the decision saw it."""

    account_id: str
    balances: tuple[Balance, ...] | None
    symbols: tuple[SymbolView, ...]
    live_count: int


@quickly_made
@dataclass(frozen=True, slots=True)
class Evidence:
    """What one decision read. ``versions``: areas of configuration by name. ``order_id_live``: the order's id was
    already live. ``marks`` and ``instruments``: those the decision could touch.
    """

    now_us: int
    user_version: int
    accounts: tuple[AccountEvidence, ...]
    reported_exposure: ReportedExposure | None
    profile: Profile | None
    trading_state: TradingState
    flow: FlowFacts
    account_lag_ms: int | None
    account_gap: str
    position_known: bool
    order_id_live: bool
    instruments: tuple[Instrument, ...]
    marks: Mapping[str, Mark]
    settings: GateSettings
    versions: Mapping[str, int]
