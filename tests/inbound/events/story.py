"""The story of an account on a bus: published as other services would, and what a process has made of it."""

from collections.abc import Iterable
from dataclasses import replace

from tests.core.pretrade.event_world import Truth
from tests.core.pretrade.told import ACCOUNT, USER, an_instrument
from tests.inbound.events.desk import Desk
from tests.inbound.events.records import an_event, change_record, instrument_record, mark_record

from tidegate.core.pretrade.account import OpenOrder, Position, Reservation
from tidegate.core.pretrade.changes import StateChange
from tidegate.ports.event_bus import OutgoingEvent


def events_of(desk: Desk, changes: Iterable[StateChange]) -> list[OutgoingEvent]:
    """Changes as records."""
    records = map(change_record, changes)
    return [an_event(desk.codec, topic, record=record) for topic, record in records]


async def published(desk: Desk, *changes: StateChange) -> None:
    """Publish changes in their order."""
    await desk.durable.bus.publish(events_of(desk, changes))


async def listed(desk: Desk, *symbols: str) -> None:
    """Publish instruments and a mark each."""
    for place, symbol in enumerate(symbols, start=1):
        record = instrument_record(1, replace(an_instrument(symbol)))
        record["event_id"] = f"00000000-0000-0000-0000-00000000000{place}"
        await desk.durable.bus.publish([an_event(desk.codec, "md.instrument.created.v1", record=record)])
        mark = mark_record(1, symbol=symbol)
        await desk.durable.bus.publish([an_event(desk.codec, "md.mark.v1", record=mark)])


async def held_by(desk: Desk) -> tuple[Truth, dict[str, Reservation], str]:
    """What the book of a process holds of the account: rows, reservations, and why it is stale."""
    state = (await desk.book.snapshot([USER], now_us=desk.clock.now))[USER]
    account = state.account(ACCOUNT)
    positions: list[Position] = [
        side for book in account.symbols.values() for side in (book.both, book.long, book.short) if side is not None
    ]
    orders: dict[str, OpenOrder] = {
        order_id: replace(order, at_us=None) for order_id, order in account.open_orders.items()
    }
    truth = Truth(account.balances or {}, {(held.symbol, held.position_side): held for held in positions}, orders)
    return truth, dict(account.reservations), state.gap_reason(ACCOUNT)
