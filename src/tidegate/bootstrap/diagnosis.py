"""What ``tidegate doctor`` finds: settings that are right in form and wrong in this place."""

import asyncio
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from tidegate.bootstrap.providers import provider_faults
from tidegate.bootstrap.stores import open_stores
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.settings import Settings

REACH_S: Final = 3.0
"""What a server is given to take a connection."""


class _Server(NamedTuple):
    """A server, and the setting that leads to it."""

    setting: str
    host: str
    port: int


_PORTS: Final = {"redis": 6379, "rediss": 6379, "http": 80, "https": 443}


async def diagnose(settings: Settings) -> list[str]:
    """Try everything that settings choose; give what is wrong, in words."""
    unreached = await asyncio.gather(*(_unreached(server) for server in _servers(settings)))
    faults = [*provider_faults(settings), *(fault for fault in unreached if fault is not None)]
    try:
        async with open_stores(settings) as stores:
            return [*faults, *await stores.pool.durability_faults()]
    except (DependencyFailed, OSError) as trouble:
        return [*faults, str(trouble)]


def _servers(settings: Settings) -> Iterator[_Server]:
    """Give the servers that settings name, but the database, which is opened."""
    for name, url in (
        ("redis.url", settings.redis.url),
        ("schema_registry.url", settings.schema_registry.url),
        ("tracing.otlp_endpoint", settings.tracing.otlp_endpoint),
    ):
        address = urlsplit(url or "")
        if address.hostname is not None:
            yield _Server(name, address.hostname, address.port or _PORTS[address.scheme])
    for name, addresses in (
        ("kafka.bootstrap", settings.kafka.bootstrap),
        ("wallet.grpc", settings.wallet.grpc),
        ("position.grpc", settings.position.grpc),
        ("metadata.grpc", settings.metadata.grpc),
    ):
        for text in (addresses or "").split(","):
            host, _, port = text.rpartition(":")
            if host:
                yield _Server(name, host.strip("[]"), int(port))


async def _unreached(server: _Server) -> str | None:
    """Say that a server takes no connection; whether it then speaks as it should is seen on ``/readyz``."""
    try:
        async with asyncio.timeout(REACH_S):
            _, writer = await asyncio.open_connection(server.host, server.port)
    except (OSError, TimeoutError) as trouble:
        reason = str(trouble) or f"no connection within {REACH_S:g} s"
        return f"{server.setting}: {server.host}:{server.port} is not reached: {reason}"
    writer.close()
    return None
