"""One server process and its children: in a session of its own, known by what it listens on, ended to the last."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from services.debian import ServerMissing

POLL_S: Final = 0.1


def free_ports(count: int) -> list[int]:
    """Give ports of loopback on which nobody listens now, all different."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return ports


class Daemon:
    """A running server. It does not outlive this process: the kernel then sends it SIGTERM."""

    def __init__(self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = folder / "log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *command],
                cwd=folder,
                env=os.environ | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Its own group, so that a shell and what it started end together.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id, which is also that of its group."""
        return self._process.pid

    def wait_until(self, ready: Callable[[], bool], *, port: int, within_s: float) -> None:
        """Wait until it is ready, and see that it is this server that listens on the port.

        Raises:
            ServerMissing: it ended, took too long, or somebody else listens there.
        """
        until = time.monotonic() + within_s
        while not ready():
            if self._process.poll() is not None:
                raise ServerMissing(f"it ended with {self._process.returncode}: {self.complaints()}")
            if time.monotonic() > until:
                raise ServerMissing(f"it is not ready after {within_s:.0f} s: {self.complaints()}")
            time.sleep(POLL_S)
        if port not in self._listened():
            raise ServerMissing(f"somebody else answers on port {port}")

    def _listened(self) -> set[int]:
        ports = set()
        for member in _members(self.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                connections = member.net_connections(kind="tcp")
                ports |= {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
        return ports

    def complaints(self) -> str:
        """Give the end of what it wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2_000:]

    def pause(self) -> None:
        """Let it hang: connections are taken by the kernel, nothing is answered."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def stop(self, *, within_s: float = 20.0) -> None:
        """End it: SIGTERM, and SIGKILL for what is left of its group after ``within_s``."""
        for number, patience_s in ((signal.SIGTERM, within_s), (signal.SIGKILL, within_s)):
            if not self._signal(number):
                break
            until = time.monotonic() + patience_s
            while _members(self.pid) and time.monotonic() < until:
                self._process.poll()
                time.sleep(POLL_S)
        self._process.wait(within_s)

    def ended(self, *, within_s: float) -> int:
        """Wait until it has ended by itself, and give its exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        return self._process.wait(within_s)

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)
        self.stop()

    def _signal(self, number: signal.Signals) -> bool:
        """Send a signal to the group; ``False`` when there is none any more."""
        if not _members(self.pid):
            return False
        os.killpg(self.pid, signal.SIGCONT)
        os.killpg(self.pid, number)
        return True


def _members(group: int) -> list[psutil.Process]:
    """Give the processes of a group that still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            continue
    return found
