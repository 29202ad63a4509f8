from decimal import Decimal

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
    a_reservation,
    a_scenario,
    a_spot,
    an_instrument,
    an_inverse,
    an_open_order,
    an_order,
    balances,
    numbers,
    tiers,
)
from tests.core.pretrade.reference.test_symbol_sums import metrics_of

from tidegate.core.pretrade.account import Balance
from tidegate.core.pretrade.order import OrderType, Side
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.scenario import ReportedExposure


def test_equity_adds_the_profit_of_cross_positions_alone() -> None:
    """PT-417, PT-419: 10,000 - 500 locked + 0.2*(50,000 - 49,000); the isolated ETHUSDT counts nothing."""
    scenario = a_scenario(
        instruments={"BTCUSDT": an_instrument(), "ETHUSDT": an_instrument("ETHUSDT", base="ETH")},
        marks={"BTCUSDT": a_mark("50000"), "ETHUSDT": a_mark("3000")},
        balances={"USDT": Balance("USDT", D(10000), D(500))},
        positions=(
            a_position("0.2", "49000"),
            a_position("1", "2000", symbol="ETHUSDT", isolated_margin=D(100)),
        ),
    )
    assert metrics_of(scenario).equity == 9700


def test_equity_of_an_inverse_position() -> None:
    """PT-417: 1 BTC + 40*100*(1/40,000 - 1/50,000) = 1.02 BTC for a long; a short loses as much."""
    for quantity, expected in (("40", "1.02"), ("-40", "0.98")):
        scenario = a_scenario(
            positions=(a_position(quantity, "40000", symbol="BTCUSD"),),
            order=an_order(BUY, "1", "50000", symbol="BTCUSD"),
        )
        assert metrics_of(scenario).equity == D(expected)


def test_available_margin_takes_off_margins_extras_and_spot_spend() -> None:
    """PT-419: 10,000 - (|0.1*50,000 + 0.1*49,000|)/10 - extra 12 - spot BUY 0.02*50,000*1.0005."""
    scenario = a_scenario(
        positions=(a_position("0.1"),),
        open_orders=(an_open_order(BUY, "0.02", "50000", symbol="BTC-USDT", leverage=None),),
        reservations=(
            a_reservation(BUY, "0.1", "49000", extra=D(12)),
            a_reservation(BUY, "0.1", "49000", extra=D(99), order_id="dead", expires_at_us=NOW_US),
        ),
    )
    assert metrics_of(scenario).available_margin == 10000 - 990 - 12 - D("1000.5")


def test_available_margin_of_an_asset_ignores_other_assets() -> None:
    """PT-419: what settles in BTC takes nothing off USDT, and a spot SELL takes its quantity off the base."""
    scenario = a_scenario(
        positions=(a_position("100", symbol="BTCUSD"),),
        open_orders=(an_open_order(SELL, "0.3", "60000", symbol="BTC-USDT", leverage=None),),
    )
    assert metrics_of(scenario).available_margin == 10000
    inverse = a_scenario(
        positions=scenario.positions,
        open_orders=scenario.open_orders,
        order=an_order(BUY, "1", "50000", symbol="BTCUSD"),
    )
    # 1 BTC, W of 100*100/50,000 = 0.2 at leverage 10, 0.3 promised to the spot SELL
    assert metrics_of(inverse).available_margin == 1 - D("0.02") - D("0.3")


def test_spot_buy_needs_notional_and_fee() -> None:
    """PT-422, PT-428: 0.1*50,000*1.0005 against min(available, balance - spot spend); derivative metrics are null."""
    scenario = a_scenario(
        positions=(a_position("0.1", "51000"),), order=an_order(BUY, "0.1", symbol="BTC-USDT", leverage=None)
    )
    metrics = metrics_of(scenario)
    assert metrics.required_initial_margin == D("5002.5")
    # available: 10,000 - loss 100 - 5,000/10; below the balance
    assert metrics.available_margin == 9400
    assert numbers(metrics, "equity", "open_loss", "worst_case_notional") == (None, None, None)
    assert numbers(metrics, "projected_margin_ratio", "position_notional", "initial_margin_after") == (None,) * 3


