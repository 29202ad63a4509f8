from dataclasses import replace
from typing import Any

import pytest
from tests.core.pretrade.builders import (
    BUY,
    LONG,
    NOW_US,
    SELL,
    SHORT,
    D,
    a_mark,
    a_position,
    a_profile,
    a_reservation,
    a_scenario,
    an_open_order,
    an_order,
    balances,
    numbers,
    tiers,
)
from tests.core.pretrade.reference.phase_scenarios import (
    ACTIVE,
    CLOSE_LONG,
    HALTED,
    HELD,
    MARKET,
    REDUCER,
    REDUCING,
    SPOT_BUY,
    STOP_LIMIT,
    STOP_MARKET,
    codes,
    listed,
    only,
    settings,
)

from tidegate.core.pretrade.instrument import KycLevel, Mark
from tidegate.core.pretrade.reasons import Decision
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.scenario import Activity, RecentOrder, TradingStates

ACCOUNT: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"trading_states": TradingStates(everywhere=HALTED)}, ["TRADING_HALTED"]),
    ({"trading_states": TradingStates(symbols={"BTCUSDT": HALTED})}, ["TRADING_HALTED"]),
    ({"trading_states": TradingStates(symbols={"ETHUSDT": HALTED})}, []),
    ({"trading_states": TradingStates(user=HALTED)}, ["TRADING_HALTED"]),
    ({"trading_states": TradingStates(everywhere=REDUCING)}, ["TRADING_HALTED"]),
    (REDUCER | {"trading_states": TradingStates(everywhere=REDUCING)}, []),
    (REDUCER | {"trading_states": TradingStates(REDUCING, {}, HALTED)}, ["TRADING_HALTED"]),
    ({"profile": None}, ["PROFILE_NOT_FOUND"]),
    ({"profile": a_profile(frozen=True)}, ["USER_FROZEN"]),
    (REDUCER | {"profile": a_profile(frozen=True)}, ["USER_FROZEN"]),
    (REDUCER | {"profile": None}, ["PROFILE_NOT_FOUND"]),
    ({"profile": a_profile(kyc_level=KycLevel.L1)}, []),
    ({"profile": a_profile(kyc_level=KycLevel.L0)}, ["KYC_INSUFFICIENT", "MAX_LEVERAGE_EXCEEDED"]),
    (SPOT_BUY | {"profile": a_profile(kyc_level=KycLevel.L0)}, []),
    (
        SPOT_BUY | {"profile": a_profile(kyc_level=KycLevel.L0)} | settings(kyc_min_level_spot=KycLevel.L1),
        ["KYC_INSUFFICIENT"],
    ),
    (listed(kyc_min_level=KycLevel.L2) | {"profile": a_profile(kyc_level=KycLevel.L1)}, ["KYC_INSUFFICIENT"]),
    (listed(kyc_min_level=KycLevel.L0), []),
    (REDUCER | {"profile": a_profile(kyc_level=KycLevel.L0)}, []),
    ({"order": an_order(symbol="btcusdt")}, ["INSTRUMENT_NOT_FOUND"]),
    (
        {"order": an_order(symbol="NOWHERE"), "profile": None, "balances": None},
        ["PROFILE_NOT_FOUND", "INSTRUMENT_NOT_FOUND"],
    ),
]


@pytest.mark.parametrize(("said", "expected"), ACCOUNT)
def test_account_phase(said: dict[str, Any], expected: list[str]) -> None:
    """PT-310, PT-312, PT-313, PT-314, PT-320, PT-306: the account decides first, and alone for an unknown symbol."""
    assert codes(a_scenario(**said)) == expected


def test_trading_state_names_the_strictest() -> None:
    """PT-310: one violation, of the strictest state of the three levels."""
    found = only(a_scenario(trading_states=TradingStates(REDUCING, {"BTCUSDT": HALTED}, ACTIVE)))
    assert (found.observed, found.limit) == ("HALTED", "ACTIVE")


