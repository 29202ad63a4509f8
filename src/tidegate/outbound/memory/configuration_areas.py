"""Areas of configuration in memory: their versions, and who is told when one moves."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager

from tidegate.ports.configuration_watch import Area
from tidegate.ports.stored import VersionMoved


class MemoryConfigurationAreas:
    """What the memory stores of all areas share: versions and listeners."""

    def __init__(self) -> None:
        self._versions = dict.fromkeys(Area, 0)
        self._listeners: set[_Listener] = set()

    def version(self, area: Area) -> int:
        """Give the published version of an area."""
        return self._versions[area]

    def publish(self, area: Area) -> int:
        """Publish the next version of an area and tell the listeners."""
        self._versions[area] += 1
        for listener in self._listeners:
            listener.tell(area)
        return self._versions[area]

    def versions(self) -> Mapping[Area, int]:
        """Give the version of every area."""
        return dict(self._versions)

    @contextmanager
    def listener(self) -> Iterator["_Listener"]:
        """Listen inside the block."""
        listener = _Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)


class _Listener:
    """Areas that moved and were not taken yet, each once."""

    def __init__(self) -> None:
        self._waiting: dict[Area, None] = {}
        self._something = asyncio.Event()

    def tell(self, area: Area) -> None:
        self._waiting[area] = None
        self._something.set()

    async def take(self) -> list[Area]:
        await self._something.wait()
        self._something.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken


class MemoryConfigurationWatch:
    """``ConfigurationWatch`` in memory."""

    def __init__(self, areas: MemoryConfigurationAreas) -> None:
        self._areas = areas

    async def versions(self) -> Mapping[Area, int]:
        return self._areas.versions()

    async def changes(self) -> AsyncIterator[Area]:
        with self._areas.listener() as listener:
            for area in Area:
                yield area
            while True:
                for area in await listener.take():
                    yield area


def require_version(current: int, *, seen: int | None) -> None:
    """Refuse a write to a row that is not at the version its writer saw; ``None`` takes any.

    Raises:
        VersionMoved: it is at another one.
    """
    if seen is not None and seen != current:
        raise VersionMoved(current)
