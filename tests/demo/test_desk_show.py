"""What the desk's part shows, line by line."""

import io
from typing import Any

import pytest
from rich.console import Console

from tidegate.demo.desk_client import DeskRefused
from tidegate.demo.desk_floor import DeskExpected
from tidegate.demo.desk_show import DeskShow, DeskSummary, score_words, why_words


def an_answer(**changes: Any) -> dict[str, Any]:
    """An answer of the desk."""
    return {
        "decision": "MANUAL_REVIEW",
        "risk_score": 250,
        "score_min": 250,
        "score_max": 250,
        "coverage": 1,
        "reason_codes": ["A", "B"],
        "warnings": [],
        "duplicate_of_request": False,
        **changes,
    }


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def show(screen: io.StringIO) -> DeskShow:
    return DeskShow(Console(file=screen, force_terminal=False))


def test_answer_shown_is_one_line_without_control_characters(show: DeskShow, screen: io.StringIO) -> None:
    """PL-122: subject, decision, score with what it could have been, coverage, time and reasons stand in one line."""
    show.answer("Nord [AG]", an_answer(score_max=900, coverage=0.4567, warnings=["C: UNKNOWN"]), took_ms=12.34)
    (line,) = screen.getvalue().splitlines()
    assert " ".join(line.split()) == "Nord [AG] MANUAL_REVIEW 250 (250..900) 0.46 12.3 A, B; unsure: C: UNKNOWN"
    assert "\x1b" not in line


def test_words_of_an_answer_say_what_is_not_there() -> None:
    """PL-122: a sure score stands alone; without reasons that is said; a repeat is told as one; many are counted."""
    assert score_words(an_answer()) == "250"
    assert why_words(an_answer(reason_codes=[])) == "no reason against"
    assert why_words(an_answer(duplicate_of_request=True)) == "answered before; A, B"
    assert why_words(an_answer(reason_codes=list("ABCDE"))) == "A, B, C and 2 more"


@pytest.mark.parametrize(
    ("expected", "changes", "missed"),
    [
        (DeskExpected("MANUAL_REVIEW", ("B",)), {}, ""),
        (DeskExpected("REJECTED"), {}, "REJECTED expected, MANUAL_REVIEW A, B came"),
        (DeskExpected(None, ("C",)), {}, "C expected and did not come"),
        (DeskExpected(warnings=("zefix: TIME",)), {"warnings": ["zefix: TIMEOUT"]}, ""),
        (DeskExpected(warnings=("zefix: TIME",)), {"warnings": ["zefix: FAILURE"]}, "zefix: TIME expected and did not"),
        (DeskExpected(repeated=True), {}, "an answer from the record expected"),
        (DeskExpected(), {"duplicate_of_request": True}, "it was answered from the record"),
        (DeskExpected(), {"score_min": 251}, "score 250 is not in 251..250"),
    ],
)
def test_answer_other_than_expected_is_told(expected: DeskExpected, changes: dict[str, Any], missed: str) -> None:
    """PL-122: decision, reasons, warnings, repeats and the bounds of the score are looked at."""
    said = expected.missed(an_answer(**changes))
    assert said.startswith(missed)
    assert bool(said) is bool(missed)


def test_summary_shown_has_counts_and_what_went_wrong(show: DeskShow, screen: io.StringIO) -> None:
    """PL-122: decisions by product, reasons, failures of providers, surprises and troubles are told."""
    summary = DeskSummary(surprises=["x: y"], troubles=["z"], scores=(101.0, 400.0))
    summary.count("LOAN", an_answer(warnings=["zefix: TIMEOUT", "A: UNKNOWN"]))
    summary.count("LOAN", an_answer(duplicate_of_request=True))
    show.desk_summary(summary)
    told = screen.getvalue()
    for expected in (
        "LOAN",
        "reasons: A 1, B 1",
        "providers that failed: zefix: TIMEOUT 1",
        "repeats answered from the record: 1",
        "who repaid: 101; of those who did not: 400",
        "not as expected: x: y",
        "trouble: z",
    ):
        assert expected in told


def test_refusal_says_what_the_problem_document_says() -> None:
    """PL-122: status and detail stand in the message; without a document that is said."""
    refused = DeskRefused("GET /v1/rules", 503, problem={"title": "no", "detail": "come back"})
    assert str(refused) == "GET /v1/rules: 503 come back"
    assert str(DeskRefused("GET /x", 500, problem={})) == "GET /x: 500 no problem document"
