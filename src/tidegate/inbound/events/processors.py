"""One processor a topic: bytes become news, news becomes state; what cannot be read is set aside and goes on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from tidegate.core.kernel.readings import Unreadable, read_uuid
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade import feeds
from tidegate.core.pretrade.changes import StateChange
from tidegate.inbound.events import market, orders, positions, users, wallets
from tidegate.inbound.events.record import FaultyRecord, RecordRow
from tidegate.ports.clock import Clock
from tidegate.ports.event_bus import BusRecord, DeadLetter, DeadLetters
from tidegate.usecases.pretrade.ingest import (
    AccountIngest,
    InstrumentIngest,
    ProfileIngest,
    ProfileNews,
    UnusableNews,
)
from tidegate.wire.codec import AvroCodec, UnreadableRecord
from tidegate.wire.topics import IN_TOPICS, MARK_TOPIC, topic_name

RECORDS_A_TURN: Final = 50
"""Records processed before the loop is let go on with orders."""

ACCOUNT_READERS: Final[Mapping[str, Callable[[RecordRow], StateChange]]] = {
    feeds.POSITION_UPDATED: positions.read_position_updated,
    feeds.POSITION_CLOSED: positions.read_position_closed,
    feeds.ORDER_COMMAND: orders.read_order_command,
    feeds.ENGINE_EVENT: orders.read_engine_event,
    feeds.BALANCE_CHANGED: wallets.read_balance_changed,
    feeds.EXPOSURE: wallets.read_exposure,
}

USER_READERS: Final[Mapping[str, Callable[[RecordRow], ProfileNews]]] = {
    users.USER_CREATED: users.read_user_created,
    users.USER_UPDATED: users.read_user_updated,
    users.USER_VERIFIED: users.read_user_verified,
    users.USER_KYC_UPDATED: users.read_user_kyc_updated,
    users.USER_FROZEN: users.read_user_frozen,
    users.USER_UNFROZEN: users.read_user_unfrozen,
}

STATE_TOPICS: Final = tuple(topic for topic in IN_TOPICS if topic != MARK_TOPIC)
"""The topics of the shared consumer group; marks have a reader of their own."""

Process = Callable[[RecordRow], Awaitable[object]]
News = TypeVar("News")


@dataclass(frozen=True, slots=True)
class Ingests:
    """The use cases that the processors hand their news to."""

    accounts: AccountIngest
    profiles: ProfileIngest
    instruments: InstrumentIngest


@dataclass(slots=True)
class SettingAside:
    """Puts unreadable records into the dead-letter topic, once for each place. ``alarm`` is told of bugs."""

    letters: DeadLetters
    clock: Clock
    alarm: Callable[[Exception], None]
    count: int = 0
    _marked: dict[tuple[str, int], int] = field(default_factory=dict)

    async def put(self, record: BusRecord, error: str) -> bool:
        """Set a record aside; tell whether that happens for the first time in this process."""
        letter = DeadLetter(
            record.topic,
            record.partition,
            record.offset,
            record.key,
            record.value,
            error=error,
            sent_us=self.clock.now_us(),
        )
        await self.letters.put(letter)
        place = (record.topic, record.partition)
        first = record.offset > self._marked.get(place, -1)
        if first:
            self._marked[place] = record.offset
            self.count += 1
        return first


class EventProcessors:
    """Processes records of the 14 topics of the shared consumer group, batch by batch."""

    def __init__(self, codec: AvroCodec, ingests: Ingests, *, aside: SettingAside, environment: str) -> None:
        self._codec = codec
        self._ingests = ingests
        self._aside = aside
        self._names = {topic_name(topic, environment=environment): topic for topic in STATE_TOPICS}
        shared: dict[str, Process] = {
            **{topic: self._account(reader) for topic, reader in ACCOUNT_READERS.items()},
            market.INSTRUMENT_CREATED: self._instrument(market.INSTRUMENT_CREATED),
            market.INSTRUMENT_UPDATED: self._instrument(market.INSTRUMENT_UPDATED),
        }
        profiles = ingests.profiles
        self._news = {**shared, **{topic: _user(reader, profiles.take) for topic, reader in USER_READERS.items()}}
        self._old = {**shared, **{topic: _user(reader, profiles.retell) for topic, reader in USER_READERS.items()}}

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics processed here, by their full names."""
        return tuple(self._names)

    async def process(self, records: Sequence[BusRecord]) -> None:
        """Apply a batch; it may be applied again from its beginning, whatever became of it.

        Raises:
            DependencyFailed: something did not answer; the batch is to be processed again.
        """
        await self._process(records, self._news)
        await self._ingests.profiles.settle()

    async def retell(self, records: Sequence[BusRecord]) -> None:
        """Apply records that were applied before this process began: what was kept elsewhere is not set again.

        Raises:
            DependencyFailed: something did not answer; the records are to be told again.
        """
        await self._process(records, self._old)
        await self._ingests.profiles.settle()

    async def _process(self, records: Sequence[BusRecord], processors: Mapping[str, Process]) -> None:
        for place, record in enumerate(records, start=1):
            topic = self._names[record.topic]
            try:
                row = RecordRow(self._codec.decode(topic, record.value))
                await processors[topic](row)
            except DependencyFailed:
                raise
            except (UnreadableRecord, FaultyRecord, UnusableNews) as unreadable:
                await self._set_aside(record, topic, error=str(unreadable))
            except Exception as bug:  # noqa: BLE001 - one record must not stop the feed of all accounts
                self._aside.alarm(bug)
                await self._set_aside(record, topic, error=f"internal fault: {type(bug).__name__}: {bug}")
            if not place % RECORDS_A_TURN:
                await asyncio.sleep(0)

    async def _set_aside(self, record: BusRecord, topic: str, *, error: str) -> None:
        """Keep the record, and make stale at once what its key names (told again, it must not undo a healing)."""
        if not await self._aside.put(record, error) or topic.startswith("md."):
            return
        try:
            user_id = read_uuid(record.key)
        except Unreadable:
            return
        await self._ingests.accounts.leave_out(user_id, topic)

    def _account(self, reader: Callable[[RecordRow], StateChange]) -> Process:
        async def process(row: RecordRow) -> None:
            await self._ingests.accounts.take(_read(row, reader))

        return process

    def _instrument(self, topic: str) -> Process:
        async def process(row: RecordRow) -> None:
            await self._ingests.instruments.take(_read(row, market.read_instrument), row.stamp(topic))

        return process


def _user(reader: Callable[[RecordRow], ProfileNews], take: Callable[[ProfileNews], Awaitable[object]]) -> Process:
    async def process(row: RecordRow) -> None:
        await take(_read(row, reader))

    return process


def _read(row: RecordRow, reader: Callable[[RecordRow], News]) -> News:
    news = reader(row)
    row.raise_if_faulty()
    return news
