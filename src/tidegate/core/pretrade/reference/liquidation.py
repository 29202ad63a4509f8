"""Liquidation price and margin ratio, as printed in ``spec/pretrade.md`` section 4."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import ZERO, in_range
from tidegate.core.pretrade.account import MarginMode, Position
from tidegate.core.pretrade.instrument import Instrument, Kind
from tidegate.core.pretrade.order import PositionSide
from tidegate.core.pretrade.reference.assets import cross_maintenance, cross_pnl, cross_positions
from tidegate.core.pretrade.reference.holdings import direction, ladder_of, notional, positions_of, usable_mark
from tidegate.core.pretrade.reference.symbols import compared, maintenance_margin, unrealised_pnl
from tidegate.core.pretrade.scenario import Scenario
from tidegate.core.pretrade.tiers import Ladder

STEPS_MAX: Final = 50
"""Steps after which the search for the tier at the liquidation price is given up."""

RATIO_MAX: Final = Decimal(999999999)
"""What a margin ratio reports when there is no equity to divide by, or when it is greater still."""


@dataclass(frozen=True, slots=True)
class LiquidationPrice:
    """A liquidation price; ``known`` with ``price`` ``None``: there is none. Not known: a datum lacks."""

    known: bool
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Wallet:
    """What backs the legs: the balance (isolated: their margin), and the other cross positions' MM and PnL."""

    balance: Decimal
    other_maintenance: Decimal
    other_pnl: Decimal


NOT_KNOWN: Final = LiquidationPrice(known=False)
NONE: Final = LiquidationPrice(known=True)


def liquidation_price(
    scenario: Scenario, positions: tuple[Position, ...], *, symbol: str, leg: PositionSide, balance: Decimal | None
) -> LiquidationPrice:
    """The liquidation price of a symbol's position among these positions, on this balance of the settle asset.

    Both legs of a cross hedge are liquidated together; isolated legs each for itself, and ``leg`` says which.
    """
    legs = positions_of(positions, symbol)
    if any(row.margin_mode is MarginMode.ISOLATED for row in legs):
        legs = [row for row in legs if row.position_side is leg]
    if not legs:
        return NONE
    mark, ladder = usable_mark(scenario, symbol), ladder_of(scenario, symbol)
    wallet = _wallet(scenario, positions, legs=legs, balance=balance)
    if mark is None or ladder is None or wallet is None:
        return NOT_KNOWN
    return _at_fixed_point(scenario.instruments[symbol], legs, ladder=ladder, mark=mark, wallet=wallet)


def margin_ratio(maintenance: Decimal, equity: Decimal) -> Decimal:
    """MM / equity, at most 999999999; that too when there is MM and no equity."""
    if compared(equity) <= ZERO:
        return RATIO_MAX if compared(maintenance) > ZERO else ZERO
    return min(maintenance / equity, RATIO_MAX)


def cross_ratio(
    scenario: Scenario, positions: tuple[Position, ...], *, asset: str, balance: Decimal | None
) -> Decimal | None:
    """MM over equity of the asset's cross positions among these positions, on this balance; 0 without position."""
    cross = cross_positions(scenario, positions, asset=asset)
    maintenance, pnl = cross_maintenance(scenario, cross), cross_pnl(scenario, cross)
    if maintenance is None or pnl is None or balance is None:
        return None
    return margin_ratio(maintenance, balance + pnl) if cross else ZERO


def isolated_ratio(scenario: Scenario, position: Position) -> Decimal | None:
    """MM over margin and PnL of an isolated position or leg."""
    maintenance, pnl = maintenance_margin(scenario, position), unrealised_pnl(scenario, position)
    if maintenance is None or pnl is None or position.isolated_margin is None:
        return None
    return margin_ratio(maintenance, position.isolated_margin + pnl)


def _wallet(
    scenario: Scenario, positions: tuple[Position, ...], *, legs: Sequence[Position], balance: Decimal | None
) -> Wallet | None:
    if legs[0].margin_mode is MarginMode.ISOLATED:
        return Wallet(legs[0].isolated_margin or ZERO, ZERO, ZERO)
    asset = scenario.instruments[legs[0].symbol].settle
    others = [row for row in cross_positions(scenario, positions, asset=asset) if row.symbol != legs[0].symbol]
    maintenance, pnl = cross_maintenance(scenario, others), cross_pnl(scenario, others)
    if balance is None or maintenance is None or pnl is None:
        return None
    return Wallet(balance, maintenance, pnl)


def _at_fixed_point(
    instrument: Instrument, legs: Sequence[Position], *, ladder: Ladder, mark: Decimal, wallet: Wallet
) -> LiquidationPrice:
    """Iterate until the tiers at the price are those that it was computed with."""

    def tiers_at(price: Decimal | None) -> list[int]:
        if price is None or compared(price) <= ZERO:
            return [0 for _ in legs]
        return [ladder.place_of(compared(notional(instrument, abs(leg.quantity), price=price))) for leg in legs]

    tiers = tiers_at(mark)
    for _ in range(STEPS_MAX):
        price = _price(instrument, legs, ladder=ladder, tiers=tiers, wallet=wallet)
        if tiers_at(price) == tiers:
            exists = price is not None and compared(price) > ZERO and in_range(price)
            return LiquidationPrice(known=True, price=price if exists else None)
        tiers = tiers_at(price)
    return NONE


def _price(
    instrument: Instrument, legs: Sequence[Position], *, ladder: Ladder, tiers: Sequence[int], wallet: Wallet
) -> Decimal | None:
    """The price at which equity is down to maintenance margin in these tiers; ``None`` where the maths has none."""
    cushion = wallet.balance - wallet.other_maintenance + wallet.other_pnl
    numerator = denominator = ZERO
    for leg, tier in zip(legs, tiers, strict=True):
        rung, d, q = ladder.rungs[tier], direction(leg), abs(leg.quantity) * instrument.contract_size
        cushion += rung.amount
        if instrument.kind is Kind.INVERSE:
            numerator += q * (rung.rate + d)
            denominator += d * q / leg.entry_price
        else:
            numerator += -d * q * leg.entry_price
            denominator += q * rung.rate - d * q
    if instrument.kind is Kind.INVERSE:
        denominator += cushion
    else:
        numerator += cushion
    return None if denominator == ZERO else numerator / denominator
