"""md.mark.v1: the lean path. A mark is decoded once and put in its place; nothing waits but what goes wrong."""

import asyncio
from collections.abc import Sequence
from typing import Final

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.kernel.readings import Unreadable, read_decimal, read_identifier
from tidegate.core.pretrade.instrument import Mark
from tidegate.inbound.events.processors import SettingAside, Unread
from tidegate.inbound.events.record import instant_us
from tidegate.ports.event_bus import BusRecord
from tidegate.usecases.pretrade.ingest import MarkIngest
from tidegate.wire.codec import AvroCodec, UnreadableRecord
from tidegate.wire.topics import MARK_TOPIC, topic_name

MARKS_A_TURN: Final = 256
"""Marks processed before the loop is let go on with orders."""


class MarkProcessor:
    """Processes records of md.mark.v1. A price that cannot be read leaves the symbol without one: never an old one."""

    def __init__(self, codec: AvroCodec, marks: MarkIngest, *, aside: SettingAside, environment: str) -> None:
        self._codec = codec
        self._marks = marks
        self._aside = aside
        self.topics = (topic_name(MARK_TOPIC, environment=environment),)

    async def process(self, records: Sequence[BusRecord]) -> None:
        """Put a batch of marks in their places.

        Raises:
            DependencyFailed: an unreadable record could not be set aside; the batch is to be processed again.
        """
        unread: list[Unread] = []
        for start in range(0, len(records), MARKS_A_TURN):
            unread += self._take(records[start : start + MARKS_A_TURN])
            await asyncio.sleep(0)
        for record, _ in unread:
            self._aside.meet(record)
        await self._aside.put(unread)

    def _take(self, records: Sequence[BusRecord]) -> list[Unread]:
        """Put marks in their places without a pause; give the records that cannot be read, and why."""
        decode, take = self._codec.decode, self._marks.take
        unreadable: list[Unread] = []
        for record in records:
            price = None
            try:
                fields = decode(MARK_TOPIC, record.value)
                symbol = read_identifier(fields["symbol"])
            except (UnreadableRecord, Unreadable) as fault:
                unreadable.append((record, str(fault)))
                continue
            try:
                price = read_decimal(fields["price"])
            except Unreadable as fault:
                unreadable.append((record, f"price: {fault}"))
            mark = Mark(price if price is not None and price > ZERO else None, instant_us(fields["event_ts"]))
            take(symbol, mark, sequence=fields["sequence"])
        return unreadable
