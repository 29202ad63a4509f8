import json
from decimal import Decimal
from typing import Any

import pytest
from tests.inbound.scenario.scenario_text import (
    ABSENT,
    NOW,
    USER,
    as_bytes,
    changed,
    fault_places,
    published,
    reservation,
    rule,
)

from tidegate.core.kernel.readings import FieldFault
from tidegate.core.pretrade.account import MarginMode, TradingState
from tidegate.core.pretrade.instrument import Kind, KycLevel, Mark
from tidegate.core.pretrade.order import OrderType, PositionSide, Side
from tidegate.core.pretrade.rules import Operator, RuleAction, Severity
from tidegate.core.pretrade.scenario import Activity, Scenario
from tidegate.inbound.scenario.faults import UnreadableScenario
from tidegate.inbound.scenario.reader import SEED_KEYS, read_scenario

NOW_US = 1_767_225_600_000_000


def read(changes: dict[str, Any]) -> Scenario:
    return read_scenario(as_bytes(changed(changes)))


def test_scenario_as_published_is_read() -> None:
    """PT-901: the example of the specification is read, every number exactly."""
    scenario = read_scenario(as_bytes(published()))
    instrument = scenario.instruments["BTCUSDT"]
    assert scenario.now_us == NOW_US
    assert (instrument.kind, instrument.settle, instrument.tick_size) == (Kind.LINEAR, "USDT", Decimal("0.1"))
    assert (instrument.notional_min, instrument.notional_max) == (Decimal(5), None)
    assert scenario.margin_tiers[0].maintenance_margin_pct == Decimal("0.4")
    assert scenario.marks == {"BTCUSDT": Mark(Decimal(50000), NOW_US)}
    assert scenario.profile is not None
    assert (scenario.profile.kyc_level, scenario.profile.max_leverage) == (KycLevel.L2, Decimal(50))
    assert scenario.balances is not None
    assert scenario.balances["USDT"].total == Decimal(10000)
    assert (scenario.positions[0].quantity, scenario.positions[0].margin_mode) == (Decimal("-0.1"), MarginMode.CROSS)
    assert (scenario.open_orders[0].price, scenario.open_orders[0].at_us) == (Decimal(49000), None)
    assert scenario.activity == Activity(orders_last_minute=0, notional_24h=Decimal(0), rejects_last_hour=0)
    assert scenario.order is not None
    assert (scenario.order.order_id, scenario.order.leverage) == ("o-2", Decimal(10))


def test_scenario_with_lists_absent_reads_them_as_empty_and_balances_as_unknown() -> None:
    """PT-906: absent lists are empty, absent balances unknown, absent feeds lag 0, absent activity is not known."""
    order = published()["order"]
    scenario = read_scenario(json.dumps({"now": NOW, "order": order}).encode())
    assert scenario.balances is None
    assert (scenario.instruments, scenario.positions, scenario.open_orders, scenario.rules) == ({}, (), (), ())
    assert (scenario.profile, scenario.account_lag_ms, scenario.activity) == (None, 0, Activity())
    assert read({"/balances": []}).balances == {}


def test_scenario_numbers_are_read_without_float() -> None:
    """PT-901: a JSON number in the place of a decimal text keeps every digit it was written with."""
    content = as_bytes(published()).replace(b'"10000"', b"12345678901234567890.123456789012345678")
    scenario = read_scenario(content)
    assert scenario.balances is not None
    assert scenario.balances["USDT"].total == Decimal("12345678901234567890.123456789012345678")


@pytest.mark.parametrize("price", [None, "0", "-1"])
def test_mark_without_a_usable_price_is_read_as_unreadable(price: str | None) -> None:
    """PT-906, PT-335: a null mark price, or one that is not above 0, is kept as a mark that could not be read."""
    assert read({"/marks/0/price": price}).marks == {"BTCUSDT": Mark(None, NOW_US)}


def test_mark_that_is_null_is_passed_over() -> None:
    """PT-906: a mark may be null or absent."""
    assert read({"/marks": [None]}).marks == {}


def test_mark_of_no_instrument_is_read() -> None:
    """PT-908: marks may name symbols that are no instruments, for conversion."""
    assert "ETHUSDT" in read({"/marks/-": {"symbol": "ETHUSDT", "price": "3000", "at": NOW}}).marks


def test_reservation_is_read_with_price_extra_and_expiry() -> None:
    """PT-904: reservations have the shape of open orders with a price, extra and expires_at."""
    held = read({"/reservations": [reservation(position_side="BOTH", leverage="")]}).reservations[0]
    assert (held.price, held.extra, held.expires_at_us) == (Decimal(51000), Decimal("1.5"), NOW_US + 10_000_000)
    assert (held.leverage, held.filled_quantity, held.side) == (None, Decimal(0), Side.SELL)


def test_open_order_of_a_stop_type_is_read() -> None:
    """PT-904: open orders take position_side, stop_price, at, a null price and an empty leverage."""
    stop = {
        "/open_orders/0": {
            "order_id": "o-1",
            "symbol": "BTCUSDT",
            "side": "SELL",
            "order_type": "STOP_MARKET",
            "quantity": "0.1",
            "price": None,
            "stop_price": "48000",
            "leverage": "",
            "position_side": "LONG",
            "at": "2025-12-31T23:59:59.5Z",
        },
        "/positions": [],
    }
    order = read(stop).open_orders[0]
    assert (order.order_type, order.price, order.stop_price) == (OrderType.STOP_MARKET, None, Decimal(48000))
    assert (order.leverage, order.position_side, order.at_us) == (None, PositionSide.LONG, NOW_US - 500_000)


