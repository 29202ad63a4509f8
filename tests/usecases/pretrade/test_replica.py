"""What one process keeps in memory, and how old it is."""

import pytest

from tidegate.core.pretrade.account import TradingState
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import Market
from tidegate.ports.configuration import Scope, TradingStateRow
from tidegate.usecases.pretrade.configuration import empty_configuration
from tidegate.usecases.pretrade.replica import Replica

ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED
USER = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"


def a_replica() -> Replica:
    return Replica(Market(), empty_configuration(GateSettings()))


def a_state(scope: Scope, key: str, *, state: TradingState) -> TradingStateRow:
    return TradingStateRow(scope, key, state, "reason", "officer", 0)


@pytest.mark.parametrize(
    ("everywhere", "symbol", "user", "strictest"),
    [
        (None, None, None, ACTIVE),
        (REDUCING, None, None, REDUCING),
        (None, HALTED, REDUCING, HALTED),
        (REDUCING, ACTIVE, HALTED, HALTED),
        (ACTIVE, REDUCING, ACTIVE, REDUCING),
    ],
)
def test_trading_state_is_the_strictest_that_holds(
    everywhere: TradingState | None, symbol: TradingState | None, user: TradingState | None, strictest: TradingState
) -> None:
    """PT-805: everywhere, symbol and user each can only tighten; what was never set is ACTIVE."""
    replica = a_replica()
    scopes = [(Scope.GLOBAL, "", everywhere), (Scope.SYMBOL, "BTCUSDT", symbol), (Scope.USER, USER, user)]
    replica.set_trading_states(a_state(scope, key, state=state) for scope, key, state in scopes if state is not None)
    assert replica.trading_state("BTCUSDT", USER) is strictest
    assert replica.trading_state("ETHUSDT", "other") is (everywhere or ACTIVE)


def test_trading_states_are_replaced_as_a_whole() -> None:
    """PT-805: a state that is set no longer holds no longer."""
    replica = a_replica()
    replica.set_trading_states([a_state(Scope.SYMBOL, "BTCUSDT", state=HALTED)])
    replica.set_trading_states([])
    assert replica.trading_state("BTCUSDT", USER) is ACTIVE


def test_account_lag_is_unknown_until_the_feed_was_seen() -> None:
    """PT-333: a feed that never was at its end has no lag that could be trusted."""
    replica = a_replica()
    assert replica.account_lag_ms(5_000_000) is None
    replica.see_account_feed(4_000_000)
    assert replica.account_lag_ms(5_000_000) == 1_000
    replica.see_account_feed(3_000_000)
    assert replica.account_lag_ms(5_000_999) == 1_000
    assert replica.account_lag_ms(3_000_000) == 0


def test_replica_begins_unconfirmed_and_not_rebuilt() -> None:
    """PT-718: nothing is decided on what a process happens to begin with."""
    replica = a_replica()
    assert (replica.confirmed_at_us, replica.rebuilt) == (0, False)
