"""How a provider is told who asks. Secrets stay in here: they appear in no fault and no representation."""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Protocol
from urllib.parse import quote, urlencode

from tidegate.core.assessment.outside import CallStatus
from tidegate.outbound.providers.exchange import AttemptFailed, Fault, document_of
from tidegate.outbound.providers.transport import HttpTransport

EXPIRY_LEEWAY_MS: Final = 30_000
"""A token is not used in the last half minute of its life (of a shorter life: in its last half)."""

LIFE_MS_DEFAULT: Final = 60_000
"""Of a token whose answer names no ``expires_in`` (RFC 6749 section 5.1 leaves it open)."""

LIFE_S_MAX: Final = 86_400


class Credentials(Protocol):
    """What a request carries to say who asks."""

    async def headers(self) -> Mapping[str, str]:
        """Give the headers. Raises AttemptFailed when they cannot be had."""

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Take note that the provider answered 401 to them; tell whether others are to be had."""

    async def close(self) -> None:
        """End the connections."""


@dataclass(frozen=True, slots=True)
class FixedCredentials:
    """Headers that never change: none, Basic (RFC 7617) or a bearer token (RFC 6750)."""

    fixed: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def basic(cls, username: str, password: str) -> "FixedCredentials":
        """Say who asks by user name and password."""
        return cls({"Authorization": _basic(username, password)})

    @classmethod
    def bearer(cls, token: str) -> "FixedCredentials":
        """Say who asks by a token that was handed out once."""
        return cls({"Authorization": f"Bearer {token}"})

    async def headers(self) -> Mapping[str, str]:
        return self.fixed

    def refused(self, headers: Mapping[str, str]) -> bool:  # noqa: ARG002 - the port's signature; there are no others
        return False

    async def close(self) -> None:
        """Hold nothing."""


@dataclass(frozen=True, slots=True)
class ClientGrant:
    """What a token endpoint is asked with (RFC 6749 section 4.4): ``path`` under the endpoint's base URL."""

    path: str
    client_id: str
    secret: str = field(repr=False)
    scope: str = ""
    audience: str = ""


class ClientCredentials:
    """Bearer tokens by client credentials, kept until they expire; one fetch at a time, whoever waits for it."""

    def __init__(self, grant: ClientGrant, transport: HttpTransport, *, monotonic_ms: Callable[[], int]) -> None:
        self._grant = grant
        self._transport = transport
        self._monotonic_ms = monotonic_ms
        self._token: str | None = None
        self._until_ms = 0
        self._fetch: asyncio.Task[str] | None = None

    async def headers(self) -> Mapping[str, str]:
        token = self._token
        if token is None or self._monotonic_ms() >= self._until_ms:
            token = await self._fetched()
        return {"Authorization": f"Bearer {token}"}

    def refused(self, headers: Mapping[str, str]) -> bool:
        if self._token is not None and headers.get("Authorization") == f"Bearer {self._token}":
            self._token = None
        return True

    async def close(self) -> None:
        """Stop a fetch that runs and end the connections."""
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.wait({self._fetch})
        await self._transport.close()

    async def _fetched(self) -> str:
        if self._fetch is None:
            self._fetch = asyncio.create_task(self._ask())
            self._fetch.add_done_callback(self._ended)
        # wait() leaves the fetch alone when this caller is cancelled: others may wait for it too.
        fetch = self._fetch
        await asyncio.wait({fetch})
        if fetch.cancelled():
            raise AttemptFailed(Fault("no token: closing", blames_provider=False))
        return fetch.result()

    def _ended(self, fetch: asyncio.Task[str]) -> None:
        self._fetch = None
        if not fetch.cancelled():
            fetch.exception()  # seen, even when nobody waits any more

    async def _ask(self) -> str:
        form = {"grant_type": "client_credentials"}
        form |= {"scope": self._grant.scope} if self._grant.scope else {}
        form |= {"audience": self._grant.audience} if self._grant.audience else {}
        # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
        who = {"Authorization": _basic(quote(self._grant.client_id, safe=""), quote(self._grant.secret, safe=""))}
        timeout_ms = self._transport.policy.timeout_ms
        try:
            async with asyncio.timeout(timeout_ms / 1_000):
                reply = await self._transport.send_form(self._grant.path, urlencode(form), headers=who)
            document = document_of(reply)
        except TimeoutError:
            words = f"no token: the token endpoint did not answer within {timeout_ms} ms"
            raise AttemptFailed(Fault(words, status=CallStatus.TIMEOUT)) from None
        except AttemptFailed as failure:
            words = f"no token: the token endpoint {failure.fault.words}"
            raise AttemptFailed(replace(failure.fault, words=words, chargeable=False, raw=None)) from failure
        token, life_ms = _granted(document)
        self._token = token
        self._until_ms = self._monotonic_ms() + life_ms - min(EXPIRY_LEEWAY_MS, life_ms // 2)
        return token


def _granted(document: object) -> tuple[str, int]:
    """Read a token answer: the token and its life in milliseconds."""
    if isinstance(document, Mapping):
        token, kind, life_s = (document.get(name) for name in ("access_token", "token_type", "expires_in"))
        fit = isinstance(token, str) and token.isascii() and token.isprintable() and " " not in token and token
        if fit and isinstance(token, str) and isinstance(kind, str) and kind.lower() == "bearer":
            if life_s is None:
                return token, LIFE_MS_DEFAULT
            if isinstance(life_s, Decimal) and life_s > 0:
                return token, int(min(life_s, Decimal(LIFE_S_MAX)) * 1_000)
    raise AttemptFailed(Fault("no token: the token endpoint answered with another schema"))


def _basic(username: str, password: str) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()
