"""What opening costs by venues and other engines: margins, worst side, spot cash (docs/vectors.md)."""

from decimal import ROUND_DOWN, Decimal
from typing import Any

import pytest
from tests.core.pretrade.builders import (
    BUY,
    SELL,
    D,
    a_mark,
    a_position,
    a_scenario,
    a_spot,
    an_instrument,
    an_inverse,
    an_open_order,
    an_order,
    balances,
)
from tests.core.pretrade.vectors import (
    DRIFT,
    EXCHANGE_CORE_FUTURES,
    EXCHANGE_CORE_SPOT,
    LEAN_CASH,
    LEAN_MARGINS,
    OPEN_LOSSES,
    Engine,
    Record,
)

from tidegate.core.kernel.decimals import ZERO, working_precision
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.order import OrderType, Side
from tidegate.core.pretrade.scenario import Scenario

pytestmark = pytest.mark.shared_data


def opening(inputs: Record, **said: Any) -> Scenario:
    side = BUY if inputs["side"] == "buy" else SELL
    order = an_order(side, inputs["qty"], inputs["price"], leverage=D(inputs["leverage"]))
    return a_scenario(marks={"BTCUSDT": a_mark(inputs["mark"])}, order=order, balances=balances(USDT="9" * 9), **said)


@pytest.mark.parametrize("record_id", OPEN_LOSSES)
def test_vectors_open_loss(record_id: str, records: dict[str, Record], engine: Engine) -> None:
    """PT-418: open loss of a limit order against the mark."""
    record = records[record_id]
    assert engine(opening(record["inputs"])).metrics.open_loss == D(record["expected"]["open_loss"])


def test_vectors_initial_margin_of_a_buy(records: dict[str, Record], engine: Engine) -> None:
    """PT-413, PT-421: margin of a BUY at its price; the venue cuts to two places."""
    record = records["cointiger-cost-long"]
    instrument = an_instrument(taker_fee_pct=ZERO)
    metrics = engine(opening(record["inputs"], instruments={"BTCUSDT": instrument})).metrics
    for value, expected in (
        (metrics.initial_margin_after, record["expected"]["initial_margin"]),
        (metrics.required_initial_margin, record["expected"]["cost"]),
    ):
        assert value is not None
        assert value.quantize(D("0.01"), ROUND_DOWN) == D(expected)


def test_vectors_bybit_inverse_opening(records: dict[str, Record], engine: Engine) -> None:
    """PT-404, PT-418: initial margin and opening fee of 10,000 USD of contracts; we reserve no closing fee."""
    record = records["bybit-order-cost-inverse-long"]
    inputs, expected = record["inputs"], record["expected"]
    instrument = an_inverse(contract_size=D(1), taker_fee_pct=D(inputs["taker"]) * 100)
    scenario = a_scenario(
        instruments={"BTCUSD": instrument},
        marks={"BTCUSD": a_mark(inputs["price"]), "BTCUSDT": a_mark(inputs["price"])},
        order=an_order(BUY, inputs["contract_usd"], inputs["price"], symbol="BTCUSD", leverage=D(inputs["leverage"])),
    )
    metrics = engine(scenario).metrics
    assert (metrics.initial_margin_after, metrics.fee) == (D(expected["im"]), D(expected["fee_open"]))
    assert metrics.required_initial_margin == D(expected["cost"]) - D(expected["fee_close"])


def test_vectors_okx_initial_margin(records: dict[str, Record], engine: Engine) -> None:
    """PT-413: 1 BTC of inverse and 10,000 USDT of linear position at leverage 10."""
    record = records["okx-im"]
    price = record["inputs"]["inverse"]["price"]
    marks = {"BTCUSD": a_mark(price), "BTCUSDT": a_mark(price)}
    leverage = D(record["inputs"]["linear"]["leverage"])
    inverse = an_order(BUY, "100", price, symbol="BTCUSD", leverage=leverage)
    linear = an_order(BUY, "1", price, leverage=leverage)
    assert engine(a_scenario(marks=marks, order=inverse)).metrics.initial_margin_after == D(
        record["expected"]["inverse_btc"]
    )
    assert engine(a_scenario(marks=marks, order=linear)).metrics.initial_margin_after == D(
        record["expected"]["linear_usdt"]
    )