STOP: dict[str, Any] = {"stop_price": D(50000)}
CONSISTENCY: list[tuple[dict[str, Any], list[str]]] = [
    ({"order": an_order(post_only=True)}, []),
    ({"order": an_order(price=None, order_type=MARKET, post_only=True)}, ["INVALID_ORDER"]),
    ({"order": an_order(order_type=MARKET)}, ["INVALID_ORDER"]),
    ({"order": an_order(price=None, order_type=MARKET)}, []),
    ({"order": an_order(price=None)}, ["INVALID_ORDER"]),
    ({"order": an_order(order_type=STOP_LIMIT)}, ["INVALID_ORDER"]),
    ({"order": an_order(order_type=STOP_LIMIT, **STOP)}, []),
    ({"order": an_order(price=None, order_type=STOP_MARKET)}, ["INVALID_ORDER"]),
    ({"order": an_order(price=None, order_type=STOP_MARKET, **STOP)}, []),
    ({"order": an_order(order_type=STOP_MARKET, post_only=True)}, ["INVALID_ORDER"] * 3),
    ({"order": an_order(**STOP)}, ["INVALID_ORDER"]),
    ({"order": an_order(price=None, order_type=MARKET, **STOP)}, ["INVALID_ORDER"]),
    (
        {"order": an_order(symbol="BTC-USDT", leverage=None, reduce_only=True, position_side=LONG)},
        ["INVALID_ORDER"] * 2,
    ),
    ({"order": an_order(position_side=LONG)}, []),
    (HELD | {"order": an_order(position_side=LONG)}, ["INVALID_ORDER"]),
    ({"positions": (a_position("0.2", position_side=LONG),)}, ["INVALID_ORDER"]),
    (
        {"open_orders": (an_open_order(BUY, "0.1", "50000"),), "order": an_order(position_side=SHORT)},
        ["INVALID_ORDER"],
    ),
    ({"reservations": (a_reservation(BUY, "0.1", "50000", position_side=LONG),)}, ["INVALID_ORDER"]),
    # prices: positive multiples of 0.1
    ({"order": an_order(price="0")}, ["INVALID_PRICE"]),
    ({"order": an_order(price="50000.03")}, ["INVALID_PRICE"]),
    ({"order": an_order(price="50000.030")} | listed(tick_size=D("0.05")), ["INVALID_PRICE"]),
    ({"order": an_order(price="50000.05")} | listed(tick_size=D("0.05")), []),
    ({"order": an_order(order_type=STOP_LIMIT, stop_price=D("49999.99"))}, ["INVALID_PRICE"]),
    ({"order": an_order(price="50000.03", order_type=STOP_LIMIT, stop_price=D(0))}, ["INVALID_PRICE"] * 2),
    # quantities: multiples of 0.001
    ({"order": an_order(quantity="0.1005")}, ["INVALID_QUANTITY"]),
    (listed(quantity_min=D("0.1"), quantity_max=D("0.1")), []),
    (listed(quantity_min=D("0.101")), ["INVALID_QUANTITY"]),
    (listed(quantity_max=D("0.099")), ["INVALID_QUANTITY"]),
    ({"order": an_order(quantity="0.0001")} | listed(quantity_min=D("0.001")), ["INVALID_QUANTITY"] * 2),
    # notional 5,000
    (listed(notional_min=D(5000), notional_max=D(5000)), []),
    (listed(notional_min=D("5000.01")), ["NOTIONAL_OUT_OF_RANGE"]),
    (listed(notional_max=D("4999.99")), ["NOTIONAL_OUT_OF_RANGE"]),
    (REDUCER | listed(notional_min=D(50000)), []),
    (REDUCER | listed(notional_max=D(5)), ["NOTIONAL_OUT_OF_RANGE"]),
    # band of 1 % around 50,000
    ({"order": an_order(price="50500")} | listed(price_band_pct=D(1)), []),
    ({"order": an_order(price="50500.1")} | listed(price_band_pct=D(1)), ["PRICE_OUT_OF_BAND"]),
    ({"order": an_order(price="49500")} | listed(price_band_pct=D(1)), []),
    ({"order": an_order(price="49499.9")} | listed(price_band_pct=D(1)), ["PRICE_OUT_OF_BAND"]),
    ({"order": an_order(price=None, order_type=MARKET)} | listed(price_band_pct=D("0.4")), ["PRICE_OUT_OF_BAND"]),
    (REDUCER | {"order": an_order(SELL, "0.2", "60000")} | listed(price_band_pct=D(1)), ["PRICE_OUT_OF_BAND"]),
    (REDUCER | {"order": an_order(SELL, "0.2", "60000"), "marks": {}} | listed(price_band_pct=D(1)), []),
    # status
    (listed(status="REDUCING_ONLY"), ["INSTRUMENT_NOT_TRADABLE"]),
    (REDUCER | listed(status="REDUCING_ONLY"), []),
    (REDUCER | listed(status="BREAK"), ["INSTRUMENT_NOT_TRADABLE"]),
]


