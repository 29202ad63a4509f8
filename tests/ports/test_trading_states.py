"""Contract of ``TradingStates``."""

import asyncio

import pytest
from tests.ports.builders import NOW_US, USER
from tests.ports.stores import Stores

from tidegate.core.pretrade.account import TradingState
from tidegate.ports.configuration import Scope, TradingStateRow
from tidegate.ports.stored import Conflict, VersionMoved


def a_halt(scope: Scope = Scope.GLOBAL, key: str = "", *, reason: str = "drill") -> TradingStateRow:
    """A halt of one scope."""
    return TradingStateRow(scope, key, state=TradingState.HALTED, reason=reason, actor="officer", at_us=NOW_US)


async def test_trading_state_never_set_is_absent(stores: Stores) -> None:
    """PT-310: what was never set is ACTIVE, so nothing is stored for it."""
    assert await stores.trading_states.all() == (0, [])


async def test_trading_states_of_every_scope_stand_side_by_side(stores: Stores) -> None:
    """PT-310: everywhere, a symbol and a user each have a state of their own; setting one again replaces it."""
    rows = [a_halt(), a_halt(Scope.SYMBOL, "BTCUSDT"), a_halt(Scope.USER, USER)]
    for row in rows:
        await stores.trading_states.put(row, version=None)
    calm = TradingStateRow(Scope.GLOBAL, "", state=TradingState.ACTIVE, reason="over", actor="two", at_us=NOW_US + 1)
    assert await stores.trading_states.put(calm, version=3) == (4, calm)
    assert await stores.trading_states.all() == (4, [calm, *rows[1:]])


async def test_trading_state_put_by_two_at_once_takes_one(stores: Stores) -> None:
    """PT-810: an officer who saw an older version learns the one that stands."""
    both = [stores.trading_states.put(a_halt(Scope.SYMBOL, symbol), version=0) for symbol in ("A", "B")]
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert [outcome.current for outcome in outcomes if isinstance(outcome, VersionMoved)] == [1]
    assert len((await stores.trading_states.all())[1]) == 1


@pytest.mark.parametrize(
    "row",
    [a_halt(reason=" "), a_halt(Scope.GLOBAL, "BTCUSDT"), a_halt(Scope.SYMBOL, ""), a_halt(Scope.USER, "u" * 129)],
)
async def test_trading_state_without_reason_or_with_a_wrong_key_is_refused(
    stores: Stores, row: TradingStateRow
) -> None:
    """PT-805: a reason is required, and a key names the symbol or user and nothing else."""
    with pytest.raises(Conflict):
        await stores.trading_states.put(row, version=None)
    assert await stores.trading_states.all() == (0, [])
