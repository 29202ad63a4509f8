"""How an account stands, each sum from scratch: the oracle of ``tidegate margin``."""

from decimal import Decimal

from tidegate.core.kernel.decimals import ONE, ZERO, as_sum, in_range, working_precision
from tidegate.core.pretrade.account import Position
from tidegate.core.pretrade.margin_report import AssetMargin, MarginReport, SymbolMargin
from tidegate.core.pretrade.order import PositionSide, Side
from tidegate.core.pretrade.reference import assets, liquidation, symbols
from tidegate.core.pretrade.reference.holdings import (
    derivative_symbols,
    in_legs,
    is_isolated,
    ladder_of,
    live_orders_of,
    positions_of,
    usable_mark,
)
from tidegate.core.pretrade.scenario import Scenario


def margin_plainly(scenario: Scenario) -> MarginReport:
    """Report every balance row, and every derivative held or with live orders."""
    with working_precision():
        by_symbol: dict[str, SymbolMargin] = {}
        for symbol in derivative_symbols(scenario):
            if in_legs(scenario, symbol) and is_isolated(scenario, symbol):
                for leg in (PositionSide.LONG, PositionSide.SHORT):
                    held = [*positions_of(scenario.positions, symbol), *live_orders_of(scenario, symbol)]
                    if any(row.position_side is leg for row in held):
                        by_symbol[f"{symbol}:{leg}"] = _leg_margin(scenario, symbol, leg=leg)
            else:
                by_symbol[symbol] = _symbol_margin(scenario, symbol)
        by_asset = {asset: _asset_margin(scenario, asset) for asset in scenario.balances or {}}
        return MarginReport(assets=by_asset, symbols=by_symbol)


def _asset_margin(scenario: Scenario, asset: str) -> AssetMargin:
    balance = assets.balance(scenario, asset)
    return AssetMargin(
        equity=_kept(assets.equity(scenario, asset)),
        available_margin=_kept(assets.available_margin(scenario, asset)),
        margin_ratio=_kept(liquidation.cross_ratio(scenario, scenario.positions, asset=asset, balance=balance)),
    )


def _symbol_margin(scenario: Scenario, symbol: str) -> SymbolMargin:
    worst = symbols.worst_case(scenario, symbol, added=[])
    leverage = symbols.leverage_before(scenario, symbol) or ONE
    return _margin(
        scenario,
        symbol,
        positions=positions_of(scenario.positions, symbol),
        worst=worst,
        initial=symbols.initial_margin(scenario, symbol, worst=worst, leverage=leverage),
    )


def _leg_margin(scenario: Scenario, symbol: str, *, leg: PositionSide) -> SymbolMargin:
    """An isolated leg for itself: its notional and the live orders that open it, margin for the orders alone."""
    held = [row for row in positions_of(scenario.positions, symbol) if row.position_side is leg]
    opening_side = Side.BUY if leg is PositionSide.LONG else Side.SELL
    openings = symbols.live_openings(scenario, symbol)
    notional = symbols.position_notionals(scenario, tuple(held), symbol=symbol)
    leverage = symbols.leverage_before(scenario, symbol) or ONE
    if openings is None or notional is None:
        return _margin(scenario, symbol, positions=held, worst=None, initial=None)
    opening = sum((row.notional for row in openings if row.side is opening_side), ZERO)
    return _margin(scenario, symbol, positions=held, worst=notional + opening, initial=opening / leverage)


def _margin(
    scenario: Scenario, symbol: str, *, positions: list[Position], worst: Decimal | None, initial: Decimal | None
) -> SymbolMargin:
    mark_is_usable, ladder = usable_mark(scenario, symbol) is not None, ladder_of(scenario, symbol)
    maintenance = symbols.maintenance_margins(scenario, tuple(positions), symbol=symbol)
    pnl = symbols.total([symbols.unrealised_pnl(scenario, position) for position in positions])
    price = None
    if positions and mark_is_usable and ladder is not None:
        balance = assets.balance(scenario, scenario.instruments[symbol].settle)
        leg = positions[0].position_side
        price = liquidation.liquidation_price(
            scenario, scenario.positions, symbol=symbol, leg=leg, balance=balance
        ).price
    return SymbolMargin(
        worst_case_notional=_kept(worst),
        initial_margin=_kept(initial),
        maintenance_margin=_kept(maintenance),
        unrealised_pnl=_kept(pnl if mark_is_usable else None),
        liquidation_price=_kept(price),
    )


def _kept(value: Decimal | None) -> Decimal | None:
    return as_sum(value) if value is not None and in_range(value) else None
