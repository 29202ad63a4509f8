"""What is shown where there is no terminal, and the percentiles."""

import io
from collections import Counter

import pytest
from rich.console import Console

from tidegate.demo.presentation import DecisionLine, DemoSummary, Latency, Presentation, latency_of


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def show(screen: io.StringIO) -> Presentation:
    return Presentation(Console(file=screen, force_terminal=False))


def test_latency_of_samples_is_the_nearest_rank() -> None:
    """p50, p95 and p99 of 1 to 100 are 50, 95 and 99; one sample is all three; none is none."""
    assert latency_of([float(sample) for sample in range(100, 0, -1)]) == Latency(100, 50, 95, 99)
    assert latency_of([3.5]) == Latency(1, 3.5, 3.5, 3.5)
    assert latency_of([]) is None


def test_decision_shown_is_one_line_without_control_characters(show: Presentation, screen: io.StringIO) -> None:
    """Without a terminal a decision is one line of plain text, cut and not wrapped."""
    show.decision(DecisionLine(1.5, "ada", "BUY LIMIT 1 ETHUSDT", "REJECTED", "why [1 / 2] " + "x" * 500))
    assert screen.getvalue().count("\n") == 1
    assert screen.getvalue().startswith("   1.50 ada    BUY LIMIT 1 ETHUSDT")
    assert "REJECTED   why [1 / 2]" in screen.getvalue()
    assert "\x1b" not in screen.getvalue()


def test_progress_shown_without_a_terminal_is_a_few_lines(show: Presentation, screen: io.StringIO) -> None:
    """A log file gets four lines with the time that is left, not a bar."""
    with show.progress(80):
        for done in range(1, 81):
            show.played(done, total=80, left_s=(80 - done) / 5)
    assert screen.getvalue().splitlines() == [
        "... 20 of 80 ticks played, about 12 s left",
        "... 40 of 80 ticks played, about 8 s left",
        "... 60 of 80 ticks played, about 4 s left",
        "... 80 of 80 ticks played, about 0 s left",
    ]


def test_summary_shown_has_counts_latencies_and_what_went_wrong(show: Presentation, screen: io.StringIO) -> None:
    """Everything the summary holds is told."""
    show.summary(
        DemoSummary(
            Counter(APPROVED=5, REJECTED=2),
            Counter(STALE_DATA=2),
            events=Counter({"md.mark.v1": 40}),
            malformed=1,
            surprises=["ada-1: APPROVED expected, REJECTED STALE_DATA came"],
            troubles=["ada-2: UNAVAILABLE"],
            latency=Latency(7, 1, 2, 3),
        )
    )
    told = screen.getvalue()
    for expected in (
        "APPROVED",
        "STALE_DATA",
        "p50 1.00, p95 2.00, p99 3.00",
        "events published: 40 on 1 topics",
        "not as expected: ada-1: APPROVED expected",
        "trouble: ada-2: UNAVAILABLE",
    ):
        assert expected in told


def test_command_shown_to_be_pasted_is_never_wrapped(show: Presentation, screen: io.StringIO) -> None:
    """A token of a thousand characters stays in one line, brackets untouched."""
    command = "curl -H '[bold] " + "t" * 1_000 + "'"
    show.paste("Paste:", command)
    assert command in screen.getvalue().splitlines()