@pytest.mark.parametrize(("said", "expected"), CONSISTENCY)
def test_instrument_phase(said: dict[str, Any], expected: list[str]) -> None:
    """PT-321, PT-322, PT-324, PT-325, PT-327, PT-328, PT-329, PT-302: what the instrument and the order's own
    fields demand; at a limit passes.
    """
    assert codes(a_scenario(**said)) == expected


def marked(mark: Mark | None) -> dict[str, Any]:
    return {"marks": {} if mark is None else {"BTCUSDT": mark}}


FRESHNESS: list[tuple[dict[str, Any], str, str]] = [
    (marked(a_mark("50000", age_us=5_000_001)), "mark_age_ms", "5000.001"),
    (marked(a_mark("50000", age_us=-1_000_001)), "mark_age_ms", "-1000.001"),
    (marked(Mark(None, NOW_US)), "mark_age_ms", "unreadable"),
    (marked(a_mark("0")), "mark_age_ms", "unreadable"),
    (marked(None), "mark_age_ms", "missing"),
    ({"balances": None}, "balance", "missing"),
    ({"balances": {}}, "balance", "missing"),
    ({"account_lag_ms": 5001}, "account_feed_lag_ms", "5001"),
    ({"margin_tiers": ()}, "margin_tiers", "missing"),
    ({"margin_tiers": tiers(("1000", "1", "5"), symbol="ETHUSDT")}, "margin_tiers", "missing"),
    ({"balances": balances(USDT="1"), "order": an_order(SELL, symbol="BTC-USDT", leverage=None)}, "balance", "missing"),
    (
        {
            "open_orders": (an_open_order(BUY, "0.1", "50000", symbol="BTC-USDT"),),
            "marks": {"BTCUSDT": a_mark("50000")},
        },
        "mark_age_ms",
        "missing",
    ),
    (
        # 1 contract settles in BTC: its exposure needs the mark of BTCUSDT
        {"order": an_order(quantity="1", symbol="BTCUSD"), "marks": {"BTCUSD": a_mark("50000")}},
        "mark_age_ms",
        "missing",
    ),
]


@pytest.mark.parametrize(("said", "metric", "observed"), FRESHNESS)
def test_freshness_phase_refuses_what_it_cannot_know(said: dict[str, Any], metric: str, observed: str) -> None:
    """PT-330, PT-332, PT-333, PT-335, PT-211, PT-436: one STALE_DATA a datum, naming it, and nothing else."""
    found = only(a_scenario(**said))
    assert (found.code.value, found.metric, found.observed) == ("STALE_DATA", metric, observed)


