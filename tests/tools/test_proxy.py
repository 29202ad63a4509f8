"""The network of tests: cut, stalled, slow, and healed again."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from services.daemon import free_ports
from services.proxy import Proxy

ANSWER_S_MAX = 10.0
SILENCE_S = 0.2
DELAY_MS = 50


class Echo(threading.Thread):
    """A server that says what it hears, connection after connection, until it is closed."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._say, args=(connection,), daemon=True).start()

    def _say(self, connection: socket.socket) -> None:
        with connection:
            try:
                while heard := connection.recv(65_536):
                    connection.sendall(heard)
            except OSError:
                return

    def close(self) -> None:
        # close alone would leave accept waiting
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.join(ANSWER_S_MAX)


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    server.start()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy.start(echo.port) as started:
        yield started


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=ANSWER_S_MAX)


def echoed(connection: socket.socket, said: bytes) -> bytes:
    connection.sendall(said)
    heard = b""
    while len(heard) < len(said) and (part := connection.recv(65_536)):
        heard += part
    return heard


def say_and_end(connection: socket.socket, said: bytes) -> None:
    connection.sendall(said)
    connection.shutdown(socket.SHUT_WR)


def test_a_healthy_network_hands_on_every_byte(proxy: Proxy) -> None:
    """RE-253: what is said arrives whole and in order, and an end is handed on as an end."""
    said = bytes(range(256)) * 4_096
    with connected(proxy) as connection:
        speaking = threading.Thread(target=say_and_end, args=(connection, said))
        speaking.start()
        heard = b""
        while part := connection.recv(65_536):
            heard += part
        speaking.join(ANSWER_S_MAX)
    assert heard == said


def test_a_cut_network_breaks_and_refuses_until_it_is_healed(proxy: Proxy) -> None:
    """RE-253: connections break at once, new ones are refused, and after the healing the same port answers."""
    port = proxy.port
    with connected(proxy) as connection:
        assert echoed(connection, b"before") == b"before"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connected(proxy)
    proxy.heal()
    assert proxy.port == port
    with connected(proxy) as connection:
        assert echoed(connection, b"after") == b"after"


def test_a_stalled_network_keeps_what_was_said_and_passes_it_on_when_healed(proxy: Proxy) -> None:
    """RE-253: nothing arrives and nothing breaks while it is stalled; nothing is lost either."""
    with connected(proxy) as connection:
        assert echoed(connection, b"before") == b"before"
        proxy.stall()
        connection.settimeout(SILENCE_S)
        with pytest.raises(TimeoutError):
            echoed(connection, b"held")
        proxy.heal()
        connection.settimeout(ANSWER_S_MAX)
        assert connection.recv(4, socket.MSG_WAITALL) == b"held"


def test_a_slow_network_holds_what_passes_each_way(proxy: Proxy) -> None:
    """RE-253: an answer takes the delay twice, and no longer once it is healed."""
    with connected(proxy) as connection:
        echoed(connection, b"before")
        proxy.delay(DELAY_MS)
        began_ns = time.monotonic_ns()
        assert echoed(connection, b"slow") == b"slow"
        assert (time.monotonic_ns() - began_ns) // 1_000_000 >= 2 * DELAY_MS


def test_a_network_without_a_server_breaks_each_connection(proxy: Proxy) -> None:
    """RE-253: a server that is away is seen as one that breaks off at once."""
    (nobody,) = free_ports(1)
    proxy.hand_on_to(nobody)
    with pytest.raises(ConnectionResetError), connected(proxy) as connection:
        connection.recv(1)
