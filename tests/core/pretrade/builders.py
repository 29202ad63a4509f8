"""Builders for scenarios in code: each states only what a test is about; D turns texts into decimals."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from tidegate.core.pretrade.account import Balance, MarginMode, OpenOrder, Position, Profile, Reservation
from tidegate.core.pretrade.instrument import Instrument, Kind, KycLevel, Mark
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.order import Order, OrderType, PositionSide, Side
from tidegate.core.pretrade.scenario import Scenario
from tidegate.core.pretrade.tiers import MarginTier

D = Decimal
NOW_US: Final = 1_767_225_600_000_000
USER: Final = "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11"
BUY, SELL = Side.BUY, Side.SELL
LONG, SHORT, BOTH = PositionSide.LONG, PositionSide.SHORT, PositionSide.BOTH


def an_instrument(symbol: str = "BTCUSDT", **said: Any) -> Instrument:
    """A LINEAR instrument without filters: tick 0.1, lot 0.001, fee 0.05 %, leverage 10 of at most 125."""
    plain = Instrument(
        symbol=symbol,
        kind=Kind.LINEAR,
        base="BTC",
        quote="USDT",
        status="TRADING",
        tick_size=D("0.1"),
        lot_size=D("0.001"),
        taker_fee_pct=D("0.05"),
        leverage_max=D(125),
        leverage_default=D(10),
    )
    return replace(plain, **said)


def an_inverse(symbol: str = "BTCUSD", **said: Any) -> Instrument:
    """An INVERSE instrument of 100 USD a contract, settled in BTC."""
    return an_instrument(
        symbol, **{"kind": Kind.INVERSE, "quote": "USD", "contract_size": D(100), "lot_size": D(1)} | said
    )


def a_spot(symbol: str = "BTC-USDT", **said: Any) -> Instrument:
    return an_instrument(symbol, **{"kind": Kind.SPOT, "leverage_max": None, "leverage_default": None} | said)


def tiers(*rows: tuple[str, str, str], symbol: str | None = None) -> tuple[MarginTier, ...]:
    """A ladder from (max_notional, maintenance_margin_pct, max_leverage) rows; the default one unless said."""
    return tuple(
        MarginTier(symbol, number, D(cap), D(pct), D(leverage)) for number, (cap, pct, leverage) in enumerate(rows, 1)
    )


def a_position(quantity: str, entry_price: str = "50000", **said: Any) -> Position:
    """A CROSS position in BTCUSDT at leverage 10."""
    plain = Position("BTCUSDT", BOTH, D(quantity), D(entry_price), D(10), MarginMode.CROSS)
    if "isolated_margin" in said:
        said["margin_mode"] = MarginMode.ISOLATED
    return replace(plain, **said)


# tidy: allow-keyword-only - a line of a decision table reads side, quantity, price
def an_open_order(side: Side, quantity: str, price: str | None, **said: Any) -> OpenOrder:
    """A LIMIT order in BTCUSDT at leverage 10."""
    limit = None if price is None else D(price)
    plain = OpenOrder("o-1", "BTCUSDT", side, OrderType.LIMIT, D(quantity), price=limit, leverage=D(10))
    return replace(plain, **said)


# tidy: allow-keyword-only - a line of a decision table reads side, quantity, price
def a_reservation(side: Side, quantity: str, price: str, **said: Any) -> Reservation:
    """A LIMIT reservation in BTCUSDT at leverage 10 that lives for another second."""
    plain = Reservation(
        "r-1", "BTCUSDT", side, OrderType.LIMIT, D(quantity), D(price), NOW_US + 1_000_000, leverage=D(10)
    )
    return replace(plain, **said)


# tidy: allow-keyword-only - a line of a decision table reads side, quantity, price
def an_order(side: Side = BUY, quantity: str = "0.1", price: str | None = "50000", **said: Any) -> Order:
    """A LIMIT order in BTCUSDT at leverage 10."""
    limit = None if price is None else D(price)
    plain = Order(USER, "main", "o-new", "BTCUSDT", side, OrderType.LIMIT, D(quantity), limit, leverage=D(10))
    return replace(plain, **said)


def a_profile(**said: Any) -> Profile:
    return replace(Profile(USER, KycLevel.L2, D(1_000_000), False, D(0), D(50)), **said)


def a_mark(price: str, *, age_us: int = 0) -> Mark:
    return Mark(D(price), NOW_US - age_us)


def balances(**totals: str) -> dict[str, Balance]:
    return {asset: Balance(asset, D(total), D(0)) for asset, total in totals.items()}


def a_scenario(**said: Any) -> Scenario:
    """BTCUSDT, BTCUSD and BTC-USDT at 50,000; one default tier of 0.4 % to 10 million; 10,000 USDT, 1 BTC; an order
    that is approved.
    """
    plain = Scenario(
        now_us=NOW_US,
        instruments={row.symbol: row for row in (an_instrument(), an_inverse(), a_spot())},
        margin_tiers=tiers(("10000000", "0.4", "125")),
        marks={symbol: a_mark("50000") for symbol in ("BTCUSDT", "BTCUSD", "BTC-USDT")},
        profile=a_profile(),
        balances=balances(USDT="10000", BTC="1"),
        order=an_order(),
    )
    return replace(plain, **said)


def numbers(metrics: Metrics, *names: str) -> tuple[Any, ...]:
    """Several metrics at once."""
    return tuple(getattr(metrics, name) for name in names)
