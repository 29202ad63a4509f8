"""How an order is put together from two topics that know no order between them (``docs/events.md``, Orders)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tidegate.core.pretrade.account import OpenOrder
from tidegate.core.pretrade.changes import EngineEventType, OrderCommand, OrderRow
from tidegate.core.pretrade.heard import OrderTold
from tidegate.core.pretrade.instrument import Instrument
from tidegate.core.pretrade.state import AccountState

Instruments = Mapping[str, Instrument]


def hear_command(account: AccountState, row: OrderRow, *, command: OrderCommand, instruments: Instruments) -> None:
    """Apply what was asked of the engine: NEW opens, AMEND counts at once, CANCEL is not yet done."""
    order_id = row.order.order_id
    if command is OrderCommand.CANCEL or order_id in account.heard.ended:
        return
    if command is OrderCommand.NEW or known_order(account, order_id) is not None:
        _merge(account, row, engine_sequence=None, instruments=instruments)


def hear_engine(
    account: AccountState, row: OrderRow, *, event: EngineEventType, sequence: int, instruments: Instruments
) -> bool:
    """Apply what the engine did; tell whether the order has ended by it."""
    if row.order.order_id in account.heard.ended:
        return False
    filled_whole = row.order.filled_quantity >= row.order.quantity
    if event is EngineEventType.ACCEPTED or (event is EngineEventType.FILLED and not filled_whole):
        _merge(account, row, engine_sequence=sequence, instruments=instruments)
        return False
    withdraw(account, row.order.order_id, instruments=instruments)
    return True


def replace_orders(
    account: AccountState, rows: Iterable[OrderRow], *, engine_up_to: int, instruments: Instruments
) -> None:
    """Apply a snapshot of all open orders, which has the engine's events up to ``engine_up_to`` in it.

    An order of which the engine has told since keeps what it is, merged with the snapshot; what has ended stays ended.
    """
    heard = account.heard
    for order_id in (*account.open_orders, *heard.uncounted):
        told = heard.told.get(order_id)
        if told is None or told.engine_sequence <= engine_up_to:
            withdraw(account, order_id, instruments=instruments)
    for row in rows:
        if row.order.order_id not in heard.ended:
            _merge(account, row, engine_sequence=None, instruments=instruments)


def known_order(account: AccountState, order_id: str) -> OpenOrder | None:
    """Give an open order, counted or not."""
    return account.open_orders.get(order_id) or account.heard.uncounted.get(order_id)


def withdraw(account: AccountState, order_id: str, *, instruments: Instruments) -> None:
    """Take an order out, whatever it is: open, uncounted or reserved."""
    account.heard.uncounted.pop(order_id, None)
    account.heard.told.pop(order_id, None)
    live = account.open_orders.get(order_id) or account.reservations.get(order_id)
    if live is not None:
        account.remove_order(order_id, instruments[live.symbol])


def count_waiting(account: AccountState, instrument: Instrument) -> bool:
    """Count a symbol anew because its instrument is known now, or another; tell whether it concerned the account."""
    symbol, heard = instrument.symbol, account.heard
    waiting = [order for order in heard.uncounted.values() if order.symbol == symbol]
    concerned = bool(waiting) or symbol in account.symbols
    heard.unknown_symbols.discard(symbol)
    account.recount(symbol, instrument)
    for order in waiting:
        del heard.uncounted[order.order_id]
        account.put_open_order(order, instrument)
    return concerned


def _merge(account: AccountState, row: OrderRow, *, engine_sequence: int | None, instruments: Instruments) -> None:
    order_id, by_engine = row.order.order_id, engine_sequence is not None
    known, told = known_order(account, order_id), account.heard.told.get(order_id)
    terms, sequence = row.order, engine_sequence or 0
    if known is None or told is None:
        told = OrderTold(row.revision, by_engine, sequence, row.order.filled_quantity)
    else:
        filled = max(told.filled, row.order.filled_quantity)
        sequence = max(told.engine_sequence, sequence)
        if row.revision > told.revision or (row.revision == told.revision and (by_engine or not told.by_engine)):
            told = OrderTold(row.revision, by_engine, sequence, filled)
        else:
            terms, told = known, OrderTold(told.revision, told.by_engine, sequence, filled)
    # an order may be amended below what is filled already: nothing remains then, never less than nothing
    _put(account, replace(terms, filled_quantity=min(told.filled, terms.quantity)), told=told, instruments=instruments)


def _put(account: AccountState, order: OpenOrder, *, told: OrderTold, instruments: Instruments) -> None:
    withdraw(account, order.order_id, instruments=instruments)
    account.heard.told[order.order_id] = told
    instrument = instruments.get(order.symbol)
    if instrument is None:
        account.heard.uncounted[order.order_id] = order
        account.heard.unknown_symbols.add(order.symbol)
    else:
        account.put_open_order(order, instrument)
