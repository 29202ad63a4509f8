"""What ``tidegate doctor`` finds: settings that are right in form and wrong in this place."""

from tidegate.bootstrap.stores import open_stores
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.settings import Profile, Settings

_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


async def diagnose(settings: Settings) -> list[str]:
    """Try everything that settings choose; give what is wrong, in words."""
    try:
        async with open_stores(settings) as stores, stores.pool.connection() as connection:
            held = {name: await connection.fetchval(f"SHOW {name}") for name in _DURABLE}
    except (DependencyFailed, OSError) as trouble:
        return [str(trouble)]
    faults = [
        f"PostgreSQL has {name} {held[name]}: decisions that were answered could be lost"
        for name, wanted in _DURABLE.items()
        if held[name] != wanted
    ]
    return faults if settings.profile is Profile.PROD or faults else []
