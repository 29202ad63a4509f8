"""The stand-ins, started and stopped around each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tidegate.demo.stub_providers.server import StubProviders


@pytest_asyncio.fixture
async def stub() -> AsyncIterator[StubProviders]:
    """All stand-ins, well."""
    started = await StubProviders().start()
    yield started
    await started.stop()
