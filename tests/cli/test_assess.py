"""``tidegate assess`` as other programs rely on it: answers, order, exit codes, one readable line of trouble."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from tests.core.assessment.situations import Situation, decided_plainly
from tests.core.assessment.strategies import situations
from tests.inbound.scenario.desk_text import REQUEST, desk_document
from tests.inbound.scenario.desk_written import written_situation
from tests.inbound.scenario.scenario_text import ABSENT
from typer.testing import CliRunner, Result

from tidegate.cli.assess import _assessed
from tidegate.cli.main import app

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "desk" / "first-assessment.json"


def run(content: str | bytes, *options: str) -> Result:
    return CliRunner().invoke(app, ["assess", "-", *options], input=content)


def answer_to(changes: dict[str, Any]) -> dict[str, Any]:
    finished = run(json.dumps(desk_document(changes)))
    assert (finished.exit_code, finished.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer


def test_assess_answers_with_the_decision_and_each_rule_in_scope() -> None:
    """PL-114: the keys of the specification, and no others."""
    assert answer_to({}) == {
        "decision": "APPROVED",
        "risk_score": 280,
        "score_min": 280,
        "score_max": 280,
        "coverage": 1,
        "reason_codes": ["LIST", "VELOCITY"],
        "warnings": [],
        "rules": [
            {"rule_code": "LIST", "result": "TRUE", "contribution": 300},
            {"rule_code": "VELOCITY", "result": "TRUE", "contribution": -20},
        ],
    }
    scoped = answer_to({"/request/country": "DE"})
    assert [row["rule_code"] for row in scoped["rules"]] == ["VELOCITY"]


def test_assess_counts_the_history_of_the_subject_alone() -> None:
    """PL-114: rows of others, and rows after now, do not count."""
    results = [
        answer_to({"/history/0/subject_id": "s-9"})["rules"][1]["result"],
        answer_to({"/history/0/created_at": "2026-01-01T00:00:00.000001Z"})["rules"][1]["result"],
        answer_to({"/history/0/created_at": "2025-12-31T00:00:00Z"})["rules"][1]["result"],
        answer_to({"/history/0/created_at": "2025-12-31T00:00:00.000001Z"})["rules"][1]["result"],
    ]
    assert results == ["FALSE", "FALSE", "FALSE", "TRUE"]


def test_assess_of_a_request_alone_is_a_review() -> None:
    """PL-114: nothing is configured, so a person decides."""
    finished = run(json.dumps({"request": REQUEST}))
    assert json.loads(finished.stdout)["reason_codes"] == ["NO_THRESHOLD", "NO_RULE_IN_SCOPE"]
    assert json.loads(finished.stdout)["decision"] == "MANUAL_REVIEW"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}",
        json.dumps(desk_document({"/rules/0/weight": "a", "/now": ABSENT})).encode(),
        json.dumps(desk_document({"/request/context_data": {"\ud800": 1}})).encode(),
        json.dumps(desk_document({"/rules/0/rule_code": "a\nb"})).encode(),
    ],
)
def test_assess_of_what_cannot_be_used_is_one_line_and_exit_2(content: bytes) -> None:
    """PL-114: on standard error, with the places, and nothing on standard output."""
    finished = run(content)
    assert (finished.exit_code, finished.stdout) == (2, "")
    assert finished.stderr.startswith("tidegate: ")
    assert finished.stderr.count("\n") == 1
    assert "Traceback" not in finished.stderr


def test_assess_of_lines_answers_each_in_order() -> None:
    """PL-114: a bad line gives an error in its place, and exit 2 at the end."""
    good = json.dumps(desk_document())
    finished = run("\n".join([good, "", '{"request": 1}', good, "{"]), "--jsonl")
    lines = [json.loads(line) for line in finished.stdout.splitlines()]
    assert finished.exit_code == 2
    assert [min(line) for line in lines] == ["coverage", "error", "coverage", "error"]
    assert lines[1] == {"error": "/request: must be an object"}
    assert run(f"{good}\n{good}\n", "--jsonl").exit_code == 0


def test_assess_of_a_lines_file_needs_no_option(tmp_path: Path) -> None:
    """PL-114: the name's ending says it."""
    path = tmp_path / "cases.jsonl"
    path.write_text(f"{json.dumps(desk_document())}\n")
    finished = CliRunner().invoke(app, ["assess", str(path)])
    assert (finished.exit_code, finished.stdout.count("\n")) == (0, 1)
    assert CliRunner().invoke(app, ["assess", str(tmp_path / "none.json")]).exit_code == 2


def test_example_in_docs_is_decided_as_it_says() -> None:
    """PL-114: whoever copies the example starts from one that works."""
    answer = json.loads(run(EXAMPLE.read_bytes()).stdout)
    assert (answer["decision"], answer["risk_score"]) == ("MANUAL_REVIEW", 400)
    assert answer["reason_codes"] == ["RULE_HIGH_DEBT_RATIO", "RULE_ASKED_OFTEN"]


@given(situations())
def test_assess_of_random_documents_is_what_the_plain_walk_says(situation: Situation) -> None:
    """PL-114, AS-125: rules, ranges, answers and history written to a file and decided are as decided plainly."""
    answer = json.loads(_assessed(written_situation(situation).encode()), parse_float=Decimal, parse_int=Decimal)
    verdict = decided_plainly(situation)
    rules = answer.pop("rules")
    assert answer == verdict.answer()
    assert [tuple(row.values()) for row in rules] == [
        (each.rule_code, each.result.value, each.contribution) for each in verdict.rules
    ]
