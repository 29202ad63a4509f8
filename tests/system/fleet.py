"""Replicas: several ``tidegate serve`` on one PostgreSQL, one Redis and one Kafka."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from tests.system.bus import Bus
from tests.system.clients import Clients
from tests.system.engine import Event
from tests.system.processes import Served
from tests.system.world import CALM, market_seed

from tidegate.bootstrap.stores import Stores, open_stores
from tidegate.settings import DataArea, Settings
from tidegate.settings.areas import PostgresArea


@dataclass(frozen=True)
class Servers:
    """Addresses of the servers that the replicas share: a fresh database, an empty Redis, the broker of the session."""

    postgres: str
    redis: str
    kafka: str


class Fleet:
    """``Topology`` of several replicas, each on a data folder of its own. ``add`` starts one more; a replica that was
    killed is passed over from then on.
    """

    def __init__(self, stores: Stores, bus: Bus, *, folder: Path, settings: Mapping[str, str]) -> None:
        self.stores = stores
        self.bus = bus
        self.served: list[Served] = []
        self._clients: list[Clients] = []
        self._folder = folder
        self._settings = settings
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Fleet":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def add(self, *, seed: Path | None = None) -> Served:
        """Start a replica, and wait until it is ready."""
        served = Served(self._folder / f"replica-{len(self.served)}", settings=self._settings, seed=seed)
        self._stack.enter_context(served)
        self.served.append(served)
        self._clients.append(await self._stack.enter_async_context(Clients(served.grpc, 1)))
        return served

    async def publish(self, events: Sequence[Event]) -> None:
        await self.bus.publish(events)

    async def all_applied(self) -> None:
        await self.bus.all_applied()

    def stubs(self) -> Sequence[Any]:
        return [clients.stubs[0] for served, clients in zip(self.served, self._clients, strict=True) if served.running]


@asynccontextmanager
async def fleet_on(
    servers: Servers, folder: Path, *, count: int, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Fleet]:
    """Start so many replicas in a market that stands still; topics and group are theirs alone."""
    environment = f"t{token_hex(4)}"
    chosen = {
        **CALM,
        "TIDEGATE_TOPICS_SUFFIX": environment,
        "TIDEGATE_POSTGRES_URL": servers.postgres,
        "TIDEGATE_REDIS_URL": servers.redis,
        "TIDEGATE_KAFKA_BOOTSTRAP": servers.kafka,
        "TIDEGATE_KAFKA_GROUP": environment,
        "TIDEGATE_KAFKA_PARTITIONS": "4",
        **(settings or {}),
    }
    seed = market_seed(folder)
    async with AsyncExitStack() as stack:
        beside = Settings(data=DataArea(dir=folder), postgres=PostgresArea(url=servers.postgres))
        stores = await stack.enter_async_context(open_stores(beside))
        bus = Bus(servers.kafka, environment=environment, group=environment)
        fleet = await stack.enter_async_context(Fleet(stores, bus, folder=folder, settings=chosen))
        for number in range(count):
            await fleet.add(seed=seed if number == 0 else None)
        await stack.enter_async_context(bus)
        yield fleet
