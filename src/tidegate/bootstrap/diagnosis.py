"""What ``tidegate doctor`` finds: settings that are right in form and wrong in this place."""

from tidegate.bootstrap.providers import provider_faults
from tidegate.bootstrap.stores import open_stores
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.settings import Settings


async def diagnose(settings: Settings) -> list[str]:
    """Try everything that settings choose; give what is wrong, in words."""
    faults = provider_faults(settings)
    try:
        async with open_stores(settings) as stores:
            return [*faults, *await stores.pool.durability_faults()]
    except (DependencyFailed, OSError) as trouble:
        return [*faults, str(trouble)]
