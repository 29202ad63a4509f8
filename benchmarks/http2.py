"""A lean gRPC client for load: just enough HTTP/2 to keep a server core busy from another core.

A stock Python client costs more CPU a call than the server it is to load. This one writes frames whose headers are
prepared once, reads frames without looking at their headers, and knows unary calls alone. A call that ends without a
message has failed.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import Final, cast

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _END_HEADERS, _ACK = 0x1, 0x4, 0x1
_WINDOW_MAX: Final = (1 << 31) - 1
_WINDOW_DEFAULT: Final = 65_535
_HEADER_BYTES: Final = 9
_MESSAGE_PREFIX: Final = struct.Struct(">BI")

Answered = Callable[[int, bytes | None], None]
"""Told of each call that ended: the number it was given, and its message; ``None`` when it failed."""


def frame(kind: int, flags: int, *, stream: int, payload: bytes) -> bytes:
    """Write one frame."""
    return struct.pack(">I", len(payload) << 8 | kind) + struct.pack(">BI", flags, stream) + payload


def _literal(text: bytes) -> bytes:
    assert len(text) < 127, "longer texts need more than one length byte"
    return bytes([len(text)]) + text


def _header_blocks(path: str, authority: str) -> tuple[bytes, bytes]:
    """The headers of the first call, which the server is to remember, and those of every later one."""
    fixed = b"\x83\x86"  # :method POST, :scheme http
    first = (
        b"\x44" + _literal(path.encode())
        + b"\x41" + _literal(authority.encode())
        + b"\x5f" + _literal(b"application/grpc")
        + b"\x40" + _literal(b"te") + _literal(b"trailers")
    )  # fmt: skip
    return fixed + first, fixed + b"\xc1\xc0\xbf\xbe"


class Connection(asyncio.Protocol):
    """One connection to one method of one server."""

    def __init__(self, path: str, authority: str, *, answered: Answered) -> None:
        self._first, self._later = _header_blocks(path, authority)
        self._answered = answered
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._stream = 1
        self._window = _WINDOW_DEFAULT
        self._held: deque[bytes] = deque()
        self._calls: dict[int, int] = {}
        self._messages: dict[int, bytes] = {}
        self.broken = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the server, and let it send all it wants."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from asyncio's
        settings = struct.pack(">HI", 4, _WINDOW_MAX)
        window = struct.pack(">I", _WINDOW_MAX - _WINDOW_DEFAULT)
        self._transport.write(
            PREFACE
            + frame(_SETTINGS, 0, stream=0, payload=settings)
            + frame(_WINDOW, 0, stream=0, payload=window)
        )  # fmt: skip

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the calls that were under way."""
        self.broken = self.broken or f"the connection ended: {exc}"
        for stream in list(self._calls):
            self._end(stream)

    def call(self, number: int, message: bytes) -> None:
        """Send one call."""
        assert self._transport is not None, "connect first"
        stream, self._stream = self._stream, self._stream + 2
        self._calls[stream] = number
        block = self._first if stream == 1 else self._later
        body = _MESSAGE_PREFIX.pack(0, len(message)) + message
        call = frame(_HEADERS, _END_HEADERS, stream=stream, payload=block)
        call += frame(_DATA, _END_STREAM, stream=stream, payload=body)
        if self._held or self._window < len(body):
            self._held.append(call)
        else:
            self._window -= len(body)
            self._transport.write(call)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Read whole frames; keep what is left."""
        buffer = self._buffer + data
        at, end = 0, len(buffer)
        while end - at >= _HEADER_BYTES:
            size = int.from_bytes(buffer[at : at + 3], "big")
            following = at + _HEADER_BYTES + size
            if following > end:
                break
            kind, flags = buffer[at + 3], buffer[at + 4]
            stream = int.from_bytes(buffer[at + 5 : at + 9], "big")
            if kind == _DATA and size:
                self._messages[stream] = self._messages.get(stream, b"") + buffer[at + _HEADER_BYTES : following]
            elif kind not in (_DATA, _HEADERS):
                self._control(kind, flags, stream=stream, payload=buffer[at + _HEADER_BYTES : following])
            if flags & _END_STREAM and kind in (_DATA, _HEADERS):
                self._end(stream)
            at = following
        self._buffer = buffer[at:]

    def _control(self, kind: int, flags: int, *, stream: int, payload: bytes) -> None:
        assert self._transport is not None, "frames arrive on a connection"
        if kind == _SETTINGS and not flags & _ACK:
            self._transport.write(frame(_SETTINGS, _ACK, stream=0, payload=b""))
        elif kind == _PING and not flags & _ACK:
            self._transport.write(frame(_PING, _ACK, stream=0, payload=payload))
        elif kind == _WINDOW and stream == 0:
            self._window += int.from_bytes(payload, "big")
            self._send_held()
        elif kind == _RESET:
            self._messages.pop(stream, None)
            self._end(stream)
        elif kind == _GOAWAY:
            self.broken = f"the server said GOAWAY: {payload[4:].hex()}"

    def _send_held(self) -> None:
        assert self._transport is not None, "frames arrive on a connection"
        while self._held:
            body = len(self._held[0]) - 2 * _HEADER_BYTES - len(self._later)
            if body > self._window:
                return
            self._window -= body
            self._transport.write(self._held.popleft())

    def _end(self, stream: int) -> None:
        number = self._calls.pop(stream, None)
        body = self._messages.pop(stream, None)
        if number is not None:
            self._answered(number, None if body is None else body[_MESSAGE_PREFIX.size :])
