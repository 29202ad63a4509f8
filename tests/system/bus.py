"""Kafka as the other services see it: what they tell, and what the replicas have committed."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from tests.system.engine import Event

from tidegate.wire.codec import AvroCodec
from tidegate.wire.schemas import SchemaCatalogue
from tidegate.wire.topics import ACCOUNT_TOPICS, USER_TOPICS, record_key, topic_name

APPLIED_S_MAX: Final = 60.0


class Bus:
    """The topics of one environment, and the group of its replicas."""

    def __init__(self, bootstrap: str, *, environment: str, group: str) -> None:
        self._bootstrap = bootstrap
        self._environment = environment
        self._group = group
        self._codec = AvroCodec(SchemaCatalogue.load())
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")

    async def __aenter__(self) -> "Bus":
        for each in (self._producer, self._admin, self._consumer):
            await each.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()
        await self._admin.close()
        await self._consumer.stop()

    async def publish(self, events: Sequence[Event]) -> None:
        """Put events on their topics, in order."""
        for topic, record in events:
            name = topic_name(topic, environment=self._environment)
            await self._producer.send_and_wait(name, self._codec.encode(topic, record), key=record_key(topic, record))

    async def all_applied(self) -> None:
        """Wait until the group has committed everything that lies on the topics of users and accounts."""
        topics = [topic_name(topic, environment=self._environment) for topic in (*USER_TOPICS, *ACCOUNT_TOPICS)]
        async with asyncio.timeout(APPLIED_S_MAX):
            ends = await self._ends(topics)
            while behind := await self._behind(ends):
                assert behind

    async def _behind(self, ends: Mapping[TopicPartition, int]) -> list[TopicPartition]:
        committed = await self._admin.list_consumer_group_offsets(self._group)
        found = {place: kept.offset for place, kept in committed.items()}
        return [place for place, end in ends.items() if end > max(0, found.get(place, 0))]

    async def _ends(self, topics: Sequence[str]) -> Mapping[TopicPartition, int]:
        places = [
            TopicPartition(each["topic"], partition["partition"])
            for each in await self._admin.describe_topics(list(topics))
            for partition in each["partitions"]
        ]
        ends: Mapping[TopicPartition, int] = await self._consumer.end_offsets(places)
        return ends
