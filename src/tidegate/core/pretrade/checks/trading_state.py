"""Kill switch: HALTED refuses everything, REDUCING everything that is not proven to reduce (TRADING_HALTED)."""

from tidegate.core.pretrade.account import TradingState
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.snapshot import Snapshot
from tidegate.core.pretrade.violation import Violation


def check_trading_state(snapshot: Snapshot, *, proven: bool) -> Violation | None:
    """Refuse when trading is halted for everyone, for the symbol or for the user; the strictest state counts."""
    state = snapshot.trading_state
    if state is TradingState.ACTIVE or (state is TradingState.REDUCING and proven):
        return None
    allowed = "nothing" if state is TradingState.HALTED else "only orders proven to reduce"
    return Violation(
        RejectReason.TRADING_HALTED,
        f"trading is {state}: {allowed} may pass",
        metric="trading_state",
        observed=state,
        limit=TradingState.ACTIVE,
    )
