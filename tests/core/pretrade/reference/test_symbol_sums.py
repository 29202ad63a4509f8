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
    an_open_order,
    an_order,
    numbers,
    tiers,
)

from tidegate.core.pretrade.account import OpenOrder, Position, Reservation
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.order import OrderType
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.scenario import Scenario


def metrics_of(scenario: Scenario) -> Metrics:
    return decide_plainly(scenario).metrics


WORST_CASES: list[tuple[str, list[Position], list[OpenOrder | Reservation], str]] = [
    # nothing but the order: |0 + 0.1*50000|
    ("flat", [], [], "5000"),
    # buys: |10000 + 5000|
    ("long", [a_position("0.2")], [], "15000"),
    # max(|-10000 + 5000|, |-10000 - 0|): the worse side, not the net
    ("short", [a_position("-0.2")], [], "10000"),
    # max(|-1000 + 5000|, |-1000|): through zero to the other side
    ("small short", [a_position("-0.02")], [], "4000"),
    # max(|5000 + 0.1*49000|, |-0.3*51000|): the worse side, not the sum
    ("both sides", [], [an_open_order(BUY, "0.1", "49000"), an_open_order(SELL, "0.3", "51000")], "15300"),
    # max(|10000 + 5000 + 4900|, |10000 - 15300|)
    (
        "long, both sides",
        [a_position("0.2")],
        [an_open_order(BUY, "0.1", "49000"), an_open_order(SELL, "0.3", "51000", order_id="o-2")],
        "19900",
    ),
    # the remaining 0.06 at 49000, the reservation's 0.1 at its own price: 5000 + 2940 + 4800
    (
        "partly filled and reserved",
        [],
        [an_open_order(BUY, "0.1", "49000", filled_quantity=D("0.04")), a_reservation(BUY, "0.1", "48000")],
        "12740",
    ),
    # an expired reservation and one that became an open order count nothing: 5000 + 4900
    (
        "dead reservations",
        [],
        [
            an_open_order(BUY, "0.1", "49000"),
            a_reservation(BUY, "9", "48000", expires_at_us=NOW_US),
            a_reservation(BUY, "9", "48000", order_id="o-1"),
        ],
        "9900",
    ),
    # live reduce-only orders count nothing: |10000 + 5000|
    ("reduce-only", [a_position("0.2")], [an_open_order(SELL, "0.2", "60000", reduce_only=True)], "15000"),
    # MARKET 0.1 * 50000 * 1.005, STOP_MARKET 0.1 * 52000 * 1.005: 5000 + 5025 + 5226
    (
        "at the market",
        [],
        [
            an_open_order(BUY, "0.1", None, order_type=OrderType.MARKET),
            an_open_order(BUY, "0.1", None, order_type=OrderType.STOP_MARKET, stop_price=D(52000), order_id="o-2"),
        ],
        "15251",
    ),
]


@pytest.mark.parametrize(
    ("held", "live", "expected"), [row[1:] for row in WORST_CASES], ids=[r[0] for r in WORST_CASES]
)
def test_worst_case_one_way_is_the_worse_side(
    held: list[Position], live: list[OpenOrder | Reservation], expected: str
) -> None:
    """PT-410, PT-405, PT-407, PT-408: W = max(|P + buys|, |P - sells|), a BUY of 0.1 at 50,000 being added."""
    scenario = a_scenario(
        positions=tuple(held),
        open_orders=tuple(order for order in live if isinstance(order, OpenOrder)),
        reservations=tuple(order for order in live if isinstance(order, Reservation)),
    )
    assert metrics_of(scenario).worst_case_notional == D(expected)


def test_worst_case_of_a_sell_counts_it_at_the_higher_of_fill_and_mark() -> None:
    """PT-408: a LINEAR SELL at 49,000 under a mark of 50,000 counts 0.1 * 50,000; an INVERSE one 10*100/49,000."""
    assert metrics_of(a_scenario(order=an_order(SELL, "0.1", "49000"))).worst_case_notional == 5000
    inverse = metrics_of(a_scenario(order=an_order(SELL, "10", "40000", symbol="BTCUSD")))
    assert inverse.worst_case_notional == D("0.025")


