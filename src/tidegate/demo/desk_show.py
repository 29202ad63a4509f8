"""What a person at the console sees of the desk: a line for every answer, and a summary."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.demo.presentation import Latency, Presentation

_PLAIN_WIDTH: Final = 220
_CUT_FROM: Final = 80
_HEADER: Final = ("subject", "decision", "score", "cover", "ms", "why")
_WIDTHS: Final = (48, 13, 16, 5, 6)
_STYLES: Final = {"APPROVED": "green", "MANUAL_REVIEW": "yellow", "REJECTED": "red"}
_FLOW: Final = "magenta"
_NAMED_MAX: Final = 3
"""Reasons and warnings that a line names; the rest is counted."""


@dataclass(slots=True)
class DeskSummary:
    """What the desk's part came to. ``surprises`` are answers other than the part is about; ``troubles`` are calls
    without one. ``scores`` are the mean scores of people of the study who repaid and who did not.
    """

    decisions: dict[str, Counter[str]] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    refused: int = 0
    surprises: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    scores: tuple[float, float] | None = None
    latency: Latency | None = None

    def count(self, product_type: str, answer: Mapping[str, Any]) -> None:
        """Count an answer of the desk; a repeat is counted as such alone."""
        if answer["duplicate_of_request"]:
            self.duplicates += 1
            return
        self.decisions.setdefault(product_type, Counter())[answer["decision"]] += 1
        self.reasons.update(answer["reason_codes"])
        self.warnings.update(warning for warning in answer["warnings"] if not warning.endswith(": UNKNOWN"))


class DeskShow(Presentation):
    """Writes the desk's part to the console of the demo."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        if not console.is_terminal and console.width < _PLAIN_WIDTH:
            console.width = _PLAIN_WIDTH

    def desk_heading(self, title: str) -> None:
        """Write a title, and the names of the columns."""
        self._console.print(Text(f"\n{title}", style="bold"))
        self._console.print(Text(_row(_HEADER), style="bold"))

    def desk_note(self, text: str) -> None:
        """Say what stands above lines that belong to it."""
        self._console.print(Text(text, style="bold"))

    def answer(self, subject: str, answer: Mapping[str, Any], *, took_ms: float) -> None:
        """Write one answer of the desk."""
        cells = (subject, answer["decision"], score_words(answer), f"{answer['coverage']:.2f}", f"{took_ms:.1f}")
        self._line(cells, why_words(answer))

    def refusal(self, subject: str, status: int, *, why: str) -> None:
        """Write that a call was refused, as it should be."""
        self._line((subject, f"HTTP {status}", "", "", ""), why)

    def _line(self, cells: Sequence[str], why: str) -> None:
        decision = cells[1]
        text = Text.assemble(
            f"{_cut(cells[0], 0)} ",
            (_cut(decision, 1), _STYLES.get(decision, _FLOW)),
            f" {' '.join(_cut(cell, place) for place, cell in enumerate(cells[2:], 2))} {why}",
        )
        if self._console.width >= _CUT_FROM:
            text.truncate(self._console.width, overflow="ellipsis")
        self._console.print(text)

    def desk_summary(self, summary: DeskSummary) -> None:
        """Write the counts and the latencies."""
        products = sorted(summary.decisions)
        table = Table(title="What the desk said", title_justify="left", show_edge=False)
        table.add_column("decision")
        for product in products:
            table.add_column(product, justify="right")
        for decision, style in _STYLES.items():
            counts = [str(summary.decisions[product][decision]) for product in products]
            table.add_row(Text(decision, style=style), *counts)
        self._console.print(table)
        for title, counted in (("reasons", summary.reasons), ("providers that failed", summary.warnings)):
            if counted:
                told = ", ".join(f"{name} {count}" for name, count in counted.most_common())
                self._console.print(Text(f"{title}: {told}"), soft_wrap=True)
        self._console.print(
            f"repeats answered from the record: {summary.duplicates}; refused as they should be: {summary.refused}"
        )
        if summary.scores is not None:
            good, bad = summary.scores
            self._console.print(f"mean score of those who repaid: {good:.0f}; of those who did not: {bad:.0f}")
        if (latency := summary.latency) is not None:
            self._console.print(
                f"evaluations answered: {latency.count}; latency at the caller, ms: p50 {latency.p50_ms:.1f}, "
                f"p95 {latency.p95_ms:.1f}, p99 {latency.p99_ms:.1f}"
            )
        for surprise in summary.surprises:
            self._console.print(Text(f"not as expected: {surprise}", style="bold red"))
        for trouble in summary.troubles:
            self._console.print(Text(f"trouble: {trouble}", style="bold red"))


def score_words(answer: Mapping[str, Any]) -> str:
    """Say the score; where something was unknown, with what it could have been."""
    low, score, high = answer["score_min"], answer["risk_score"], answer["score_max"]
    return f"{score}" if low == high else f"{score} ({low}..{high})"


def why_words(answer: Mapping[str, Any]) -> str:
    """Say the first reasons, then the first warnings."""
    parts = ["answered before"] if answer["duplicate_of_request"] else []
    parts += [_named(answer["reason_codes"]) or "no reason against"]
    parts += [f"unsure: {_named(answer['warnings'])}"] if answer["warnings"] else []
    return "; ".join(parts)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED_MAX} more" if len(names) > _NAMED_MAX else ""
    return ", ".join(names[:_NAMED_MAX]) + more


def _cut(cell: str, place: int) -> str:
    return cell[: _WIDTHS[place]].ljust(_WIDTHS[place])


def _row(cells: Sequence[str]) -> str:
    return " ".join(_cut(cell, place) if place < len(_WIDTHS) else cell for place, cell in enumerate(cells))
