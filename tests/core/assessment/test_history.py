"""The subject's past as rules read it: counted in windows that end now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.assessment.builders import HOUR_US, NOW_US, a_rule, a_rule_set, past, verdict_of
from tests.core.rules.builders import ENGINES

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.history import (
    EARLIEST_US,
    DecisionCounts,
    HistoryCounts,
    count_history,
    history_fields,
    reads_history,
    window_starts,
    windows_in,
)
from tidegate.core.assessment.logic import parse_logic
from tidegate.core.assessment.moments import instant_at, us_of
from tidegate.core.assessment.outside import PastAssessment
from tidegate.core.assessment.rule_set import windows_of
from tidegate.core.rules.parse import Engines
from tidegate.core.rules.truth import Truth

VELOCITY = {"type": "velocity", "window": "PT24H", "count_gt": 2}


def at(created_us: int, decision: Decision = Decision.APPROVED) -> PastAssessment:
    return PastAssessment("s-1", created_us, decision, 5)


def test_window_ends_now_and_begins_after_its_length() -> None:
    """AS-107: (now - window, now]: what lies exactly a window ago is out, what is now is in."""
    rows = [at(NOW_US - HOUR_US), at(NOW_US - HOUR_US + 1), at(NOW_US), at(NOW_US + 1)]
    counts = count_history(rows, now_us=NOW_US, windows=["PT1H", "PT0S", "P1W"])
    assert {window: counted.approved for window, counted in counts.windows.items()} == {"PT1H": 2, "PT0S": 0, "P1W": 3}


@pytest.mark.parametrize(
    ("past_hours", "result"),
    [((), Truth.FALSE), ((1, 2), Truth.FALSE), ((1, 2, 23), Truth.TRUE), ((1, 2, 24), Truth.FALSE)],
)
def test_velocity_fires_above_its_count(past_hours: tuple[int, ...], result: Truth) -> None:
    """AS-107: count_gt is not reached at the count itself."""
    rule_set = a_rule_set([a_rule("V", VELOCITY)])
    rows = [past(hours) for hours in past_hours]
    history = history_fields(rows, now_us=NOW_US, windows=windows_of(rule_set))
    assert [each.result for each in verdict_of(rule_set, history=history).rules] == [result]


def test_window_that_a_store_did_not_count_is_unknown() -> None:
    """AS-107: no count is ever taken for 0."""
    assert verdict_of(a_rule_set([a_rule("V", VELOCITY)])).rules[0].result is Truth.UNKNOWN


def test_history_counts_by_decision_and_tells_the_last() -> None:
    """AS-107: counts of each decision, and decision, score and time of the last assessment up to now."""
    rows = [past(3), past(2, Decision.REJECTED), past(1, Decision.MANUAL_REVIEW), past(-1)]
    fields = history_fields(rows, now_us=NOW_US, windows=["PT2H30M"])
    assert fields == {
        "count": {"PT2H30M": 2},
        "approved": {"PT2H30M": 0},
        "manual_review": {"PT2H30M": 1},
        "rejected": {"PT2H30M": 1},
        "last": {"decision": "MANUAL_REVIEW", "risk_score": 10, "created_at": "2025-12-31T23:00:00Z"},
    }


def test_history_without_a_past_has_no_last() -> None:
    """AS-107: a leaf on it is UNKNOWN, exists is FALSE."""
    conditions = {
        "EXISTS": {"field": "history.last.decision", "op": "exists"},
        "EQ": {"field": "history.last.decision", "op": "eq", "value": "REJECTED"},
        "AGE": {"field": "history.last.created_at", "op": "newer_than", "value": "P1D"},
    }
    rule_set = a_rule_set([a_rule(code, {"when": when}) for code, when in conditions.items()])
    for rows, results in (([], "FALSE UNKNOWN UNKNOWN"), ([past(1, Decision.REJECTED)], "TRUE TRUE TRUE")):
        history = history_fields(rows, now_us=NOW_US, windows=())
        found = [each.result.value for each in verdict_of(rule_set, history=history).rules]
        assert found == results.split()


def test_last_of_two_at_one_moment_is_the_later_row() -> None:
    """AS-107: rows come in the order in which they were stored."""
    rows = [at(NOW_US, Decision.REJECTED), at(NOW_US, Decision.APPROVED), at(NOW_US - 1, Decision.REJECTED)]
    last = count_history(rows, now_us=NOW_US, windows=()).last
    assert last is not None
    assert last.decision is Decision.APPROVED


def test_last_of_any_year_is_told_as_a_date_time() -> None:
    """AS-107: years are written with four digits, and fractions only where there are any."""
    for text, at_us in (("0001-01-01T00:00:00Z", EARLIEST_US), ("2026-01-01T00:00:00.5Z", NOW_US + 500_000)):
        (last,) = [history_fields([at(at_us)], now_us=at_us, windows=())["last"]]
        assert last == {"decision": "APPROVED", "risk_score": 5, "created_at": text}


@given(
    st.lists(st.tuples(st.integers(-5, 12), st.sampled_from(list(Decision))), max_size=12),
    st.sampled_from(["PT0S", "PT1S", "PT2S", "PT3.0000001S", "PT2.5S"]),
)
def test_counts_of_a_store_are_those_of_plain_counting(rows: list[tuple[int, Decision]], window: str) -> None:
    """AS-107: what a store counts by window_starts is what comparing exact times gives."""
    past_rows = [at(NOW_US - second * 1_000_000, decision) for second, decision in rows]
    length = float(window[2:-1])
    inside = [row for row in past_rows if 0 <= (NOW_US - row.created_us) / 1_000_000 < length]
    counted = count_history(past_rows, now_us=NOW_US, windows=[window]).windows[window]
    assert counted == DecisionCounts(*[sum(row.decision is decision for row in inside) for decision in Decision])


def test_window_beyond_all_time_begins_with_the_calendar() -> None:
    """AS-107: a store can compare with every start."""
    assert window_starts(["P99999999W", "PT1S"], NOW_US) == {"P99999999W": EARLIEST_US, "PT1S": NOW_US - 1_000_000}


def test_rule_set_says_which_windows_a_store_has_to_count() -> None:
    """AS-107: those of presets, of conditions, of fields that are compared with, and of expressions; each once."""
    engines = Engines(regex=ENGINES.regex, cel=lambda _text: lambda _lookup: Truth.FALSE)
    logics = [
        VELOCITY,
        {"when": {"field": "history.rejected.P7D", "op": "gte", "value": {"field": "history.count.PT24H"}}},
        {"when": {"cel": 'history.count.PT5M > 1 || history["approved"]["P2D"] > 1 || history.last.risk_score > 1'}},
        {"when": {"field": "context_data.history", "op": "exists"}},
    ]
    conditions = [parse_logic(logic, engines=engines).condition for logic in logics]
    found = [sorted(windows_in(condition)) for condition in conditions]
    assert found == [["PT24H"], ["P7D", "PT24H"], ["P2D", "PT5M"], []]
    assert [reads_history(condition) for condition in conditions] == [True, True, True, False]


def test_rule_set_knows_whether_it_asks_for_the_clock() -> None:
    """AS-107: the past and ages hang on now, the rest does not."""
    age = {"when": {"field": "context_data.d", "op": "older_than", "value": "P1D"}}
    assert [a_rule_set([a_rule("R", logic)]).reads_now for logic in (VELOCITY, age, None)] == [True, True, False]


def test_empty_history_is_empty() -> None:
    """AS-107: what a store gives for a new subject."""
    assert HistoryCounts().fields() == {"count": {}, "approved": {}, "manual_review": {}, "rejected": {}}


@given(st.integers(-(10**17), 10**17))
def test_microseconds_become_an_instant_and_come_back(at_us: int) -> None:
    """AS-107: the desk's clock and the instants that rules compare are the same time."""
    assert us_of(instant_at(at_us)) == at_us
