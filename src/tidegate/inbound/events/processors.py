"""One processor a topic: bytes become news, news becomes state; what cannot be read is set aside and goes on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
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
Unread = tuple[BusRecord, str]
"""A record that cannot be read or applied, and what is wrong with it in words."""


@dataclass(frozen=True, slots=True)
class Ingests:
    """The use cases that the processors hand their news to."""

    accounts: AccountIngest
    profiles: ProfileIngest
    instruments: InstrumentIngest


@dataclass(slots=True)
class SettingAside:
    """Puts unreadable records into the dead-letter topic, once for each place. ``alarm`` is told of bugs; ``count`` is
    how many places were first met by this process.
    """

    letters: DeadLetters
    clock: Clock
    alarm: Callable[[Exception], None]
    count: int = 0
    _marked: dict[tuple[str, int], int] = field(default_factory=dict)

    async def put(self, unreadable: Sequence[Unread]) -> None:
        """Set records aside, each with what is wrong with it in words.

        Raises:
            DependencyFailed: they could not be kept; their batch is to be processed again.
        """
        if not unreadable:
            return
        now_us = self.clock.now_us()
        await self.letters.put(
            [
                DeadLetter(
                    record.topic,
                    record.partition,
                    record.offset,
                    record.key,
                    record.value,
                    error=error,
                    sent_us=now_us,
                    headers=record.headers,
                )
                for record, error in unreadable
            ]
        )

    def is_new(self, record: BusRecord) -> bool:
        """Tell whether an unreadable record was not met before."""
        return record.offset > self._marked.get((record.topic, record.partition), -1)

    def meet(self, record: BusRecord) -> None:
        """Note that an unreadable record was met, and all that follows from it done."""
        if self.is_new(record):
            self._marked[record.topic, record.partition] = record.offset
            self.count += 1

    def anew(self) -> "SettingAside":
        """Give one that has met nothing, for whoever tells the records again to a book that has heard none of them."""
        return SettingAside(self.letters, self.clock, self.alarm)


class EventProcessors:
    """Processes records of the 14 topics of the shared consumer group, batch by batch."""

    def __init__(self, codec: AvroCodec, ingests: Ingests, *, aside: SettingAside, environment: str) -> None:
        self._codec = codec
        self._ingests = ingests
        self._aside = aside
        self._names = {topic_name(topic, environment=environment): topic for topic in STATE_TOPICS}
        shared: dict[str, Process] = {
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
        """Take records in order. News of accounts is gathered as long as nothing else comes between: a book on another
        machine is asked once for all of it. What is unreadable is kept at the end, all at once.
        """
        run: list[tuple[BusRecord, StateChange]] = []
        unread: list[Unread] = []
        for place, record in enumerate(records, start=1):
            topic = self._names[record.topic]
            found = self._read(topic, record)
            if not isinstance(found, str | RecordRow):
                run.append((record, found))
            else:
                await self._apply(run, unread)
                error = found if isinstance(found, str) else await self._fault_in(processors[topic], found)
                if error is not None:
                    await self._leave_out(record, error, unread=unread)
            if not place % RECORDS_A_TURN:
                await self._apply(run, unread)
                await asyncio.sleep(0)
        await self._apply(run, unread)
        await self._aside.put(unread)

    def _read(self, topic: str, record: BusRecord) -> StateChange | RecordRow | str:
        """Read a record: news of an account, a row of another topic, or what is wrong with it in words."""
        try:
            row = RecordRow(self._codec.decode(topic, record.value))
            reader = ACCOUNT_READERS.get(topic)
            return row if reader is None else _read(row, reader)
        except (UnreadableRecord, FaultyRecord) as unreadable:
            return str(unreadable)
        except Exception as bug:  # noqa: BLE001 - one record must not stop the feed of all accounts
            return self._fault_of(bug)

    async def _apply(self, run: list[tuple[BusRecord, StateChange]], unread: list[Unread]) -> None:
        """Apply news that was gathered. Where that brings out a bug, each is applied by itself, and set aside alone."""
        if not run:
            return
        accounts, gathered = self._ingests.accounts, run.copy()
        run.clear()
        try:
            await accounts.take_all([news for _, news in gathered])
            return
        except DependencyFailed:
            raise
        except Exception as bug:  # noqa: BLE001 - as above
            together = bug
        found = False
        for record, news in gathered:
            if (error := await self._fault_in(accounts.take, news)) is not None:
                found = True
                await self._leave_out(record, error, unread=unread)
        if not found:
            self._aside.alarm(together)

    async def _fault_in(self, take: Callable[[News], Awaitable[object]], news: News) -> str | None:
        """Let news be taken; give what is wrong with it in words, ``None`` when nothing is."""
        try:
            await take(news)
        except DependencyFailed:
            raise
        except (FaultyRecord, UnusableNews) as unusable:
            return str(unusable)
        except Exception as bug:  # noqa: BLE001 - as above
            return self._fault_of(bug)
        return None

    def _fault_of(self, bug: Exception) -> str:
        self._aside.alarm(bug)
        return f"internal fault: {type(bug).__name__}: {bug}"

    async def _leave_out(self, record: BusRecord, error: str, *, unread: list[Unread]) -> None:
        """Make stale at once what the record's key names (told again, it must not undo a healing)."""
        unread.append((record, error))
        if not self._aside.is_new(record):
            return
        topic = self._names[record.topic]
        if not topic.startswith("md."):
            with suppress(Unreadable):
                await self._ingests.accounts.leave_out(read_uuid(record.key), topic)
        self._aside.meet(record)

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