@pytest.mark.parametrize("record_id", LEAN_MARGINS)
def test_vectors_lean_initial_margin(record_id: str, records: dict[str, Record], engine: Engine) -> None:
    """PT-404, PT-413: initial margin of crypto futures, exactly or within the tolerance that the record allows."""
    record = records[record_id]
    inputs = record["inputs"]
    multiplier = D(inputs.get("contract_multiplier", "1"))
    symbol = inputs["symbol"]
    instrument = an_inverse(contract_size=multiplier) if symbol == "BTCUSD" else an_instrument(contract_size=multiplier)
    side = SELL if inputs["qty"].startswith("-") else BUY
    scenario = a_scenario(
        instruments={symbol: instrument},
        marks={"BTCUSD": a_mark(inputs["price"]), "BTCUSDT": a_mark(inputs["price"])},
        order=an_order(
            side, inputs["qty"].removeprefix("-"), inputs["price"], symbol=symbol, leverage=D(inputs["leverage"])
        ),
    )
    margin = engine(scenario).metrics.initial_margin_after
    assert margin is not None
    expected = D(record["expected"]["initial_margin"].split()[0])
    if "USD-equivalent" in record["expected"]["initial_margin"]:
        margin *= D(inputs["price"])
    tolerance = expected / 20 if "tolerance" in record["expected"] else ZERO
    assert abs(margin - expected) <= tolerance


def test_vectors_lean_margin_of_another_position_is_taken_off(records: dict[str, Record], engine: Engine) -> None:
    """PT-419: another position takes its initial margin off what is available of its settle asset."""
    record = records["lean-shared-collateral"]
    other = record["inputs"]["other_position"]
    scenario = a_scenario(
        instruments={"BTCUSDT": an_instrument(), "ETHUSDT": an_instrument("ETHUSDT")},
        marks={"BTCUSDT": a_mark("50000"), "ETHUSDT": a_mark(other["price"])},
        positions=(a_position(other["qty"], other["price"], symbol="ETHUSDT", leverage=D(other["leverage"])),),
    )
    taken = D(record["expected"]["margin_deducted_from_BTCUSDT_buying_power"])
    assert engine(scenario).metrics.available_margin == 10_000 - taken


@pytest.mark.parametrize("record_id", DRIFT)
def test_vectors_drift_worst_side(record_id: str, records: dict[str, Record], engine: Engine) -> None:
    """PT-410: of all that may be filled the worse side counts; the same amount, priced at the mark."""
    record = records[record_id]
    inputs, expected = record["inputs"], record["expected"]
    price = str(inputs["oracle_price"])
    bids, asks = inputs["open_bids"], -inputs["open_asks"]
    side = BUY if bids else SELL
    scenario = a_scenario(
        instruments={"BTCUSDT": an_instrument()},
        marks={"BTCUSDT": a_mark(price)},
        positions=(a_position(str(inputs["deposit"]), price),) if inputs["deposit"] else (),
        order=an_order(side, str(bids or asks), price),
    )
    worst = engine(scenario).metrics.worst_case_notional
    assert worst == abs(D(expected["worst_case_token_amount"])) * D(price) == abs(D(expected["token_value"]))


@pytest.mark.parametrize("record_id", EXCHANGE_CORE_FUTURES)
def test_vectors_exchange_core_margin_counts_the_worse_side(
    record_id: str, records: dict[str, Record], engine: Engine
) -> None:
    """PT-410, PT-421: the same number of contracts needs margin; -1 says that the order raises nothing."""
    record = records[record_id]
    inputs, expected = record["inputs"], D(record["expected"]["required_margin_for_symbol"])
    side = Side(inputs["order"]["side"])
    live = [
        an_open_order(one, str(inputs[key]), "1", order_id=key)
        for one, key in ((BUY, "pending_buy"), (SELL, "pending_sell"))
        if inputs[key]
    ]
    scenario = a_scenario(
        instruments={"BTCUSDT": an_instrument(taker_fee_pct=ZERO)},
        marks={"BTCUSDT": a_mark("1")},
        positions=(a_position(str(inputs["position"]), "1"),) if inputs["position"] else (),
        open_orders=tuple(live),
        order=an_order(side, str(inputs["order"]["qty"]), "1", leverage=D(10)),
    )
    metrics = engine(scenario).metrics
    if expected < 0:
        assert metrics.initial_margin_after == metrics.initial_margin_before
    else:
        each = D(inputs["margin_buy"] if side is BUY else inputs["margin_sell"])
        assert metrics.worst_case_notional == expected / each


