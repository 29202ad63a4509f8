import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.inbound.scenario.scenario_text import (
    ABSENT,
    NOW,
    OTHER_USER,
    as_bytes,
    changed,
    fault_places,
    position,
    published,
    reservation,
    rule,
)

from tidegate.inbound.scenario.faults import UnreadableScenario
from tidegate.inbound.scenario.reader import read_scenario

LONG, SHORT = position(), position(position_side="SHORT")
FAULTS: list[tuple[dict[str, Any], list[str]]] = [
    # unknown keys, at every level
    ({"/colour": 1}, ["/colour"]),
    ({"/a~b": 1}, ["/a~0b"]),
    ({"/settings/colour": 1}, ["/settings/colour"]),
    ({"/settings/kyc_max_leverage": {"L3": "1"}}, ["/settings/kyc_max_leverage/L3"]),
    ({"/instruments/0/colour": 1}, ["/instruments/0/colour"]),
    ({"/margin_tiers/0/colour": 1}, ["/margin_tiers/0/colour"]),
    ({"/marks/0/colour": 1}, ["/marks/0/colour"]),
    ({"/profile/colour": 1}, ["/profile/colour"]),
    ({"/trading_state/colour": 1}, ["/trading_state/colour"]),
    ({"/feeds/colour": 1}, ["/feeds/colour"]),
    ({"/balances/0/colour": 1}, ["/balances/0/colour"]),
    ({"/positions/0/colour": 1}, ["/positions/0/colour"]),
    ({"/open_orders/0/colour": 1}, ["/open_orders/0/colour"]),
    ({"/open_orders/0/extra": "1"}, ["/open_orders/0/extra"]),
    ({"/reservations/-": reservation(colour=1)}, ["/reservations/0/colour"]),
    ({"/reported_exposure/colour": 1}, ["/reported_exposure/colour"]),
    ({"/activity/colour": 1}, ["/activity/colour"]),
    ({"/rules/-": rule(colour=1)}, ["/rules/0/colour"]),
    ({"/order/colour": 1}, ["/order/colour"]),
    # twins
    ({"/instruments/-": published()["instruments"][0]}, ["/instruments/1/symbol"]),
    ({"/marks/-": published()["marks"][0]}, ["/marks/1/symbol"]),
    ({"/balances/-": published()["balances"][0]}, ["/balances/1/asset"]),
    ({"/positions/-": published()["positions"][0]}, ["/positions/1/symbol"]),
    ({"/open_orders/-": published()["open_orders"][0]}, ["/open_orders/1/order_id"]),
    ({"/reservations": [reservation(), reservation()]}, ["/reservations/1/order_id"]),
    ({"/rules": [rule(), rule()]}, ["/rules/1/name"]),
    ({"/rules": [rule(id="a"), rule(id="a")]}, ["/rules/1/id"]),
    # what does not fit together
    ({"/positions/0/symbol": "ETHUSDT"}, ["/positions/0/symbol"]),
    ({"/open_orders/0/symbol": "btcusdt"}, ["/open_orders/0/symbol"]),
    ({"/reservations/-": reservation(symbol="ETHUSDT")}, ["/reservations/0/symbol"]),
    ({"/profile/user_id": OTHER_USER}, ["/profile"]),
    ({"/positions/-": LONG}, ["/positions/1/position_side"]),
    ({"/open_orders/0/position_side": "LONG"}, ["/open_orders/0/position_side"]),
    ({"/positions": [LONG, SHORT | {"leverage": "5"}], "/open_orders": []}, ["/positions/1/leverage"]),
    (
        {
            "/positions": [LONG, SHORT | {"margin_mode": "ISOLATED", "isolated_margin": "10"}],
            "/open_orders": [],
        },
        ["/positions/1/margin_mode"],
    ),
    ({"/positions/0/margin_mode": "ISOLATED"}, ["/positions/0/isolated_margin"]),
    ({"/positions/0/isolated_margin": "5"}, ["/positions/0/isolated_margin"]),
    ({"/instruments/0/kind": "SPOT"}, ["/positions/0/symbol"]),
    # numbers that cannot be
    ({"/instruments/0/tick_size": "0"}, ["/instruments/0/tick_size"]),
    ({"/instruments/0/lot_size": "-1"}, ["/instruments/0/lot_size"]),
    ({"/instruments/0/contract_size": "0"}, ["/instruments/0/contract_size"]),
    ({"/instruments/0/taker_fee_pct": ABSENT}, ["/instruments/0/taker_fee_pct"]),
    ({"/instruments/0/leverage_max": None}, ["/instruments/0/leverage_max"]),
    ({"/instruments/0/leverage_default": "0.5"}, ["/instruments/0/leverage_default"]),
    ({"/marks/0/price": "abc"}, ["/marks/0/price"]),
    ({"/marks/0/at": None}, ["/marks/0/at"]),
    ({"/marks/0/at": "2026-02-30T00:00:00Z"}, ["/marks/0/at"]),
    ({"/balances/0/total": "1e3"}, ["/balances/0/total"]),
    ({"/balances/0/locked": "-1"}, ["/balances/0/locked"]),
    ({"/positions/0/entry_price": "0"}, ["/positions/0/entry_price"]),
    ({"/positions/0/leverage": "0.5"}, ["/positions/0/leverage"]),
    ({"/positions": [position(quantity="-1")], "/open_orders": []}, ["/positions/0/quantity"]),
    ({"/open_orders/0/quantity": "0"}, ["/open_orders/0/quantity"]),
    ({"/open_orders/0/filled_quantity": "0.2"}, ["/open_orders/0/filled_quantity"]),
    ({"/open_orders/0/price": None}, ["/open_orders/0/price"]),
    ({"/open_orders/0/order_type": "MARKET"}, ["/open_orders/0/price"]),
    ({"/open_orders/0/order_type": "STOP_MARKET", "/open_orders/0/price": None}, ["/open_orders/0/stop_price"]),
    ({"/reservations/-": reservation(price=None)}, ["/reservations/0/price"]),
    ({"/reservations/-": reservation(expires_at=None)}, ["/reservations/0/expires_at"]),
    ({"/settings/mark_age_ms_max": -1}, ["/settings/mark_age_ms_max"]),
    ({"/settings/mark_age_ms_max": 1.5}, ["/settings/mark_age_ms_max"]),
    ({"/settings/mark_age_ms_max": "5000"}, ["/settings/mark_age_ms_max"]),
    ({"/settings/market_slippage_pct": "100"}, ["/settings/market_slippage_pct"]),
    ({"/settings/kyc_min_level_spot": "L9"}, ["/settings/kyc_min_level_spot"]),
    ({"/feeds/account_lag_ms": True}, ["/feeds/account_lag_ms"]),
    ({"/now": ABSENT}, ["/now"]),
    ({"/now": "yesterday"}, ["/now"]),
    ({"/order": ABSENT}, ["/order"]),
    ({"/order": None}, ["/order"]),
    ({"/order": []}, ["/order"]),
    ({"/instruments": {}}, ["/instruments"]),
    ({"/instruments/0": "BTCUSDT"}, ["/instruments/0"]),
    ({"/profile/frozen": "no"}, ["/profile/frozen"]),
    ({"/trading_state/symbols": {"BTCUSDT": "OPEN"}}, ["/trading_state/symbols/BTCUSDT"]),
    # ladders
    ({"/margin_tiers/0/tier": 2}, ["/margin_tiers"]),
    ({"/margin_tiers/-": published()["margin_tiers"][0]}, ["/margin_tiers"] * 2),
    ({"/margin_tiers/0/maintenance_margin_pct": "100"}, ["/margin_tiers"]),
    ({"/margin_tiers/0/symbol": None, "/margin_tiers/0/max_notional": "0"}, ["/margin_tiers"]),
    # rules
    ({"/rules/-": rule(metric="colour")}, ["/rules/0/metric"]),
    ({"/rules/-": rule(operator="ABOVE")}, ["/rules/0/operator"]),
    ({"/rules/-": rule(threshold=["1"])}, ["/rules/0/threshold"]),
    ({"/rules/-": rule(threshold=None)}, ["/rules/0/threshold"]),
    ({"/rules/-": rule(operator="IN")}, ["/rules/0/threshold"]),
    ({"/rules/-": rule(operator="IN", threshold=[])}, ["/rules/0/threshold"]),
    ({"/rules/-": rule(operator="BETWEEN", threshold=["2", "1"])}, ["/rules/0/threshold"]),
    ({"/rules/-": rule(operator="BETWEEN", threshold=["1"])}, ["/rules/0/threshold"]),
    ({"/rules/-": rule(action="FLAG")}, ["/rules/0/action"]),
    ({"/rules/-": rule(condition={})}, ["/rules/0/metric", "/rules/0/operator", "/rules/0/threshold"]),
    ({"/rules/-": {"name": "n", "action": "WARN", "condition": "x"}}, ["/rules/0/condition"]),
    ({"/rules/-": rule(version=0)}, ["/rules/0/version"]),
    # the order, by the rules of a request
    ({"/order/user_id": "me"}, ["/order/user_id"]),
    ({"/order/side": None, "/order/order_type": "ICEBERG"}, ["/order/side", "/order/order_type"]),
    ({"/order/quantity": "0"}, ["/order/quantity"]),
    ({"/order/quantity": 5e-7}, ["/order/quantity"]),
    ({"/order/price": "-1", "/order/leverage": "0"}, ["/order/price", "/order/leverage"]),
    ({"/order/reduce_only": 1}, ["/order/reduce_only"]),
    ({"/order/account_id": 5}, ["/order/account_id"]),
    ({"/order/order_id": "x" * 129}, ["/order/order_id"]),
    (
        {"/activity/recent": [{"at": NOW}]},
        [f"/activity/recent/0/{key}" for key in ("symbol", "quantity", "side", "order_type")],
    ),
    ({"/activity/recent": [published()["order"] | {"user_id": OTHER_USER, "at": NOW}]}, ["/activity/recent/0/user_id"]),
]


