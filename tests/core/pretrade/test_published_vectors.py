"""Liquidation prices and ladders that venues have published, recomputed by both engines (docs/vectors.md)."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.pretrade.builders import (
    D,
    a_mark,
    a_position,
    a_scenario,
    an_instrument,
    an_inverse,
    an_order,
    balances,
    tiers,
)
from tests.core.pretrade.vectors import (
    BINANCE,
    FORMER_LADDERS,
    FREQTRADE,
    MAINTENANCE_AMOUNT,
    NOT_OURS,
    TIER_LOOKUPS,
    USED,
    Engine,
    Record,
    ladder_for,
    near,
)

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.pretrade.tiers import MarginTier, build_ladder

pytestmark = pytest.mark.shared_data


@pytest.mark.parametrize("record_id", BINANCE)
def test_vectors_binance_liquidation_price(record_id: str, records: dict[str, Record], engine: Engine) -> None:
    """PT-430, PT-433: the worked example of the venue, alone and beside another cross position."""
    record = records[record_id]
    inputs, own, other = record["inputs"], record["inputs"]["position"], record["inputs"]["other"]
    isolated = record["mode"] == "isolated"
    said = {"isolated_margin": D(inputs["wallet_balance"])} if isolated else {}
    positions = [a_position(own["qty"], own["ep"], **said)]
    ladders = [replace(tier, symbol="BTCUSDT") for tier in ladder_for(D(own["mmr"]), D(own["cum"]))]
    marks = {"BTCUSDT": a_mark(own["mark"])}
    if other is not None:
        positions.append(a_position(other["qty"], other["ep"], symbol="OTHER"))
        ladders += [replace(tier, symbol="OTHER") for tier in ladder_for(D(other["mmr"]), D(other["cum"]))]
        marks["OTHER"] = a_mark(other["mark"])
    scenario = a_scenario(
        instruments={"BTCUSDT": an_instrument(), "OTHER": an_instrument("OTHER")},
        marks=marks,
        margin_tiers=tuple(ladders),
        positions=tuple(positions),
        balances=balances(USDT=inputs["wallet_balance"]),
    )
    assert near(engine(scenario).metrics.liquidation_price_before, record["expected"], step=record["round"])


@pytest.mark.parametrize("record_id", FREQTRADE)
def test_vectors_freqtrade_liquidation_price(record_id: str, records: dict[str, Record], engine: Engine) -> None:
    """PT-430, PT-433: isolated positions by Binance's formula; Gate and OKX count the closing fee with the rate."""
    record = records[record_id]
    inputs = record["inputs"]
    quantity = inputs["qty"] if record["side"] == "long" else f"-{inputs['qty']}"
    rate = D(inputs["mmr"]) + D(inputs["taker_fee"] or 0)
    scenario = a_scenario(
        marks={"BTCUSDT": a_mark(inputs["entry"])},
        margin_tiers=ladder_for(rate, D(inputs["maint_amount"])),
        positions=(a_position(quantity, inputs["entry"], isolated_margin=D(inputs["wallet_balance"])),),
        order=an_order(price=inputs["entry"]),
    )
    assert near(engine(scenario).metrics.liquidation_price_before, record["expected"], step="0.0000000001")


def test_vectors_bybit_inverse_bankruptcy_price(records: dict[str, Record], engine: Engine) -> None:
    """PT-430: equity that is just the closing fee is maintenance margin at the fee's rate. The record's liquidation
    price is wrong at its source and is not used.
    """
    record = records["bybit-bankruptcy-inverse-cross-2020"]
    inputs = record["inputs"]
    scenario = a_scenario(
        instruments={"BTCUSD": an_inverse(contract_size=D(1))},
        marks={"BTCUSD": a_mark(inputs["entry"]), "BTCUSDT": a_mark(inputs["entry"])},
        margin_tiers=ladder_for(D(inputs["taker"]), ZERO),
        positions=(a_position(inputs["contracts"], inputs["entry"], symbol="BTCUSD"),),
        balances=balances(BTC=inputs["balance"]),
        order=an_order(symbol="BTCUSD", quantity="1", price=inputs["entry"]),
    )
    assert near(engine(scenario).metrics.liquidation_price_before, record["expected"]["bankruptcy"], step="0.01")


@pytest.mark.parametrize("record_id", TIER_LOOKUPS)
def test_vectors_tier_lookup(record_id: str, records: dict[str, Record], engine: Engine) -> None:
    """PT-415: the tier of a notional, its rate and its amount: MM = N * mmr - amount."""
    inputs, expected = records[record_id]["inputs"], records[record_id]["expected"]
    ladder = tiers(*FORMER_LADDERS[inputs["pair"]])
    rung = build_ladder(ladder).rung_of(D(inputs["notional"]))
    assert (rung.rate, rung.amount) == (D(expected["mmr"]), D(expected["maint_amount"]))
    scenario = a_scenario(
        marks={"BTCUSDT": a_mark("1")}, margin_tiers=ladder, positions=(a_position(inputs["notional"], "1"),)
    )
    owed = D(inputs["notional"]) * D(expected["mmr"]) - D(expected["maint_amount"])
    assert engine(scenario).metrics.maintenance_margin_before == owed


def test_vectors_maintenance_amount(records: dict[str, Record]) -> None:
    """PT-415: cum_n = cum_(n-1) + floor_n * (mmr_n - mmr_(n-1)), as the venue works it out for its third tier."""
    record = records[MAINTENANCE_AMOUNT]
    inputs = record["inputs"]
    # The first tier is chosen so that the second has the amount that the record starts from.
    second = D(inputs["mmr_prev"]) * 100
    third = D(inputs["mmr_n"]) * 100
    first = second - D(inputs["cum_prev"]) / 50_000 * 100
    ladder = build_ladder(
        tiers(
            ("50000", str(first), "3"),
            (inputs["floor"], str(second), "2"),
            ("9000000", str(third), "1"),
        )
    )
    assert [rung.amount for rung in ladder.rungs] == [0, D(inputs["cum_prev"]), D(record["expected"])]


def test_vectors_every_published_ladder_has_our_amounts(shared_data_dir: Path) -> None:
    """PT-415, PT-209: all leverage ladders of a venue are sound, and each published amount is the one we compute."""
    path = shared_data_dir / "instruments" / "binance_leverage_tiers.json"
    ladders = json.loads(path.read_text(), parse_float=str)
    for symbol, rows in ladders.items():
        published = [row["info"] for row in rows]
        ladder = build_ladder(
            MarginTier(
                symbol, place, D(row["notionalCap"]), D(row["maintMarginRatio"]) * 100, D(row["initialLeverage"])
            )
            for place, row in enumerate(published, 1)
        )
        assert [rung.amount for rung in ladder.rungs] == [D(row["cum"]) for row in published], symbol
    assert len(ladders) > 300


def test_vectors_every_record_is_used_or_explained(records: dict[str, Record]) -> None:
    """PT-430: docs/vectors.md names every record that does not follow our formulas; no record is forgotten."""
    assert not USED & NOT_OURS
    assert set(records) == USED | NOT_OURS
    page = (Path(__file__).resolve().parents[3] / "docs" / "vectors.md").read_text()
    assert [record for record in sorted(NOT_OURS) if f"`{record}`" not in page] == []
