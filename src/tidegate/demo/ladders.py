"""What can be traded in the demo: real leverage ladders, tick and lot sizes, with reference prices.

``ladders.json`` is the project's own small table of facts. Leverage ladders (notional cap, maintenance margin rate,
initial leverage) and tick and lot sizes of USD-M perpetuals are Binance's, as its API published them in mid-2024
(``/fapi/v1/leverageBracket``, ``/fapi/v1/exchangeInfo``); reference prices are 24 h averages of those days, BTC's and
ETH's are of 8 August 2024. Price bands, notional minima, fees, the inverse perpetual's ladder and the two spot
instruments' filters are the demo's own, of the size that such venues use.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final

from tidegate.core.pretrade.instrument import Instrument, Kind
from tidegate.core.pretrade.tiers import MarginTier

INVERSE: Final = "BTCUSD"
SPOT: Final = ("BTC-USDT", "ETH-USDT")

_INVERSE_LADDER: Final = (
    ("5", "0.4", "125"),
    ("10", "0.5", "100"),
    ("20", "1", "50"),
    ("50", "2.5", "20"),
    ("100", "5", "10"),
    ("200", "10", "5"),
    ("400", "12.5", "4"),
    ("1000", "25", "2"),
    ("1500", "50", "1"),
)
"""In BTC: the notional of an inverse perpetual is counted in its base."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument with its ladder (none on SPOT) and the price at which the demo's market opens."""

    instrument: Instrument
    tiers: tuple[MarginTier, ...]
    price: Decimal

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.instrument.symbol


def load_listings() -> Mapping[str, Listing]:
    """Read the table that comes with the package: every listing by symbol, BTCUSDT and ETHUSDT first."""
    rows = json.loads(files("tidegate.demo").joinpath("ladders.json").read_text("utf-8"))
    linear = {row["symbol"]: _linear(row) for row in rows}
    bitcoin, ether = linear["BTCUSDT"].price, linear["ETHUSDT"].price
    others = [_inverse(bitcoin), _spot("BTC", "0.00001", price=bitcoin), _spot("ETH", "0.0001", price=ether)]
    return linear | {listing.symbol: listing for listing in others}


def _linear(row: Mapping[str, Any]) -> Listing:
    tiers = tuple(_tiers(row["symbol"], row["tiers"]))
    most = row["quantity_max"]
    instrument = Instrument(
        symbol=row["symbol"],
        kind=Kind.LINEAR,
        base=row["base"],
        quote="USDT",
        status="TRADING",
        tick_size=Decimal(row["tick"]),
        lot_size=Decimal(row["lot"]),
        taker_fee_pct=Decimal("0.05"),
        quantity_min=Decimal(row["lot"]),
        quantity_max=None if most is None else Decimal(most),
        notional_min=Decimal(row["notional_min"]),
        price_band_pct=Decimal(row["band"]),
        leverage_max=tiers[0].max_leverage,
        leverage_default=Decimal(10),
    )
    return Listing(instrument, tiers, Decimal(row["price"]))


def _inverse(price: Decimal) -> Listing:
    instrument = Instrument(
        symbol=INVERSE,
        kind=Kind.INVERSE,
        base="BTC",
        quote="USD",
        status="TRADING",
        tick_size=Decimal("0.1"),
        lot_size=Decimal(1),
        taker_fee_pct=Decimal("0.05"),
        quantity_min=Decimal(1),
        quantity_max=Decimal(1_000_000),
        price_band_pct=Decimal(5),
        leverage_max=Decimal(125),
        leverage_default=Decimal(10),
        contract_size=Decimal(100),
    )
    return Listing(instrument, tuple(_tiers(INVERSE, _INVERSE_LADDER)), price)


def _spot(base: str, lot: str, *, price: Decimal) -> Listing:
    instrument = Instrument(
        symbol=f"{base}-USDT",
        kind=Kind.SPOT,
        base=base,
        quote="USDT",
        status="TRADING",
        tick_size=Decimal("0.01"),
        lot_size=Decimal(lot),
        taker_fee_pct=Decimal("0.1"),
        quantity_min=Decimal(lot),
        quantity_max=Decimal(9_000),
        notional_min=Decimal(5),
        price_band_pct=Decimal(10),
    )
    return Listing(instrument, (), price)


def _tiers(symbol: str, rows: tuple[tuple[str, str, str], ...]) -> Iterator[MarginTier]:
    for number, (cap, pct, leverage) in enumerate(rows, 1):
        yield MarginTier(symbol, number, Decimal(cap), Decimal(pct), Decimal(leverage))