@pytest.mark.parametrize("age_us", [5_000_000, -1_000_000])
def test_mark_at_the_limit_is_fresh(age_us: int) -> None:
    """PT-330, PT-302: exactly 5 s old, or 1 s from the future, passes."""
    assert codes(a_scenario(marks={"BTCUSDT": a_mark("50000", age_us=age_us)})) == []


def test_stale_data_leaves_the_other_checks_out() -> None:
    """PT-305: without a mark no margin is judged, so that STALE_DATA is all there is, and its metrics are null."""
    verdict = decide_plainly(
        a_scenario(marks={}, balances=balances(USDT="1"), profile=a_profile(exposure_limit_usdt=D(1)))
    )
    assert [found.code.value for found in verdict.violations] == ["STALE_DATA"]
    assert numbers(verdict.metrics, "worst_case_notional", "projected_exposure_usdt") == (None, None)
    assert numbers(verdict.metrics, "order_notional", "fee") == (5000, D("2.5"))


def test_lagging_account_feed_still_judges_what_is_held() -> None:
    """PT-333: phases 5 to 9 run on what is held."""
    assert codes(a_scenario(account_lag_ms=9999, balances=balances(USDT="100"))) == [
        "STALE_DATA",
        "INSUFFICIENT_MARGIN",
    ]


@pytest.mark.parametrize(
    "said",
    [
        marked(None),
        {"balances": None},
        {"margin_tiers": ()},
        {"account_lag_ms": 99999},
        marked(a_mark("1", age_us=9**9)),
    ],
)
def test_proven_reducer_needs_no_datum_but_its_position(said: dict[str, Any]) -> None:
    """PT-110, PT-114, PT-115: de-risking is never blocked by what is not known."""
    verdict = decide_plainly(a_scenario(**REDUCER | said))
    assert (verdict.decision, verdict.proven_reducer, verdict.liquidation_risk) == (Decision.APPROVED, True, False)


REDUCING_CASES: list[tuple[dict[str, Any], bool]] = [
    (REDUCER, True),
    (HELD | {"order": an_order(SELL, "0.201")}, False),
    (HELD | {"order": an_order(BUY, "0.1")}, False),
    ({"order": an_order(SELL, "0.1")}, False),
    # 0.2 - 0.1 of a live SELL, reduce-only or not, open or reserved
    (HELD | {"open_orders": (an_open_order(SELL, "0.1", "60000"),), "order": an_order(SELL, "0.1")}, True),
    (HELD | {"open_orders": (an_open_order(SELL, "0.1", "60000"),), "order": an_order(SELL, "0.101")}, False),
    (HELD | {"reservations": (a_reservation(SELL, "0.1", "60000"),), "order": an_order(SELL, "0.101")}, False),
    (HELD | {"open_orders": (an_open_order(BUY, "0.1", "40000"),), "order": an_order(SELL, "0.2")}, True),
    (CLOSE_LONG | {"order": an_order(SELL, "0.2", position_side=LONG)}, True),
    (
        CLOSE_LONG | {"order": an_order(BUY, "0.1", position_side=SHORT)},
        False,
    ),
    (CLOSE_LONG | {"order": an_order(SELL, "0.1")}, False),
]


@pytest.mark.parametrize(("said", "proven"), REDUCING_CASES)
def test_proven_to_reduce(said: dict[str, Any], proven: bool) -> None:
    """PT-111: against the position or its leg, and not larger than it less the live orders of its side and leg."""
    assert decide_plainly(a_scenario(**said)).proven_reducer is proven


def recent(at_us: int, *, filled: str = "0", **said: Any) -> RecentOrder:
    return RecentOrder(an_order(**said), NOW_US - at_us, D(filled))


def history(*orders: RecentOrder) -> dict[str, Any]:
    return {"activity": Activity(recent=orders)}


