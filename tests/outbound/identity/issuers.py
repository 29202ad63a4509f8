"""A real HTTP issuer on loopback, whose behaviour a test changes while it runs."""

import asyncio
from collections.abc import Mapping

from aiohttp import web
from joserfc.jwk import ECKey

DISCOVERY = "/.well-known/openid-configuration"


class HttpIssuer:
    """Counts what it is asked. ``answer`` replaces both documents with something else; ``gate`` holds answers back."""

    def __init__(self) -> None:
        self.keys: list[Mapping[str, object]] = []
        self.discovery: dict[str, object] = {}
        self.asked = {"discovery": 0, "jwks": 0, "elsewhere": 0}
        self.answer: web.Response | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self._runner: web.AppRunner | None = None
        self.issuer = ""

    async def start(self) -> "HttpIssuer":
        app = web.Application()
        app.router.add_get("/realm" + DISCOVERY, self._discovery)
        app.router.add_get("/realm/jwks", self._jwks)
        app.router.add_get("/elsewhere", self._elsewhere)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.issuer = f"http://127.0.0.1:{port}/realm"
        self.discovery = {"issuer": self.issuer, "jwks_uri": self.issuer + "/jwks"}
        return self

    async def stop(self) -> None:
        assert self._runner is not None
        self.gate.set()
        await self._runner.cleanup()

    async def _discovery(self, _request: web.Request) -> web.StreamResponse:
        self.asked["discovery"] += 1
        await self.gate.wait()
        return self._instead() or web.json_response(self.discovery)

    async def _jwks(self, _request: web.Request) -> web.StreamResponse:
        self.asked["jwks"] += 1
        await self.gate.wait()
        return self._instead() or web.json_response({"keys": self.keys})

    async def _elsewhere(self, _request: web.Request) -> web.StreamResponse:
        self.asked["elsewhere"] += 1
        return web.json_response({**self.discovery, "keys": self.keys})

    def _instead(self) -> web.Response | None:
        if self.answer is None:
            return None
        body = self.answer.body
        assert isinstance(body, bytes)
        return web.Response(status=self.answer.status, body=body, headers=self.answer.headers)


class Ticks:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


def a_jwk(kid: str, **changes: object) -> dict[str, object]:
    """A fresh P-256 key as the issuer publishes it."""
    key = ECKey.generate_key("P-256", {"kid": kid, "alg": "ES256", "use": "sig"})
    return {**key.as_dict(private=False), **changes}