def test_position_without_quantity_is_left_out() -> None:
    """PT-904: a row of quantity 0 says that nothing is held."""
    assert read({"/positions/0/quantity": "0", "/positions/0/entry_price": "0"}).positions == ()


def test_rule_rows_are_read_with_their_defaults() -> None:
    """PT-501, PT-909: a threshold is a decimal or a list of them; an id may be absent; the rest has defaults."""
    scenario = read(
        {
            "/rules": [
                rule(),
                rule(
                    id=7,
                    name="band",
                    metric="leverage",
                    operator="BETWEEN",
                    threshold=["1", "2.5"],
                    action="WARN",
                    kyc_level="L1",
                    symbol="BTCUSDT",
                    active=False,
                    shadow=True,
                    version=3,
                ),
            ]
        }
    )
    plain, full = scenario.rules
    assert (plain.rule_id, plain.thresholds, plain.severity) == ("large order", (Decimal(1000),), Severity.HIGH)
    assert (plain.active, plain.shadow, plain.version, plain.kyc_level) == (True, False, 1, None)
    assert (full.rule_id, full.operator, full.thresholds) == ("7", Operator.BETWEEN, (Decimal(1), Decimal("2.5")))
    assert (full.action, full.kyc_level, full.symbol) == (RuleAction.WARN, KycLevel.L1, "BTCUSDT")
    assert (full.active, full.shadow, full.version) == (False, True, 3)


def test_rule_condition_is_kept_as_json_text_with_its_digits() -> None:
    """PT-501: a condition stands in the place of metric, operator and threshold and keeps its numbers as written."""
    content = as_bytes(
        changed(
            {
                "/rules": [
                    {
                        "name": "c",
                        "action": "WARN",
                        "condition": {"all": [{"field": "leverage", "op": "gt", "value": 12345}]},
                    }
                ]
            }
        )
    ).replace(b"12345", b"1.10")
    condition = read_scenario(content).rules[0].condition
    assert condition == '{"all":[{"field":"leverage","op":"gt","value":1.10}]}'


def test_rule_condition_faults_are_told_at_their_place() -> None:
    """PT-501: what the save-time checks of the rule language find is a fault of the file."""
    condition = {"all": [{"field": "colour", "op": "gt", "value": "1"}]}
    scenario = changed({"/rules": [{"name": "c", "action": "WARN", "condition": condition}]})
    with pytest.raises(UnreadableScenario) as unreadable:
        read_scenario(
            as_bytes(scenario), condition_faults=lambda _: [FieldFault("/all/0/field", "must be a known field")]
        )
    assert [fault.field for fault in unreadable.value.faults] == ["/rules/0/condition/all/0/field"]


def test_activity_reads_recent_orders() -> None:
    """PT-906: activity may hold recent orders: the order's fields, when, and how much of it was filled."""
    recent = {"symbol": "BTCUSDT", "side": "BUY", "order_type": "MARKET", "quantity": "1", "at": NOW}
    scenario = read({"/activity/recent": [recent, recent | {"filled_quantity": "0.5", "order_id": "o-0"}]})
    first, second = scenario.activity.recent
    assert (first.order.user_id, first.at_us, first.filled_quantity) == (USER, NOW_US, Decimal(0))
    assert (second.order.order_id, second.filled_quantity) == ("o-0", Decimal("0.5"))


def test_trading_state_is_read_at_its_three_levels() -> None:
    """PT-310: the kill switch is read everywhere, by symbol and of the user."""
    states = read(
        {"/trading_state": {"global": "REDUCING", "symbols": {"BTCUSDT": "HALTED"}, "user": "ACTIVE"}}
    ).trading_states
    assert (states.everywhere, states.symbols) == (TradingState.REDUCING, {"BTCUSDT": TradingState.HALTED})


def test_settings_replace_what_they_name() -> None:
    """PT-901: settings that the scenario names replace the defaults; levels that are not named keep theirs."""
    settings = read(
        {"/settings": {"kyc_max_leverage": {"L1": "30"}, "market_slippage_pct": "1", "margin_call_ratio": None}}
    ).settings
    assert settings.kyc_max_leverage == {KycLevel.L0: 1, KycLevel.L1: 30, KycLevel.L2: 125}
    assert (settings.market_slippage_pct, settings.mark_age_ms_max) == (Decimal(1), 5000)


def test_order_dry_run_is_a_known_field() -> None:
    """PT-909: order takes every request field by its proto name."""
    assert read({"/order/dry_run": True, "/order/position_side": "BOTH", "/order/stop_price": ""}).order is not None


def test_scenario_without_order_is_read_when_none_is_needed() -> None:
    """PT-911: margin and seeds take the same file without order."""
    assert read_scenario(as_bytes(changed({"/order": ABSENT})), order_required=False).order is None


def test_seed_keys_are_tolerated_when_asked_for() -> None:
    """PT-901: a seed file holds the desk's keys too, which this reader leaves alone."""
    seed = changed({"/order": ABSENT, "/assessment_rules": [{}], "/thresholds": [], "/lists": {}})
    assert read_scenario(as_bytes(seed), order_required=False, tolerated_keys=SEED_KEYS).order is None
    assert fault_places(as_bytes(seed | {"order": published()["order"]})) == [
        "/assessment_rules",
        "/thresholds",
        "/lists",
    ]
