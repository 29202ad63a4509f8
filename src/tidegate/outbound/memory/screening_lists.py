"""Screening lists in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from tidegate.core.assessment.screening.entries import ListEntry
from tidegate.ports.screening_lists import ListSource, ListVersion
from tidegate.ports.stored import Change, NotStored


class MemoryScreeningLists:
    """``ScreeningLists`` in memory."""

    def __init__(self) -> None:
        self._versions: dict[str, list[tuple[ListVersion, tuple[ListEntry, ...]]]] = {}
        self._listeners: set[asyncio.Queue[str]] = set()

    async def publish(
        self, name: str, source: ListSource, *, entries: Sequence[ListEntry], by: Change
    ) -> tuple[ListVersion, bool]:
        versions = self._versions.setdefault(name, [])
        if versions and versions[-1][0].source == source:
            return versions[-1][0], False
        published = ListVersion(name, len(versions) + 1, source, len(entries), by.actor, by.at_us)
        versions.append((published, tuple(entries)))
        for listener in self._listeners:
            listener.put_nowait(name)
        return published, True

    async def current(self) -> Sequence[ListVersion]:
        return [versions[-1][0] for _, versions in sorted(self._versions.items())]

    async def history(self, name: str) -> Sequence[ListVersion]:
        return [version for version, _ in reversed(self._versions.get(name, []))]

    async def entries(self, name: str, version: int) -> Sequence[ListEntry]:
        versions = self._versions.get(name, [])
        if not 0 < version <= len(versions):
            raise NotStored(f"{name} version {version}")
        return versions[version - 1][1]

    async def changes(self) -> AsyncIterator[str]:
        told: asyncio.Queue[str] = asyncio.Queue()
        self._listeners.add(told)
        try:
            yield ""
            while True:
                yield await told.get()
        finally:
            self._listeners.discard(told)
