"""How the benchmarks measure: CPU time, the best of repeated medians, and a calibration beside every figure.

A figure in microseconds means little without the machine. Each run therefore times a fixed piece of work, a margin sum
of thirty Decimal steps, and figures are also given as they would be on the reference machine, where it costs 1.4 us.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from time import process_time_ns
from typing import Final

from tidegate.core.kernel.decimals import working_precision

REFERENCE_US: Final = 1.4
"""What the calibration costs on the reference machine (design notes of the order gate)."""

_QUANTITY, _PRICE, _RATE = Decimal("0.12345"), Decimal("50123.4"), Decimal("0.004")


@dataclass(frozen=True, slots=True)
class Table:
    """One answer: what was asked, how it was measured, the figures, and what they come to."""

    title: str
    question: str
    method: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    findings: tuple[str, ...] = field(default=())

    def markdown(self) -> str:
        """Write the table as a section of RESULTS.md."""
        lines = [f"## {self.title}", "", f"*{self.question}*", "", self.method, ""]
        lines += [_row(self.columns), _row(["---", *["---:"] * (len(self.columns) - 1)])]
        lines += [_row(row) for row in self.rows]
        if self.findings:
            lines += ["", *(f"- {finding}" for finding in self.findings)]
        return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to measure: ``rounds`` rounds, each the median of ``samples`` samples of about ``sample_ms``."""

    rounds: int = 3
    samples: int = 7
    sample_ms: float = 15.0


QUICK: Final = Pace(rounds=1, samples=1, sample_ms=0.5)
"""Enough to see that a benchmark works; its figures mean nothing."""


def cpu_us(work: Callable[[], object], pace: Pace) -> float:
    """Give the CPU microseconds of one call: the best of the rounds' medians."""
    calls = _calls_of(work, pace.sample_ms)
    return min(median(_sample(work, calls) for _ in range(pace.samples)) for _ in range(pace.rounds))


def _calls_of(work: Callable[[], object], sample_ms: float) -> int:
    work()
    calls = 1
    while (took_us := _sample(work, calls) * calls) < sample_ms * 1_000 / 4:
        calls *= 2
    return max(1, round(calls * sample_ms * 1_000 / max(took_us, 1e-9)))


def _sample(work: Callable[[], object], calls: int) -> float:
    begun = process_time_ns()
    for _ in range(calls):
        work()
    return (process_time_ns() - begun) / calls / 1_000


def calibration_us(pace: Pace) -> float:
    """Give the CPU microseconds of the calibration: thirty Decimal steps at 50 digits."""
    with working_precision():
        return cpu_us(_margin_sum, pace)


def _margin_sum() -> Decimal:
    total = Decimal(0)
    for _ in range(10):
        worth = _QUANTITY * _PRICE
        total = total + worth * _RATE
    return total


def on_reference(us: float, calibration: float) -> float:
    """Scale microseconds of this machine to the reference machine."""
    return us * REFERENCE_US / calibration


def verdict(*, met: bool) -> str:
    """Say whether a goal was met."""
    return "met" if met else "MISSED"
