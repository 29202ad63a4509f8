"""A network that can be cut, stalled and slowed: stands between clients and a server on loopback."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

ANSWER_S_MAX: Final = 30.0
_CHUNK_BYTES: Final = 65_536


class Proxy:
    """Hands connections on, until it is told otherwise; runs on a loop of its own, so any test may use it.

    Attributes:
        port: where it listens, the same each time.
    """

    def __init__(self) -> None:
        self.port = 0
        self._target = 0
        self._delay_s = 0.0
        self._passing = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @classmethod
    def start(cls, target: int = 0) -> Self:
        """Listen; ``target`` is the server's port on loopback, 0 while it is not known yet."""
        started = cls()
        started._target = target
        started._thread.start()
        started.heal()
        return started

    def hand_on_to(self, target: int) -> None:
        """Name the server's port; connections that stand are not moved."""
        self._target = target

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._do(self._cut())

    def stall(self) -> None:
        """Let connections stand, take new ones too, and pass not a byte on; none is lost."""
        self._loop.call_soon_threadsafe(self._passing.clear)

    def delay(self, ms: int) -> None:
        """Hold what comes, either way, for ``ms`` milliseconds before it is passed on."""
        self._delay_s = ms / 1_000

    def heal(self) -> None:
        """Pass everything on again, at once."""
        self._delay_s = 0.0
        self._do(self._heal())

    def stop(self) -> None:
        """Break every connection and end."""
        self._do(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_S_MAX)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_S_MAX)

    async def _heal(self) -> None:
        self._passing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._link, "127.0.0.1", self.port)
            self.port = int(self._server.sockets[0].getsockname()[1])

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._links:
            _break(writer)
        # What was held back has nowhere to go: the tasks have to see that before they may pass on again.
        self._passing.set()
        own = asyncio.current_task()
        await asyncio.gather(*(each for each in asyncio.all_tasks() if each is not own), return_exceptions=True)

    async def _link(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _break(to_client)
            return
        ends = {to_client, to_server}
        self._links |= ends
        try:
            await asyncio.gather(self._pass(from_client, to_server), self._pass(from_server, to_client))
        finally:
            for writer in ends:
                writer.close()
            self._links -= ends

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                await asyncio.sleep(self._delay_s)
                await self._passing.wait()
                writer.write(chunk)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()


def _break(writer: asyncio.StreamWriter) -> None:
    """End a connection as a crash does: by a reset, dropping what is on its way."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
