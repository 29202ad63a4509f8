"""Scenarios that the tables of the phases start from."""

from dataclasses import replace
from typing import Any

from tests.core.pretrade.builders import (
    LONG,
    SELL,
    a_position,
    a_spot,
    an_instrument,
    an_order,
)

from tidegate.core.pretrade.account import TradingState
from tidegate.core.pretrade.order import OrderType
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.scenario import Scenario
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.violation import Violation

MARKET, STOP_LIMIT, STOP_MARKET = OrderType.MARKET, OrderType.STOP_LIMIT, OrderType.STOP_MARKET
HALTED, REDUCING, ACTIVE = TradingState.HALTED, TradingState.REDUCING, TradingState.ACTIVE
HELD: dict[str, Any] = {"positions": (a_position("0.2"),)}
CLOSE_LONG: dict[str, Any] = {"positions": (a_position("0.2", position_side=LONG),)}
REDUCER: dict[str, Any] = HELD | {"order": an_order(SELL, "0.2")}
SPOT_BUY: dict[str, Any] = {"order": an_order(symbol="BTC-USDT", leverage=None)}


def codes(scenario: Scenario) -> list[str]:
    return [found.code.value for found in decide_plainly(scenario).violations]


def only(scenario: Scenario) -> Violation:
    (found,) = decide_plainly(scenario).violations
    return found


def listed(**said: Any) -> dict[str, Any]:
    """The instruments with BTCUSDT as said."""
    return {"instruments": {"BTCUSDT": replace(an_instrument(), **said), "BTC-USDT": a_spot()}}


def settings(**said: Any) -> dict[str, Any]:
    return {"settings": GateSettings(**said)}
