"""Members of a consumer group, each as a process has it, that feed one book."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.buses import PATIENCE_S, BusBed

from services.kafka import Kafka
from tidegate.inbound.jobs.consume import Consumer, Subscription
from tidegate.outbound.kafka.connection import KafkaConnection
from tidegate.outbound.kafka.event_source import GroupPace, KafkaEventSource
from tidegate.ports.event_bus import BusRecord, OutgoingEvent, Place

QUICK: Final = GroupPace(session_ms=3_000, heartbeat_ms=100)


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1_000


@dataclass
class Ledger:
    """A book that all members share: for each key the last number applied, as sequences are. A number that leaves
    others out is a hole; one that was applied before is a repeat.
    """

    last: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    holes: list[str] = field(default_factory=list)
    repeats: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def apply(self, record: BusRecord) -> None:
        number = int(record.value)
        if number <= self.last[record.key]:
            self.repeats += 1
            return
        if number != self.last[record.key] + 1:
            self.holes.append(f"{record.key}: {number} after {self.last[record.key]}")
        self.last[record.key] = number

    async def process(self, records: Sequence[BusRecord]) -> None:
        for record in records:
            self.apply(record)
        self.moved.set()

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something holds that only more records bring about."""
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                self.moved.clear()
                await self.moved.wait()


@dataclass
class Member:
    """One process of the group."""

    source: KafkaEventSource
    running: asyncio.Task[None]

    @classmethod
    def join(cls, server: Kafka, bed: BusBed, *, ledger: Ledger) -> "Member":
        source = KafkaEventSource(KafkaConnection(server.url), pace=QUICK)
        subscription = Subscription(bed.group, (bed.wallet, bed.orders), batch_max=50, poll_s=0.01)
        consumer = Consumer(source, ledger.process, subscription=subscription, clock=SystemClock())
        return cls(source, asyncio.create_task(consumer.run()))

    async def leave(self) -> None:
        """End as a process does that is told to: no more reading, then out of the group."""
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        await self.source.close()

    def places(self) -> set[Place]:
        """The partitions that it reads now."""
        return {
            (partition.topic, partition.partition)
            for membership in self.source._memberships.values()
            for partition in membership.reading._placed
        }


@dataclass
class Load:
    """Publishes numbers, counting up for each key, until it is told to stop."""

    bed: BusBed
    keys: int = 20
    published: int = 0
    stopped: bool = False

    async def run(self) -> None:
        number = 0
        while not self.stopped:
            number += 1
            await self.bed.bus.publish(
                [
                    OutgoingEvent((self.bed.wallet, self.bed.orders)[key % 2], f"key-{key}", b"%d" % number, "")
                    for key in range(self.keys)
                ]
            )
            self.published = number


@asynccontextmanager
async def load_on(bed: BusBed) -> AsyncIterator[Load]:
    """Keep publishing while the block runs; afterwards all that was published is counted."""
    load = Load(bed)
    running = asyncio.create_task(load.run())
    try:
        yield load
    finally:
        load.stopped = True
        await running
