"""What the end-to-end benchmarks have in common: a load in a process of its own, and a row of what it came to."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import sched_setaffinity
from statistics import median
from typing import Final

import msgspec

from benchmarks.loading import Seen
from benchmarks.processes import Cpu, other_cores

COLUMNS: Final = ("server CPU us", "PostgreSQL CPU us", "p50 ms", "p95 ms", "p99 ms", "p99.9 ms")
"""Of the figures in a row, after its name and its calls a second."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: what the load saw, the CPU it took, and how long after it the relay had announced everything."""

    seen: Seen
    cpu: Cpu
    relayed_s: float = 0.0

    @property
    def server_us(self) -> float:
        """CPU microseconds of the server a call."""
        return self.cpu.server_us / self.seen.answered

    @property
    def postgres_us(self) -> float:
        """CPU microseconds of PostgreSQL a call."""
        return self.cpu.postgres_us / self.seen.answered


def seen_by(module: str, load: msgspec.Struct) -> Seen:
    """Run a load in a process of its own, on the cores that the server leaves.

    Raises:
        RuntimeError: a call failed, or was answered with anything but APPROVED.
    """
    command = [sys.executable, "-m", module, msgspec.json.encode(load).decode()]
    cores = other_cores()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    sched_setaffinity(process.pid, cores)
    out, _ = process.communicate()
    if process.returncode:
        raise RuntimeError("the load ended badly")
    seen = msgspec.json.decode(out, type=Seen)
    if seen.failed or set(seen.decisions) != {"APPROVED"}:
        raise RuntimeError(f"not everything was approved: {seen}")
    return seen


def row_of(name: str, runs: Sequence[Measured]) -> tuple[str, ...]:
    """Write the name, the calls a second and the figures of ``COLUMNS``: medians of the runs."""

    def middle(figure: Callable[[Measured], float], digits: int = 1) -> str:
        return f"{median(map(figure, runs)):.{digits}f}"

    latencies = (middle(lambda run, at=at: run.seen.latency_ms[at], 2) for at in ("p50", "p95", "p99", "p99.9"))  # type: ignore[misc]  # the default binds the loop's name
    return (
        name,
        middle(lambda run: run.seen.rate, 0),
        middle(lambda run: run.server_us),
        middle(lambda run: run.postgres_us),
        *latencies,
    )
