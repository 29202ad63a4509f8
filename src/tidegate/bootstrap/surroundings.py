"""What the parts of one process share, whichever roles it has."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import structlog

from tidegate.bootstrap.buses import Bus
from tidegate.bootstrap.registry import known_writers
from tidegate.bootstrap.stores import Stores
from tidegate.bootstrap.system import SystemClock
from tidegate.bootstrap.tracing import Tracing
from tidegate.inbound.jobs.relay import Encoding
from tidegate.inbound.rest.dependencies import Probe
from tidegate.inbound.shared.figures import Figures
from tidegate.outbound.registry.registry import SchemaRegistry
from tidegate.settings import Settings
from tidegate.wire.codec import AvroCodec
from tidegate.wire.schemas import SchemaCatalogue

Jobs = list[asyncio.Task[None]]


class Part(Protocol):
    """What one role brings into the process. Parts are stopped in the reverse of the order in which they started."""

    def probes(self) -> Mapping[str, Probe]:
        """Give what ``/readyz`` asks of it."""

    def start(self) -> Jobs:
        """Start what runs by itself; a job that ends by itself ends the process with its error."""

    async def stop(self) -> None:
        """Finish what was begun, and end what runs."""


class Surroundings:
    """Settings, stores, how events are written, where trouble is told, and what makes spans."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        *,
        bus: Bus,
        tracing: Tracing | None = None,
        registry: SchemaRegistry | None = None,
    ) -> None:
        self.settings = settings
        self.stores = stores
        self.bus = bus
        self.tracing = Tracing() if tracing is None else tracing
        self.clock = SystemClock()
        self.figures = Figures()
        self.codec = AvroCodec(SchemaCatalogue.load())
        self.writers = known_writers(self.codec, registry)
        self.encoding = Encoding(self.codec, settings.topics.suffix)
        self._log = structlog.get_logger("tidegate")

    def alarm(self, bug: Exception) -> None:
        """Raise an alarm for a bug that was caught: a log line with its traceback, and a counter."""
        self.figures.count_fault("internal")
        self._log.error("internal fault", exc_info=bug)

    def teller(self, subject: str) -> Callable[[str], None]:
        """Give what logs news of a subject, in words."""
        return lambda news: self._log.info(subject, news=news)

    def reporter(self, subject: str) -> Callable[[str], None]:
        """Give what logs a fault of a subject, in words."""
        return lambda fault: self._log.error(subject, fault=fault)


async def end(jobs: Iterable[asyncio.Task[None]]) -> None:
    """Cancel jobs until they have ended: a cancellation can be lost in a library, a second one is not."""
    left = {job for job in jobs if not job.done()}
    while left:
        for job in left:
            job.cancel()
        _, left = await asyncio.wait(left, timeout=0.2)
