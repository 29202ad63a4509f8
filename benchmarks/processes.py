"""Processes under test: started, pinned to a core, watched from outside, and ended by their own id."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final
from urllib.request import urlopen

import psutil

ROOT: Final = Path(__file__).resolve().parent.parent
_READY: Final = re.compile(r"ready (?:rest=(?P<rest>\S+) )?grpc=(?P<grpc>\S+)")
_BACKLOG: Final = re.compile(rb"^tidegate_relay_backlog (\S+)$", re.MULTILINE)
_TICK_US: Final = 1_000_000 / os.sysconf("SC_CLK_TCK")
_READY_S: Final = 60.0
_END_S: Final = 15.0
_POLL_S: Final = 0.1
_CAUGHT_UP_S: Final = 30.0
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU microseconds used so far: by the server process, and by its PostgreSQL."""

    server_us: float
    postgres_us: float

    def since(self, former: "Cpu") -> "Cpu":
        """Give what was used since another reading."""
        return Cpu(self.server_us - former.server_us, self.postgres_us - former.postgres_us)


class Served:
    """A running server."""

    def __init__(self, process: "subprocess.Popen[str]", address: str, *, rest_url: str | None) -> None:
        self._process = process
        self.rest_url = rest_url
        self.address = address

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def cpu(self) -> Cpu:
        """Read the CPU time used so far (/proc/PID/stat: user and system, all threads)."""
        return Cpu(cpu_of_us(self.pid), sum(cpu_of_us(pid) for pid in self._children()))

    def wait_for_relay(self) -> float:
        """Wait until everything that was decided has been announced; give the seconds that took (0: it has no relay).

        Raises:
            RuntimeError: it did not catch up in time.
        """
        begun = monotonic()
        while self.rest_url is not None:
            sleep(_POLL_S)
            with urlopen(f"{self.rest_url}/metrics") as page:  # noqa: S310 - our own server on loopback
                found = _BACKLOG.search(page.read())
            if found is None or monotonic() - begun > _CAUGHT_UP_S:
                raise RuntimeError("the relay did not catch up")
            if not float(found[1]):
                return monotonic() - begun
        return 0.0

    def resident_mib(self) -> tuple[float, float]:
        """Give the resident memory of the server, and the proportional share of its PostgreSQL, in MiB."""
        own = psutil.Process(self.pid).memory_info().rss / _MIB
        return own, sum(_shared_mib(pid) for pid in self._children())

    def _children(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.pid).children(recursive=True)]

    def pin(self, core: int | None) -> None:
        """Keep every thread of the server, and no child of it, on one core."""
        if core is None:
            return
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})
        for child in self._children():
            os.sched_setaffinity(child, set(range(os.cpu_count() or 1)) - {core})


def server_core() -> int | None:
    """Give the core for the server, ``None`` where there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0] if len(cores) > 1 else None


def other_cores() -> set[int]:
    """Give the cores for everything else."""
    cores = set(os.sched_getaffinity(0))
    return cores - {server_core()} if len(cores) > 1 else cores


@contextmanager
def serving(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Start a server that prints a ready line; end it with SIGTERM.

    Raises:
        RuntimeError: it ended, or did not get ready in time.
    """
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        rest_url, address = _ready_addresses(process)
        yield Served(process, address, rest_url=rest_url)
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _ready_addresses(process: "subprocess.Popen[str]") -> tuple[str | None, str]:
    assert process.stdout is not None, "standard output is a pipe"
    patience = threading.Timer(_READY_S, process.kill)
    patience.start()
    try:
        for line in process.stdout:
            if found := _READY.match(line):
                return found["rest"], found["grpc"]
    finally:
        patience.cancel()
    raise RuntimeError(f"{process.args!r} did not get ready")


def noop_command() -> list[str]:
    """Give the command of the no-op server."""
    return [sys.executable, "-m", "benchmarks.noop_server"]


def noop_desk_command(data: Path) -> list[str]:
    """Give the command of the no-op route, whose tiny issuer keeps its keys in a folder of its own."""
    return [sys.executable, "-m", "benchmarks.noop_desk", str(data)]


def serve_command(data: Path) -> list[str]:
    """Give the command of the product on a folder of its own."""
    program = Path(sys.executable).with_name("tidegate")
    addresses = ["--rest", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
    return [str(program), "serve", "--profile", "demo", *addresses, "--data", str(data)]


def cpu_of_us(pid: int) -> float:
    """Give the CPU microseconds that a process has used (user and system, all threads); 0 for one that is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * _TICK_US


def _shared_mib(pid: int) -> float:
    try:
        return float(psutil.Process(pid).memory_full_info().pss) / _MIB
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0