@pytest.mark.parametrize(("changes", "places"), FAULTS, ids=lambda value: str(value)[:80])
def test_scenario_with_a_fault_names_its_place(changes: dict[str, Any], places: list[str]) -> None:
    """PT-414, PT-210, PT-903, PT-908: what cannot be is named where it stands, and nothing besides."""
    assert sorted(fault_places(as_bytes(changed(changes)))) == sorted(places)


def test_scenario_with_many_faults_names_them_all() -> None:
    """PT-903: every fault is named at once."""
    places = fault_places(
        as_bytes(changed({"/colour": 1, "/now": 5, "/balances/0/total": "x", "/order/price": "y", "/marks/0": 3}))
    )
    assert places == ["/now", "/marks/0", "/order/price", "/balances/0/total", "/colour"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"{",
        b"[1,]",
        b'{"now": NaN}',
        b'{"now": Infinity}',
        b"[" * 41 + b"]" * 41,
        b"[" * 100_000,
        b'{"now": ' + b"9" * 501 + b"}",
        b'{"a": "\x01"}',
    ],
)
def test_bytes_that_are_no_json_are_one_fault_of_the_file(content: bytes) -> None:
    """PT-903: not UTF-8, not JSON, NaN, nested too deep or a number too long: one fault, never a traceback."""
    assert fault_places(content) == [""]