def test_worst_case_in_legs_adds_the_legs_and_what_opens_them() -> None:
    """PT-411: |P_long| 10,000 + buys 4,900 + order 5,000 + |P_short| 5,000 + sells 5,100; closing orders nothing."""
    scenario = a_scenario(
        positions=(a_position("0.2", position_side=LONG), a_position("0.1", position_side=SHORT)),
        open_orders=(
            an_open_order(BUY, "0.1", "49000", position_side=LONG),
            an_open_order(SELL, "0.1", "51000", position_side=SHORT, order_id="o-2"),
            an_open_order(SELL, "0.2", "51000", position_side=LONG, order_id="o-3"),
            an_open_order(BUY, "0.1", "48000", position_side=SHORT, order_id="o-4"),
        ),
        order=an_order(position_side=LONG),
    )
    assert metrics_of(scenario).worst_case_notional == 30000


def test_worst_case_after_a_reduce_only_order_is_that_before() -> None:
    """PT-410: a reduce-only order adds nothing to its side."""
    scenario = a_scenario(positions=(a_position("0.2"),), order=an_order(SELL, "0.1", reduce_only=True))
    assert metrics_of(scenario).worst_case_notional == 10000


def test_initial_margin_takes_the_lowest_leverage() -> None:
    """PT-412, PT-413: before 10,000 / 5 (position 10, live order 5); after 15,000 + 4,900 over min(5, 4)."""
    scenario = a_scenario(
        positions=(a_position("0.1"),),
        open_orders=(an_open_order(BUY, "0.1", "50000", leverage=D(5)),),
        order=an_order(BUY, "0.1", "49000", leverage=D(4)),
    )
    metrics = metrics_of(scenario)
    assert numbers(metrics, "initial_margin_before", "initial_margin_after") == (2000, D(14900) / 4)


def test_initial_margin_of_a_flat_symbol_takes_the_orders_leverage() -> None:
    """PT-412, PT-361: empty leverage on a flat symbol is the instrument's default of 10: 5,000 / 10."""
    metrics = metrics_of(a_scenario(order=an_order(leverage=None)))
    assert numbers(metrics, "initial_margin_before", "initial_margin_after", "leverage") == (0, 500, 10)


def test_initial_margin_empty_leverage_is_the_positions() -> None:
    """PT-361: an order and a live order without leverage take the position's 20: (5,000 + 4,900 + 5,000) / 20."""
    scenario = a_scenario(
        positions=(a_position("0.1", leverage=D(20)),),
        open_orders=(an_open_order(BUY, "0.1", "49000", leverage=None),),
        order=an_order(leverage=None),
    )
    assert metrics_of(scenario).initial_margin_after == D(14900) / 20


def test_initial_margin_isolated_is_owed_for_orders_alone() -> None:
    """PT-413: ISOLATED max(0, W - |P|) / L: before max(0, 10,000 - 10,000), after (15,000 - 10,000) / 10."""
    metrics = metrics_of(a_scenario(positions=(a_position("0.2", isolated_margin=D(1000)),)))
    assert numbers(metrics, "initial_margin_before", "initial_margin_after") == (0, 500)


def test_required_initial_margin_adds_open_loss_and_fee() -> None:
    """PT-418, PT-421: BUY 0.1 at 50,100 over a mark of 50,000: IM 501, open loss 0.1*100, fee 5,010*0.05 %."""
    metrics = metrics_of(a_scenario(order=an_order(BUY, "0.1", "50100")))
    assert numbers(metrics, "open_loss", "fee") == (10, D("2.505"))
    assert metrics.required_initial_margin == 501 + 10 + D("2.505")


def test_required_initial_margin_is_never_less_than_open_loss_and_fee() -> None:
    """PT-421: an order that lowers nothing still pays its fee: max(0, IM after - IM before) = 0."""
    scenario = a_scenario(positions=(a_position("-0.2"),), order=an_order(BUY, "0.1"))
    assert metrics_of(scenario).required_initial_margin == D("2.5")


