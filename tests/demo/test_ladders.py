"""The table of instruments: sound, and what the venue publishes."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tidegate.core.kernel.decimals import is_multiple
from tidegate.core.pretrade.instrument import Kind
from tidegate.core.pretrade.tiers import build_ladder
from tidegate.demo.ladders import INVERSE, SPOT, load_listings


def test_listings_loaded_hold_the_symbols_the_demo_promises() -> None:
    """At least 24 linear perpetuals, one inverse, two spot."""
    listings = load_listings()
    kinds = [listing.instrument.kind for listing in listings.values()]
    assert kinds.count(Kind.LINEAR) >= 24
    assert {"BTCUSDT", "ETHUSDT", INVERSE, *SPOT} <= set(listings)
    assert kinds.count(Kind.INVERSE) == 1
    assert kinds.count(Kind.SPOT) == 2
    assert listings[INVERSE].instrument.contract_size == 100


@pytest.mark.parametrize("symbol", sorted(load_listings()))
def test_listing_loaded_is_sound(symbol: str) -> None:
    """Every ladder builds, begins with the instrument's leverage cap, and the reference price lies on the tick."""
    listing = load_listings()[symbol]
    instrument = listing.instrument
    assert listing.price > 0
    assert is_multiple(listing.price, instrument.tick_size)
    assert instrument.quantity_min is not None
    assert is_multiple(instrument.quantity_min, instrument.lot_size)
    if instrument.kind is Kind.SPOT:
        assert listing.tiers == ()
        return
    ladder = build_ladder(listing.tiers)
    assert ladder.rungs[0].leverage_max == instrument.leverage_max
    assert {tier.symbol for tier in listing.tiers} == {symbol}
    assert all(tier.max_leverage is not None and tier.max_leverage >= 1 for tier in listing.tiers)


@pytest.mark.parametrize(
    ("symbol", "notional", "owed"),
    [
        ("BTCUSDT", "50000", "200"),
        ("BTCUSDT", "600000", "2950"),
        ("ETHUSDT", "3000000", "18550"),
        ("SOLUSDT", "10000", "50"),
    ],
)
def test_ladder_loaded_owes_what_the_venue_says(symbol: str, notional: str, owed: str) -> None:
    """Maintenance margin ``N * mmr - cum`` with the venue's own cum: 50 at 0.5 %, 950 at 0.65 % for BTC and ETH."""
    ladder = build_ladder(load_listings()[symbol].tiers)
    rung = ladder.rung_of(Decimal(notional))
    assert Decimal(notional) * rung.rate - rung.amount == Decimal(owed)


@pytest.mark.shared_data
def test_ladders_loaded_are_those_of_the_venue(shared_data_dir: Path) -> None:
    """Each linear ladder, amounts included, is the published one."""
    source = json.loads((shared_data_dir / "instruments" / "binance_leverage_tiers.json").read_text())
    for listing in load_listings().values():
        instrument = listing.instrument
        if instrument.kind is Kind.LINEAR:
            published = [_published(row["info"]) for row in source[f"{instrument.base}/USDT:USDT"]]
            rungs = build_ladder(listing.tiers).rungs
            ours = [(rung.floor, rung.cap, rung.rate, rung.leverage_max, rung.amount) for rung in rungs]
            assert ours == published


def _published(row: dict[str, Any]) -> tuple[Decimal, ...]:
    names = ("notionalFloor", "notionalCap", "maintMarginRatio", "initialLeverage", "cum")
    return tuple(Decimal(row[name]) for name in names)