def test_spot_cannot_spend_unrealised_profit() -> None:
    """PT-422: profit of 1,000 raises available above the balance, which then is the bound."""
    scenario = a_scenario(
        positions=(a_position("0.1", "40000", leverage=D(100)),), order=an_order(BUY, "0.1", symbol="BTC-USDT")
    )
    assert metrics_of(scenario).available_margin == 10000


def test_spot_sell_needs_its_quantity_of_the_base() -> None:
    """PT-422: a SELL of 0.1 needs 0.1 BTC; 0.3 of 1 BTC is promised to a live order."""
    scenario = a_scenario(
        open_orders=(an_open_order(SELL, "0.3", "60000", symbol="BTC-USDT"),),
        order=an_order(SELL, "0.1", symbol="BTC-USDT", leverage=None),
    )
    metrics = metrics_of(scenario)
    assert numbers(metrics, "required_initial_margin", "available_margin") == (D("0.1"), D("0.7"))


def test_projected_ratio_after_growing_a_position() -> None:
    """PT-423, PT-426: long 0.1 at 50,000 + BUY 0.1 at 50,100: entry 50,050; MM 10,000*0.4 %; equity 10,000 - fee
    2.505 + 0.2*(50,000 - 50,050).
    """
    scenario = a_scenario(positions=(a_position("0.1"),), order=an_order(BUY, "0.1", "50100"))
    ratio = metrics_of(scenario).projected_margin_ratio
    assert ratio is not None
    assert abs(ratio - D(40) / D("9987.495")) < D("1e-20")


def test_projected_ratio_after_closing_through_zero() -> None:
    """PT-423: short 0.1 from 51,000, BUY 0.3 at 50,100: realised 0.1*900, rest long 0.2 at 50,100; MM 40; equity
    10,000 + 90 - fee 7.515 + 0.2*(50,000 - 50,100).
    """
    scenario = a_scenario(positions=(a_position("-0.1", "51000"),), order=an_order(BUY, "0.3", "50100"))
    metrics = metrics_of(scenario)
    ratio = metrics.projected_margin_ratio
    assert ratio is not None
    assert abs(ratio - D(40) / D("10062.485")) < D("1e-20")
    assert numbers(metrics, "position_notional", "projected_position_notional") == (5000, 10000)
    assert numbers(metrics, "maintenance_margin_before", "maintenance_margin_after") == (20, 40)


def test_projected_ratio_of_inverse_averages_harmonically() -> None:
    """PT-423: 100 contracts at 40,000 and 100 at 50,000: entry 200/(100/40,000 + 100/50,000) = 44,444.4...; at the mark
    of 50,000 PnL 200*100*(1/ep - 1/50,000) = 0.05; MM 0.4*0.4 %; fee 0.2*0.05 %.
    """
    scenario = a_scenario(
        positions=(a_position("100", "40000", symbol="BTCUSD"),), order=an_order(BUY, "100", symbol="BTCUSD")
    )
    ratio = metrics_of(scenario).projected_margin_ratio
    assert ratio is not None
    assert abs(ratio - D("0.0016") / (1 + D("0.05") - D("0.0001"))) < D("1e-18")


