"""Real servers beside PostgreSQL, one of each a session, started when a test first asks for it.

Every test may ask for them; whatever does is marked ``servers``. Tests share what a server holds: take a key, a topic
or a group of your own. Whoever pauses or kills a server starts one for itself.
"""

from collections.abc import Iterator

import pytest

from services.kafka import Kafka
from services.redis import Redis
from services.registry import Registry


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """A running Redis, empty at first."""
    with Redis.start() as server:
        yield server


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[Kafka]:
    """A running Kafka without topics at first; it makes none by itself."""
    with Kafka.start() as server:
        yield server


@pytest.fixture(scope="session")
def registry_server() -> Iterator[Registry]:
    """A running schema registry without subjects at first."""
    with Registry.start() as server:
        yield server
