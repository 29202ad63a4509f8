"""The HTTP server, inside a loop that is somebody else's: no signals taken, no logging set up, no lifespan."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Final

from starlette.types import ASGIApp
from typing_extensions import override
from uvicorn import Config, Server

KEEP_ALIVE_S: Final = 30
DRAIN_S: Final = 5
"""What ``stop`` gives to requests in flight before their connections are closed."""

BACKLOG: Final = 1_024


class AdminServer:
    """One HTTP server on one address; ``start`` makes it."""

    def __init__(self, server: "_EmbeddedServer", serving: asyncio.Task[None], *, address: tuple[str, int]) -> None:
        self._server = server
        self._serving = serving
        self.address = address
        """Address and port that it listens on; the port is the one taken when 0 was asked for."""

    @classmethod
    async def start(cls, app: ASGIApp, *, listener: socket.socket) -> "AdminServer":
        """Serve on a socket of ``listen``, which is the server's from here on; returns when connections are taken.

        Raises:
            RuntimeError: the server ended before it began.
        """
        host, port = listener.getsockname()[:2]
        server = _EmbeddedServer(_configuration(app))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        begun = asyncio.create_task(server.begun.wait())
        await asyncio.wait({serving, begun}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            begun.cancel()
            listener.close()
            await serving
            raise RuntimeError("the HTTP server ended before it began")
        return cls(server, serving, address=(host, port))

    def stop_accepting(self) -> None:
        """Take no more connections; those there are go on. What the socket still holds is another process's."""
        for server in self._server.servers:
            server.close()

    async def stop(self) -> None:
        """Take no more connections, let what is in flight end within 5 s, and close."""
        self._server.should_exit = True
        await self._serving

    async def ended(self) -> None:
        """Wait until the server has ended, by ``stop`` or by a defect, which is raised."""
        await asyncio.shield(self._serving)


def listen(host: str, port: int) -> socket.socket:
    """Bind an address; port 0 takes a free one, which ``getsockname`` tells before anything is served.

    Raises:
        OSError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return _as_tcp(socket.create_server((host.strip("[]"), port), family=family, backlog=BACKLOG))


def bind_shared(host: str, port: int) -> socket.socket:
    """Bind an address that other processes of this user may bind too (SO_REUSEPORT); nothing is taken on it yet.

    Raises:
        OSError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host.strip("[]"), port))
    except OSError:
        bound.close()
        raise
    return bound


def inherited(descriptor: int) -> socket.socket:
    """Take over a bound socket from the process that started this one.

    Raises:
        OSError: it is no socket.
    """
    return _as_tcp(socket.socket(fileno=descriptor))


def _as_tcp(made: socket.socket) -> socket.socket:
    # asyncio sends at once (TCP_NODELAY) only on what says that it is TCP; a reply in two parts else waits 40 ms.
    listener = socket.socket(made.family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=made.detach())
    listener.setblocking(False)
    return listener


class _EmbeddedServer(Server):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.begun = asyncio.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.begun.set()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _configuration(app: ASGIApp) -> Config:
    return Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
