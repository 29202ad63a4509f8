"""The bus of events: topics of keyed records, each record with its place (offset) in its topic."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.core.kernel.quick import quickly_made


@quickly_made
@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """A record to be published: ``topic`` with the environment suffix, ``value`` in the wire format."""

    topic: str
    key: str
    value: bytes
    event_id: str


@quickly_made
@dataclass(frozen=True, slots=True)
class BusRecord:
    """A record as it lies on the bus."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes


class EventPublisher(Protocol):
    """Publishes. ``DependencyFailed`` when the bus does not take it; the caller tries again (at least once)."""

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        """Publish in the order given; durable when it returns."""


class EventSource(Protocol):
    """Reads topics in order. ``DependencyFailed`` when the bus does not answer."""

    async def read(self, group: str, topics: Sequence[str], *, limit: int) -> Sequence[BusRecord]:
        """Give the next records of the group after its committed place, in order; empty when there are none."""

    async def commit(self, group: str, places: Mapping[tuple[str, int], int]) -> None:
        """Commit the next offset for each (topic, partition), after the state was applied."""

    async def replay(self, topics: Sequence[str]) -> Sequence[BusRecord]:
        """Give all records of the topics in the order they were published: what is rebuilt from them."""

    def arrivals(self, topics: Sequence[str] = ()) -> AsyncIterator[None]:
        """Yield once as soon as it listens, then when something new may lie on these topics, or, when none is named, on
        any (a poll is the safety net).
        """


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be read: the original bytes, its place, and why. ``sent_us`` when it was set aside."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    error: str
    sent_us: int


class DeadLetters(Protocol):
    """Keeps unreadable records aside (``<topic>.dlq``)."""

    async def put(self, letter: DeadLetter) -> None:
        """Keep one, once per (topic, partition, offset)."""

    async def list(self, topic: str | None, *, limit: int) -> Sequence[DeadLetter]:
        """Give them, oldest first."""
