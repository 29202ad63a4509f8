"""The plain sums of one asset of the account, and the exposure of the user."""

from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import HUNDRED, ONE, ZERO
from tidegate.core.pretrade.account import MarginMode, Position, Reservation
from tidegate.core.pretrade.instrument import Kind
from tidegate.core.pretrade.order import Order, Side
from tidegate.core.pretrade.reference.holdings import (
    derivative_symbols,
    held_symbols,
    live_orders,
    live_price,
    mark_fault,
    notional,
    order_margin_price,
    remaining,
    usable_mark,
)
from tidegate.core.pretrade.reference.symbols import (
    compared,
    initial_margin,
    leverage_before,
    maintenance_margin,
    order_opening,
    total,
    unrealised_pnl,
    worst_case,
)
from tidegate.core.pretrade.scenario import Scenario

DOLLARS: Final = ("USDT", "USD", "USDC")
"""Assets that count 1 USDT."""


def balance(scenario: Scenario, asset: str) -> Decimal | None:
    """``total - locked``; ``None`` when the wallet, or its row, is not known."""
    row = (scenario.balances or {}).get(asset)
    return None if row is None else row.total - row.locked


def cross_positions(scenario: Scenario, positions: tuple[Position, ...], *, asset: str) -> list[Position]:
    """The cross positions that settle in an asset."""
    return [
        position
        for position in positions
        if position.quantity != ZERO
        and position.margin_mode is MarginMode.CROSS
        and scenario.instruments[position.symbol].settle == asset
    ]


def cross_pnl(scenario: Scenario, positions: list[Position]) -> Decimal | None:
    """The unrealised PnL of these positions."""
    return total([unrealised_pnl(scenario, position) for position in positions])


def cross_maintenance(scenario: Scenario, positions: list[Position]) -> Decimal | None:
    """The maintenance margin of these positions."""
    return total([maintenance_margin(scenario, position) for position in positions])


def equity(scenario: Scenario, asset: str) -> Decimal | None:
    """Balance and the unrealised PnL of the asset's cross positions."""
    pnl = cross_pnl(scenario, cross_positions(scenario, scenario.positions, asset=asset))
    return total([balance(scenario, asset), pnl])


def available_margin(scenario: Scenario, asset: str) -> Decimal | None:
    """Equity less the initial margins, the ``extra`` of live reservations, and what live spot orders spend."""
    margins = []
    for symbol in derivative_symbols(scenario):
        if scenario.instruments[symbol].settle == asset:
            worst = worst_case(scenario, symbol, added=[])
            leverage = leverage_before(scenario, symbol) or ONE
            margins.append(initial_margin(scenario, symbol, worst=worst, leverage=leverage))
    extras = [
        order.extra
        for order in live_orders(scenario)
        if isinstance(order, Reservation) and scenario.instruments[order.symbol].settle == asset
    ]
    whole, held, spent = equity(scenario, asset), total(margins), spot_spend(scenario, asset)
    if whole is None or held is None or spent is None:
        return None
    return whole - held - sum(extras, ZERO) - spent


def spot_spend(scenario: Scenario, asset: str) -> Decimal | None:
    """What live spot orders spend of an asset: buys notional and fee of the quote, sells quantity of the base."""
    spent: list[Decimal | None] = []
    for order in live_orders(scenario):
        instrument = scenario.instruments[order.symbol]
        if instrument.kind is not Kind.SPOT or not remaining(order):
            continue
        if order.side is Side.SELL and instrument.base == asset:
            spent.append(remaining(order))
        if order.side is Side.BUY and instrument.quote == asset:
            price = live_price(scenario, order)
            amount = None if price is None else notional(instrument, remaining(order), price=price)
            spent.append(None if amount is None else amount * (ONE + instrument.taker_fee_pct / HUNDRED))
    return total(spent)


def spot_available(scenario: Scenario, asset: str) -> Decimal | None:
    """What a spot order may spend: the smaller of available and of the balance less what live spot orders spend."""
    available, whole, spent = available_margin(scenario, asset), balance(scenario, asset), spot_spend(scenario, asset)
    if available is None or whole is None or spent is None:
        return None
    return min(available, whole - spent)


def exposures(scenario: Scenario, order: Order | None) -> dict[str, Decimal | None]:
    """Worst-case notional of derivatives and notional of live spot orders by asset; with the order when given."""
    parts: dict[str, list[Decimal | None]] = {}
    symbols = derivative_symbols(scenario)
    if order is not None and scenario.instruments[order.symbol].kind is not Kind.SPOT:
        symbols = sorted({*symbols, order.symbol})
    for symbol in symbols:
        added = order_opening(scenario, order) if order is not None and order.symbol == symbol else []
        worst = None if added is None else worst_case(scenario, symbol, added=added)
        parts.setdefault(scenario.instruments[symbol].settle, []).append(worst)
    for live in live_orders(scenario):
        instrument = scenario.instruments[live.symbol]
        if instrument.kind is Kind.SPOT:
            price = live_price(scenario, live)
            amount = None if price is None else notional(instrument, remaining(live), price=price)
            parts.setdefault(instrument.settle, []).append(amount)
    if order is not None and scenario.instruments[order.symbol].kind is Kind.SPOT:
        instrument = scenario.instruments[order.symbol]
        price = order_margin_price(scenario, order)
        amount = None if price is None else notional(instrument, order.quantity, price=price)
        parts.setdefault(instrument.settle, []).append(amount)
    return {asset: total(amounts) for asset, amounts in parts.items()}


def conversion_symbols(scenario: Scenario, order: Order) -> list[str]:
    """The marks that turn assets into USDT: of every asset but dollars whose exposure, before or after, is not 0."""
    sums = [*exposures(scenario, None).items(), *exposures(scenario, order).items()]
    assets = {asset for asset, amount in sums if amount is None or compared(amount) != ZERO}
    return sorted(f"{asset}USDT" for asset in assets if asset not in DOLLARS)


def own_exposure(scenario: Scenario, order: Order, *, after: bool) -> Decimal | None:
    """The exposure in USDT, before or after the order; ``None`` when a mark it needs cannot be used."""
    needed = [order.symbol, *held_symbols(scenario), *conversion_symbols(scenario, order)]
    if any(mark_fault(scenario, symbol) for symbol in needed):
        return None
    sums = exposures(scenario, order if after else None)
    return total([in_dollars(scenario, asset, amount=amount) for asset, amount in sums.items()])


def in_dollars(scenario: Scenario, asset: str, *, amount: Decimal | None) -> Decimal | None:
    """An amount of an asset in USDT; ``None`` when the mark of ``<ASSET>USDT`` cannot be used."""
    if amount is None or asset in DOLLARS or compared(amount) == ZERO:
        return amount
    mark = usable_mark(scenario, f"{asset}USDT")
    return None if mark is None else amount * mark


def reported_exposure(scenario: Scenario) -> Decimal | None:
    """The exposure that others reported, when it is fresh; absent, too old or from the future it is not used."""
    reported = scenario.reported_exposure
    if reported is None:
        return None
    age_us = scenario.now_us - reported.at_us
    too_old = age_us > scenario.settings.exposure_age_ms_max * 1000
    from_the_future = -age_us > scenario.settings.future_ms_max * 1000
    return None if too_old or from_the_future else reported.amount
