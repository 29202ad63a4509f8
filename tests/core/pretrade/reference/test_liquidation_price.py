import pytest
from tests.core.pretrade.builders import (
    BUY,
    LONG,
    SELL,
    SHORT,
    D,
    a_mark,
    a_position,
    a_scenario,
    an_instrument,
    an_order,
    balances,
    tiers,
)
from tests.core.pretrade.reference.test_symbol_sums import metrics_of

from tidegate.core.kernel.decimals import working_precision
from tidegate.core.pretrade.account import Position
from tidegate.core.pretrade.margin_report import MarginReport
from tidegate.core.pretrade.order import PositionSide
from tidegate.core.pretrade.reference.liquidation import liquidation_price
from tidegate.core.pretrade.reference.margin import margin_plainly
from tidegate.core.pretrade.rendering import render_margin_report
from tidegate.core.pretrade.scenario import Scenario

ONE_TIER = tiers(("10000000", "0.4", "125"))


def price_of(scenario: Scenario, symbol: str = "BTCUSDT", *, leg: PositionSide = PositionSide.BOTH) -> str | None:
    settle = scenario.instruments[symbol].settle
    row = (scenario.balances or {})[settle]
    with working_precision():
        found = liquidation_price(
            scenario, scenario.positions, symbol=symbol, leg=leg, balance=row.total - row.locked
        ).price
        return None if found is None else str(round(found, 4))


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        # (10,000 - 1*50,000) / (1*0.004 - 1) = 40,000/0.996
        (a_position("1"), "40160.6426"),
        # a short loses as the price climbs: (10,000 + 1*50,000) / (0.004 + 1)
        (a_position("-1"), "59760.9562"),
        # isolated margin for the balance, which is (2,500 - 50,000) / (0.004 - 1)
        (a_position("1", isolated_margin=D(2500)), "47690.7631"),
        # (10,000 - 0.1*50,000) / (0.0004 - 0.1) < 0: none
        (a_position("0.1"), None),
    ],
)
def test_liquidation_price_linear_one_way(position: Position, expected: str | None) -> None:
    """PT-430, PT-433: (WB - TMM + UPNL + cum - d*q*ep) / (q*mmr - d*q); at or below 0 there is none."""
    assert price_of(a_scenario(positions=(position,), margin_tiers=ONE_TIER)) == expected


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        # 2,500*100*(0.004 + 1) / (1 + 250,000/50,000) = 251,000/6
        ("2500", "41833.3333"),
        # 250,000*(0.004 - 1) / (1 - 250,000/50,000) = -249,000/-4
        ("-2500", "62250.0000"),
        # 250*100*(0.004 - 1) / (1 - 25,000/50,000) < 0: a short that is fully backed is never liquidated
        ("-250", None),
        # 50,000/50,000 = 1 BTC of short against 1 BTC: the denominator is 0
        ("-500", None),
    ],
)
def test_liquidation_price_inverse_one_way(quantity: str, expected: str | None) -> None:
    """PT-430: q*cs*(mmr + d) / (WB - TMM + UPNL + cum + d*q*cs/ep)."""
    scenario = a_scenario(positions=(a_position(quantity, symbol="BTCUSD"),), margin_tiers=ONE_TIER)
    assert price_of(scenario, "BTCUSD") == expected


