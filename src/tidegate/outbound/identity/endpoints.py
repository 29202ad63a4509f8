"""Asking the issuer: which addresses may be asked, and how one JSON document is fetched from it, within bounds."""

import json
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import aiohttp

DOCUMENT_BYTES_MAX: Final = 524_288
"""Bytes of a discovery document or a JWKS (at the bound passes)."""

CONNECT_TIMEOUT_S: Final = 2
TOTAL_TIMEOUT_S: Final = 5

_CHUNK_BYTES: Final = 65_536


class UnfitAddress(ValueError):
    """An address that must not be asked for keys."""


class FetchFailed(Exception):
    """The issuer did not give a readable document; the message says what it did instead."""


def checked_address(address: str) -> str:
    """Give the address back when it may be asked: https, or http on loopback; no user, no fragment.

    Raises:
        UnfitAddress: any other.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UnfitAddress(f"{address} is no address") from None
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise UnfitAddress(f"{address} must have a host, and no user or fragment")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return address
    raise UnfitAddress(f"{address} must be https (http is taken on loopback only)")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def session() -> aiohttp.ClientSession:
    """Open the client: 5 s a fetch in all, no proxy from the environment, no cookies, no decompression."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=TOTAL_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
    )


async def fetch_document(client: aiohttp.ClientSession, address: str) -> Mapping[str, object]:
    """Fetch a JSON object of at most 512 KiB; redirects are not followed.

    Raises:
        FetchFailed: no answer in time, another status than 200, too large, or not a JSON object.
    """
    try:
        async with client.get(address, allow_redirects=False) as response:
            if response.status != 200:
                raise FetchFailed(f"{address} answered {response.status}")
            content = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                content += chunk
                if len(content) > DOCUMENT_BYTES_MAX:
                    raise FetchFailed(f"{address} answered more than {DOCUMENT_BYTES_MAX} bytes")
    except TimeoutError:
        raise FetchFailed(f"{address} did not answer within {TOTAL_TIMEOUT_S} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as failure:
        raise FetchFailed(f"{address} cannot be asked: {type(failure).__name__}") from failure
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise FetchFailed(f"{address} did not answer with JSON") from None
    if not isinstance(document, Mapping):
        raise FetchFailed(f"{address} did not answer with a JSON object")
    return document
