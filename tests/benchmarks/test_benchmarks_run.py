"""Each benchmark answers its question at a tiny size. How fast anything is, `make bench` says, never a test."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.measuring import QUICK, Table

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
    run,
    screening,
)

pytestmark = pytest.mark.slow


def well_formed(table: Table) -> Table:
    """The table, having seen that each row has each figure, and that it comes to something."""
    assert table.rows
    assert table.findings
    for row in table.rows:
        assert len(row) == len(table.columns)
        assert all(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", figure) for figure in row[1:]), row
    assert all(re.search("met|MISSED|x our cost|takes", finding) for finding in table.findings)
    return table


def test_decide_alone_gives_a_row_for_each_size_and_both_findings() -> None:
    """PL-302: decide() alone, its 40 us, and how flat it stays with 500 open orders."""
    sizes = [(0, 0, 0), (20, 50, 50), (20, 500, 50)]
    table = well_formed(decide_alone.measure(QUICK, cases=sizes))
    assert [tuple(map(int, row[:3])) for row in table.rows] == sizes
    assert ["goal under 40 us" in table.findings[0], "goal at most 1.5" in table.findings[1]] == [True, True]


def test_marks_gives_marks_and_balances_a_second() -> None:
    """PL-302: marks applied a second against the goal of 100,000; account events beside them."""
    table = well_formed(marks.measure(QUICK, events=200))
    assert [row[0].split()[0] for row in table.rows] == ["marks", "balances"]
    assert "goal 100000" in table.findings[0]


def test_screening_times_lists_of_several_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    """AS-576: one name against a whole list, and the plain search beside it."""
    monkeypatch.setenv("TIDEGATE_SHARED", "none")
    table = well_formed(screening.measure(QUICK, sizes=(20, 60), names=6))
    assert [row[:2] for row in table.rows] == [("invented, 20 entries", "40"), ("invented, 60 entries", "120")]
    assert "goal about 1000 us" in table.findings[0]


def test_rules_compares_engines_that_agree_and_rules_out_of_scope() -> None:
    """RU-404: the same conditions on both engines, whose results the benchmark compares before it times them."""
    table = well_formed(rules.measure(QUICK, rules=100, in_scope=5, out_of_scope=(0, 20)))
    assert [row[0] for row in table.rows] == [
        "100 rules, Tidegate, explained",
        "100 rules, zen-engine, one by one",
        "100 rules, zen-engine, one expression",
        "5 rules in scope, 0 out of it",
        "5 rules in scope, 20 out of it",
    ]
    assert "goal at least 10 x" in table.findings[0]


def test_rules_engine_that_disagrees_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """RU-404: a comparison of engines that do different work would be worth nothing."""
    monkeypatch.setattr(rules, "FIRING_EACH", 7)
    honest = rules._expression
    monkeypatch.setattr(rules, "_expression", lambda number: honest(number + 1))
    with pytest.raises(AssertionError, match="zen-engine"):
        rules.measure(QUICK, rules=20)


@pytest.mark.servers
def test_kafka_clients_write_and_read_the_same_records() -> None:
    """RE-215: both clients on one broker, in batches and with headers, as the product uses them."""
    table = well_formed(kafka_clients.measure(records=1_000))
    assert [row[0].split()[1] for row in table.rows] == ["writes", "writes", "reads", "reads"]


@pytest.mark.servers
def test_kafka_feed_is_read_with_and_without_bad_records() -> None:
    """RE-214: the rate with one bad record in twenty, beside the rate without."""
    table = well_formed(kafka_feed.measure(records=2_000, rounds=1))
    assert [row[0] for row in table.rows] == ["all can be read", "one in 20 cannot"]
    assert "goal under 20%" in table.findings[0]


@pytest.mark.servers
@pytest.mark.system
def test_memory_reads_the_gate_before_and_after_its_accounts() -> None:
    """Section "What it promises": a real gate, told of accounts from outside, then started again with them."""
    table = well_formed(memory.measure(accounts=20))
    assert [row[0] for row in table.rows] == ["nobody told of", "told of 20 accounts", "started again with them"]


@pytest.mark.servers
@pytest.mark.system
def test_gate_end_to_end_loads_gate_and_noop_in_turns() -> None:
    """PL-301, PL-306: both durabilities beside the no-op, closed and at half the saturation rate."""
    table = well_formed(gate_end_to_end.measure(run.QUICK_SPAN))
    names = [re.sub(r"[0-9]+/s", "N/s", row[0]) for row in table.rows]
    assert names == [
        name
        for durability in ("relaxed", "journal")
        for name in (
            f"no-op (beside {durability})",
            f"gate, {durability}",
            "no-op at N/s",
            f"gate, {durability}, at N/s",
        )
    ]
    assert all("goal under 10" in finding for finding in table.findings[1::2])


@pytest.mark.servers
@pytest.mark.system
def test_desk_end_to_end_loads_desk_and_noop_in_turns() -> None:
    """AS-511, AS-401: no provider, a provider whose answers are kept, and repeats, beside the no-op."""
    table = well_formed(desk_end_to_end.measure(run.QUICK_DESK))
    names = [re.sub(r"[0-9]+/s", "N/s", row[0]) for row in table.rows]
    assert names == ["noop", "new", "cached", "repeated", "new, at N/s"]
    assert ["goal at least 40%" in table.findings[0], "goal at least 70%" in table.findings[2]] == [True, True]


def test_desk_growth_that_took_less_than_a_tick_tells_so_instead_of_a_ratio() -> None:
    """AS-371: the kernel counts CPU time in ticks, and a quick run can stay below one."""
    first, last = (
        desk_growth.Figure(size, 74.0, postgres_us, 5.0) for size, postgres_us in (("few", 0.0), ("many", 9.0))
    )
    finding = desk_growth._grown_finding([first, last])
    well_formed(Table("", "", "", ("with",), (("few",),), (finding,)))
    assert "no ratio" in finding


@pytest.mark.servers
@pytest.mark.system
def test_desk_growth_gives_a_row_for_each_size() -> None:
    """AS-371, AS-124: more rules in scope, and more assessments in the real tables."""
    table = well_formed(desk_growth.measure(run.QUICK_GROWTH))
    assert [row[0] for row in table.rows] == [
        "2 rules in scope",
        "4 rules in scope",
        "100 assessments stored",
        "400 assessments stored",
        "the first 64 in an empty table",
        "the last 64 of 640",
    ]
    assert all("goal at most x 1.5" in finding for finding in table.findings[-2:])


def test_run_writes_what_was_asked_for_with_where_and_how(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """PL-302: the results say the machine, the date, the commit and the calibration."""
    results = tmp_path / "RESULTS.md"
    run.main(["--quick", "--only", "marks", "--results", str(results)])
    text = results.read_text(encoding="utf-8")
    for said in (
        "- **Applying events**: ",
        "- Machine: ",
        f"Python {sys.version.split()[0]}",
        "commit ",
        "Calibration",
    ):
        assert said in text
    told = capsys.readouterr()
    assert "[1/1] marks" in told.err
    assert told.out.strip() in text


@pytest.mark.parametrize("arguments", [["--quick", "--only", "marks"], ["--only", "marks"]])
def test_run_of_a_part_leaves_the_results_alone(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PL-302: RESULTS.md is of one whole run at full size."""
    monkeypatch.setattr(run, "RESULTS", tmp_path / "RESULTS.md")
    quick: Callable[[], Table] = lambda: marks.measure(QUICK, events=40)  # noqa: E731 - a benchmark is made of two of these
    monkeypatch.setattr(run, "BENCHMARKS", (run.Benchmark("marks", quick, quick),))
    run.main(arguments)
    assert not run.RESULTS.exists()


def test_run_of_everything_writes_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PL-302: a whole run at full size, here of one benchmark, is what RESULTS.md is written from."""
    monkeypatch.setattr(run, "RESULTS", tmp_path / "RESULTS.md")
    quick: Callable[[], Table] = lambda: marks.measure(QUICK, events=40)  # noqa: E731 - a benchmark is made of two of these
    monkeypatch.setattr(run, "BENCHMARKS", (run.Benchmark("marks", quick, quick),))
    run.main([])
    assert "# Results of the benchmarks" in run.RESULTS.read_text(encoding="utf-8")
