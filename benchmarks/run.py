"""Runs the benchmarks one after the other, prints their tables, and writes benchmarks/RESULTS.md (`make bench`).

A quick run (tiny sizes) and a run of some benchmarks only print: RESULTS.md is always of one whole run.
"""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final

from benchmarks import (
    decide_alone,
    desk_end_to_end,
    desk_growth,
    gate_end_to_end,
    kafka_clients,
    kafka_feed,
    marks,
    memory,
    rules,
    screening,
)
from benchmarks.desk_end_to_end import DeskSpan
from benchmarks.desk_growth import Growth
from benchmarks.gate_end_to_end import Span
from benchmarks.measuring import QUICK, REFERENCE_US, Pace, Table, calibration_us
from benchmarks.processes import ROOT

RESULTS: Final = ROOT / "benchmarks" / "RESULTS.md"
QUICK_DESK: Final = DeskSpan(rounds=1, seconds=1.0, warm_s=0.5, open_s=1.0, rules=2)
QUICK_GROWTH: Final = Growth(rules=(2, 4), stored=(100, 400), seconds=1.0, warm_s=0.5, operations=20, growing=640)
QUICK_SPAN: Final = Span(rounds=1, seconds=1.5, warm_s=2.0, open_s=1.0, users=5, rules=2)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One question: how it is measured in full, and how quickly to see that it works."""

    name: str
    full: Callable[[], Table]
    quick: Callable[[], Table]


BENCHMARKS: Final = (
    Benchmark(
        "decide",
        lambda: decide_alone.measure(Pace()),
        lambda: decide_alone.measure(QUICK, cases=[(0, 0, 0), (20, 50, 50), (20, 500, 50)]),
    ),
    Benchmark(
        "rules",
        lambda: rules.measure(Pace()),
        lambda: rules.measure(QUICK, rules=50, in_scope=5, out_of_scope=(0, 20)),
    ),
    Benchmark(
        "screening",
        lambda: screening.measure(Pace()),
        lambda: screening.measure(QUICK, sizes=(50,), names=10),
    ),
    Benchmark("marks", lambda: marks.measure(Pace()), lambda: marks.measure(QUICK, events=200)),
    Benchmark("kafka", kafka_clients.measure, lambda: kafka_clients.measure(records=1_000)),
    Benchmark("feed", kafka_feed.measure, lambda: kafka_feed.measure(records=2_000, rounds=1)),
    Benchmark("memory", memory.measure, lambda: memory.measure(accounts=20)),
    Benchmark(
        "gate",
        lambda: gate_end_to_end.measure(Span()),
        lambda: gate_end_to_end.measure(QUICK_SPAN),
    ),
    Benchmark(
        "desk",
        lambda: desk_end_to_end.measure(DeskSpan()),
        lambda: desk_end_to_end.measure(QUICK_DESK),
    ),
    Benchmark(
        "growth",
        lambda: desk_growth.measure(Growth()),
        lambda: desk_growth.measure(QUICK_GROWTH),
    ),
)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where and when a run was made."""

    machine: str
    cores: int
    python: str
    commit: str
    begun: datetime
    load: float
    """Processes that wanted a core in the minute before the run."""

    @classmethod
    def now(cls) -> "Circumstances":
        """Look around."""
        return cls(
            _processor(),
            len(os.sched_getaffinity(0)),
            platform.python_version(),
            _commit(),
            datetime.now(UTC),
            os.getloadavg()[0],
        )


def main(arguments: Sequence[str]) -> None:
    """Run what the arguments ask for."""
    asked = _parser().parse_args(arguments)
    chosen = [benchmark for benchmark in BENCHMARKS if not asked.only or benchmark.name in asked.only]
    circumstances, begun = Circumstances.now(), monotonic()
    pace = QUICK if asked.quick else Pace()
    before = calibration_us(pace)
    tables: list[Table] = []
    for place, benchmark in enumerate(chosen, start=1):
        print(f"[{place}/{len(chosen)}] {benchmark.name} ...", file=sys.stderr, flush=True)
        since = monotonic()
        tables.append((benchmark.quick if asked.quick else benchmark.full)())
        print(f"    {monotonic() - since:.0f} s\n", file=sys.stderr, flush=True)
        print(tables[-1].markdown(), flush=True)
    results = asked.results or (None if asked.quick or asked.only else RESULTS)
    if results is not None:
        text = report(
            tables,
            circumstances,
            calibrations=(before, calibration_us(pace)),
            took_s=monotonic() - begun,
        )
        results.write_text(text, encoding="utf-8")
        print(f"written: {results}", file=sys.stderr)


def report(
    tables: Sequence[Table], circumstances: Circumstances, *, calibrations: tuple[float, float], took_s: float
) -> str:
    """Write RESULTS.md: what it comes to, where and how it was measured, every table."""
    before, after = calibrations
    findings = [f"- **{table.title}**: {finding}" for table in tables for finding in table.findings]
    lines = [
        "# Results of the benchmarks",
        "",
        "Written by `make bench`; each file of this folder answers one question. Not edited by hand.",
        "",
        *findings,
        "",
        "## Where and how",
        "",
        f"- Machine: {circumstances.machine}, {circumstances.cores} cores; Python {circumstances.python}.",
        f"- Date: {circumstances.begun:%Y-%m-%d %H:%M} UTC; commit {circumstances.commit}; took {took_s:.0f} s.",
        f"- Load average in the minute before: {circumstances.load:.1f}.",
        (
            f"- Calibration (thirty Decimal steps at 50 digits): {before:.2f} us before, {after:.2f} us after;"
            f" {REFERENCE_US:g} us on the reference machine. Figures on the reference machine are scaled by it."
        ),
        (
            "- In process: CPU time, best of three rounds, each the median of seven samples. Processes: CPU time of the"
            " server a call, and the load's own clock, in turns with the yardstick."
        ),
        "",
    ]
    return "\n".join(lines) + "\n" + "\n".join(table.markdown() for table in tables)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it works, measures nothing")
    parser.add_argument(
        "--only",
        action="append",
        choices=[benchmark.name for benchmark in BENCHMARKS],
        help="run this benchmark only (may be given more than once)",
    )
    parser.add_argument("--results", type=Path, help="write the results here, whatever was run")
    return parser


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    """Give the commit, and whether the package or the benchmarks differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "src", "benchmarks")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + (" and uncommitted changes" if changed else "")


if __name__ == "__main__":
    main(sys.argv[1:])