@pytest.mark.parametrize(
    ("side", "quantity", "reduce_only", "expected"),
    [
        # opening 0.1 at 50,000 / L 10 adds 500: MM 60 / (1,000 + 500 + PnL of 0.2*1,000)
        (BUY, "0.1", False, D(60) / (D(1500) + D(200))),
        # closing half takes half of the margin: MM 20 / (500 + 0.1*1,000)
        (SELL, "0.1", True, D(20) / D(600)),
        # closing it all leaves no position
        (SELL, "0.2", True, D(0)),
        # through zero: all margin out, short 0.1 opens with 500: MM 20 / (500 + 0)
        (SELL, "0.3", False, D(20) / D(500)),
    ],
)
def test_projected_ratio_of_an_isolated_position(
    side: Side, quantity: str, reduce_only: bool, expected: Decimal
) -> None:
    """PT-425, PT-426: long 0.2 from 49,000 on 1,000 of isolated margin, leverage 10; fee and realised PnL go to the
    balance and not into the ratio.
    """
    scenario = a_scenario(
        positions=(a_position("0.2", "49000", isolated_margin=D(1000)),),
        order=an_order(side, quantity, reduce_only=reduce_only),
    )
    ratio = metrics_of(scenario).projected_margin_ratio
    assert ratio is not None
    assert abs(ratio - expected) < D("1e-20")


def test_projected_ratio_of_an_isolated_leg_is_its_own() -> None:
    """PT-426: closing half of the long leg: MM 20 / (1,000/2 + 0); the short leg does not matter."""
    scenario = a_scenario(
        positions=(
            a_position("0.2", position_side=LONG, isolated_margin=D(1000)),
            a_position("5", position_side=SHORT, isolated_margin=D(1)),
        ),
        order=an_order(SELL, "0.1", position_side=LONG),
    )
    assert metrics_of(scenario).projected_margin_ratio == D("0.04")


def test_projected_ratio_after_closing_more_than_a_leg_closes_the_leg() -> None:
    """PT-423: a closing order larger than its leg closes the leg and no more: no position, ratio 0."""
    scenario = a_scenario(
        positions=(a_position("0.1", position_side=LONG),), order=an_order(SELL, "0.5", position_side=LONG)
    )
    metrics = metrics_of(scenario)
    assert numbers(metrics, "projected_margin_ratio", "projected_position_notional") == (0, 0)


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        ("2.5", "999999999"),  # equity after the fee of 2.5 is 0, MM 20
        ("-100", "999999999"),
        ("2.50000001", "999999999"),  # 20 / 0.00000001 = 2*10^9 lies above the most that is reported
        ("22.5", "1"),
    ],
)
def test_projected_ratio_without_equity_reports_the_most(total: str, expected: str) -> None:
    """PT-426: equity <= 0 with MM > 0, and any ratio above it, reports 999999999."""
    scenario = a_scenario(balances=balances(USDT=total))
    assert metrics_of(scenario).projected_margin_ratio == D(expected)


def test_projected_ratio_counts_the_other_cross_positions_of_the_asset() -> None:
    """PT-426: MM 20 of the order and 30 of ETHUSDT over 10,000 - 2.5 - 500; BTCUSD settles elsewhere."""
    scenario = a_scenario(
        instruments={
            "BTCUSDT": an_instrument(),
            "ETHUSDT": an_instrument("ETHUSDT", base="ETH"),
            "BTCUSD": an_inverse(),
        },
        marks={"BTCUSDT": a_mark("50000"), "ETHUSDT": a_mark("3000"), "BTCUSD": a_mark("50000")},
        positions=(a_position("2.5", "3200", symbol="ETHUSDT"), a_position("100", symbol="BTCUSD")),
    )
    assert metrics_of(scenario).projected_margin_ratio == (D(50) / D("9497.5")).quantize(D("1e-20"))


def test_exposure_sums_worst_cases_and_spot_orders_in_dollars() -> None:
    """PT-436: BTCUSDT 5,000 + spot 0.02*50,000 + BTCUSD 0.2 BTC at the mark of BTCUSDT."""
    scenario = a_scenario(
        positions=(a_position("100", symbol="BTCUSD"),),
        open_orders=(an_open_order(BUY, "0.02", "50000", symbol="BTC-USDT"),),
    )
    assert metrics_of(scenario).projected_exposure_usdt == 5000 + 1000 + 10000


