"""make prove counts what ran, keeps the figures, and does not call a failure a proof."""

from datetime import UTC, datetime
from pathlib import Path

from prove import Proof, run_tests

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
PLANTED = """
import pytest

def test_speed_measured_is_recorded(record_property):
    record_property("figure", "p99: 2.1 ms (bound 10 ms)")

def test_size_wrong_fails():
    assert False

@pytest.mark.skip(reason="not here")
def test_place_absent_is_skipped():
    pass
"""


def test_proof_page_after_a_failure_says_not_proven() -> None:
    """An exit code other than 0 stands on the page in words."""
    page = Proof(commit="`abc`", finished_at=AT, exit_code=1, suites={"tests/core": {"passed": 2, "failed": 1}}).page()
    assert "**Not proven: exit code 1.**" in page
    assert "| tests/core | 2 | 1 | 0 |" in page
    assert "Everything passed" not in page


def test_proof_page_with_a_bar_in_a_figure_keeps_its_table() -> None:
    """A figure cannot break the row that it stands in."""
    figures = [{"test": "tests/core/test_a.py::test_b", "figure": "a | b\nc"}]
    page = Proof(commit="`abc`", finished_at=AT, exit_code=0, figures=figures).page()
    assert "| `core/test_a.py::test_b` | a \\| b c |" in page


def test_proof_run_reports_counts_figures_and_skips(tmp_path: Path) -> None:
    """The plugin counts each test once and keeps what it recorded."""
    planted = tmp_path / "test_planted.py"
    planted.write_text(PLANTED, encoding="utf-8")
    exit_code, report = run_tests(["-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(planted)])
    assert exit_code == 1
    assert list(report["suites"].values()) == [{"passed": 1, "failed": 1, "skipped": 1}]
    assert [row["figure"] for row in report["figures"]] == ["p99: 2.1 ms (bound 10 ms)"]
    assert len(report["skips"]) == 1
    assert "not here" in report["skips"][0]["reason"]
