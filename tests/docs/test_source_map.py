"""docs/source_map.md says where the source's desk is, and it is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "source_map.md").read_text(encoding="utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|")) for line in PAGE.splitlines() if line.startswith("| ")
]
ENTRIES = [row for row in ROWS if row[0] != "source"]
EXPECTED = {
    "table": {"risk_assessment", "external_data_log", "risk_rule", "risk_threshold"},
    "query": {"Find Active Rules", "Duplicate Detection", "Retrieve Audit Trail"},
    "service": {"RiskEvaluationService", "RuleEngineService", "ExternalDataProviderClient"},
    "repository": {"RiskAssessmentRepository", "RuleConfigurationRepository"},
    "entity": {"RiskAssessment", "RiskRule", "RiskThreshold"},
    "role": {"RISK_EVALUATOR", "RISK_ADMIN"},
    "provider": {"Zefix", "CRIF", "SST"},
    "route": {
        "POST /v1/risk/evaluate",
        "GET /v1/rules",
        "GET /v1/rules/{id}",
        "POST /v1/rules",
        "PUT /v1/rules/{id}",
        "PATCH /v1/rules/{id}/status",
        "DELETE /v1/rules/{id}",
    },
}


@pytest.mark.parametrize("kind", list(EXPECTED))
def test_map_names_everything_of_the_source(kind: str) -> None:
    """AS-390: nothing that the source names is without a place."""
    assert {row[0] for row in ENTRIES if row[1] == kind} == EXPECTED[kind]


def test_map_names_the_six_steps() -> None:
    """AS-390: each step of the workflow has its place."""
    assert [row[0][0] for row in ENTRIES if row[1] == "step"] == list("123456")


@pytest.mark.parametrize("row", ENTRIES, ids=lambda row: row[0])
def test_place_holds_what_it_is_named_for(row: tuple[str, ...]) -> None:
    """AS-390: the file is there and holds the name; the test is there and holds tests."""
    _, _, file, name, test = row
    held = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"(?<!\w){re.escape(name)}(?!\w)", held), f"{file} does not hold {name}"
    assert "def test_" in (ROOT / test).read_text(encoding="utf-8")
