"""Contract of ``ConfigurationWatch``."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.ports.builders import a_profile, a_rule, a_tier, by
from tests.ports.stores import Stores
from tests.ports.test_trading_states import a_halt

from tidegate.ports.configuration_watch import Area

SOON_S = 1.0
"""A change is known on every replica less than a second after it was committed (PT-202)."""


@asynccontextmanager
async def listening(stores: Stores) -> AsyncIterator[AsyncIterator[Area]]:
    """Listen, past the areas that are given once at the beginning."""
    changes = stores.watch.changes()
    first = [await anext(changes) for _ in Area]
    assert set(first) == set(Area)
    try:
        yield changes
    finally:
        await changes.aclose()  # type: ignore[attr-defined] # the port promises an iterator; both are generators


async def test_watch_tells_every_area_within_a_second(stores: Stores) -> None:
    """PT-202: a write to any area is told, and the version it made is there to be read."""
    writes: dict[Area, Callable[[], Awaitable[object]]] = {
        Area.PROFILES: lambda: stores.profiles.put(a_profile(), by=by()),
        Area.RULES: lambda: stores.rules.create(a_rule(), by=by()),
        Area.TIERS: lambda: stores.tiers.create([a_tier()], by=by()),
        Area.TRADING_STATES: lambda: stores.trading_states.put(a_halt(), version=None),
    }
    async with listening(stores) as changes:
        for area, write in writes.items():
            await write()
            assert await asyncio.wait_for(anext(changes), SOON_S) is area
            assert (await stores.watch.versions())[area] == 1


async def test_watch_tells_two_listeners(stores: Stores) -> None:
    """PT-202: every replica is told."""
    async with listening(stores) as one, listening(stores) as other:
        await stores.rules.create(a_rule(), by=by())
        assert await asyncio.wait_for(anext(one), SOON_S) is Area.RULES
        assert await asyncio.wait_for(anext(other), SOON_S) is Area.RULES


async def test_watch_gives_the_version_of_every_area_from_the_start(stores: Stores) -> None:
    """PT-201: a replica can confirm its configuration before anything was ever written."""
    assert await stores.watch.versions() == dict.fromkeys(Area, 0)
