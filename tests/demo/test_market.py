"""The demo's market: marks move on the tick, the same way for the same seed, and a tape has the last word."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from tidegate.core.kernel.decimals import is_multiple
from tidegate.demo.ladders import load_listings
from tidegate.demo.market import Market, Tape, dice_for, invented_tape


def a_market(*, seed: int = 7, opening: Mapping[str, Decimal] | None = None) -> Market:
    tape = Tape(0.1, (), opening) if opening is not None else invented_tape()
    return Market(load_listings(), tape, dice=dice_for(seed, "market"))


def wandered(market: Market, steps: int) -> dict[str, Decimal]:
    for _ in range(steps):
        list(market.wander())
    return dict(market.marks)


def test_market_wandering_moves_every_mark_on_its_tick() -> None:
    """After 80 ticks every liquid mark has moved, stays a multiple of its tick, and is within 2 % of where it began."""
    market = a_market()
    marks = wandered(market, 80)
    for symbol, listing in market.listings.items():
        assert is_multiple(marks[symbol], listing.instrument.tick_size)
        assert abs(marks[symbol] / listing.price - 1) < Decimal("0.02")
    assert marks["BTCUSDT"] != market.listings["BTCUSDT"].price


def test_market_wandering_is_decided_by_the_seed() -> None:
    """The same seed, the same marks; another seed, others."""
    assert wandered(a_market(), 20) == wandered(a_market(), 20)
    assert wandered(a_market(), 20) != wandered(a_market(seed=8), 20)


def test_market_on_a_tape_leaves_what_is_taped_to_it() -> None:
    """A taped mark moves with the tape alone, on no tick of ours, until the tape has ended."""
    market = a_market(opening={"BTCUSDT": Decimal("61800.25")})
    wandered(market, 20)
    assert market.marks["BTCUSDT"] == Decimal("61800.25")
    assert list(market.follow({"BTCUSDT": Decimal("61801.35")})) == ["BTCUSDT"]
    assert market.marks["BTCUSDT"] == Decimal("61801.35")
    assert "BTCUSDT" in set(market.wander(all_symbols=True))


@pytest.mark.parametrize(
    ("symbol", "notional", "quantity"),
    [
        ("BTCUSDT", 6_180, "0.1"),
        ("BTCUSDT", 1, "0.001"),
        ("SOLUSDT", 1_600, "10"),
        ("BTCUSD", 3_000, "30"),
        ("BTC-USDT", 618, "0.01"),
    ],
)
def test_lots_of_a_notional_are_whole_and_at_least_one(symbol: str, notional: int, quantity: str) -> None:
    """At the opening marks; an inverse contract is worth its contract size whatever the mark."""
    assert a_market().lots(symbol, Decimal(notional)) == Decimal(quantity)
