"""The relay: sends what decisions announce, at least once, in order, skipping nothing; one runner at a time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.backoff import Backoff
from tidegate.ports.event_bus import EventPublisher, Headers, OutgoingEvent
from tidegate.ports.outbox import Announcement, Announces, Backlog, Outbox, PendingAnnouncement
from tidegate.ports.stored import NotStored
from tidegate.wire.codec import AvroCodec, UnwritableRecord
from tidegate.wire.topics import record_key, topic_name
from tidegate.wire.trace_context import TRACEPARENT

Record = TypeVar("Record")

DECISIONS_A_TURN: Final = 16
"""Decisions announced before the loop is let go on with orders."""

BACKLOG_MAX: Final = 10_000
"""The backlog is counted up to here."""


@dataclass(frozen=True, slots=True)
class RelayPace:
    """``batch_max`` decisions at once; with none pending it looks again after ``poll_s`` seconds, and after
    ``claim_s`` whether it may be the relay.
    """

    batch_max: int = 200
    poll_s: float = 0.02
    claim_s: float = 1.0


class Relay(Generic[Record]):
    """Publishes the outbox. ``sent`` counts events; ``trouble`` is what the loop is waiting out at the moment;
    ``backlog`` is how much waited when it was last seen, whichever process is the relay (``BACKLOG_MAX`` at most).

    The outbox is in the order of the decisions and is published in that order, so the events of a user are too. A
    decision leaves it only when its events are durable on the bus. One whose events cannot be written down is a bug:
    ``alarm`` is told and nothing behind it is sent until it is mended, for nothing may be skipped.
    """

    def __init__(
        self,
        outbox: Outbox[Record],
        announcer: Announces[Record],
        *,
        publisher: EventPublisher,
        encoding: "Encoding",
        alarm: Callable[[Exception], None],
    ) -> None:
        self._outbox = outbox
        self._announcer = announcer
        self._publisher = publisher
        self._encoding = encoding
        self._alarm = alarm
        self.sent = 0
        self.trouble: Exception | None = None
        self.backlog = Backlog(0, None)

    async def step(self, batch_max: int) -> int | None:
        """Send one batch; give the number of decisions it announced, ``None`` when another process is the relay.

        Raises:
            DependencyFailed: outbox, rules or bus did not answer; the batch will be sent again.
            UnwritableRecord: an event does not follow its schema.
            NotStored: a decision names a version of the rules that never was.
        """
        if not await self._outbox.claim():
            self.backlog = await self._outbox.backlog(BACKLOG_MAX)
            return None
        pending = await self._outbox.pending(batch_max)
        self.backlog = await self._waiting(pending, batch_max)
        if not pending:
            return 0
        events: list[OutgoingEvent] = []
        for place, waiting in enumerate(pending, start=1):
            events += map(self._encoding.event, await self._announcer.announcements(waiting.record))
            if not place % DECISIONS_A_TURN:
                await asyncio.sleep(0)
        await self._publisher.publish(events)
        await self._outbox.done([waiting.position for waiting in pending])
        self.sent += len(events)
        if len(pending) < batch_max:
            self.backlog = Backlog(0, None)
        return len(pending)

    async def _waiting(self, pending: Sequence[PendingAnnouncement[Record]], batch_max: int) -> Backlog:
        """Give how much waits: what was read, unless there may be more."""
        if len(pending) >= batch_max:
            return await self._outbox.backlog(BACKLOG_MAX)
        oldest_us = pending[0].made_us if pending else None
        return Backlog(len(pending), oldest_us)

    async def run(self, pace: RelayPace) -> None:
        """Send until cancelled."""
        backoff = Backoff()
        while True:
            try:
                count = await self.step(pace.batch_max)
            except (DependencyFailed, UnwritableRecord, NotStored) as trouble:
                if not isinstance(trouble, DependencyFailed):
                    self._alarm(trouble)
                self.trouble = trouble
                await backoff.wait()
                continue
            self.trouble = None
            backoff.reset()
            if count is None:
                await asyncio.sleep(pace.claim_s)
            elif count < pace.batch_max:
                await asyncio.sleep(pace.poll_s)


@dataclass(frozen=True, slots=True)
class Encoding:
    """Writes announcements as records of their topics in one environment."""

    codec: AvroCodec
    environment: str
    _names: dict[str, str] = field(default_factory=dict, init=False)

    def event(self, announcement: Announcement) -> OutgoingEvent:
        """Give an announcement in the wire format, under its user's key.

        Raises:
            UnwritableRecord: it does not follow its topic's schema.
        """
        topic = self._names.get(announcement.topic)
        if topic is None:
            topic = self._names[announcement.topic] = topic_name(announcement.topic, environment=self.environment)
        return OutgoingEvent(
            topic=topic,
            key=record_key(announcement.topic, announcement.record).decode(),
            value=self.codec.encode(announcement.topic, announcement.record),
            event_id=announcement.event_id,
            headers=_headers(announcement.traceparent),
        )


def _headers(traceparent: str) -> Headers:
    return ((TRACEPARENT, traceparent.encode()),) if traceparent else ()
