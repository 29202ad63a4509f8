"""How many account events does one replica apply a second from Kafka, and what does a bad one in twenty cost?"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter, process_time_ns
from typing import Final

from benchmarks.marks import account_processors, balance_records
from benchmarks.measuring import Table, verdict
from services.kafka import Kafka
from tidegate.core.pretrade.feeds import BALANCE_CHANGED
from tidegate.inbound.events.processors import SettingAside
from tidegate.inbound.jobs.consume import Consumer, Subscription
from tidegate.outbound.kafka.connection import KafkaConnection
from tidegate.outbound.kafka.dead_letters import KafkaDeadLetters
from tidegate.outbound.kafka.event_source import KafkaEventSource
from tidegate.outbound.kafka.publisher import KafkaEventPublisher
from tidegate.outbound.kafka.topics import ensure_topics
from tidegate.ports.event_bus import BusRecord, OutgoingEvent
from tidegate.usecases.pretrade.ingest import Counts
from tidegate.wire.codec import AvroCodec
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import dlq_name, topic_name

RECORDS: Final = 40_000
ROUNDS: Final = 3
POISON_EVERY: Final = 20
GOAL_LOSS: Final = 0.2
"""Of the rate, with one bad record in twenty."""

PARTITIONS: Final = 6

_AT_ONCE: Final = 500
_PATIENCE_S: Final = 120.0


class WallClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Give the time now."""
        return time.time_ns() // 1_000


def measure(records: int = RECORDS, rounds: int = ROUNDS) -> Table:
    """Let groups of one read the same topic in turns, good or with bad records, and give the best of each."""
    with Kafka.start() as server:
        clean, poisoned = asyncio.run(_rounds(server.url, records, rounds=rounds))
    names = ("all can be read", f"one in {POISON_EVERY} cannot")
    loss = 1 - poisoned[1] / clean[1]
    return Table(
        title="Account events from Kafka",
        question="How many account events does one replica apply a second, and what does a bad one in twenty cost?",
        method=(
            f"{records} balances of 200 users on {PARTITIONS} partitions, read by a group of one in batches of"
            f" {_AT_ONCE}, applied to the book in memory and committed; bad ones are kept in the dead-letter topic."
            f" Best of {rounds} rounds, in turns; CPU time of the process, broker not included."
        ),
        columns=("records", "CPU us a record", "records a second"),
        rows=tuple(
            (name, f"{us:.1f}", f"{a_second:.0f}")
            for name, (us, a_second) in zip(names, (clean, poisoned), strict=True)
        ),
        findings=(
            (
                f"one bad record in {POISON_EVERY} costs {loss:.0%} of the rate; goal under {GOAL_LOSS:.0%}:"
                f" {verdict(met=loss < GOAL_LOSS)}"
            ),
        ),
    )


async def _rounds(bootstrap: str, records: int, *, rounds: int) -> list[tuple[float, float]]:
    connection, codec = KafkaConnection(bootstrap), AvroCodec(SchemaCatalogue.load())
    good = balance_records(codec, records)
    bad = [_spoiled(record) if not number % POISON_EVERY else record for number, record in enumerate(good)]
    best = {"clean": (float("inf"), 0.0), "poisoned": (float("inf"), 0.0)}
    for environment, kept in zip(best, (good, bad), strict=True):
        await _publish(connection, kept, environment=environment)
    for turn in range(rounds):
        for environment, (us, a_second) in best.items():
            feed = _Feed(connection, codec, environment=environment)
            took_us, took_a_second = await feed.run(records, group=f"turn-{turn}")
            best[environment] = min(us, took_us), max(a_second, took_a_second)
    return list(best.values())


def _spoiled(record: BusRecord) -> BusRecord:
    """Give a record that was cut short on its way."""
    return replace(record, value=record.value[:-5])


async def _publish(connection: KafkaConnection, records: Sequence[BusRecord], *, environment: str) -> None:
    name = topic_name(BALANCE_CHANGED, environment=environment)
    await ensure_topics(connection, [name], partitions=PARTITIONS, replication=1)
    await ensure_topics(connection, [dlq_name(name)], partitions=1, replication=1)
    publisher = KafkaEventPublisher(connection)
    for start in range(0, len(records), _AT_ONCE):
        together = records[start : start + _AT_ONCE]
        await publisher.publish([OutgoingEvent(name, record.key, record.value, "") for record in together])
    await publisher.close()


class _Feed:
    """One replica that begins with nothing."""

    def __init__(self, connection: KafkaConnection, codec: AvroCodec, *, environment: str) -> None:
        self._topic = topic_name(BALANCE_CHANGED, environment=environment)
        self._publisher = KafkaEventPublisher(connection)
        letters = KafkaDeadLetters(connection, self._publisher, topics=[self._topic])
        self._aside = SettingAside(letters, WallClock(), _alarm)
        self._counts = Counts()
        self._processors = account_processors(codec, self._counts, aside=self._aside, environment=environment)
        self._source = KafkaEventSource(connection)

    async def run(self, records: int, *, group: str) -> tuple[float, float]:
        """Apply all there is; give CPU microseconds a record, and records a second, from the first batch on."""
        subscription = Subscription(group, (self._topic,), batch_max=_AT_ONCE)
        consumer = Consumer(self._source, self._processors.process, subscription=subscription, clock=WallClock())
        async with asyncio.timeout(_PATIENCE_S):
            while not (first := await consumer.step()):
                pass
            since, cpu = perf_counter(), process_time_ns()
            while sum(self._counts.values()) + self._aside.count < records:
                await consumer.step()
        cpu_us, took_s = (process_time_ns() - cpu) / 1_000, perf_counter() - since
        await self._source.close()
        await self._publisher.close()
        rest = records - first
        return cpu_us / rest, rest / took_s


def _alarm(bug: Exception) -> None:
    raise bug
