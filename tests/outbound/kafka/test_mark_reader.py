"""The reader of marks: all partitions, no group, from a few seconds back."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from tests.buses import PATIENCE_S, BusBed
from tests.kafka import kafka_bed
from tests.outbound.kafka.members import SystemClock

from services.kafka import Kafka
from tidegate.inbound.jobs.consume import Consumer, Subscription
from tidegate.outbound.kafka.connection import KafkaConnection
from tidegate.outbound.kafka.mark_reader import BACK_MS, KafkaMarkReader
from tidegate.ports.event_bus import BusRecord

pytestmark = pytest.mark.servers

PARTITIONS = 3


async def all_of(reader: KafkaMarkReader, bed: BusBed, *, now_us: int) -> Sequence[BusRecord]:
    """Read until nothing is left on any partition, committing nothing."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            batch = await reader.read("marks", [bed.empty], limit=1_000, now_us=now_us)
            if len(batch.complete) == PARTITIONS:
                return batch.records


def values(records: Sequence[BusRecord]) -> list[int]:
    return sorted(int(record.value) for record in records)


async def publish(bed: BusBed, *numbers: int) -> None:
    await bed.bus.publish([bed.event(str(number), bed.empty, key=f"S{number}") for number in numbers])


async def test_every_reader_is_given_all_marks(kafka_server: Kafka) -> None:
    """RE-212: two replicas read the same marks of all partitions; what was applied is not given again, what was not is,
    whichever group is named.
    """
    async with kafka_bed(kafka_server, partitions=PARTITIONS) as bed:
        readers = [KafkaMarkReader(KafkaConnection(kafka_server.url)) for _ in range(2)]
        await publish(bed, *range(20))
        for reader in readers:
            records = await all_of(reader, bed, now_us=bed.now_us())
            assert values(records) == list(range(20))
            assert values(await all_of(reader, bed, now_us=bed.now_us())) == list(range(20))
            await reader.commit("any", {(record.topic, record.partition): record.offset + 1 for record in records})
        await publish(bed, 20, 21)
        for reader in readers:
            async with asyncio.timeout(PATIENCE_S):
                while values(await all_of(reader, bed, now_us=bed.now_us())) != [20, 21]:
                    pass
            await reader.close()


@pytest.mark.parametrize(("later_ms", "given"), [(BACK_MS - 5_000, 20), (BACK_MS + 5_000, 0)])
async def test_reader_begins_a_few_seconds_back(kafka_server: Kafka, later_ms: int, given: int) -> None:
    """RE-212: marks that are too old to be used are not read at a start, however many there are."""
    async with kafka_bed(kafka_server, partitions=PARTITIONS) as bed:
        await publish(bed, *range(20))
        reader = KafkaMarkReader(KafkaConnection(kafka_server.url))
        later_us = time.time_ns() // 1_000 + later_ms * 1_000
        async with asyncio.timeout(PATIENCE_S):
            batch = await reader.read("marks", [bed.empty], limit=1_000, now_us=later_us)
            records = list(batch.records)
            while len(batch.complete) < PARTITIONS:
                batch = await reader.read("marks", [bed.empty], limit=1_000, now_us=bed.now_us())
                records = list(batch.records)
        assert len(records) == given
        await reader.close()


async def test_consumer_of_marks_goes_on_by_itself(kafka_server: Kafka) -> None:
    """RE-212: the loop takes marks as they come, and leaves the process time for everything else."""
    async with kafka_bed(kafka_server, partitions=PARTITIONS) as bed:
        reader, seen = KafkaMarkReader(KafkaConnection(kafka_server.url)), list[int]()
        moved = asyncio.Event()

        async def process(records: Sequence[BusRecord]) -> None:
            seen.extend(values(records))
            moved.set()

        subscription = Subscription("marks", (bed.empty,), poll_s=PATIENCE_S)
        running = asyncio.create_task(Consumer(reader, process, subscription=subscription, clock=SystemClock()).run())
        async with asyncio.timeout(PATIENCE_S):
            for number in range(5):
                await publish(bed, number)
                while number not in seen:
                    await moved.wait()
                    moved.clear()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await reader.close()
        assert seen == list(range(5))
