"""The onboarding rules that the demo ships, on the real core: each part of the demo gets its answer."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from tidegate.bootstrap.engines import rule_engines
from tidegate.core.assessment.decide import assess
from tidegate.core.assessment.history import history_fields
from tidegate.core.assessment.moments import us_of
from tidegate.core.assessment.verdict import Verdict
from tidegate.core.rules.instants import Instant
from tidegate.demo import desk_companies as companies
from tidegate.demo.desk_book import own_applicants
from tidegate.demo.desk_companies import Company, credit_request, onboarding_request
from tidegate.demo.desk_floor import DeskExpected
from tidegate.demo.desk_rows import (
    ONBOARDING,
    ONBOARDING_FILE,
    SANCTIONS_FILE,
    SCORECARD_FILE,
    shipped_bytes,
    shipped_rows,
)
from tidegate.demo.desk_scenes import SINGLES, VELOCITY_FREE
from tidegate.demo.stub_providers.company_book import BOOK
from tidegate.inbound.scenario.assessment import AssessmentCase, read_assessment, read_desk_seed

FAULTS: Final = {companies.UNANSWERED: "failure", companies.HUNG: "timeout"}
LIKENESS: Final = {
    (companies.LISTED, "context_data.company_name"): "0.97",
    (companies.OWNED_BY_LISTED, "context_data.owner.name"): "0.93",
}


def a_case(company: Company, *, attempt: int = 0, providers: Mapping[str, Any] | None = None) -> AssessmentCase:
    """An application as a document; earlier attempts were approved a minute apart."""
    rows, request = shipped_rows(ONBOARDING_FILE), onboarding_request(company, run="test", attempt=attempt)
    past = {"subject_id": request["subject_id"], "decision": "APPROVED", "risk_score": 0}
    document = {
        "now": "2026-01-01T12:00:00Z",
        "rules": rows.rules,
        "thresholds": rows.thresholds,
        "lists": rows.lists,
        "providers": providers or {},
        "history": [{**past, "created_at": f"2026-01-01T11:5{place}:00Z"} for place in range(attempt)],
        "request": request,
    }
    return read_assessment(json.dumps(document).encode(), engines=rule_engines())


def register_answer(company: Company) -> Mapping[str, Any]:
    """What the adapter of the register says of a company."""
    if company in FAULTS:
        return {"failure": FAULTS[company]}
    ranks = ("ACTIVE", "BEING_CANCELLED", "CANCELLED")
    statuses = [entry.status for entry in BOOK if entry.uid == company.register_uid]
    return {"found": True, "status": min(statuses, key=ranks.index)} if statuses else {"found": False}


def screening_answer(company: Company, checks: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What screening says: a score under each question's key; of nobody's name nothing."""
    asked = [check for check in checks if company.owner is not None or "owner" not in check["field"]]
    scores = {check["key"]: {"score": LIKENESS.get((company, check["field"]), "0.2")} for check in asked}
    return {"found": True, "checks": scores}


def verdict_on(company: Company, *, attempt: int = 0) -> Verdict:
    """The decision on an application, the providers answering as the stand-ins would."""
    bare = a_case(company)
    checks = bare.rule_set.providers_for(bare.request.attributes())["screening"]["checks"]
    providers = {"zefix": register_answer(company), "screening": screening_answer(company, checks)}
    case = a_case(company, attempt=attempt, providers=providers)
    now = case.now or Instant(0)
    history = history_fields(case.past, now_us=us_of(now), windows=case.rule_set.windows)
    return assess(case.request, rule_set=case.rule_set, outside=case.outside, history=history, now=now)


def answer_of(verdict: Verdict) -> Mapping[str, Any]:
    """A verdict as the desk answers it."""
    return {**verdict.answer(), "duplicate_of_request": False}


@pytest.mark.parametrize(("company", "expected"), SINGLES, ids=[company.subject for company, _ in SINGLES])
def test_company_assessed_by_the_shipped_rules_gets_its_answer(company: Company, expected: DeskExpected) -> None:
    """PL-121: register, sanctions, country, papers and failing providers each lead to the decision they should."""
    assert expected.missed(answer_of(verdict_on(company))) == ""


@pytest.mark.parametrize("attempt", range(VELOCITY_FREE + 2))
def test_company_in_a_hurry_is_looked_at_from_the_fourth_time_on(attempt: int) -> None:
    """PL-121: three applications within the hour pass, the next ones are reviewed for their number."""
    verdict = verdict_on(companies.HASTY, attempt=attempt)
    hasty = attempt >= VELOCITY_FREE
    assert verdict.decision == ("MANUAL_REVIEW" if hasty else "APPROVED")
    assert ("ONB-VELOCITY" in verdict.reason_codes) is hasty


def test_companies_of_the_parts_show_every_decision() -> None:
    """PL-121: approvals, reviews and refusals all fall."""
    assert {expected.decision for _, expected in SINGLES} == {"APPROVED", "MANUAL_REVIEW", "REJECTED"}
    assert len({company.subject for company, _ in SINGLES}) == len(SINGLES)


def test_own_people_assessed_by_the_shipped_scorecard_show_every_decision() -> None:
    """PL-120: without the study's file approvals, reviews and refusals fall too."""
    rows, engines = shipped_rows(SCORECARD_FILE), rule_engines()
    decisions = set()
    for person in own_applicants():
        document = {"rules": rows.rules, "thresholds": rows.thresholds, "request": credit_request(person, run="test")}
        case = read_assessment(json.dumps(document).encode(), engines=engines)
        verdict = assess(case.request, rule_set=case.rule_set, outside={}, history={}, now=Instant(0))
        assert verdict.coverage == 1
        decisions.add(verdict.decision.value)
    assert decisions == {"APPROVED", "MANUAL_REVIEW", "REJECTED"}


def test_shipped_rules_have_reasons_in_both_languages_and_their_own_scope() -> None:
    """PL-121: an applicant can be told why, in English and in German; nothing else is decided by these rules."""
    rows = shipped_rows(ONBOARDING_FILE)
    read = read_desk_seed(shipped_bytes(ONBOARDING_FILE), engines=rule_engines())
    assert [rule.rule_code for rule in read.rules] == [rule["rule_code"] for rule in rows.rules]
    for rule in rows.rules:
        assert set(rule["logic_config"]["reason"]) == {"en", "de"}
        assert rule["scope"] == {"product_type": [ONBOARDING]}
        assert re.fullmatch(r"ONB(-[A-Z]+)+", rule["rule_code"])
    assert {threshold.scope["product_type"] for threshold in read.thresholds} == {frozenset({ONBOARDING})}


def test_shipped_sanctions_list_names_those_of_the_parts_in_other_words() -> None:
    """PL-121: the names that are found are not written as on the list: screening has something to do."""
    names = {
        name for row in json.loads(shipped_bytes(SANCTIONS_FILE)) for name in (row["name"], *row.get("aliases", []))
    }
    owner = companies.OWNED_BY_LISTED.owner
    assert owner is not None
    assert not names & {companies.LISTED.name, owner.name}