def test_liquidation_price_cross_takes_the_other_cross_positions() -> None:
    """PT-430: ETHUSDT 10 from 3,200 at 3,000: TMM 30,000*0.4 % = 120, UPNL -2,000; isolated SOLUSDT nothing:
    (10,000 - 120 - 2,000 - 50,000) / (0.004 - 1) = 42,120/0.996.
    """
    scenario = a_scenario(
        instruments={symbol: an_instrument(symbol) for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT")},
        marks={"BTCUSDT": a_mark("50000"), "ETHUSDT": a_mark("3000"), "SOLUSDT": a_mark("150")},
        margin_tiers=ONE_TIER,
        positions=(
            a_position("1"),
            a_position("10", "3200", symbol="ETHUSDT"),
            a_position("10", "900", symbol="SOLUSDT", isolated_margin=D(1)),
        ),
    )
    assert price_of(scenario) == "42289.1566"


def test_liquidation_price_of_cross_legs_is_shared() -> None:
    """PT-432: long 2 from 49,000, short 1 from 51,000: (10,000 - 98,000 + 51,000) / (3*0.004 - 2 + 1)."""
    scenario = a_scenario(
        positions=(a_position("2", "49000", position_side=LONG), a_position("1", "51000", position_side=SHORT)),
        margin_tiers=ONE_TIER,
    )
    assert price_of(scenario, leg=LONG) == price_of(scenario, leg=SHORT) == "37449.3927"


def test_liquidation_price_of_inverse_cross_legs() -> None:
    """PT-432: long 5,000, short 1,000 contracts of 100 from 50,000: (500,000*1.004 + 100,000*(0.004 - 1)) /
    (1 + 10 - 2).
    """
    scenario = a_scenario(
        positions=(
            a_position("5000", symbol="BTCUSD", position_side=LONG),
            a_position("1000", symbol="BTCUSD", position_side=SHORT),
        ),
        margin_tiers=ONE_TIER,
    )
    assert price_of(scenario, "BTCUSD", leg=LONG) == "44711.1111"


def test_liquidation_price_of_isolated_legs_is_their_own() -> None:
    """PT-432, PT-433: each leg for itself: (5,000 - 100,000) / (2*(0.004 - 1)); (5,000 + 50,000) / 1.004."""
    scenario = a_scenario(
        positions=(
            a_position("2", position_side=LONG, isolated_margin=D(5000)),
            a_position("1", position_side=SHORT, isolated_margin=D(5000)),
        ),
        margin_tiers=ONE_TIER,
    )
    assert (price_of(scenario, leg=LONG), price_of(scenario, leg=SHORT)) == ("47690.7631", "54780.8765")


def test_liquidation_price_takes_the_tier_at_the_price() -> None:
    """PT-434: at the mark N = 50,000 is tier 2 (2 %, cum 450), at the price of tier 1 (1 %) N is 40,404 > 45,000? no:
    tier 2: (10,000 + 450 - 50,000)/(0.02 - 1) = 40,357.1; N lies in tier 1, whose price 40,000/0.99 stays there.
    """
    scenario = a_scenario(positions=(a_position("1"),), margin_tiers=tiers(("45000", "1", "50"), ("100000", "2", "20")))
    assert price_of(scenario) == "40404.0404"


def test_liquidation_price_of_a_short_climbs_into_higher_tiers() -> None:
    """PT-434: short 1 at 50,000 (tier 1, 1 %): 60,000/1.01 = 59,405.9 lies in tier 2 (5 %, cum 2,200):
    62,200/1.05 = 59,238.1, which stays there.
    """
    scenario = a_scenario(
        positions=(a_position("-1"),), margin_tiers=tiers(("55000", "1", "50"), ("100000", "5", "20"))
    )
    assert price_of(scenario) == "59238.0952"


def test_liquidation_price_without_fixed_point_is_none() -> None:
    """PT-434: long 1.5 and short 1 from 1,000 on 100; 0 % to 1,000, then 90 % (cum 900). With the long in tier 1 the
    price is (100 - 500)/-0.5 = 800, where its 1,200 is tier 2; there it is (100 - 500 + 900)/0.85 = 588.2, tier 1.
    """
    scenario = a_scenario(
        marks={"BTCUSDT": a_mark("1000")},
        balances=balances(USDT="100"),
        positions=(a_position("1.5", "1000", position_side=LONG), a_position("1", "1000", position_side=SHORT)),
        margin_tiers=tiers(("1000", "0", "50"), ("100000", "90", "1")),
    )
    assert price_of(scenario, leg=LONG) is None


def test_liquidation_price_of_a_flat_symbol_is_none() -> None:
    """PT-430: without a position there is no price, before or after."""
    metrics = metrics_of(a_scenario(positions=(a_position("0.1"),), order=an_order(SELL, "0.1")))
    assert metrics.projected_liquidation_price is None
    assert metrics_of(a_scenario()).liquidation_price_before is None


def test_liquidation_price_projected_has_paid_the_fee() -> None:
    """PT-423, PT-430: long 1 at 50,000 after a BUY: (10,000 - 25 - 50,000) / (0.004 - 1)."""
    metrics = metrics_of(a_scenario(order=an_order(BUY, "1"), margin_tiers=ONE_TIER))
    assert metrics.projected_liquidation_price is not None
    assert round(metrics.projected_liquidation_price, 4) == D("40185.7430")
    distance = metrics.liquidation_distance_pct
    assert distance is not None
    assert round(distance, 6) == D("19.628514")


def rendered(report: MarginReport) -> dict[str, dict[str, dict[str, str | None]]]:
    return render_margin_report(report)


def test_margin_report_of_an_account() -> None:
    """PT-911: every balance row; every derivative held or with live orders; ratio over the cross positions."""
    scenario = a_scenario(
        order=None,
        positions=(a_position("1", "49000"),),
        balances=balances(USDT="10000", EUR="5"),
        margin_tiers=ONE_TIER,
    )
    assert rendered(margin_plainly(scenario)) == {
        "assets": {
            # MM 200 / 11,000
            "USDT": {"equity": "11000", "available_margin": "6000", "margin_ratio": "0.01818182"},
            "EUR": {"equity": "5", "available_margin": "5", "margin_ratio": "0"},
        },
        "symbols": {
            "BTCUSDT": {
                "worst_case_notional": "50000",
                "initial_margin": "5000",
                "maintenance_margin": "200",
                "unrealised_pnl": "1000",
                "liquidation_price": "39156.62650602",
            }
        },
    }


def test_margin_report_of_isolated_legs_names_each() -> None:
    """PT-911: an isolated hedge leg stands for itself as SYMBOL:LONG or SYMBOL:SHORT."""
    scenario = a_scenario(
        order=None,
        positions=(a_position("2", position_side=LONG, isolated_margin=D(5000)),),
        open_orders=(),
        margin_tiers=ONE_TIER,
    )
    symbols = rendered(margin_plainly(scenario))["symbols"]
    assert list(symbols) == ["BTCUSDT:LONG"]
    assert symbols["BTCUSDT:LONG"] == {
        "worst_case_notional": "100000",
        "initial_margin": "0",
        "maintenance_margin": "400",
        "unrealised_pnl": "0",
        "liquidation_price": "47690.76305221",
    }


def test_margin_report_without_a_mark_is_null_where_it_lacks() -> None:
    """PT-911: what lacks its datum is null."""
    scenario = a_scenario(order=None, positions=(a_position("1"),), marks={}, margin_tiers=ONE_TIER)
    report = rendered(margin_plainly(scenario))
    assert set(report["symbols"]["BTCUSDT"].values()) == {None}
    assert set(report["assets"]["USDT"].values()) == {None}
    assert report["assets"]["BTC"]["equity"] == "1"
