"""The issuer's keys, discovered (OpenID Connect Discovery 1.0) and kept fresh. Implements ``SigningKeys``."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

import aiohttp

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.identity.endpoints import (
    FetchFailed,
    UnfitAddress,
    checked_address,
    fetch_document,
    session,
)
from tidegate.outbound.identity.verification import UnreadableKeys, VerificationKey, verification_keys

UNKNOWN_KID_GAP_MS: Final = 10_000
"""Between two fetches that unknown key ids cause."""

RETRY_GAP_MS: Final = 10_000
"""Between two attempts to refresh keys that are held."""

FIRST_GAP_MS: Final = 1_000
"""Between two attempts while no keys were ever had."""

REFRESH_AGE_MS: Final = 300_000
"""Keys as old as this are refreshed behind the scenes; until then a key that was dropped is still taken."""

KEYS_AGE_MS_MAX: Final = 540_000
"""Keys as old as this are taken only after an attempt to refresh them: 9 min, so that 10 min hold with a fetch."""

assert REFRESH_AGE_MS + RETRY_GAP_MS < KEYS_AGE_MS_MAX


class IssuerKeys:
    """Keys of one issuer; ``close`` ends the connections.

    Fetches are single-flight. A fetch that fails changes nothing: keys are kept until the issuer says otherwise.
    """

    def __init__(self, issuer: str, client: aiohttp.ClientSession, *, monotonic_ms: Callable[[], int]) -> None:
        self._issuer = issuer
        self._client = client
        self._monotonic_ms = monotonic_ms
        self._keys: Mapping[str, tuple[VerificationKey, ...]] = {}
        self._jwks_address: str | None = None
        self._fetch: asyncio.Task[None] | None = None
        self._fetched_ms: int | None = None
        self._attempted_ms: int | None = None
        self._unknown_asked_ms: int | None = None
        self._failure = "was not asked yet"
        # The issuer did not answer when last asked: what is held is served without waiting for it again.
        self._refused = False

    @classmethod
    def open(cls, issuer: str, *, monotonic_ms: Callable[[], int] | None = None) -> "IssuerKeys":
        """Open the client for an issuer; inside a running loop.

        Raises:
            UnfitAddress: the issuer is neither https nor on loopback.
        """
        checked_address(issuer)
        return cls(issuer, session(), monotonic_ms=monotonic_ms or _monotonic_ms)

    async def close(self) -> None:
        """Stop a fetch that runs and close the connections."""
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.gather(self._fetch, return_exceptions=True)
        await self._client.close()

    async def of(self, kid: str) -> tuple[VerificationKey, ...]:
        if self._fetched_ms is None:
            await self._first_fetch()
            if not self._keys.get(kid):
                self._unknown_asked_ms = self._monotonic_ms()
            return self._keys.get(kid, ())
        if kid not in self._keys:
            return await self._of_unknown(kid)
        age_ms = self._monotonic_ms() - self._fetched_ms
        if age_ms >= REFRESH_AGE_MS:
            self._begin(RETRY_GAP_MS)
            if age_ms >= KEYS_AGE_MS_MAX and not self._refused:
                await self._fetch_ends()
        return self._keys.get(kid, ())

    async def probe(self) -> str | None:
        """Tell why tokens cannot be verified at the moment; ``None`` when they can. Asks the issuer if need be."""
        try:
            if self._fetched_ms is None:
                await self._first_fetch()
        except DependencyFailed as failure:
            return failure.reason
        return None

    async def _first_fetch(self) -> None:
        self._begin(FIRST_GAP_MS)
        await self._fetch_ends()
        if self._fetched_ms is None:
            raise DependencyFailed("issuer", self._failure, retry_after_ms=FIRST_GAP_MS)

    async def _of_unknown(self, kid: str) -> tuple[VerificationKey, ...]:
        now_ms = self._monotonic_ms()
        if self._unknown_asked_ms is None or now_ms - self._unknown_asked_ms >= UNKNOWN_KID_GAP_MS:
            self._unknown_asked_ms = now_ms
            self._begin(0)
        await self._fetch_ends()
        return self._keys.get(kid, ())

    def _begin(self, gap_ms: int) -> None:
        now_ms = self._monotonic_ms()
        if self._fetch is None and (self._attempted_ms is None or now_ms - self._attempted_ms >= gap_ms):
            self._attempted_ms = now_ms
            self._fetch = asyncio.create_task(self._refresh())

    async def _fetch_ends(self) -> None:
        if self._fetch is not None:
            # A caller that gives up does not end the fetch for the others.
            await asyncio.shield(self._fetch)

    async def _refresh(self) -> None:
        try:
            self._keys = await self._published()
            self._fetched_ms = self._monotonic_ms()
            self._refused = False
        except (FetchFailed, UnfitAddress, UnreadableKeys) as failure:
            self._failure = str(failure)
            self._refused = True
            self._jwks_address = None
        finally:
            self._fetch = None

    async def _published(self) -> Mapping[str, tuple[VerificationKey, ...]]:
        if self._jwks_address is None:
            address = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            document = await fetch_document(self._client, address)
            jwks_address = document.get("jwks_uri")
            if document.get("issuer") != self._issuer or not isinstance(jwks_address, str):
                raise FetchFailed(f"{address} is not the discovery document of {self._issuer}")
            self._jwks_address = checked_address(jwks_address)
        return verification_keys(await fetch_document(self._client, self._jwks_address), self._keys)


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
