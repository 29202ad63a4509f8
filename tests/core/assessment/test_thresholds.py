"""Ranges of scores: what covers, what overlaps, and which scopes cannot stand beside one another."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.assessment.builders import a_scope, ranges

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.assessment.scopes import can_match_together, read_scope, scope_id, scope_text
from tidegate.core.assessment.thresholds import ScoreRanges, threshold_faults


def a_range(score_from: int, score_to: int, *, is_active: bool = True, **scope: str) -> RiskThreshold:
    return RiskThreshold(score_from, score_to, Decision.APPROVED, a_scope(**scope), is_active=is_active)


SETS: list[tuple[str, list[RiskThreshold], list[tuple[str, tuple[int, ...]]]]] = [
    ("none", [], []),
    ("one that covers", [a_range(0, 1_000)], []),
    ("three that cover, in any order", [a_range(700, 1_000), a_range(0, 299), a_range(300, 699)], []),
    ("a single score", [a_range(0, 0), a_range(1, 1_000)], []),
    ("only inactive", [a_range(5, 6, is_active=False)], []),
    ("gap at the start", [a_range(1, 1_000)], [("gap", (0,))]),
    ("gap at the end", [a_range(0, 999)], [("gap", (0,))]),
    ("gap inside", [a_range(0, 299), a_range(301, 1_000)], [("gap", (1,))]),
    ("gap where one is inactive", [a_range(0, 499), a_range(500, 1_000, is_active=False)], [("gap", (0,))]),
    ("overlap of one score", [a_range(0, 300), a_range(300, 1_000)], [("overlap", (1, 0))]),
    ("the same twice", [a_range(0, 1_000), a_range(0, 1_000)], [("overlap", (1, 0))]),
    ("one inside another", [a_range(0, 1_000), a_range(400, 500)], [("overlap", (1, 0))]),
    (
        "overlap and gap",
        [a_range(0, 500), a_range(400, 450), a_range(600, 1_000)],
        [("overlap", (1, 0)), ("gap", (2,))],
    ),
    ("two scopes", [*ranges(500), *ranges(300, country="CH"), *ranges(country="DE", decisions="APPROVED")], []),
    ("gap of one scope", [a_range(0, 1_000), a_range(0, 10, country="CH")], [("gap", (1,))]),
    (
        "equal scopes written differently",
        [a_range(0, 500, country="CH DE"), a_range(501, 1_000, country="DE CH")],
        [],
    ),
    (
        "equally many keys, a common value",
        [a_range(0, 1_000, country="CH"), a_range(0, 1_000, country="CH LI")],
        [("ambiguous_scopes", (1, 0))],
    ),
    (
        "equally many keys, different keys",
        [a_range(0, 1_000, country="CH"), a_range(0, 1_000, product_type="LOAN")],
        [("ambiguous_scopes", (1, 0))],
    ),
    (
        "equally many keys, nothing in common",
        [a_range(0, 1_000, country="CH", product_type="A"), a_range(0, 1_000, country="CH", product_type="B")],
        [],
    ),
    ("more keys", [a_range(0, 1_000, country="CH"), a_range(0, 1_000, country="CH", product_type="B")], []),
]  # fmt: skip


@pytest.mark.parametrize(("thresholds", "expected"), [row[1:] for row in SETS], ids=[row[0] for row in SETS])
def test_ranges_of_a_scope_are_none_or_cover_without_gap_or_overlap(
    thresholds: list[RiskThreshold], expected: list[tuple[str, tuple[int, ...]]]
) -> None:
    """AS-121, AS-122: each fault has a code and the places of the rows concerned."""
    assert [(fault.code, fault.places) for fault in threshold_faults(thresholds)] == expected


def test_faults_of_ranges_say_in_words_what_is_wrong() -> None:
    """AS-121, AS-122: the scores and the scopes are named."""
    gap, overlap = threshold_faults(
        [a_range(0, 10, country="CH"), a_range(12, 1_000, country="CH"), a_range(5, 1_000)]
    )[:2]
    assert gap.message == "score 11 of country CH are covered by no range; 0 to 1000 must be"
    assert overlap.message == "scores 0 to 4 of every request are covered by no range; 0 to 1000 must be"
    (twice,) = threshold_faults([a_range(0, 600), a_range(300, 1_000)])
    assert twice.message == "scores 300 to 600 of every request are covered twice"
    (both,) = threshold_faults([a_range(0, 1_000, country="CH"), a_range(0, 1_000, product_type="LOAN")])
    assert (
        "the scopes country CH and product_type LOAN have equally many keys and can match one request" in both.message
    )


bounds = st.lists(st.integers(0, 12), min_size=2, max_size=2).map(sorted)


@given(st.lists(bounds, max_size=4))
def test_ranges_are_sound_exactly_when_each_score_has_one(pairs: list[list[int]]) -> None:
    """AS-121: the check says what counting the ranges of every score says."""
    stretched = [a_range(low, 1_000 if high == 12 else high) for low, high in pairs]
    covered = [sum(each.score_from <= score <= each.score_to for each in stretched) for score in (*range(13), 1_000)]
    sound = not stretched or all(count == 1 for count in covered)
    assert (threshold_faults(stretched) == ()) is sound


scopes = st.dictionaries(
    st.sampled_from(["country", "product_type"]), st.frozensets(st.sampled_from(["A", "B"]), min_size=1), max_size=2
)


@given(scopes, scopes)
def test_scopes_can_match_together_exactly_when_some_request_is_in_both(
    one: dict[str, frozenset[str]], other: dict[str, frozenset[str]]
) -> None:
    """AS-122: as trying every request says."""
    requests = [{"country": country, "product_type": product} for country in "ABC" for product in "ABC"]
    both = any(
        all(request[key] in values for scope in (one, other) for key, values in scope.items()) for request in requests
    )
    assert can_match_together(one, other) is both


def test_decisions_between_two_scores_are_those_of_every_score_between() -> None:
    """AS-116: both ends count."""
    table = ScoreRanges(ranges(300, 700))
    cases: list[tuple[int, int, int]] = [
        (0, 299, 1),
        (0, 300, 2),
        (299, 300, 2),
        (300, 699, 1),
        (0, 1_000, 3),
        (700, 700, 1),
    ]
    for low, high, count in cases:
        assert table.decisions_between(low, high) == {table.decision_of(score) for score in range(low, high + 1)}
        assert len(table.decisions_between(low, high)) == count


SCOPES: list[tuple[object, list[tuple[str, str]]]] = [
    ({}, []),
    ({"country": ["CH", "LI"], "product_type": ["x" * 256], "risk_category": [" "], "source_system": ["a"]}, []),
    (None, [("", "not_an_object")]),
    ([], [("", "not_an_object")]),
    ({"colour": ["red"]}, [("/colour", "unknown_key")]),
    ({"country": []}, [("/country", "empty_list")]),
    ({"country": "CH"}, [("/country", "not_a_list")]),
    ({"country": None}, [("/country", "not_a_list")]),
    ({"country": ["ch", "CHE", 1]}, [(f"/country/{at}", "bad_scope_value") for at in range(3)]),
    ({"product_type": ["", "x" * 257, None]}, [(f"/product_type/{at}", "bad_scope_value") for at in range(3)]),
    ({"product_type": ["x"] * 1_001}, [("/product_type", "list_too_long")]),
]


@pytest.mark.parametrize(("source", "expected"), SCOPES)
def test_scope_names_values_by_the_requests_fields(source: object, expected: list[tuple[str, str]]) -> None:
    """AS-106: a missing key means any; an empty list, another key, or what is no text is refused with its place."""
    scope, faults = read_scope(source)
    assert [(fault.pointer, fault.code) for fault in faults] == expected
    if not expected and isinstance(source, dict):
        assert scope == {key: frozenset(values) for key, values in source.items()}


def test_scope_is_the_same_whatever_the_order_of_its_values() -> None:
    """AS-106: scopes are compared by keys and sets of values."""
    say: Callable[[object], object] = lambda source: scope_id(read_scope(source)[0])  # noqa: E731 - one line a case
    assert say({"country": ["CH", "LI", "CH"], "product_type": ["A"]}) == say(
        {"product_type": ["A"], "country": ["LI", "CH"]}
    )
    assert say({"country": ["CH"]}) != say({"country": ["CH", "LI"]})
    assert scope_text({}) == "every request"