@pytest.mark.parametrize("record_id", EXCHANGE_CORE_SPOT)
def test_vectors_exchange_core_spot_reservation(record_id: str, records: dict[str, Record], engine: Engine) -> None:
    """PT-381, PT-422: a BUY holds quantity at the reserve price (our limit price), a SELL holds its quantity."""
    record = records[record_id]
    inputs = record["inputs"]
    order = inputs["order"]
    # One lot is 100,000 units of the base; a price of 1 is 10 units of the quote a lot.
    price = D(order.get("reserve_price", order["price"])) * 10 / 100_000
    quantity = D(order["qty"]) * 100_000
    instrument = a_spot("ETHXBT", base="ETH", quote="XBT", taker_fee_pct=ZERO, tick_size=D("0.0001"), lot_size=D(1))
    scenario = a_scenario(
        instruments={"ETHXBT": instrument},
        marks={"ETHXBT": a_mark(str(price)), "XBTUSDT": a_mark("0.0001")},
        balances=balances(**{asset: str(held) for asset, held in inputs["balance"].items()}),
        order=an_order(Side(order["side"]), str(quantity), str(price), symbol="ETHXBT", leverage=None),
    )
    verdict = engine(scenario)
    accepted = record["expected"]["result"] == "ACCEPT"
    assert [found.code.value for found in verdict.violations] == ([] if accepted else ["INSUFFICIENT_MARGIN"])
    if accepted:
        available, required = verdict.metrics.available_margin, verdict.metrics.required_initial_margin
        assert available is not None
        assert required is not None
        assert available - required == D(next(iter(record["expected"]["balance_after"].values())))


def lean_instrument(symbol: str, *, fee_pct: Decimal) -> Instrument:
    base, quote = symbol[:3], symbol[3:]
    return a_spot(symbol, base=base, quote=quote, taker_fee_pct=fee_pct, tick_size=D("0.01"))


@pytest.mark.parametrize("record_id", LEAN_CASH)
def test_vectors_lean_cash_sufficiency(record_id: str, records: dict[str, Record], engine: Engine) -> None:
    """PT-381, PT-422: cash that live orders have spoken for cannot be spent again; the fee is part of a BUY."""
    record = records[record_id]
    inputs, order = record["inputs"], record["inputs"]["order"]
    with working_precision():
        fee_pct = D(inputs["fee"]) * 100 / (D(order["qty"]) * D(order["price"]))
    symbols = {row["symbol"] for row in (order, *inputs["open_orders"])}
    prices = {"BTCUSD": "10000", "ETHUSD": "1000", "ETHBTC": "0.1", "BTCEUR": "10000"}
    live = [
        an_open_order(
            Side(row["side"]),
            row["qty"],
            row["price"] if row["type"] == "LIMIT" else None,
            symbol=row["symbol"],
            order_id=f"o-{number}",
            order_type=OrderType(row["type"]),
            stop_price=None if row["type"] == "LIMIT" else D(row["price"]),
            leverage=None,
        )
        for number, row in enumerate(inputs["open_orders"])
    ]
    limit = order["type"] == "LIMIT"
    scenario = a_scenario(
        instruments={symbol: lean_instrument(symbol, fee_pct=fee_pct) for symbol in symbols},
        marks={symbol: a_mark(prices[symbol]) for symbol in symbols}
        | {"BTCUSDT": a_mark("10000"), "EURUSDT": a_mark("1")},
        balances=balances(**inputs["balances"]),
        open_orders=tuple(live),
        order=an_order(
            Side(order["side"]),
            order["qty"],
            order["price"] if limit else None,
            symbol=order["symbol"],
            order_type=OrderType(order["type"]),
            stop_price=None if limit else D(order["price"]),
            leverage=None,
        ),
    )
    expected = [] if record["expected"]["sufficient"] else ["INSUFFICIENT_MARGIN"]
    assert [found.code.value for found in engine(scenario).violations] == expected
