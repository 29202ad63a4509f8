"""What the areas of the settings share: how they are read, kinds of values, and what counts as this machine."""

import ipaddress
from decimal import Decimal
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field

FROZEN: Final = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
"""How every area is read: unknown names refused, nothing changed afterwards."""

Percent = Annotated[Decimal, Field(ge=0, lt=100)]
Milliseconds = Annotated[int, Field(ge=0, le=86_400_000)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


def _with_a_host(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "unix" and (parts.hostname is None or parts.port == 0):
        raise ValueError("names no host, or port 0")
    return url


Url = Annotated[str, AfterValidator(_with_a_host)]
"""A URL that names a host (or a socket's file), with a port that is one."""


def is_loopback(host: str) -> bool:
    """Tell whether a host, by name or address and without brackets, is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """Tell whether a URL leads to this machine alone; one that cannot be read does not."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    return host is not None and is_loopback(host)
