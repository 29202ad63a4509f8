"""The issuer and the keys under test, opened and closed around each test."""

from collections.abc import AsyncIterator

import pytest_asyncio
from tests.outbound.identity.issuers import HttpIssuer, Ticks, a_jwk

from tidegate.outbound.identity.issuer_keys import IssuerKeys


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[HttpIssuer]:
    """An issuer that publishes the key "one"."""
    started = await HttpIssuer().start()
    started.keys = [a_jwk("one")]
    yield started
    await started.stop()


@pytest_asyncio.fixture
async def ticks() -> Ticks:
    """The clock of the keys under test."""
    return Ticks()


@pytest_asyncio.fixture
async def keys(issuer: HttpIssuer, ticks: Ticks) -> AsyncIterator[IssuerKeys]:
    """Keys that have asked nothing yet."""
    opened = IssuerKeys.open(issuer.issuer, monotonic_ms=ticks)
    yield opened
    await opened.close()
