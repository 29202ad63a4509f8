"""Tells replicas which areas of configuration changed, by LISTEN and NOTIFY."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Final

from tidegate.outbound.postgres.configuration_area import CHANNEL
from tidegate.outbound.postgres.notices import notices
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.configuration_watch import Area

_VERSIONS: Final = "SELECT area, version FROM configuration_versions"


class PostgresConfigurationWatch:
    """``ConfigurationWatch`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def versions(self) -> Mapping[Area, int]:
        async with self._pool.connection() as connection:
            return {Area(row["area"]): row["version"] for row in await connection.fetch(_VERSIONS)}

    async def changes(self) -> AsyncIterator[Area]:
        async with aclosing(notices(self._pool, CHANNEL)) as listening:
            async for notice in listening:
                for area in (Area(notice),) if notice else Area:
                    yield area
