"""Random instruments, ladders and marks: every kind, odd contract sizes, stale and missing marks."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from tests.core.pretrade.dice import Dice

from tidegate.core.pretrade.instrument import Instrument, Kind, KycLevel, Mark
from tidegate.core.pretrade.tiers import MarginTier

NOW_US: Final = 1_767_225_600_000_000


@dataclass(frozen=True)
class Listing:
    """An instrument as it is usually listed, its usual price, and the notional of a middling order."""

    instrument: Instrument
    price: Decimal
    amount: Decimal


def _listing(
    symbol: str, kind: Kind, *, assets: tuple[str, str], steps: tuple[str, str, str], usual: tuple[str, str]
) -> Listing:
    tick, lot, contract_size = steps
    price, amount = usual
    spot = kind is Kind.SPOT
    return Listing(
        Instrument(
            symbol=symbol,
            kind=kind,
            base=assets[0],
            quote=assets[1],
            status="TRADING",
            tick_size=Decimal(tick),
            lot_size=Decimal(lot),
            taker_fee_pct=Decimal("0.05"),
            leverage_max=None if spot else Decimal(125),
            leverage_default=None if spot else Decimal(10),
            contract_size=Decimal(contract_size),
        ),
        Decimal(price),
        Decimal(amount),
    )


LISTINGS: Final = (
    _listing("BTCUSDT", Kind.LINEAR, assets=("BTC", "USDT"), steps=("0.1", "0.001", "1"), usual=("50000", "5000")),
    _listing("ETHUSDT", Kind.LINEAR, assets=("ETH", "USDT"), steps=("0.05", "1", "0.01"), usual=("3000", "4000")),
    _listing("SOLUSDC", Kind.LINEAR, assets=("SOL", "USDC"), steps=("0.001", "0.1", "1"), usual=("150", "3000")),
    _listing("BTCEUR", Kind.LINEAR, assets=("BTC", "EUR"), steps=("0.5", "0.0001", "1"), usual=("46000", "4000")),
    _listing("BTCUSD", Kind.INVERSE, assets=("BTC", "USD"), steps=("0.5", "1", "100"), usual=("50000", "0.1")),
    _listing("ETHUSD", Kind.INVERSE, assets=("ETH", "USD"), steps=("0.05", "1", "10"), usual=("3000", "1")),
    _listing("BTC-USDT", Kind.SPOT, assets=("BTC", "USDT"), steps=("0.01", "0.00001", "1"), usual=("50000", "3000")),
    _listing("ETH-BTC", Kind.SPOT, assets=("ETH", "BTC"), steps=("0.00001", "0.0001", "1"), usual=("0.06", "0.05")),
)
"""Usual amounts are in the settle asset: about a tenth of the usual balance."""

CONVERSIONS: Final = {"EURUSDT": Decimal("1.09"), "BTCUSDT": Decimal(50000), "ETHUSDT": Decimal(3000)}


def random_instrument(dice: Dice, listing: Listing) -> Instrument:
    """The listing with limits, and sometimes a status or a bound that gets in the way."""
    instrument = listing.instrument
    if dice.chance(0.5):
        instrument = replace(
            instrument,
            quantity_min=instrument.lot_size,
            quantity_max=instrument.lot_size * 10**6,
            notional_min=listing.amount / 1000,
            notional_max=listing.amount * 1000,
            price_band_pct=dice.pick([Decimal(10), Decimal(20), Decimal("0.5")]),
        )
    if dice.fault(2):
        instrument = replace(instrument, status=dice.pick(["REDUCING_ONLY", "HALTED", "PRE_OPEN", "REDUCING_ONLY"]))
    if dice.fault():
        instrument = replace(instrument, price_band_pct=dice.decimal("0", "2", places=2))
    if dice.fault():
        instrument = replace(instrument, notional_min=listing.amount, notional_max=listing.amount)
    if dice.fault():
        instrument = replace(instrument, kyc_min_level=dice.pick(list(KycLevel)))
    if dice.fault() and instrument.kind is not Kind.SPOT:
        instrument = replace(instrument, leverage_max=Decimal(5), leverage_default=Decimal(3))
    return replace(instrument, taker_fee_pct=dice.pick([Decimal("0.05"), Decimal(0), Decimal("0.0375")]))


def random_ladders(dice: Dice, listings: list[Listing]) -> tuple[MarginTier, ...]:
    """A ladder of its own for most derivatives, a default one for the rest, seldom none."""
    tiers: list[MarginTier] = []
    for listing in listings:
        if listing.instrument.kind is not Kind.SPOT and dice.chance(0.8):
            tiers += _ladder(dice, listing.instrument.symbol, cap=listing.amount)
    if not dice.fault(2):
        tiers += _ladder(dice, None, cap=Decimal(5000))
    return tuple(tiers)


def _ladder(dice: Dice, symbol: str | None, *, cap: Decimal) -> list[MarginTier]:
    """Up to five rising tiers; the last is wide unless trouble narrows it. Inactive rows are to be passed over."""
    count = dice.whole(1, 5)
    pct, leverage = dice.pick([Decimal("0.4"), Decimal(1), Decimal("2.5")]), Decimal(125)
    widen = Decimal(1) if dice.fault(3) else Decimal(100)
    tiers: list[MarginTier] = []
    for number in range(1, count + 1):
        last = number == count
        top = cap * number * (widen if last else 1)
        tiers.append(MarginTier(symbol, number, top, pct, None if number == 1 and dice.chance(0.3) else leverage))
        pct += dice.pick([Decimal(0), Decimal("0.6"), Decimal(5), Decimal(20)]) / 4
        leverage -= dice.pick([Decimal(0), Decimal(20), Decimal(24)])
    if dice.chance(0.2):
        tiers.append(MarginTier(symbol, 1, Decimal(1), Decimal(50), Decimal(1), active=False))
    return tiers


def random_marks(dice: Dice, listings: list[Listing]) -> dict[str, Mark]:
    """Marks of the listed instruments and of the conversions; now and then none, unreadable, too old, or too new."""
    marks: dict[str, Mark] = {}
    for symbol, price in CONVERSIONS.items():
        _put_mark(dice, marks, symbol=symbol, price=price)
    for listing in listings:
        tick = listing.instrument.tick_size
        price = dice.around(listing.price, tick / 10, percent=8)
        _put_mark(dice, marks, symbol=listing.instrument.symbol, price=price)
    return marks


def _put_mark(dice: Dice, marks: dict[str, Mark], *, symbol: str, price: Decimal) -> None:
    if dice.fault(0.4):
        return
    age_us = dice.pick([0, 1_000, 1_500_000, 5_000_000, 4_999_999, -1_000_000])
    if dice.fault(0.4):
        age_us = dice.pick([5_000_001, 60_000_000, -1_000_001])
    read = None if dice.fault(0.2) else Decimal(0) if dice.fault(0.2) else price
    marks[symbol] = Mark(read, NOW_US - age_us)
