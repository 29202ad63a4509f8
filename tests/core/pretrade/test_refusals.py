"""What each refusal says: code, message, and both numbers with their unit; reply, audit and documents show this."""

# ruff: noqa: E501 - one violation a line, as it is told

from dataclasses import replace
from typing import Any

import pytest
from tests.core.pretrade.builders import (
    BUY,
    LONG,
    NOW_US,
    SELL,
    D,
    a_mark,
    a_position,
    a_profile,
    a_scenario,
    an_open_order,
    an_order,
    balances,
    tiers,
)
from tests.core.pretrade.reference.phase_scenarios import (
    HALTED,
    HELD,
    MARKET,
    REDUCING,
    SPOT_BUY,
    STOP_LIMIT,
    STOP_MARKET,
    listed,
    settings,
)

from tidegate.core.pretrade.decide import decide
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.loading import load_snapshot
from tidegate.core.pretrade.rules import Operator, RiskRule, RuleAction
from tidegate.core.pretrade.scenario import Scenario, TradingStates
from tidegate.core.pretrade.snapshot import FlowFacts
from tidegate.core.pretrade.violation import Violation

POOR = {"balances": balances(USDT="500")}


def rule(**said: Any) -> dict[str, Any]:
    """One dynamic rule on the order's notional, as said."""
    plain = RiskRule(
        "7", "big", RuleAction.REJECT, metric="order_notional", operator=Operator.GT, thresholds=(D(4_000),), version=3
    )
    return {"rules": (replace(plain, **said),)}


def said_by(scenario: Scenario) -> list[str]:
    """Each violation in one line: code, action, metric, observed, limit, unit, rule; then the message."""
    assert scenario.order is not None
    return [line(found) for found in decide(scenario.order, load_snapshot(scenario, scenario.order)).violations]


def line(found: Violation) -> str:
    """Write one violation."""
    rule_named = f"{found.rule_id}@{found.rule_version}" if found.rule_id else "-"
    shown = (found.metric, found.observed, found.limit, found.unit, rule_named)
    return f"{found.code} {found.action} " + " ".join(part or "-" for part in shown) + f" | {found.message}"


