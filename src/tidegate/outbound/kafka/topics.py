"""Topics: which partitions they have, and making those that are missing."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.kafka.connection import (
    ANSWER_S,
    DEPENDENCY,
    METADATA_AGE_MS_MAX,
    KafkaConnection,
    dependency,
)
from tidegate.ports.event_bus import Place

RECORD_BYTES_MAX: Final = 4 << 20
"""A letter holds a record that was too large to be read, and why."""

_COMPACTED: Final = "md.instrument."
"""Of an instrument the latest record is all there is to know."""


class KafkaTopics:
    """What the brokers have of topics; what they said is believed for half a minute."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._known: dict[str, tuple[int, ...]] = {}
        self._known_s = time.monotonic()

    async def partitions(self, topics: Sequence[str]) -> Sequence[Place]:
        """Give the partitions of topics.

        Raises:
            DependencyFailed: the brokers do not answer, or a topic does not exist.
        """
        if time.monotonic() - self._known_s > METADATA_AGE_MS_MAX / 1_000:
            self._known.clear()
        if missing := [topic for topic in topics if topic not in self._known]:
            self._known |= await self._ask(missing)
            self._known_s = time.monotonic()
        for topic in topics:
            if topic not in self._known:
                raise DependencyFailed(DEPENDENCY, f"topic {topic} does not exist")
        return [(topic, partition) for topic in topics for partition in self._known[topic]]

    async def existing(self, topics: Sequence[str]) -> list[str]:
        """Give those of the topics that exist.

        Raises:
            DependencyFailed: the brokers do not answer.
        """
        found = await self._ask(topics)
        return [topic for topic in topics if topic in found]

    async def _ask(self, topics: Sequence[str]) -> Mapping[str, tuple[int, ...]]:
        with dependency():
            async with asyncio.timeout(ANSWER_S), _Administration(self._connection) as admin:
                described = await admin.describe_topics(list(topics))
        return {
            topic["topic"]: tuple(sorted(partition["partition"] for partition in topic["partitions"]))
            for topic in described
            if topic["error_code"] == NoError.errno and topic["partitions"]
        }


async def ensure_topics(
    connection: KafkaConnection, topics: Sequence[str], *, partitions: int, replication: int
) -> Sequence[str]:
    """Make the topics that are missing, and give their names; one that exists stays as it is. Instruments are kept
    compacted; a topic ending in ``.dlq`` takes larger records than what it is for.

    Raises:
        DependencyFailed: the brokers do not answer, or refuse.
    """
    made: list[str] = []
    with dependency():
        async with asyncio.timeout(4 * ANSWER_S), _Administration(connection) as admin:
            known = {topic["topic"] for topic in await admin.describe_topics() if topic["error_code"] == NoError.errno}
            wanted = [
                NewTopic(name, partitions, replication, topic_configs=_configuration(name))
                for name in topics
                if name not in known
            ]
            answer = await admin.create_topics(wanted) if wanted else None
    for name, code, *_reason in () if answer is None else answer.topic_errors:
        fault = for_code(code)
        if fault is NoError:
            made.append(name)
        elif fault is not TopicAlreadyExistsError:  # another replica was faster
            raise DependencyFailed(DEPENDENCY, f"{fault.__name__}: topic {name}")
    return made


def _configuration(name: str) -> Mapping[str, str]:
    configuration = {"max.message.bytes": str(RECORD_BYTES_MAX if name.endswith(".dlq") else RECORD_BYTES_MAX // 2)}
    if name.startswith(_COMPACTED) and not name.endswith(".dlq"):
        configuration["cleanup.policy"] = "compact"
    return configuration


class _Administration:
    """A client for one question: a connection that is never used long cannot be a dead one."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._client = AIOKafkaAdminClient(**connection.arguments())

    async def __aenter__(self) -> Any:  # noqa: ANN401 - the driver has no types
        try:
            await self._client.start()
        except (KafkaError, OSError):
            await self._client.close()
            raise
        return self._client

    async def __aexit__(self, *_exception: object) -> None:
        await self._client.close()
