"""What the demo shows: decisions as they fall, progress, and a summary. Plain text where there is no terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_STYLES: Final = {"APPROVED": "green", "FLAGGED": "yellow", "REJECTED": "red"}
_HEADER: Final = ("time", "trader", "order", "decision", "why")
_WIDTHS: Final = (7, 6, 44, 10)
_PLAIN_WIDTH: Final = 180
_CUT_FROM: Final = 140
"""A console so wide (or wider) cuts a decision to one line; a narrower one wraps it, so that the reason is seen."""

PLAIN_STEPS: Final = 4
"""Without a terminal progress is told in so many lines."""


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """One answer: seconds since the start, who asked for what, what was said, and the headline with its numbers."""

    at_s: float
    trader: str
    order: str
    decision: str
    why: str


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of the answered checks in milliseconds, measured by the caller."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(slots=True)
class DemoSummary:
    """What came of the flow. ``events`` by base topic. ``surprises``: parts that did not get the answer they are about;
    ``troubles``: calls that got a status instead of an answer, other than the malformed one that asks for it.
    """

    decisions: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    malformed: int = 0
    surprises: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    latency: Latency | None = None


def latency_of(samples_ms: Sequence[float]) -> Latency | None:
    """Give the percentiles (nearest rank) of the samples; ``None`` when there are none."""
    if not samples_ms:
        return None
    ordered = sorted(samples_ms)

    def at(percent: int) -> float:
        return ordered[ceil(len(ordered) * percent / 100) - 1]

    return Latency(len(ordered), at(50), at(95), at(99))


class Presentation:
    """Writes to one console. ``progress`` is a bar with the time left on a terminal, and a few lines elsewhere."""

    def __init__(self, console: Console) -> None:
        if not console.is_terminal and console.width < _PLAIN_WIDTH:
            console.width = _PLAIN_WIDTH
        self._console = console
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._told = 0

    def note(self, text: str) -> None:
        """Say something that is no decision."""
        self._console.print(Text(text, style="dim"))

    def heading(self) -> None:
        """Write the names of the columns."""
        self._console.print(Text(_row(_HEADER), style="bold"))

    def decision(self, line: DecisionLine) -> None:
        """Write one decision."""
        cells = (f"{line.at_s:7.2f}", line.trader, line.order, line.decision, line.why)
        before = _row(cells[:3])
        text = Text.assemble(
            before, " ", (line.decision.ljust(_WIDTHS[3]), _STYLES.get(line.decision, "magenta")), " ", line.why
        )
        if self._console.width >= _CUT_FROM:
            text.truncate(self._console.width, overflow="ellipsis")
        self._console.print(text)

    @contextmanager
    def progress(self, total: int) -> Iterator[None]:
        """Show how far ``total`` ticks have been played while the block runs."""
        self._told = 0
        if not self._console.is_terminal:
            yield
            return
        columns = (TextColumn("market"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            self._progress, self._task = progress, progress.add_task("market", total=total)
            try:
                yield
            finally:
                self._progress = None

    def played(self, done: int, *, total: int, left_s: float) -> None:
        """Tell how many ticks have been played; ``left_s``: seconds that the rest takes at this speed."""
        if self._progress is not None:
            self._progress.update(self._task, completed=done)
            return
        step = done * PLAIN_STEPS // total
        if step > self._told:
            self._told = step
            self.note(f"... {done} of {total} ticks played, about {left_s:.0f} s left")

    def summary(self, summary: DemoSummary) -> None:
        """Write the counts and the latencies."""
        table = Table(title="What the gate said", title_justify="left", show_edge=False)
        table.add_column("answer")
        table.add_column("count", justify="right")
        parts = {"REJECTED": summary.reasons, "FLAGGED": summary.warnings}
        for decision in _STYLES:
            table.add_row(Text(decision, style=_STYLES[decision]), str(summary.decisions[decision]))
            for reason, count in parts.get(decision, Counter[str]()).most_common():
                table.add_row(f"  {reason}", str(count))
        table.add_row("INVALID_ARGUMENT (malformed)", str(summary.malformed))
        self._console.print(table)
        latency = summary.latency
        if latency is not None:
            self._console.print(
                f"checks answered: {latency.count}; latency at the caller, ms: p50 {latency.p50_ms:.2f}, "
                f"p95 {latency.p95_ms:.2f}, p99 {latency.p99_ms:.2f}"
            )
        events = sum(summary.events.values())
        self._console.print(f"events published: {events} on {len(summary.events)} topics")
        for surprise in summary.surprises:
            self._console.print(Text(f"not as expected: {surprise}", style="bold red"))
        for trouble in summary.troubles:
            self._console.print(Text(f"trouble: {trouble}", style="bold red"))

    def paste(self, title: str, command: str) -> None:
        """Write a command to be copied: in one piece, never wrapped."""
        self._console.print(Text(f"\n{title}", style="bold"))
        self._console.print(command, soft_wrap=True, markup=False, highlight=False)


def _row(cells: Sequence[str]) -> str:
    return " ".join(
        cell if place == len(_HEADER) - 1 else cell[: _WIDTHS[place]].ljust(_WIDTHS[place])
        for place, cell in enumerate(cells)
    )
