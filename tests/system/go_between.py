"""Stands between a service and its issuer: an address of its own, a count of what was asked, and a way to be gone."""

from collections import Counter
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from services.daemon import free_ports


class GoBetween:
    """Hands every request on with its Host header, so that the issuer takes this address for its own."""

    def __init__(self, issuer_port: int) -> None:
        self.port = free_ports(1)[0]
        self.asked: Counter[str] = Counter()
        """Requests by the last segment of their path."""
        self._behind = f"http://127.0.0.1:{issuer_port}"
        self._client: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Its own address."""
        return f"http://127.0.0.1:{self.port}"

    def issuer(self, realm: str = "tidegate") -> str:
        """Give the ``iss`` of a realm, as asked here."""
        return f"{self.url}/realms/{realm}"

    async def appear(self) -> None:
        """Take connections, on the same port each time."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._hand_on)
        self._client = aiohttp.ClientSession(auto_decompress=False)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def vanish(self) -> None:
        """Close every connection; from now on nobody listens."""
        if self._runner is not None and self._client is not None:
            await self._runner.cleanup()
            await self._client.close()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.appear()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.vanish()

    async def _hand_on(self, request: web.Request) -> web.Response:
        assert self._client is not None
        self.asked[request.path.rpartition("/")[2]] += 1
        headers = {name: value for name, value in request.headers.items() if name.lower() != "connection"}
        body = await request.read()
        async with self._client.request(
            request.method, self._behind + request.path_qs, headers=headers, data=body, allow_redirects=False
        ) as answer:
            content = {"Content-Type": answer.headers.get("Content-Type", "application/octet-stream")}
            return web.Response(status=answer.status, body=await answer.read(), headers=content)


async def access_token(
    via: str, *, client: str, secret: str, realm: str = "tidegate", kind: str = "access_token"
) -> str:
    """Let Keycloak issue a token for a client's service account, as asked at an address."""
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret, "scope": "openid"}
    address = f"{via}/realms/{realm}/protocol/openid-connect/token"
    async with aiohttp.ClientSession() as session, session.post(address, data=form) as response:
        answer = await response.json()
        assert response.status == 200, answer
        return str(answer[kind])
