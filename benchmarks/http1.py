"""An HTTP/1.1 client that costs little: requests written whole, answers parsed by httptools, one at a time."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

import httptools
from typing_extensions import override

Answered = Callable[["HttpConnection", int, bytes], None]
"""Told of an answer: the connection it came on, its status and its body."""

_CLOSED: Final = 0


class HttpConnection(asyncio.Protocol):
    """One connection that carries one request at a time; a connection that breaks answers with status 0."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._transport: asyncio.WriteTransport | None = None
        self._parser: Any = None
        self._body = bytearray()
        self._waits = False

    def send(self, request: bytes) -> None:
        """Send a request; the former one has been answered."""
        assert self._transport is not None, "connected"
        self._waits = True
        self._transport.write(request)

    def close(self) -> None:
        """Close the connection."""
        self._waits = False
        if self._transport is not None:
            self._transport.close()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's are no subclass
        self._parser = httptools.HttpResponseParser(self)

    @override
    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._waits:
            self._waits = False
            self._answered(self, _CLOSED, b"")

    def on_message_begin(self) -> None:
        """Begin an answer (called by the parser)."""
        self._body.clear()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body (called by the parser)."""
        self._body += body

    def on_message_complete(self) -> None:
        """Tell the answer (called by the parser)."""
        self._waits = False
        status, body = self._parser.get_status_code(), bytes(self._body)
        self._parser = httptools.HttpResponseParser(self)
        asyncio.get_running_loop().call_soon(self._answered, self, status, body)


def post(path: str, body: bytes, *, host: str, token: str) -> bytes:
    """Write a request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
