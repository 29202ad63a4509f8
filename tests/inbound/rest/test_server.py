"""The HTTP server inside a loop that is somebody else's, over a real socket."""

import asyncio
import signal

import aiohttp
import pytest
from starlette.types import Receive, Scope, Send
from tests.inbound.rest.admin import Admin, headers_for
from tests.inbound.shared.tokens import NOW_S

from tidegate.demo.issuer import TinyIssuer, TokenWish
from tidegate.inbound.rest.server import AdminServer, listen
from tidegate.inbound.shared.token_guard import TokenGuard
from tidegate.outbound.identity.issuer_keys import IssuerKeys


async def test_port_0_takes_a_free_port_and_says_which(admin: Admin) -> None:
    """PL-106: what is reported is what answers."""
    server = await AdminServer.start(admin.app, listener=listen("127.0.0.1", 0))
    host, port = server.address
    async with (
        aiohttp.ClientSession(headers=headers_for("RISK_AUDITOR")) as client,
        client.get(f"http://{host}:{port}/v1/risk-profiles") as answer,
    ):
        assert answer.status == 200
        assert "server" not in answer.headers
        assert len((await answer.json())["items"]) == 1
    await server.stop()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(host, port)


async def test_an_address_in_use_is_an_os_error(admin: Admin) -> None:
    """Whoever starts the server is told; nothing is left behind."""
    server = await AdminServer.start(admin.app, listener=listen("127.0.0.1", 0))
    with pytest.raises(OSError, match="in use"):
        listen(*server.address)
    await server.stop()
    await server.ended()


async def test_signals_stay_with_the_process(admin: Admin) -> None:
    """SIGTERM belongs to bootstrap, which drains everything in its order."""
    before = signal.getsignal(signal.SIGTERM)
    server = await AdminServer.start(admin.app, listener=listen("127.0.0.1", 0))
    assert signal.getsignal(signal.SIGTERM) is before
    await server.stop()


async def test_stop_lets_a_request_in_flight_end() -> None:
    """PL-107: draining answers what was asked."""
    asked, answered = asyncio.Event(), asyncio.Event()

    # tidy: allow-keyword-only - the signature is ASGI's
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await answered.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    server = await AdminServer.start(slow, listener=listen("127.0.0.1", 0))
    reader, writer = await asyncio.open_connection(*server.address)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    await asked.wait()
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    answered.set()
    assert b"done" in await reader.read()
    await stopping
    writer.close()
    await writer.wait_closed()


async def test_one_process_issues_its_own_tokens_and_takes_them(admin: Admin) -> None:
    """PL-110: server, mounted issuer, discovery and guard as the demo wires them, over real sockets on a free port."""
    listener = listen("127.0.0.1", 0)
    iss = f"http://127.0.0.1:{listener.getsockname()[1]}/issuer"
    issuer = TinyIssuer.start(iss, profile="demo")
    keys = IssuerKeys.open(iss)
    guard = TokenGuard(keys, admin.clock, issuer=iss, audience="tidegate")
    served = Admin(guard=guard, mounts={"/issuer": issuer.app()}, probes={"issuer": keys.probe})
    server = await AdminServer.start(served.app, listener=listener)
    base = iss.removesuffix("/issuer")
    async with aiohttp.ClientSession() as client:
        for role, status in (("RISK_AUDITOR", 200), ("RISK_TRADER_GATE", 403)):
            for algorithm in ("RS256", "ES256"):
                token = issuer.token(TokenWish((role,), NOW_S), algorithm=algorithm)
                headers = {"Authorization": f"Bearer {token}"}
                async with client.get(f"{base}/v1/trading-state", headers=headers) as answer:
                    assert answer.status == status
        foreign = TinyIssuer.start(iss, profile="demo").token(TokenWish(("RISK_ADMIN",), NOW_S))
        async with client.get(f"{base}/v1/trading-state", headers={"Authorization": f"Bearer {foreign}"}) as answer:
            assert answer.status == 401
        async with client.get(f"{base}/readyz") as answer:
            assert (await answer.json())["checks"] == {"issuer": "ready"}
    await keys.close()
    await server.stop()
