"""Each contract suite runs on the memory twin and on the real PostgreSQL."""

from collections.abc import AsyncIterator

import pytest
from tests.buses import BusBed
from tests.ports.stores import Stores, memory_stores, postgres_stores
from tests.postgres import fresh_pool, postgres_server

__all__ = ["postgres_server"]


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.servers)])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    """Empty stores of one implementation."""
    if request.param == "memory":
        yield memory_stores()
        return
    async with fresh_pool(request.getfixturevalue("postgres_server")) as pool:
        yield postgres_stores(pool)


@pytest.fixture
def bed(stores: Stores) -> BusBed:
    """A bus and its dead letters, of one implementation."""
    return BusBed(stores.bus, stores.dead_letters)
