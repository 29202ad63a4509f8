"""The Kafka of tests: a broker that keeps what it acknowledged, makes no topic by itself, and dies and comes back."""

from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from services.kafka import Kafka
from services.proxy import Proxy

pytestmark = pytest.mark.servers

TOPIC = "kept"
ANSWER_MS_MAX = 20_000


@pytest.fixture
def kafka() -> Iterator[Kafka]:
    with Kafka.start() as server:
        yield server


async def write(server: Kafka, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=server.url, request_timeout_ms=ANSWER_MS_MAX) as producer:
        await producer.send_and_wait(TOPIC, value)


async def first_value(server: Kafka) -> bytes:
    async with AIOKafkaConsumer(bootstrap_servers=server.url, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(TOPIC, 0)])
        record = await consumer.getone()
        assert record.value is not None
        return bytes(record.value)


async def topics(server: Kafka) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=server.url)
    await admin.start()
    try:
        return list(await admin.list_topics())
    finally:
        await admin.close()


async def test_kafka_killed_comes_back_with_what_it_acknowledged(kafka: Kafka) -> None:
    """RE-251: no topic appears because somebody asked for it, and what was acknowledged outlives kill -9."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.url)
    await admin.start()
    (described,) = await admin.describe_topics([TOPIC])
    assert described["error_code"] == UnknownTopicOrPartitionError.errno
    assert await topics(kafka) == []
    await admin.create_topics([NewTopic(TOPIC, 1, 1)])
    await admin.close()
    await write(kafka, b"acknowledged")
    kafka.kill()
    kafka.restart()
    assert await topics(kafka) == [TOPIC]
    assert await first_value(kafka) == b"acknowledged"


async def test_kafka_behind_a_proxy_sends_its_clients_through_it() -> None:
    """RE-253: who comes by the proxy is told to come back by it, so that cutting it cuts the client off."""
    with Proxy.start() as proxy, Kafka.start(advertised=proxy.port) as kafka:
        proxy.hand_on_to(kafka.proxied_port)
        admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{proxy.port}")
        await admin.start()
        described = await admin.describe_cluster()
        await admin.close()
        assert [broker["port"] for broker in described["brokers"]] == [proxy.port]
