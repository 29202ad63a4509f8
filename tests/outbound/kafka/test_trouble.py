"""A broker that hangs, or dies: trouble that is told, and then everything goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest
from tests.buses import BusBed
from tests.kafka import KafkaBus, kafka_bed

from services.kafka import Kafka
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.kafka.connection import KafkaConnection
from tidegate.outbound.kafka.topics import ensure_topics
from tidegate.ports.event_bus import BusRecord

pytestmark = [pytest.mark.servers, pytest.mark.slow]

ANSWER_S: Final = 1.0
BACK_S: Final = 60
"""Within this time after the broker is there again all of it has gone on, on a slow machine."""


@pytest.fixture(scope="module")
def broken_server() -> Iterator[Kafka]:
    """A broker of these tests alone, which they may hurt."""
    with Kafka.start() as server:
        yield server


@pytest.fixture
async def bed(broken_server: Kafka) -> AsyncIterator[BusBed]:
    """A bus on it that does not wait long for an answer."""
    async with kafka_bed(broken_server, answer_s=ANSWER_S) as bed:
        yield bed


async def published(bed: BusBed, *values: str) -> int:
    """Publish until it is taken, as the relay does; give how often it was not."""
    failures = 0
    async with asyncio.timeout(BACK_S):
        while True:
            try:
                await bed.bus.publish([bed.event(value) for value in values])
            except DependencyFailed:
                failures += 1
            else:
                return failures


async def read_until(bed: BusBed, last: str) -> list[str]:
    """Read on, committing, through all trouble until a value has come; give the values in order, each once."""
    seen: dict[str, BusRecord] = {}
    async with asyncio.timeout(BACK_S):
        while last not in seen:
            try:
                batch = await bed.bus.read(bed.group, [bed.wallet], limit=10, now_us=bed.now_us())
                places = {(record.topic, record.partition): record.offset + 1 for record in batch.records}
                await bed.bus.commit(bed.group, places)
            except DependencyFailed:
                continue
            for record in batch.records:
                seen.setdefault(record.value.decode(), record)
    return list(seen)


async def read_while_answered(bed: BusBed, answered_us: int, *, paused_us: int) -> None:
    """Read on until that fails; meanwhile nothing is said to be whole as of later than the broker could tell."""
    async with asyncio.timeout(BACK_S):
        while True:
            batch = await bed.bus.read(bed.group, [bed.wallet], limit=10, now_us=bed.now_us())
            assert answered_us <= batch.complete.get((bed.wallet, 0), answered_us) <= paused_us


async def test_broker_that_hangs_is_trouble_and_completes_nothing(broken_server: Kafka, bed: BusBed) -> None:
    """RE-213: while it does not answer, reading and publishing fail within seconds and no partition counts as read
    later than its last answer; what was under way then comes first, nothing is lost, and order is kept.
    """
    await published(bed, "a")
    assert await read_until(bed, "a") == ["a"]
    await bed.read(bed.wallet)
    answered_us = bed.complete[bed.wallet, 0]
    broken_server.pause()
    paused_us = bed.now_us()
    try:
        with pytest.raises(DependencyFailed):
            await bed.bus.publish([bed.event(value) for value in "bc"])
        with pytest.raises(DependencyFailed, match="no answer"):
            await read_while_answered(bed, answered_us, paused_us=paused_us)
    finally:
        broken_server.resume()
    await published(bed, "d")
    assert await read_until(bed, "d") == ["b", "c", "d"]


async def test_broker_that_dies_and_comes_back_loses_nothing(broken_server: Kafka, bed: BusBed) -> None:
    """RE-213: killed under load, it is trouble; when it is back the same clients go on, and every event that was taken
    is read, each key's in the order of publication.
    """
    await published(bed, "0")
    assert await read_until(bed, "0") == ["0"]
    reading = asyncio.create_task(read_until(bed, "40"))
    for number in range(1, 20):
        await published(bed, str(number))
    await asyncio.to_thread(broken_server.kill)
    returning = asyncio.create_task(asyncio.to_thread(broken_server.restart))
    assert sum([await published(bed, str(number)) for number in range(20, 41)])
    await returning
    assert await reading == [str(number) for number in range(1, 41)]


async def test_nobody_at_the_address_is_trouble() -> None:
    """RE-213: no client of the driver is left open, and no exception of the driver comes through."""
    bus, connection = KafkaBus(KafkaConnection("127.0.0.1:1")), KafkaConnection("127.0.0.1:1")
    with pytest.raises(DependencyFailed, match="kafka: "):
        await bus.read("anyone", ["topic"], limit=1, now_us=0)
    with pytest.raises(DependencyFailed, match="kafka: "):
        await bus.publish([BusBed(bus, None).event("a")])  # type: ignore[arg-type] # it has no letters
    with pytest.raises(DependencyFailed, match="kafka: "):
        await ensure_topics(connection, ["topic"], partitions=1, replication=1)
    await bus.source.close()
    await bus.publisher.close()
