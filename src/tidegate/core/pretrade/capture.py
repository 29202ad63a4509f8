"""Capture the evidence of a decision from the snapshot it is made on, and restore a snapshot from evidence."""

from collections.abc import Mapping

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.pretrade.account import OpenOrder
from tidegate.core.pretrade.evidence import AccountEvidence, Evidence
from tidegate.core.pretrade.instrument import Instrument, Mark
from tidegate.core.pretrade.live import SymbolView
from tidegate.core.pretrade.order import Order, OrderType
from tidegate.core.pretrade.snapshot import GateConfiguration, Market, Snapshot
from tidegate.core.pretrade.state import AccountState, UserState
from tidegate.core.pretrade.symbol_book import LegTotals, SymbolBook


def capture(order: Order, snapshot: Snapshot) -> Evidence:
    """Give the evidence of a check; call it before the state moves on."""
    market, user = snapshot.market, snapshot.user
    symbols = {order.symbol: None}
    for account in user.accounts.values():
        symbols.update(dict.fromkeys(account.symbols))
    instruments = [market.instruments[symbol] for symbol in symbols if symbol in market.instruments]
    own = user.accounts.get(order.account_id)
    return Evidence(
        now_us=snapshot.now_us,
        user_version=user.version,
        accounts=tuple(_account_evidence(account) for account in user.accounts.values()),
        reported_exposure=user.reported_exposure,
        profile=snapshot.profile,
        trading_state=snapshot.trading_state,
        flow=snapshot.flow,
        account_lag_ms=snapshot.account_lag_ms,
        account_gap=snapshot.account_gap,
        position_known=snapshot.position_known,
        order_id_live=own is not None and own.is_live(order.order_id),
        instruments=tuple(instruments),
        marks=_marks(market, instruments, symbols=symbols),
        settings=snapshot.configuration.settings,
        versions=snapshot.versions,
    )


def _marks(market: Market, instruments: list[Instrument], *, symbols: Mapping[str, None]) -> Mapping[str, Mark]:
    """Marks the check could touch: of its symbols, and those that convert their settle assets to USDT."""
    marks = market.marks
    found = {symbol: marks[symbol] for symbol in symbols if symbol in marks}
    for instrument in instruments:
        conversion = f"{instrument.settle}USDT"
        if conversion in marks:
            found[conversion] = marks[conversion]
    return found


def _account_evidence(account: AccountState) -> AccountEvidence:
    return AccountEvidence(
        account_id=account.account_id,
        balances=None if account.balances is None else tuple(account.balances.values()),
        symbols=tuple(book.seen() for book in account.symbols.values()),
        live_count=account.live_count,
    )


def restore(order: Order, evidence: Evidence, *, configuration: GateConfiguration) -> Snapshot:
    """Give the snapshot that the evidence tells of; ``configuration`` is that of the versions it names."""
    market = Market()
    for instrument in evidence.instruments:
        market.put_instrument(instrument)
    market.marks.update(evidence.marks)
    user = UserState(order.user_id)
    user.version = evidence.user_version
    user.reported_exposure = evidence.reported_exposure
    for told in evidence.accounts:
        _restore_account(user.account(told.account_id), told)
    if evidence.order_id_live:
        own = user.account(order.account_id)
        _stand_in(own, order)
    return Snapshot(
        now_us=evidence.now_us,
        user=user,
        market=market,
        configuration=configuration,
        profile=evidence.profile,
        trading_state=evidence.trading_state,
        flow=evidence.flow,
        account_lag_ms=evidence.account_lag_ms,
        account_gap=evidence.account_gap,
        position_known=evidence.position_known,
        versions=evidence.versions,
    )


def _restore_account(account: AccountState, told: AccountEvidence) -> None:
    if told.balances is not None:
        account.balances = {balance.asset: balance for balance in told.balances}
    for view in told.symbols:
        account.symbols[view.symbol] = _restore_book(view)
    account.told_count = told.live_count


def _restore_book(view: SymbolView) -> SymbolBook:
    book = SymbolBook(view.symbol)
    book.both, book.long, book.short = view.both, view.long, view.short
    book.leverages = dict(view.leverages)
    book.leverageless = view.leverageless
    book.extra = view.extra
    for told in view.totals:
        totals = book.legs[told.side, told.leg] = LegTotals()
        book.count_mode(told.leg, told.count)
        totals.count, totals.quantity, totals.reducing = told.count, told.quantity, told.reducing
        totals.notional, totals.stops, totals.market = told.notional, told.stops, told.market
        totals.oversized = told.oversized
    return book


def _stand_in(account: AccountState, order: Order) -> None:
    """Let the order's id be live again; its totals are among those told."""
    account.open_orders[order.order_id] = OpenOrder(
        order.order_id, order.symbol, order.side, OrderType.LIMIT, order.quantity, filled_quantity=ZERO, price=ZERO
    )
