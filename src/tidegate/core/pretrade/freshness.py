"""Is every datum that the check needs there, readable and young enough? And the account valued at the fresh marks."""

from decimal import Decimal

from tidegate.core.kernel.decimals import ZERO, plain
from tidegate.core.pretrade.case import Case, StaleDatum
from tidegate.core.pretrade.instrument import Kind, Mark
from tidegate.core.pretrade.order import PositionSide, Side
from tidegate.core.pretrade.snapshot import Snapshot
from tidegate.core.pretrade.state import AccountState
from tidegate.core.pretrade.symbol_book import SymbolBook
from tidegate.core.pretrade.valuation import value_symbol

EVERY_ASSET = "*"
"""Stands in the sets of unknown assets for all of them: an instrument that is not known could settle in any."""


def usable_mark(snapshot: Snapshot, symbol: str) -> Mark | None:
    """Give the mark of a symbol when it can be read and is neither too old nor from the future, else ``None``."""
    mark = snapshot.market.marks.get(symbol)
    if mark is None or mark.price is None or mark.price <= ZERO:
        return None
    settings = snapshot.configuration.settings
    age_us = snapshot.now_us - mark.at_us
    return mark if -settings.future_ms_max * 1_000 <= age_us <= settings.mark_age_ms_max * 1_000 else None


def stale_mark(snapshot: Snapshot, symbol: str) -> StaleDatum:
    """Say what is wrong with a mark that is not usable."""
    mark = snapshot.market.marks.get(symbol)
    if mark is None:
        observed = "missing"
    elif mark.price is None or mark.price <= ZERO:
        observed = "unreadable"
    else:
        observed = plain(Decimal(snapshot.now_us - mark.at_us).scaleb(-3))
    limit = str(snapshot.configuration.settings.mark_age_ms_max)
    return StaleDatum(f"mark of {symbol}", metric="mark_age_ms", observed=observed, limit=limit, unit="ms")


def value_accounts(case: Case) -> list[StaleDatum]:
    """Value all accounts of the user at their marks; give what is stale, the order's own mark excepted.

    The assets whose sums cannot be known are noted in the case.
    """
    stale: dict[str, StaleDatum] = {}
    for account in case.snapshot.user.accounts.values():
        _value_account(case, account, stale=stale)
    if not stale:
        return []
    own = case.order.symbol
    return [stale[symbol] for symbol in sorted(stale) if symbol != own]


def _value_account(case: Case, account: AccountState, *, stale: dict[str, StaleDatum]) -> None:
    snapshot = case.snapshot
    configuration, market = snapshot.configuration, snapshot.market
    if account.valued_by is not configuration or account.valued_at != market.revision:
        account.forget_values()
        account.valued_by, account.valued_at = configuration, market.revision
    now_us, settings, marks = snapshot.now_us, configuration.settings, market.marks
    oldest_us = now_us - settings.mark_age_ms_max * 1_000
    newest_us = now_us + settings.future_ms_max * 1_000
    if account.valued_marks == marks.revision and oldest_us <= account.oldest_us and account.newest_us <= newest_us:
        return  # nothing has moved since the last look, and every mark is still young enough
    priced_us: list[int] = []
    for symbol, book in account.symbols.items():
        mark = marks.get(symbol)
        value = book.value
        if value is None or value.mark is not mark:
            _value_book(case, account, book=book)
            value = book.value
        if value is None or not oldest_us <= value.priced_us <= newest_us:
            stale[symbol] = stale_mark(snapshot, symbol)
            _note_unknown(case, account, book=book)
        else:
            priced_us.append(value.priced_us)
    if priced_us and len(priced_us) == len(account.symbols):
        account.valued_marks = marks.revision
        account.oldest_us, account.newest_us = min(priced_us), max(priced_us)


def _value_book(case: Case, account: AccountState, *, book: SymbolBook) -> None:
    snapshot = case.snapshot
    instrument = snapshot.market.instruments.get(book.symbol)
    account.forget_value(book)
    if instrument is None:
        return
    value = value_symbol(
        book,
        instrument,
        mark=snapshot.market.marks.get(book.symbol),
        ladder=snapshot.configuration.ladder_of(book.symbol),
        slippage=snapshot.configuration.slippage,
    )
    if value is not None:
        account.count_value(book, value)


def _note_unknown(case: Case, account: AccountState, *, book: SymbolBook) -> None:
    case.exposure_known = False
    if account is not case.account:
        return
    instrument = case.snapshot.market.instruments.get(book.symbol)
    if instrument is None:
        case.unknown_equity.add(EVERY_ASSET)
        case.unknown_available.add(EVERY_ASSET)
    elif instrument.kind is not Kind.SPOT:
        case.unknown_available.add(instrument.settle)
        held = book.any_position()
        if held is not None and held.isolated_margin is None:
            case.unknown_equity.add(instrument.settle)
    else:
        buying = book.totals(Side.BUY, PositionSide.BOTH)
        if buying is not None and buying.market:
            case.unknown_available.add(instrument.quote)


def needed_balance(case: Case) -> str:
    """Give the asset whose balance row the check needs: settle; on SPOT the quote of a BUY and the base of a SELL."""
    if case.spot and case.order.side is Side.SELL:
        return case.instrument.base
    return case.instrument.settle


def stale_account(case: Case) -> list[StaleDatum]:
    """Say what is missing of the account itself: the balance row, the feed's liveness, an unhealed gap."""
    snapshot, asset = case.snapshot, needed_balance(case)
    settings = snapshot.configuration.settings
    stale: list[StaleDatum] = []
    if case.account.balances is None or asset not in case.account.balances:
        stale.append(StaleDatum(f"balance of {asset}", metric="balance", observed="missing"))
    lag_ms = snapshot.account_lag_ms
    if lag_ms is None or lag_ms > settings.account_feed_lag_ms_max:
        stale.append(
            StaleDatum(
                "account feed",
                metric="account_feed_lag_ms",
                unit="ms",
                limit=str(settings.account_feed_lag_ms_max),
                observed="unknown" if lag_ms is None else str(lag_ms),
            )
        )
    if snapshot.account_gap:
        stale.append(StaleDatum(f"account ({snapshot.account_gap})", metric="account_gap", observed="gap"))
    return stale


def stale_ladders(case: Case) -> list[StaleDatum]:
    """Name the derivatives that have neither a ladder of their own nor a default one: the order's, then those held."""
    if case.spot:
        return []
    configuration, instruments = case.snapshot.configuration, case.snapshot.market.instruments
    stale = [] if case.ladder is not None else [_no_ladder(case.order.symbol)]
    totals = case.account.assets.get(case.instrument.settle)
    if totals is None or not totals.unladdered:
        return stale
    for symbol in sorted(case.account.symbols):
        instrument = instruments.get(symbol)
        held = case.account.symbols[symbol].any_position()
        if symbol == case.order.symbol or instrument is None or held is None or held.isolated_margin is not None:
            continue
        if instrument.settle == case.instrument.settle and configuration.ladder_of(symbol) is None:
            stale.append(_no_ladder(symbol))
    return stale


def _no_ladder(symbol: str) -> StaleDatum:
    return StaleDatum(f"margin_tiers of {symbol}", metric="margin_tiers", observed="missing")