def test_exposure_of_a_spot_order_is_its_notional() -> None:
    """PT-428: a spot SELL at 49,000 under the mark counts 0.1*50,000."""
    scenario = a_scenario(order=an_order(SELL, "0.1", "49000", symbol="BTC-USDT", leverage=None))
    assert metrics_of(scenario).projected_exposure_usdt == 5000


@pytest.mark.parametrize(
    ("amount", "age_us", "expected"),
    [
        ("100000", 0, 105000),  # reported + (after - before)
        ("1", 0, 5001),  # reported + (after - before) still above own after of 5,000
        ("100000", 60_000_000, 105000),  # at the limit
        ("100000", 60_000_001, 5000),
        ("100000", -1_000_001, 5000),
        ("100000", -1_000_000, 105000),
    ],
)
def test_exposure_reported_is_used_while_it_is_fresh(amount: str, age_us: int, expected: int) -> None:
    """PT-438, PT-337: max(own after, reported + own after - own before), reported not older than 60 s."""
    reported = ReportedExposure(D(amount), NOW_US - age_us)
    assert metrics_of(a_scenario(reported_exposure=reported)).projected_exposure_usdt == expected


def test_exposure_own_after_is_the_least() -> None:
    """PT-438: others reported less than we hold: own after of 15,000 counts."""
    scenario = a_scenario(positions=(a_position("0.2"),), reported_exposure=ReportedExposure(D(1), NOW_US))
    assert metrics_of(scenario).projected_exposure_usdt == 15000


def test_sum_out_of_range_is_named_and_left_out() -> None:
    """PT-402: a notional of 10^22 is NOTIONAL_OUT_OF_RANGE, null, and so is all that hangs on it."""
    verdict = decide_plainly(a_scenario(order=an_order(BUY, "200000000000000000", "50000")))
    assert verdict.metrics.order_notional is None
    assert numbers(verdict.metrics, "fee", "required_initial_margin") == (None, None)
    named = [found.metric for found in verdict.violations if found.code == "NOTIONAL_OUT_OF_RANGE"]
    assert "order_notional" in named
    assert {found.limit for found in verdict.violations if found.metric == "order_notional"} == {"1" + "0" * 22}


def test_sum_just_below_the_range_is_kept() -> None:
    """PT-402: 10^22 less a hair is a number like any other."""
    order = an_order(BUY, "9999999999999999999999.99999999999999999999", "1")
    metrics = metrics_of(a_scenario(order=order, marks={"BTCUSDT": a_mark("1")}))
    assert metrics.order_notional == D("9999999999999999999999.99999999999999999999")


def test_spot_market_orders_alive_need_their_mark_only_to_buy() -> None:
    """PT-419: a live MARKET BUY spends at the mark: not known without one; a SELL spends its quantity."""
    other = a_spot("ETH-USDT", base="ETH")
    instruments = {"BTC-USDT": a_spot(), "ETH-USDT": other}
    for side, expected in ((BUY, None), (SELL, D(10000))):
        live = an_open_order(side, "1", None, symbol="ETH-USDT", order_type=OrderType.MARKET, leverage=None)
        scenario = a_scenario(
            instruments=instruments, open_orders=(live,), order=an_order(symbol="BTC-USDT", leverage=None)
        )
        assert metrics_of(scenario).available_margin == expected


def test_ladder_missing_for_another_cross_position_leaves_the_ratio_out() -> None:
    """PT-211, PT-305: the ratio over all cross positions is not known when one has no ladder."""
    scenario = a_scenario(
        instruments={"BTCUSDT": an_instrument(), "ETHUSDT": an_instrument("ETHUSDT", base="ETH")},
        marks={"BTCUSDT": a_mark("50000"), "ETHUSDT": a_mark("3000")},
        margin_tiers=tiers(("1000000", "1", "50"), symbol="BTCUSDT"),
        positions=(a_position("1", "3000", symbol="ETHUSDT"),),
    )
    metrics = metrics_of(scenario)
    assert numbers(metrics, "projected_margin_ratio", "maintenance_margin_after") == (None, 50)
