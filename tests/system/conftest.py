"""A service that the tests of this folder share when they do not break it, and folders for those that do."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.postgres import fresh_database, postgres_server
from tests.servers import kafka_server
from tests.system.fleet import Servers
from tests.system.processes import Served, end_server_of
from tests.system.world import CALM, market_seed

from services.kafka import Kafka
from services.redis import Redis
from tidegate.outbound.postgres.embedded import EmbeddedPostgres

__all__ = ["kafka_server", "postgres_server"]


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """A data folder of its own; what runs on it at the end is ended."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-system-"))
    try:
        yield folder / "data"
    finally:
        end_server_of(folder / "data")
        shutil.rmtree(folder)


@pytest.fixture
async def servers(postgres_server: EmbeddedPostgres, kafka_server: Kafka) -> AsyncIterator[Servers]:
    """A fresh database, an empty Redis and the broker of the session, for replicas to share."""
    with Redis.start() as redis:
        async with fresh_database(postgres_server) as dsn:
            yield Servers(dsn, redis.url, kafka_server.url)


@pytest.fixture(scope="session")
def calm_service() -> Iterator[Served]:
    """A running service in a market that stands still. Tests bring users of their own and leave its state alone."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-system-"))
    try:
        with Served(folder / "data", settings=CALM, seed=market_seed(folder)) as served:
            yield served
    finally:
        end_server_of(folder / "data")
        shutil.rmtree(folder)