LIVE_BUY = an_open_order(BUY, "0.1", "50000", at_us=NOW_US - 400_000)
SPOT_LIVE = an_open_order(BUY, "0.01", "50000", symbol="BTC-USDT")
FLOW: list[tuple[dict[str, Any], list[str]]] = [
    (history(*[recent(0)] * 50), []),
    ({"open_orders": (LIVE_BUY,)}, []),
    ({"open_orders": (replace(LIVE_BUY, order_id="o-new"),)}, ["DUPLICATE_ORDER"]),
    (REDUCER | {"open_orders": (replace(LIVE_BUY, order_id="o-new"),)}, ["DUPLICATE_ORDER"]),
    # an equal order within 400.001 ms, not within 400 ms
    (settings(duplicate_window_ms=401) | {"open_orders": (LIVE_BUY,)}, ["DUPLICATE_ORDER"]),
    (settings(duplicate_window_ms=400) | {"open_orders": (LIVE_BUY,)}, []),
    (settings(duplicate_window_ms=500) | history(recent(499_999)), ["DUPLICATE_ORDER"]),
    (settings(duplicate_window_ms=500) | history(recent(500_000)), []),
    (settings(duplicate_window_ms=500) | history(recent(0, quantity="0.100")), ["DUPLICATE_ORDER"]),
    (settings(duplicate_window_ms=500) | history(recent(0, quantity="0.2")), []),
    (settings(duplicate_window_ms=500) | history(recent(0, price="50001")), []),
    (settings(duplicate_window_ms=500) | history(recent(0, side=SELL)), []),
    # two messages a second: the bucket is full at first and refills by one in half a second
    (settings(orders_per_second_max=2) | history(recent(0)), []),
    (settings(orders_per_second_max=2) | history(recent(0), recent(0)), ["RATE_LIMIT_EXCEEDED"]),
    (settings(orders_per_second_max=2) | history(recent(499_999), recent(499_999)), ["RATE_LIMIT_EXCEEDED"]),
    (settings(orders_per_second_max=2) | history(recent(500_000), recent(500_000)), []),
    (settings(orders_per_second_max=2) | history(*[recent(500_000)] * 9), []),
    (REDUCER | settings(orders_per_second_max=2) | history(recent(0), recent(0)), ["RATE_LIMIT_EXCEEDED"]),
    # live orders, this one included
    (settings(open_orders_max=2) | {"open_orders": (LIVE_BUY,)}, []),
    (settings(open_orders_max=1) | {"open_orders": (LIVE_BUY,)}, ["MAX_OPEN_ORDERS_EXCEEDED"]),
    (
        settings(open_orders_max=1, open_orders_per_symbol_max=1) | {"reservations": (a_reservation(BUY, "1", "9"),)},
        ["MAX_OPEN_ORDERS_EXCEEDED"] * 2,
    ),
    (
        settings(open_orders_per_symbol_max=1)
        | {"open_orders": (an_open_order(BUY, "0.01", "50000", symbol="BTC-USDT"),)},
        [],
    ),
    (REDUCER | settings(open_orders_max=1) | {"open_orders": (LIVE_BUY,)}, []),
    # repeated executions
    (settings(repeat_max=2, repeat_window_ms=1000) | history(recent(0, filled="0.1"), recent(0)), []),
    (
        settings(repeat_max=2, repeat_window_ms=1000) | history(*[recent(999_999, filled="0.1")] * 2),
        ["RATE_LIMIT_EXCEEDED"],
    ),
    (settings(repeat_max=2, repeat_window_ms=1000) | history(*[recent(1_000_000, filled="0.1")] * 2), []),
    (
        REDUCER
        | settings(repeat_max=1, repeat_window_ms=1000)
        | history(recent(0, side=SELL, quantity="0.2", filled="0.2")),
        [],
    ),
]


@pytest.mark.parametrize(("said", "expected"), FLOW)
def test_flow_phase(said: dict[str, Any], expected: list[str]) -> None:
    """PT-340, PT-341, PT-342, PT-344, PT-345: how fast, how many, and how often the same; off at 0."""
    assert codes(a_scenario(**said)) == expected
