"""Processes that share one real Redis, which holds nothing at first."""

from collections.abc import AsyncIterator

import pytest
from tests.account_books import Process, sharing

from services.redis import Redis


@pytest.fixture
async def pair(redis_server: Redis) -> AsyncIterator[list[Process]]:
    """Two processes on a book without users."""
    async with sharing(redis_server.url, 2) as processes:
        yield processes
