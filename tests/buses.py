"""Reading a bus in tests, whichever it is."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol

from tidegate.ports.event_bus import (
    BusRecord,
    DeadLetters,
    EventPublisher,
    EventSource,
    Headers,
    OutgoingEvent,
    Place,
)

PATIENCE_S: Final = 30
"""Seconds within which a group has formed and what lies on the bus has been given, on the slowest machine."""


class Bus(EventPublisher, EventSource, Protocol):
    """A bus that is written and read."""


async def everything(
    bus: EventSource, topics: Sequence[str], *, since: Mapping[Place, int] | None = None
) -> list[BusRecord]:
    """Give all records of the topics, or those from some places on, as the bus tells them again."""
    return [record async for page in bus.replay(topics, since=since) for record in page]


@dataclass
class BusBed:
    """A bus with three topics of one partition, nothing on them, and dead letters beside it.

    ``suffix`` keeps the topics and groups of one test apart from another's. ``complete``: what the last reading said.
    """

    ANSWER_AGE_US: ClassVar[int] = 2_000_000
    """A broker's last answer may have come this long before the reading that makes use of it."""

    bus: Bus
    letters: DeadLetters
    suffix: str = "dev"
    complete: Mapping[Place, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.group = f"risk-service.{self.suffix}"
        self.wallet = f"wallet.balance_changed.v1.{self.suffix}"
        self.orders = f"order.command.v1.{self.suffix}"
        self.empty = f"md.mark.v1.{self.suffix}"

    def now_us(self) -> int:
        """The time now, in microseconds: a real bus has a real clock."""
        return time.time_ns() // 1_000

    def event(self, value: str, topic: str = "", *, key: str = "user-1", headers: Headers = ()) -> OutgoingEvent:
        """An event with its value as text, on the wallet topic unless said."""
        return OutgoingEvent(topic or self.wallet, key, value.encode(), event_id=f"id-{value}", headers=headers)

    async def read(self, *topics: str, limit: int = 10, group: str = "") -> Sequence[BusRecord]:
        """Read until as many as asked for are given, or all that there is."""
        places = set(await self.bus.partitions(topics))
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            name = f"{group}.{self.suffix}" if group else self.group
            batch = await self.bus.read(name, topics, limit=limit, now_us=self.now_us())
            self.complete = batch.complete
            if len(batch.records) == limit or batch.complete.keys() >= places:
                return batch.records
        raise AssertionError(f"{topics} were not given whole within {PATIENCE_S} s")

    async def commit(self, topic: str, offset: int) -> None:
        """Commit the place of the bed's group in the only partition of a topic."""
        await self.bus.commit(self.group, {(topic, 0): offset})
