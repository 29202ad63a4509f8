"""Where servers keep what they are made of, and where each run keeps what it writes."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

ROOT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = ROOT / ".cache" / "services"
"""Kept between runs: downloads and what was unpacked from them. Deleting it costs time and nothing else."""

RUNS: Final = CACHE / "runs"
"""Beside the unpacked files, so that a run can link to them instead of copying."""


def run_folder(name: str) -> Path:
    """Make the folder of one run of a server; whoever stops the server removes it.

    Folders of runs whose process was killed before it could do so are removed here.
    """
    RUNS.mkdir(parents=True, exist_ok=True)
    for left in RUNS.iterdir():
        if not psutil.pid_exists(int(left.name.split("-")[1])):
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{name}-{os.getpid()}-", dir=RUNS))


@contextmanager
def alone(work: str) -> Iterator[None]:
    """Do a piece of work that no other process of this machine does at the same time in this tree (they wait)."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{work}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