def test_open_loss_of_a_sell_below_the_mark() -> None:
    """PT-418: LINEAR 0.1*(50,000 - 49,000); INVERSE 10*100*(1/40,000 - 1/50,000) for a SELL at 40,000."""
    assert metrics_of(a_scenario(order=an_order(SELL, "0.1", "49000"))).open_loss == 100
    inverse = metrics_of(a_scenario(order=an_order(SELL, "10", "40000", symbol="BTCUSD")))
    assert inverse.open_loss == D("0.005")
    better = metrics_of(a_scenario(order=an_order(SELL, "0.1", "51000")))
    assert better.open_loss == 0


def test_fill_price_of_a_market_order_slips_against_it() -> None:
    """PT-407: 0.5 %: a BUY of 0.1 fills at 50,250, a SELL at 49,750; a STOP_MARKET BUY at 1.005 of its trigger."""
    market = {"order_type": OrderType.MARKET}
    assert metrics_of(a_scenario(order=an_order(BUY, "0.1", None, **market))).order_notional == 5025
    assert metrics_of(a_scenario(order=an_order(SELL, "0.1", None, **market))).order_notional == 4975
    stop = an_order(BUY, "0.1", None, order_type=OrderType.STOP_MARKET, stop_price=D(51000))
    assert metrics_of(a_scenario(order=stop)).order_notional == D("5125.5")


def test_notional_is_in_the_settle_asset() -> None:
    """PT-404: INVERSE 50 contracts of 100 USD at 40,000 are 0.125 BTC; position of 50 at the mark of 50,000: 0.1."""
    scenario = a_scenario(
        positions=(a_position("50", symbol="BTCUSD"),), order=an_order(BUY, "50", "40000", symbol="BTCUSD")
    )
    metrics = metrics_of(scenario)
    assert numbers(metrics, "order_notional", "position_notional") == (D("0.125"), D("0.1"))


LADDER = (("5000", "1", "50"), ("20000", "2", "20"), ("100000", "5", "10"))


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("0.05", "25"),  # 2,500 * 1 %
        ("0.1", "50"),  # 5,000 * 1 %: the cap belongs to the tier
        ("0.2", "150"),  # 10,000 * 2 % - 50, cum_2 = 5,000 * (2 % - 1 %)
        ("0.4", "350"),  # 20,000 * 2 % - 50
        ("-0.6", "850"),  # 30,000 * 5 % - 650, cum_3 = 50 + 20,000 * 3 %
        ("10", "24350"),  # 500,000 lies above the last tier, which counts: * 5 % - 650
    ],
)
def test_maintenance_margin_is_tiered(quantity: str, expected: str) -> None:
    """PT-415, PT-206: MM(N) = N*mmr_n - cum_n with N = |P| and percent read as percent."""
    scenario = a_scenario(positions=(a_position(quantity),), margin_tiers=tiers(*LADDER))
    assert metrics_of(scenario).maintenance_margin_before == D(expected)


def test_maintenance_margin_in_legs_takes_each_for_itself() -> None:
    """PT-415: legs of 10,000 and 5,000: 10,000*2 % - 50 + 5,000*1 %, not the 15,000 of both."""
    scenario = a_scenario(
        positions=(a_position("0.2", position_side=LONG), a_position("0.1", position_side=SHORT)),
        margin_tiers=tiers(*LADDER),
        order=an_order(position_side=LONG),
    )
    assert metrics_of(scenario).maintenance_margin_before == 200


def test_ladder_of_its_own_goes_before_the_default_one() -> None:
    """PT-207: a symbol with a ladder of its own does not read the default one; 5,000 * 3 %."""
    scenario = a_scenario(
        positions=(a_position("0.1"),),
        margin_tiers=(*tiers(*LADDER), *tiers(("100000", "3", "10"), symbol="BTCUSDT")),
    )
    assert metrics_of(scenario).maintenance_margin_before == 150


def test_sums_keep_twenty_places_half_even() -> None:
    """PT-401: 10 contracts of 100 USD at 30,000 are 1/30 BTC, quantised to 20 places."""
    scenario = a_scenario(order=an_order(BUY, "10", "30000", symbol="BTCUSD"), marks={"BTCUSD": a_mark("30000")})
    assert metrics_of(scenario).order_notional == Decimal("0.03333333333333333333")