def test_key_that_stands_twice_is_a_fault() -> None:
    """PT-903: a second value for a key would be guessed away, so it is refused."""
    content = as_bytes(published()).replace(b'"order_id": "o-2"', b'"order_id": "o-2", "order_id": "o-3"')
    assert fault_places(content) == ["/order/order_id"]


def test_key_with_a_lone_surrogate_can_be_told() -> None:
    """PT-903: a fault can always be written out, whatever the key was."""
    with pytest.raises(UnreadableScenario) as unreadable:
        read_scenario(b'{"\\ud800": 1}')
    assert str(unreadable.value).encode()


@pytest.mark.parametrize("content", [b"[]", b"1", b"null", b'"x"'])
def test_json_that_is_no_object_is_refused(content: bytes) -> None:
    """PT-903: a scenario is an object."""
    assert fault_places(content)[0] == ""


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["LONG", "L1", "0.5", NOW]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
POINTERS = sorted(
    [f"/{key}" for key in published()]
    + [
        f"/{key}/0/{member}"
        for key, rows in published().items()
        if isinstance(rows, list) and rows
        for member in rows[0]
    ]
    + [f"/{key}/{member}" for key, row in published().items() if isinstance(row, dict) for member in row]
)


@given(st.dictionaries(st.sampled_from(POINTERS), JSON_VALUES, min_size=1, max_size=3))
def test_scenario_of_any_json_is_read_or_unreadable(changes: dict[str, Any]) -> None:
    """PT-903: whatever stands anywhere makes a scenario or named faults, never a traceback."""
    by_depth = dict(sorted(changes.items(), key=lambda change: -change[0].count("/")))
    with contextlib.suppress(UnreadableScenario):
        assert read_scenario(as_bytes(changed(by_depth))).order is not None


@given(st.binary())
def test_bytes_of_any_kind_are_read_or_unreadable(content: bytes) -> None:
    """PT-903: no bytes make a traceback."""
    with pytest.raises(UnreadableScenario):
        read_scenario(content)
