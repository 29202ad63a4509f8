"""How the brokers are reached, and what becomes of what the driver raises."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context

from tidegate.core.kernel.trouble import DependencyFailed

DEPENDENCY: Final = "kafka"
ANSWER_S: Final = 8.0
"""Seconds after which a broker that does not answer is trouble."""

METADATA_AGE_MS_MAX: Final = 30_000
"""A partition that was added is seen after this time at the latest."""

_REQUEST_MS: Final = 10_000
"""Longer than a group waits for its members, for that is how long one request to join may take."""

_STOP_S: Final = 3.0


class Stoppable(Protocol):
    """Anything of the driver's that is opened and closed."""

    async def stop(self) -> None:
        """Close it, with what that needs of the brokers."""


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """Where the brokers are (``host:port`` with commas between) and who we are to them."""

    bootstrap: str
    client: str = "tidegate"
    security_protocol: str = "PLAINTEXT"
    ssl_ca_file: Path | None = None
    sasl_mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def arguments(self) -> Mapping[str, Any]:
        """Give what every client of the driver is made with.

        Raises:
            OSError: the file of the authority cannot be read.
        """
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "client_id": self.client,
            "request_timeout_ms": _REQUEST_MS,
            "metadata_max_age_ms": METADATA_AGE_MS_MAX,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol in {"SSL", "SASL_SSL"}:
            authority = None if self.ssl_ca_file is None else str(self.ssl_ca_file)
            arguments["ssl_context"] = create_ssl_context(cafile=authority)
        if self.security_protocol.startswith("SASL"):
            arguments |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return arguments


@contextmanager
def dependency() -> Iterator[None]:
    """Turn what the driver or the network raises inside the block into ``DependencyFailed``."""
    try:
        yield
    except (KafkaError, OSError) as fault:
        # a timeout is an OSError too, and says nothing
        raise DependencyFailed(DEPENDENCY, f"{type(fault).__name__}: {fault}".rstrip(": ")) from fault


async def stop(client: Stoppable) -> None:
    """Close a client of the driver, not waiting long for brokers that do not answer."""
    stopping = asyncio.ensure_future(client.stop())
    with suppress(KafkaError, OSError):
        async with asyncio.timeout(_STOP_S):
            await stopping
