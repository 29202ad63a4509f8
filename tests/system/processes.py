"""Whole processes: ``tidegate serve`` and the other commands, started, asked and ended as an operator would."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

PROGRAM: Final = str(Path(sys.executable).parent / "tidegate")
READY_S: Final = 60.0
"""How long a test waits for a service before it calls it dead; what is promised is measured and asserted apart."""

Environment = Mapping[str, str]

RecordFigure = Callable[[str, object], None]
"""pytest's ``record_property``, by which a test states what it measured."""


_NOT_INHERITED: Final = ("TIDEGATE_", "PYTHONDONTWRITEBYTECODE")
"""Settings of ours, and what would make each process compile a thousand modules anew."""


def clean_environment(settings: Environment) -> dict[str, str]:
    """Give this process's environment with these settings of ours and no other."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    return {**inherited, **settings}


def run_command(
    *arguments: str, given: bytes = b"", settings: Environment | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """Run a command to its end, with bytes on its standard input."""
    environment = clean_environment(settings or {})
    return subprocess.run(
        [PROGRAM, *arguments], input=given, capture_output=True, check=False, env=environment, timeout=600
    )


@dataclass(frozen=True, slots=True)
class Started:
    """When a service was ready: seconds on the clock, seconds of processor time that it had used by then, and the
    machine's load average of the last minute.
    """

    elapsed_s: float
    cpu_s: float
    load: float


class Served:
    """One running ``tidegate serve`` on a data folder. ``kill`` ends it at once, ``terminate`` orderly."""

    def __init__(self, data: Path, *, settings: Environment, seed: Path | None = None) -> None:
        self.data = data
        self.settings = dict(settings)
        self.log = data.parent / f"{data.name}.log"
        arguments = ["serve", "--profile", "demo", "--rest", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
        arguments += ["--data", str(data), *(() if seed is None else ("--seed", str(seed)))]
        begun = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=log, env=clean_environment(settings)
            )
        line = self._ready_line()
        self.started = Started(time.monotonic() - begun, self.cpu_s(), os.getloadavg()[0])
        words = dict(word.split("=", 1) for word in line.split()[1:])
        self.rest, self.grpc = words["rest"], words.get("grpc", "")

    def _ready_line(self) -> str:
        output = self._process.stdout
        assert output is not None
        readable, _, _ = select.select([output], [], [], READY_S)
        line = output.readline().decode() if readable else ""
        if not line.startswith("ready "):
            self.kill()
            raise AssertionError(f"said {line!r} instead of being ready: {self.complaints()}")
        return line

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Tell whether the process still runs."""
        return self._process.poll() is None

    def cpu_s(self) -> float:
        """Give the processor time the process has used, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Give the memory the process holds, in MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="utf-8").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def complaints(self) -> str:
        """Give the end of what it wrote on standard error."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-3_000:]

    def kill(self) -> None:
        """End the process at once, as the power would (its PostgreSQL runs on)."""
        self._process.kill()
        self._reap()

    def terminate(self, *, within_s: float) -> tuple[int, float]:
        """Ask the process to end; give its exit code and the seconds it took."""
        begun = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(within_s)
        self._reap()
        return code, time.monotonic() - begun

    def _reap(self) -> None:
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.running:
            self.terminate(within_s=30)


def end_server_of(data: Path) -> None:
    """End the PostgreSQL that outlived its service."""
    pids = _server_pids(data)
    for pid in pids:
        os.kill(pid, signal.SIGQUIT)
    until = time.monotonic() + 10
    while pids and time.monotonic() < until:
        pids = _server_pids(data)


def server_pid(data: Path) -> int:
    """Give the process id of the PostgreSQL of a data folder."""
    return int((data / "postgres" / "rows" / "postmaster.pid").read_text(encoding="utf-8").split()[0])


def _server_pids(data: Path) -> Sequence[int]:
    try:
        pid = server_pid(data)
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return ()
    return [pid] if os.fsencode(data / "postgres" / "rows") in words else []
