"""The server process of a data folder: found by its own pid file, believed only when the process table agrees."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_POLL_S: Final = 0.01
_PID_FILE_LINES: Final = 8
_READY: Final = "ready"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server as its pid file describes it; ``ready`` when it takes connections."""

    pid: int
    ready: bool


def pid_file(cluster: Path) -> Path:
    """Give the pid file of a data folder."""
    return cluster / "postmaster.pid"


def running_postmaster(cluster: Path) -> Postmaster | None:
    """Give the server that runs on the data folder; ``None`` when there is none, a stale pid file notwithstanding."""
    try:
        lines = pid_file(cluster).read_text(encoding="utf-8").splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    if not serves(pid, cluster):
        return None
    return Postmaster(pid, ready=len(lines) >= _PID_FILE_LINES and lines[_PID_FILE_LINES - 1].strip() == _READY)


def serves(pid: int, cluster: Path) -> bool:
    """Tell whether the process is alive and a server of this data folder.

    The command line is looked at, not the working directory: a container's root may not see the latter of another
    user's process. A dead process that nobody has waited for has an empty command line.
    """
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(cluster) in words


def stop_postmaster(pid: int, cluster: Path, *, patience_s: float) -> None:
    """End a server: orderly within ``patience_s``, then without a checkpoint, then by force."""
    for number, seconds in ((signal.SIGINT, patience_s), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 2.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if wait_until_gone(pid, cluster, seconds=seconds):
            return


def wait_until_gone(pid: int, cluster: Path, *, seconds: float) -> bool:
    """Wait until the process serves the data folder no more; tell whether it went in time."""
    until = time.monotonic() + seconds
    while serves(pid, cluster):
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_S)
    return True


def poll_pause() -> None:
    """Wait a little between two looks at the process table."""
    time.sleep(_POLL_S)
