"""The bus of events: topics of keyed records, each record with its place (offset) in its topic."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.core.kernel.quick import quickly_made

Place = tuple[str, int]
"""A partition of a topic: (topic with the environment suffix, partition number)."""

Headers = tuple[tuple[str, bytes], ...]
"""What travels beside a record, such as the context of its trace; a name may come twice."""


@quickly_made
@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """A record to be published: ``topic`` with the environment suffix, ``value`` in the wire format."""

    topic: str
    key: str
    value: bytes
    event_id: str
    headers: Headers = ()


@quickly_made
@dataclass(frozen=True, slots=True)
class BusRecord:
    """A record as it lies on the bus. ``key`` is text; bytes in it that are not UTF-8 are lone surrogates."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """What one reading gave. ``complete``: for each partition of which nothing is left behind these records, the time
    (microseconds since 1970) up to which everything was given. A partition of another reader, or one whose broker does
    not answer, is not in it.
    """

    records: Sequence[BusRecord]
    complete: Mapping[Place, int]


class EventPublisher(Protocol):
    """Publishes. ``DependencyFailed`` when the bus does not take it; the caller tries again (at least once)."""

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        """Publish in the order given; durable when it returns."""


class EventSource(Protocol):
    """Reads topics in order. ``DependencyFailed`` when the bus does not answer."""

    async def read(self, group: str, topics: Sequence[str], *, limit: int, now_us: int) -> Batch:
        """Give the next records of the group after its committed place, each partition's in order; none when there are
        none. What was given and not committed is given again. ``now_us`` is the time of the call.
        """

    async def commit(self, group: str, places: Mapping[Place, int]) -> None:
        """Commit the next offset of each partition, after the state was applied. A partition that has gone to another
        reader of the group meanwhile is passed over: that one reads these records again.
        """

    def replay(
        self, topics: Sequence[str], *, since: Mapping[Place, int] | None = None
    ) -> AsyncIterator[Sequence[BusRecord]]:
        """Give the records of the topics up to their ends as they are when asked, page by page, each partition's in
        order: from the offsets in ``since``, a partition that is not in it from its beginning.
        """

    async def partitions(self, topics: Sequence[str]) -> Sequence[Place]:
        """Give the partitions that the topics have."""

    def arrivals(self, topics: Sequence[str] = ()) -> AsyncIterator[None]:
        """Yield once as soon as it listens, then when something new may lie on these topics, or, when none is named, on
        any (a poll is the safety net).
        """


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be read: the original bytes, its place, and why. ``sent_us``: when it was set aside;
    ``replayed_us``: when it was put back on its topic, ``None`` while it waits.
    """

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    error: str
    sent_us: int
    headers: Headers = ()
    replayed_us: int | None = None


class DeadLetters(Protocol):
    """Keeps unreadable records aside (``<topic>.dlq``). ``DependencyFailed`` when they cannot be kept or read."""

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Keep letters that wait, each once per (topic, partition, offset)."""

    async def list(self, topic: str | None, *, limit: int, waiting: bool = False) -> Sequence[DeadLetter]:
        """Give them, oldest first; of one topic, or of all; ``waiting``: only those that were not put back."""

    async def mark_replayed(self, letters: Sequence[DeadLetter], *, now_us: int) -> None:
        """Note that these were put back on their topics; one that is marked already stays as it is."""