REFUSALS: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"trading_states": TradingStates(everywhere=HALTED)},
        ["TRADING_HALTED REJECT trading_state HALTED ACTIVE - - | trading is HALTED: nothing may pass"],
    ),
    (
        {"trading_states": TradingStates(everywhere=REDUCING)},
        [
            "TRADING_HALTED REJECT trading_state REDUCING ACTIVE - - | trading is REDUCING: only orders proven to reduce may pass"
        ],
    ),
    (
        {"profile": None},
        [
            "PROFILE_NOT_FOUND REJECT profile missing - - - | user 7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11 has no risk profile"
        ],
    ),
    ({"profile": a_profile(frozen=True)}, ["USER_FROZEN REJECT frozen true false - - | the user is frozen"]),
    (
        SPOT_BUY | {"profile": a_profile(kyc_level=KycLevel.L0)} | settings(kyc_min_level_spot=KycLevel.L1),
        ["KYC_INSUFFICIENT REJECT kyc_level L0 L1 - - | KYC level L0 is below the required L1"],
    ),
    (
        {"order": an_order(symbol="NOWHERE")},
        ["INSTRUMENT_NOT_FOUND REJECT symbol NOWHERE - - - | instrument NOWHERE is not known"],
    ),
    (listed(status="HALT"), ["INSTRUMENT_NOT_TRADABLE REJECT status HALT TRADING - - | BTCUSDT is HALT"]),
    (
        {"order": an_order(order_type=MARKET, price=None, post_only=True)},
        ["INVALID_ORDER REJECT post_only true - - - | post_only does not go with a MARKET order"],
    ),
    (
        {"order": an_order(order_type=MARKET)},
        ["INVALID_ORDER REJECT price set - - - | a MARKET order carries no price"],
    ),
    ({"order": an_order(price=None)}, ["INVALID_ORDER REJECT price missing - - - | a LIMIT order needs a price"]),
    (
        {"order": an_order(order_type=STOP_LIMIT)},
        ["INVALID_ORDER REJECT stop_price missing - - - | a STOP_LIMIT order needs a stop_price"],
    ),
    (
        {"order": an_order(stop_price=D(50_000))},
        ["INVALID_ORDER REJECT stop_price set - - - | a LIMIT order carries no stop_price"],
    ),
    (
        SPOT_BUY | {"order": an_order(symbol="BTC-USDT", leverage=None, reduce_only=True)},
        ["INVALID_ORDER REJECT reduce_only true - - - | reduce_only does not go with SPOT"],
    ),
    (
        SPOT_BUY | {"order": an_order(symbol="BTC-USDT", leverage=None, position_side=LONG)},
        ["INVALID_ORDER REJECT position_side LONG - - - | SPOT knows no position side but BOTH"],
    ),
    (
        {"positions": (a_position("0.2", position_side=LONG),)},
        ["INVALID_ORDER REJECT position_side BOTH - - - | BTCUSDT is held in legs: say LONG or SHORT"],
    ),
    (
        HELD | {"order": an_order(position_side=LONG)},
        ["INVALID_ORDER REJECT position_side LONG - - - | BTCUSDT is held one-way: say BOTH"],
    ),
    ({"order": an_order(price="0")}, ["INVALID_PRICE REJECT price 0 0 - - | price must be positive"]),
    (
        {"order": an_order(price="50000.05")},
        ["INVALID_PRICE REJECT price 50000.05 0.1 - - | price 50000.05 is not a multiple of the tick 0.1"],
    ),
    (
        {"order": an_order(order_type=STOP_MARKET, price=None, stop_price=D("50000.05"))},
        ["INVALID_PRICE REJECT stop_price 50000.05 0.1 - - | stop_price 50000.05 is not a multiple of the tick 0.1"],
    ),
    (
        {"order": an_order(quantity="0.1005")},
        ["INVALID_QUANTITY REJECT quantity 0.1005 0.001 - - | quantity 0.1005 is not a multiple of the lot 0.001"],
    ),
    (
        listed(quantity_min=D("0.2")),
        ["INVALID_QUANTITY REJECT quantity 0.1 0.2 - - | quantity 0.1 is below the minimum 0.2"],
    ),
    (
        listed(quantity_max=D("0.05")),
        ["INVALID_QUANTITY REJECT quantity 0.1 0.05 - - | quantity 0.1 is above the maximum 0.05"],
    ),
    (
        listed(notional_min=D(6_000)),
        [
            "NOTIONAL_OUT_OF_RANGE REJECT order_notional 5000 6000 USDT - | order notional 5000 USDT is below the minimum of 6000 USDT"
        ],
    ),
    (
        listed(notional_max=D(4_000)),
        [
            "NOTIONAL_OUT_OF_RANGE REJECT order_notional 5000 4000 USDT - | order notional 5000 USDT is above the maximum of 4000 USDT"
        ],
    ),
    (
        listed(price_band_pct=D(1)) | {"order": an_order(price="50505")},
        ["PRICE_OUT_OF_BAND REJECT price_deviation_pct 1.01 1 % - | fill price 50505 is 1.01 % from the mark 50000"],
    ),
    (
        {"marks": {"BTCUSDT": a_mark("50000", age_us=5_001_000)}},
        ["STALE_DATA REJECT mark_age_ms 5001 5000 ms - | mark of BTCUSDT: 5001 ms, limit 5000 ms"],
    ),
    ({"marks": {}}, ["STALE_DATA REJECT mark_age_ms missing 5000 ms - | mark of BTCUSDT: missing"]),
    (
        {"marks": {"BTCUSDT": a_mark("0")}},
        ["STALE_DATA REJECT mark_age_ms unreadable 5000 ms - | mark of BTCUSDT: unreadable"],
    ),
    ({"margin_tiers": ()}, ["STALE_DATA REJECT margin_tiers missing - - - | margin_tiers of BTCUSDT: missing"]),
    ({"balances": {}}, ["STALE_DATA REJECT balance missing - - - | balance of USDT: missing"]),
    (
        {"account_lag_ms": 5_001},
        ["STALE_DATA REJECT account_feed_lag_ms 5001 5000 ms - | account feed: 5001 ms, limit 5000 ms"],
    ),
    (
        {"open_orders": (an_open_order(BUY, "0.001", "40000"),)} | settings(open_orders_max=1),
        ["MAX_OPEN_ORDERS_EXCEEDED REJECT open_orders 2 1 - - | 2 live orders are more than 1"],
    ),
    (
        {"open_orders": (an_open_order(BUY, "0.001", "40000"),)} | settings(open_orders_per_symbol_max=1),
        ["MAX_OPEN_ORDERS_EXCEEDED REJECT open_orders_per_symbol 2 1 - - | 2 live orders are more than 1"],
    ),
    (
        {"open_orders": (an_open_order(BUY, "0.001", "40000", order_id="o-new"),)},
        ["DUPLICATE_ORDER REJECT order_id o-new - - - | order o-new is already live"],
    ),
    (
        {"order": an_order(SELL, "0.1", reduce_only=True)},
        ["REDUCE_ONLY_VIOLATION REJECT reduce_only_quantity 0.1 0 - - | reduce-only quantity 0.1 is above the 0 held"],
    ),
    (
        HELD | {"order": an_order(SELL, "0.3", reduce_only=True)},
        [
            "REDUCE_ONLY_VIOLATION REJECT reduce_only_quantity 0.3 0.2 - - | reduce-only quantity 0.3 is above the 0.2 held"
        ],
    ),
    (
        {"order": an_order(leverage=D(60))},
        ["MAX_LEVERAGE_EXCEEDED REJECT leverage 60 50 x - | leverage 60 is above 50"],
    ),
    (
        SPOT_BUY | {"order": an_order(symbol="BTC-USDT", leverage=D(2))},
        ["MAX_LEVERAGE_EXCEEDED REJECT leverage 2 1 x - | leverage 2 is above 1"],
    ),
    (
        {"profile": a_profile(exposure_limit_usdt=D(4_999))},
        [
            "EXPOSURE_LIMIT_EXCEEDED REJECT projected_exposure 5000 4999 USDT - | projected exposure 5000 USDT is above 4999 USDT"
        ],
    ),
    (
        {"margin_tiers": tiers(("4000", "0.4", "125"))},
        [
            "EXPOSURE_LIMIT_EXCEEDED REJECT worst_case_notional 5000 4000 USDT - | worst-case notional 5000 USDT is above the last tier 4000"
        ],
    ),
    (
        POOR,
        [
            "INSUFFICIENT_MARGIN REJECT required_initial_margin 502.5 500 USDT - | 502.5 USDT is required, 500 USDT is available"
        ],
    ),
    (
        SPOT_BUY | {"balances": balances(USDT="4000")},
        [
            "INSUFFICIENT_MARGIN REJECT required_initial_margin 5002.5 4000 USDT - | 5002.5 USDT is required, 4000 USDT is available"
        ],
    ),
    (
        {
            "positions": (a_position("1.2", entry_price="52000"),),
            "balances": balances(USDT="2700"),
            "order": an_order(BUY, "0.001"),
        },
        [
            "INSUFFICIENT_MARGIN REJECT required_initial_margin 5.025 -5700 USDT - | 5.025 USDT is required, -5700 USDT is available",
            "LIQUIDATION_RISK WARN projected_margin_ratio 0.80073339 0.8 - - | projected margin ratio 0.80073339 reaches 0.8",
        ],
    ),
    (
        rule(),
        ["RISK_RULE_VIOLATION REJECT order_notional 5000 4000 - 7@3 | rule big: order notional 5000 is above 4000"],
    ),
    (
        rule(action=RuleAction.WARN),
        ["RISK_RULE_VIOLATION WARN order_notional 5000 4000 - 7@3 | rule big: order notional 5000 is above 4000"],
    ),
    (
        rule(shadow=True),
        ["RISK_RULE_VIOLATION SHADOW order_notional 5000 4000 - 7@3 | rule big: order notional 5000 is above 4000"],
    ),
    (
        rule(metric="order_notional", operator=Operator.BETWEEN, thresholds=(D(1), D(9_000))),
        [
            'RISK_RULE_VIOLATION REJECT order_notional 5000 ["1", "9000"] - 7@3 | rule big: order notional 5000 is between 1 and 9000'
        ],
    ),
    (
        rule(
            metric=None,
            operator=None,
            thresholds=(),
            condition='{"all": [{"field": "side", "op": "eq", "value": "BUY"}]}',
        ),
        ["RISK_RULE_VIOLATION REJECT condition - - - 7@3 | rule big: side BUY is BUY"],
    ),
    (
        rule(metric="exposure_utilization_pct") | {"profile": a_profile(exposure_limit_usdt=D(0))},
        [
            "EXPOSURE_LIMIT_EXCEEDED REJECT projected_exposure 5000 0 USDT - | projected exposure 5000 USDT is above 0 USDT",
            "RISK_RULE_VIOLATION REJECT exposure_utilization_pct - 4000 - 7@3 | rule big: could not be worked out (exposure utilization pct is not known, so it cannot be said whether it is above 4000)",
        ],
    ),
]


