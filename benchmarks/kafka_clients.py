"""Which Kafka client costs less CPU a record, read and written as the product does: in batches, with headers?"""

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter, process_time_ns
from typing import Any, Final, NamedTuple

import confluent_kafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.measuring import Table
from services.kafka import Kafka
from tidegate.outbound.kafka.connection import KafkaConnection
from tidegate.outbound.kafka.topics import ensure_topics

RECORDS: Final = 60_000
AT_ONCE: Final = 500
PARTITIONS: Final = 6

_VALUE: Final = bytes(range(256)) * 2
_HEADERS: Final[list[tuple[str, str | bytes | None]]] = [
    ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
]
_PATIENCE_S: Final = 120.0


class Topic(NamedTuple):
    """Where a client writes and reads."""

    bootstrap: str
    name: str


Work = Callable[[Topic, int], Coroutine[Any, Any, None]]


def measure(records: int = RECORDS) -> Table:
    """Let each client write and read a topic of its own, and give what a record cost."""
    with Kafka.start() as server:
        figures = asyncio.run(_all(server.url, records))
    rows = tuple((name, f"{us:.1f}", f"{a_second:.0f}") for name, us, a_second in figures)
    aio_write, other_write, aio_read, other_read = (us for _, us, _ in figures)
    return Table(
        title="Kafka clients",
        question="Which Kafka client costs less CPU a record, read and written as the product does?",
        method=(
            f"{records} records of {len(_VALUE)} bytes with a key and a header, on {PARTITIONS} partitions of one"
            f" broker. Written idempotently, {AT_ONCE} at a time, each time until all are acknowledged; read {AT_ONCE}"
            " at a time, headers looked at. CPU time of the whole process, its threads included; confluent-kafka is"
            " called in a worker thread, since its calls block."
        ),
        columns=("client", "CPU us a record", "records a second"),
        rows=rows,
        findings=(
            f"confluent-kafka takes {other_read / aio_read:.2f} x the CPU of aiokafka to read",
            f"confluent-kafka takes {other_write / aio_write:.2f} x the CPU of aiokafka to write",
        ),
    )


async def _all(bootstrap: str, records: int) -> list[tuple[str, float, float]]:
    works: tuple[tuple[str, str, Work], ...] = (
        ("aiokafka writes", "aio", _write_aio),
        ("confluent-kafka writes", "confluent", _write_confluent),
        ("aiokafka reads", "aio", _read_aio),
        ("confluent-kafka reads", "confluent", _read_confluent),
    )
    topics = ["aio", "confluent"]
    await ensure_topics(KafkaConnection(bootstrap), topics, partitions=PARTITIONS, replication=1)
    figures: list[tuple[str, float, float]] = []
    for name, topic, work in works:
        since, cpu = perf_counter(), process_time_ns()
        async with asyncio.timeout(_PATIENCE_S):
            await work(Topic(bootstrap, topic), records)
        cpu_us, took_s = (process_time_ns() - cpu) / 1_000, perf_counter() - since
        figures.append((name, cpu_us / records, records / took_s))
    return figures


async def _write_aio(topic: Topic, records: int) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=topic.bootstrap, acks="all", enable_idempotence=True, max_batch_size=1 << 18
    )
    await producer.start()
    try:
        for start in range(0, records, AT_ONCE):
            sent = [
                await producer.send(topic.name, _VALUE, key=b"key-%d" % (number % 997), headers=_HEADERS)
                for number in range(start, start + AT_ONCE)
            ]
            await asyncio.wait(sent)
    finally:
        await producer.stop()


async def _write_confluent(topic: Topic, records: int) -> None:
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": topic.bootstrap, "enable.idempotence": True, "linger.ms": 0, "log_level": 0}
    )
    for start in range(0, records, AT_ONCE):
        for number in range(start, start + AT_ONCE):
            producer.produce(topic.name, _VALUE, key=b"key-%d" % (number % 997), headers=_HEADERS)
        await asyncio.to_thread(producer.flush)


async def _read_aio(topic: Topic, records: int) -> None:
    consumer = AIOKafkaConsumer(
        topic.name,
        bootstrap_servers=topic.bootstrap,
        group_id="bench",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        seen = 0
        while seen < records:
            fetched = await consumer.getmany(timeout_ms=200, max_records=AT_ONCE)
            seen += sum(len(message.headers) for messages in fetched.values() for message in messages)
    finally:
        await consumer.stop()


async def _read_confluent(topic: Topic, records: int) -> None:
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": topic.bootstrap,
            "group.id": "bench",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    consumer.subscribe([topic.name])
    try:
        seen = 0
        while seen < records:
            messages = await asyncio.to_thread(consumer.consume, AT_ONCE, 0.2)
            seen += sum(len(message.headers() or ()) for message in messages)
    finally:
        await asyncio.to_thread(consumer.close)
