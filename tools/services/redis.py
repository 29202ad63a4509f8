"""Redis, for real: one server of Debian's on a free port, which keeps nothing."""

import contextlib
import socket
from typing import Final, Self

from services.daemon import free_ports
from services.debian import require_programs
from services.places import run_folder
from services.restartable import Plan, Restartable

READY_S_MAX: Final = 30.0
"""On a quiet machine it takes 30 ms."""

_ASK_S_MAX: Final = 1.0


class Redis(Restartable):
    """A running Redis. What it held is gone after ``kill`` or ``restart``: it writes no snapshot and no log."""

    @classmethod
    def start(cls) -> Self:
        """Have it installed if need be, start it, and wait until it answers.

        Raises:
            ServerMissing: it cannot be had, or did not start.
        """
        require_programs({"redis-server": "redis-server"})
        folder, (port,) = run_folder("redis"), free_ports(1)
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        plan = Plan(command, folder, port=port, ready=lambda: _answers(port), ready_s_max=READY_S_MAX)
        return cls(plan, url=f"redis://127.0.0.1:{port}/0")


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=_ASK_S_MAX) as asking:
        asking.sendall(b"PING\r\n")
        return asking.recv(64).startswith(b"+PONG")
    return False
