"""The consumer loop: read, apply, then commit; what fails for a while is tried again, nothing is passed over."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.backoff import Backoff
from tidegate.ports.clock import Clock
from tidegate.ports.event_bus import BusRecord, EventSource, Place


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a consumer reads: the topics by their full names, as a group, ``batch_max`` records at once.

    ``poll_s``: seconds after which it looks for new records though nobody told of any.
    """

    group: str
    topics: tuple[str, ...]
    batch_max: int = 500
    poll_s: float = 0.25


class Consumer:
    """Feeds the records of one subscription to ``process``.

    A place is committed after its records were applied, so that after a crash they are read again, and applied once
    all the same. ``caught_up`` is told of the partitions of which nothing was left: up to which time everything on
    them has been applied. ``trouble`` is what the loop is waiting out at the moment.
    """

    def __init__(
        self,
        source: EventSource,
        process: Callable[[Sequence[BusRecord]], Awaitable[None]],
        *,
        subscription: Subscription,
        clock: Clock,
        caught_up: Callable[[Mapping[Place, int]], Awaitable[None]] | None = None,
    ) -> None:
        self._source = source
        self._process = process
        self._subscription = subscription
        self._clock = clock
        self._caught_up = caught_up
        self._arrived = asyncio.Event()
        self.trouble: DependencyFailed | None = None

    @property
    def group(self) -> str:
        """Name of the group it reads as."""
        return self._subscription.group

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics it reads, by their full names."""
        return self._subscription.topics

    async def step(self) -> int:
        """Read one batch, apply it, commit it; give the number of its records.

        Raises:
            DependencyFailed: bus, book or store did not answer; what was not committed will be read again.
        """
        subscription = self._subscription
        batch = await self._source.read(
            subscription.group, subscription.topics, limit=subscription.batch_max, now_us=self._clock.now_us()
        )
        records = batch.records
        if records:
            await self._process(records)
            places = {(record.topic, record.partition): record.offset + 1 for record in records}
            await self._source.commit(subscription.group, places)
        if batch.complete and self._caught_up is not None:
            await self._caught_up(batch.complete)
        return len(records)

    async def run(self) -> None:
        """Consume until cancelled."""
        listening = asyncio.create_task(self._listen())
        backoff = Backoff()
        try:
            while True:
                self._arrived.clear()
                try:
                    count = await self.step()
                except DependencyFailed as trouble:
                    self.trouble = trouble
                    await backoff.wait()
                    continue
                self.trouble = None
                backoff.reset()
                if count < self._subscription.batch_max:
                    with suppress(TimeoutError):
                        # not wait_for, which can lose a cancellation that comes as the event does (Python 3.11)
                        async with asyncio.timeout(self._subscription.poll_s):
                            await self._arrived.wait()
                else:
                    await asyncio.sleep(0)
        finally:
            listening.cancel()

    async def _listen(self) -> None:
        backoff = Backoff()
        while True:
            try:
                async for _ in self._source.arrivals(self._subscription.topics):
                    self._arrived.set()
                    backoff.reset()
            except DependencyFailed:
                await backoff.wait()
            else:
                await backoff.wait()