@pytest.mark.parametrize(("said", "expected"), REFUSALS)
def test_refusal_says_what_was_observed_against_which_limit(said: dict[str, Any], expected: list[str]) -> None:
    """PT-122: a refusal carries code, metric, observed value, limit and unit, and a message that says them."""
    assert said_by(a_scenario(**said)) == expected


FLOW: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {"orders_per_second_max": 3},
        {"message_allowed": False},
        "RATE_LIMIT_EXCEEDED REJECT orders_per_second > 3 3 - - | more than 3 orders a second",
    ),
    (
        {"repeat_max": 2, "repeat_window_ms": 60_000},
        {"equal_fills": 2},
        "RATE_LIMIT_EXCEEDED REJECT repeat_count 2 2 - - | 2 equal orders were filled within 60000 ms",
    ),
    (
        {"duplicate_window_ms": 1_000},
        {"equal_order_at_us": NOW_US - 999_000},
        "DUPLICATE_ORDER REJECT equal_order_age_ms 999 1000 ms - | an equal order was sent 999 ms ago",
    ),
]


@pytest.mark.parametrize(("limits", "flow", "expected"), FLOW)
def test_refusal_of_the_flow_says_how_many_or_how_long_ago(
    limits: dict[str, Any], flow: dict[str, Any], *, expected: str
) -> None:
    """PT-122: what the windows counted stands beside its limit."""
    scenario, order = a_scenario(**settings(**limits)), an_order()
    snapshot = replace(load_snapshot(scenario, order), flow=FlowFacts(**flow))
    assert [line(found) for found in decide(order, snapshot).violations] == [expected]
