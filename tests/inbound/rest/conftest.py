"""One admin API a test."""

import pytest_asyncio
from tests.inbound.rest.admin import Admin


@pytest_asyncio.fixture
async def admin() -> Admin:
    """The API over memory twins, with one profile and one decision."""
    return await Admin().seeded()
