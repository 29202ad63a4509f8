"""Areas of configuration and their versions.

Every write takes the row lock of its area first. So the commits of one area stand in line, versions have no holes and
become visible in order, and a replica that loads what changed after a version never misses any.
"""

from typing import Final

from tidegate.outbound.postgres.pool import Connection
from tidegate.ports.configuration_watch import Area
from tidegate.ports.stored import VersionMoved

CHANNEL: Final = "tidegate_configuration"

_LOCK: Final = "SELECT version FROM configuration_versions WHERE area = $1 FOR UPDATE"
_READ: Final = "SELECT version FROM configuration_versions WHERE area = $1"
_PUBLISH: Final = """
WITH published AS (UPDATE configuration_versions SET version = $2 WHERE area = $1 RETURNING area)
SELECT pg_notify($3, area) FROM published
"""


async def lock_area(connection: Connection, area: Area) -> int:
    """Take the area for this transaction and give the version that a write in it publishes."""
    return int(await connection.fetchval(_LOCK, area)) + 1


async def publish_area(connection: Connection, area: Area, *, version: int) -> None:
    """Publish a version with the transaction; the replicas are told when it is committed."""
    await connection.execute(_PUBLISH, area, version, CHANNEL)


async def area_version(connection: Connection, area: Area) -> int:
    """Give the published version of an area; 0 when nothing was ever written."""
    return int(await connection.fetchval(_READ, area))


def require_version(current: int, *, seen: int | None) -> None:
    """Refuse a write to a row that is not at the version its writer saw; ``None`` takes any.

    Raises:
        VersionMoved: it is at another one.
    """
    if seen is not None and seen != current:
        raise VersionMoved(current)
