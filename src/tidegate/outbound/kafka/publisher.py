"""Publishing: idempotent, acknowledged by all replicas of a partition, in order for each key."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from tidegate.outbound.kafka.connection import ANSWER_S, KafkaConnection, dependency, stop
from tidegate.outbound.kafka.records import key_bytes
from tidegate.outbound.kafka.topics import RECORD_BYTES_MAX
from tidegate.ports.event_bus import OutgoingEvent

_BATCH_BYTES: Final = 1 << 18
"""One request a partition is under way at a time, so a batch takes what one call has for it."""


class KafkaEventPublisher:
    """``EventPublisher`` on Kafka.

    An idempotent producer sends again until the broker has taken a record once, in order, and cannot be told to stop.
    So what was not acknowledged in time is still on its way: the next call waits for it first, and nothing overtakes
    it. After a record that was refused the producer's numbering has a hole, and a new producer is begun.
    """

    def __init__(self, connection: KafkaConnection, *, answer_s: float = ANSWER_S) -> None:
        self._connection = connection
        self._answer_s = answer_s
        self._opening = asyncio.Lock()
        self._producer: Any = None
        self._late: set[asyncio.Future[Any]] = set()

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        if not events:
            return
        sent: list[asyncio.Future[Any]] = []
        with dependency():
            try:
                async with asyncio.timeout(self._answer_s):
                    producer = await self._ready()
                    for event in events:
                        headers = list(event.headers) or None
                        key = key_bytes(event.key)
                        sent.append(await producer.send(event.topic, event.value, key=key, headers=headers))
                    await asyncio.wait(sent)
            finally:
                self._late.update(future for future in sent if not future.done())
            for future in sent:
                if (refused := future.exception()) is not None:
                    await self._begin_anew(producer)
                    raise refused

    async def close(self) -> None:
        """Close the producer; what was not acknowledged may be lost, as whoever published it was told."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop(producer)
        self._late.clear()

    async def _ready(self) -> Any:  # noqa: ANN401 - the driver has no types
        """Give the producer, with nothing under way that was given up before."""
        async with self._opening:
            if self._late:
                late = set(self._late)
                await asyncio.wait(late)
                self._late -= late
                if any(future.exception() is not None for future in late):
                    await self._begin_anew(self._producer)
            if self._producer is None:
                self._producer = await self._opened()
            return self._producer

    async def _opened(self) -> Any:  # noqa: ANN401 - the driver has no types
        producer = AIOKafkaProducer(
            **self._connection.arguments(),
            acks="all",
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            max_request_size=RECORD_BYTES_MAX,
        )
        try:
            await producer.start()
        except BaseException:
            await stop(producer)
            raise
        return producer

    async def _begin_anew(self, refused: Any) -> None:  # noqa: ANN401 - the driver has no types
        if refused is not None and refused is self._producer:
            self._producer = None
            await stop(refused)
