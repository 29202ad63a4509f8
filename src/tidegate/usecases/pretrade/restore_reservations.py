"""After a loss: the reservations that the journal knows to be live are held again (PT-718)."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from tidegate.core.pretrade.snapshot import Market
from tidegate.ports.account_book import AccountBook
from tidegate.ports.decision_journal import DecisionArchive, DecisionRecord

USERS_AT_ONCE: Final = 64


async def restore_reservations(archive: DecisionArchive, book: AccountBook, *, market: Market, now_us: int) -> int:
    """Hold what is still reserved, the events having been applied again; give how many reservations are held by it.

    A reservation whose order the book knows to be open or ended is passed over.

    Raises:
        DependencyFailed: journal or book did not answer; to begin again holds each once.
    """
    of_users: defaultdict[str, list[DecisionRecord]] = defaultdict(list)
    for record in await archive.live_reservations(now_us):
        of_users[record.order.user_id].append(record)
        await _know_instrument(record, book, market=market)
    restored, users = 0, list(of_users.values())
    for start in range(0, len(users), USERS_AT_ONCE):
        at_once = users[start : start + USERS_AT_ONCE]
        restored += sum(await asyncio.gather(*(_restore(records, book) for records in at_once)))
    return restored


async def _know_instrument(record: DecisionRecord, book: AccountBook, *, market: Market) -> None:
    """Take the terms of an instrument from the decision where the bus has not kept them."""
    held = record.reservation
    if held is None or held.symbol in market.instruments:
        return
    for instrument in record.evidence.instruments:
        if instrument.symbol == held.symbol:
            await book.recount(instrument)


async def _restore(records: Iterable[DecisionRecord], book: AccountBook) -> int:
    restored = 0
    for record in records:
        held, order = record.reservation, record.order
        if held is not None and await book.restore(order.user_id, account_id=order.account_id, reservation=held):
            restored += 1
    return restored
