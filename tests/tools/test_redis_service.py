"""The Redis of tests: its own port, nothing kept, and it can hang, die and come back."""

import contextlib
import socket
from collections.abc import Iterator

import psutil
import pytest

from services.redis import Redis

pytestmark = pytest.mark.servers

ANSWER_S_MAX = 5.0
SILENCE_S = 0.2


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis.start() as server:
        yield server


def ask(server: Redis, line: str, *, within_s: float = ANSWER_S_MAX) -> str:
    with socket.create_connection(("127.0.0.1", server.port), timeout=within_s) as asking:
        asking.sendall(f"{line}\r\n".encode())
        return asking.recv(1_024).decode()


def test_redis_killed_comes_back_empty_on_its_port(redis: Redis) -> None:
    """RE-250: a killed Redis is gone, and the one that comes back on its port has lost everything."""
    assert ask(redis, "SET place here") == "+OK\r\n"
    redis.kill()
    with pytest.raises(ConnectionRefusedError):
        ask(redis, "PING")
    redis.restart()
    assert ask(redis, "GET place") == "$-1\r\n"


def test_redis_paused_takes_connections_and_answers_when_resumed(redis: Redis) -> None:
    """RE-250: a paused Redis hangs without refusing, and still holds what it held when it goes on."""
    ask(redis, "SET place here")
    redis.pause()
    with pytest.raises(TimeoutError):
        ask(redis, "GET place", within_s=SILENCE_S)
    redis.resume()
    assert "here" in ask(redis, "GET place")


def test_redis_stopped_leaves_no_process_and_no_folder(redis: Redis) -> None:
    """RE-250: nothing is left of a server that was stopped, also of one that hangs."""
    redis.pause()
    redis.stop()
    assert not psutil.pid_exists(redis.daemon.pid)
    assert not redis.daemon.log.parent.exists()
    with contextlib.closing(socket.socket()) as asking:
        assert asking.connect_ex(("127.0.0.1", redis.port)) != 0
