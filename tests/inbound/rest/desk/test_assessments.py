"""``/v1/assessments``: finding, reading, explaining, deciding again."""

import json
from typing import Any

import pytest
from httpx2 import Response
from tests.core.assessment.builders import a_rule, answered
from tests.inbound.rest.admin import PROBLEM, headers_for
from tests.inbound.rest.desk.evaluation_api import TRACE, EvaluationApi, a_body
from tests.usecases.assessment.workflow import FakeProvider, S, asking

from tidegate.core.kernel.readings import instant_text
from tidegate.inbound.rest.openapi import openapi_document
from tidegate.inbound.shared.token_guard import Role

LIST = "/v1/assessments"
UNKNOWN_ID = "00000000-0000-4000-8000-0000000000ff"
DEBT = {"when": {"field": "context_data.debt_ratio", "op": "gt", "value": "0.40"}, "reason": {"de": "zu hoch"}}
OTHER_TRACE = "3f0f4a52-0a5f-4d57-8f19-0d0d1f8f0a99"


@pytest.fixture
def desk() -> EvaluationApi:
    """A desk that asks one provider."""
    found = FakeProvider("zefix", answered(found=True, status="ACTIVE"))
    return EvaluationApi([asking("zefix", weight=300), a_rule("DEBT", DEBT, weight=150)], providers=[found])


def replay(desk: EvaluationApi, assessment_id: str, *, draft: object = None) -> Response:
    """Ask for a replay as RISK_AUDITOR; without a draft there is no body."""
    path, headers = f"{LIST}/{assessment_id}/replay", headers_for("RISK_AUDITOR")
    if draft is None:
        return desk.client.post(path, headers=headers)
    return desk.client.post(path, json=draft, headers=headers)


def test_trace_finds_its_whole_history(desk: EvaluationApi) -> None:
    """AS-320, AS-401: a trace finds what it asked for and what it only repeated, with rules, calls and repeats."""
    first = desk.evaluate().json()
    desk.evaluate(a_body(trace_id=OTHER_TRACE))
    for trace in (TRACE, OTHER_TRACE, TRACE.upper()):
        (item,) = desk.read(f"{LIST}?trace_id={trace}").json()["items"]
        assert item["assessment_id"] == first["assessment_id"]
        assert (item["decision"], item["risk_score"], item["trace_id"]) == ("MANUAL_REVIEW", 450, TRACE)
        assert [rule["rule_code"] for rule in item["rules"]] == ["ASKS_ZEFIX", "DEBT"]
        assert [(call["provider_name"], call["status"]) for call in item["provider_calls"]] == [("zefix", "SUCCESS")]
        assert [repeat["trace_id"] for repeat in item["repeats"]] == [OTHER_TRACE]
    assert desk.read(f"{LIST}?trace_id={UNKNOWN_ID}").json() == {"items": [], "next_cursor": None}


def test_list_is_filtered_and_paged(desk: EvaluationApi) -> None:
    """AS-320: by subject, decision, status and time; newest first, page by page."""
    start_us = desk.workflow.clock.us
    for number in range(5):
        desk.workflow.clock.us = start_us + number * S
        ratio = "0.1" if number % 2 else "0.9"
        desk.evaluate(
            a_body(subject_id=f"s-{number % 2}", trace_id=None, context_data={"n": number, "debt_ratio": ratio})
        )
    first = desk.read(f"{LIST}?limit=3").json()
    rest = desk.read(f"{LIST}?limit=3&cursor={first['next_cursor']}").json()
    assert [item["subject_id"] for item in first["items"] + rest["items"]] == ["s-0", "s-1", "s-0", "s-1", "s-0"]
    assert rest["next_cursor"] is None
    assert len(desk.read(f"{LIST}?subject_id=s-1").json()["items"]) == 2
    assert len(desk.read(f"{LIST}?decision=MANUAL_REVIEW&status=COMPLETED").json()["items"]) == 5
    assert desk.read(f"{LIST}?decision=REJECTED").json()["items"] == []
    since, until = instant_text(start_us + S), instant_text(start_us + 3 * S)
    assert len(desk.read(f"{LIST}?from={since}&to={until}").json()["items"]) == 2


@pytest.mark.parametrize(
    "query", ["trace_id=x", "decision=MAYBE", "limit=0", "limit=201", "cursor=%21", "from=2026-01-01", "who=me"]
)
def test_filter_that_cannot_be_read_is_refused(query: str, desk: EvaluationApi) -> None:
    """AS-320: 422 naming the parameter."""
    answer = desk.read(f"{LIST}?{query}")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["in"], error["pointer"]) == ("query", "/" + query.partition("=")[0])


def test_empty_range_is_refused(desk: EvaluationApi) -> None:
    """AS-320: to must be after from."""
    answer = desk.read(f"{LIST}?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z")
    assert answer.json()["errors"][0]["code"] == "empty_range"


def test_assessment_is_read_with_what_it_was_made_on_and_why(desk: EvaluationApi) -> None:
    """AS-322: snapshot, calls with raw answers, rule log, sentences and counterfactuals."""
    assessment_id = desk.evaluate().json()["assessment_id"]
    told = desk.read(f"{LIST}/{assessment_id}?language=de").json()
    assert told["input_data_snapshot"]["request"]["context_data"] == {"debt_ratio": "0.47"}
    assert told["provider_calls"][0]["raw_response"] == {"raw": "zefix"}
    explanation = told["explanation"]
    assert explanation["decision"] == "MANUAL_REVIEW"
    (debt,) = [rule for rule in explanation["rules"] if rule["rule_code"] == "DEBT"]
    assert (debt["reason"], debt["sentences"]) == ("zu hoch", ["debt ratio 0.47 is above 0.40"])
    assert explanation["counterfactuals"]


def test_assessment_that_failed_is_read_without_an_explanation(desk: EvaluationApi) -> None:
    """AS-317, AS-322: why it failed is told; there is no decision and nothing to explain."""
    desk.workflow.store.written_all_the_same = True
    desk.workflow.store.fails["claim"] = 1
    assert desk.evaluate().status_code == 503
    (row,) = desk.workflow.store.rows.values()
    told = desk.read(f"{LIST}/{row.assessment_id}").json()
    assert (told["decision"], told["risk_score"], told["explanation"], told["rules"]) == (None, None, None, [])
    answer = replay(desk, row.assessment_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_replay_is_identical(desk: EvaluationApi) -> None:
    """AS-323: the same inputs and versions give the same, also after a change of rules."""
    assessment_id = desk.evaluate().json()["assessment_id"]
    desk.workflow.rule_sets.use([a_rule("OTHER")], ())
    told = replay(desk, assessment_id).json()
    assert (told["identical"], told["differences"]) == (True, [])
    assert json.dumps(told["recorded"]) == json.dumps(told["replayed"])
    assert told["recorded"] == told["replayed"]


def test_replay_by_a_draft_tells_what_would_have_changed(desk: EvaluationApi) -> None:
    """AS-324: a body with a part of a rule set is decided by instead; the rest is as it was."""
    assessment_id = desk.evaluate().json()["assessment_id"]
    draft = {"thresholds": [{"score_from": 0, "score_to": 1000, "decision": "APPROVED"}]}
    told = replay(desk, assessment_id, draft=draft).json()
    assert (told["identical"], told["differences"]) == (False, ["decision"])
    assert (told["recorded"]["decision"], told["replayed"]["decision"]) == ("MANUAL_REVIEW", "APPROVED")


@pytest.mark.parametrize(
    ("draft", "pointer"),
    [
        ({"thresholds": [{"score_from": 0, "score_to": 500, "decision": "APPROVED"}]}, "/thresholds/0"),
        ({"rules": [{"rule_code": "X"}]}, "/rules/0/category"),
        ({"lists": [{"name": "a", "entries": [{}]}]}, "/lists/0/entries/0"),
        ({"rulez": []}, "/rulez"),
        (
            {
                "rules": [
                    {
                        "rule_code": "X",
                        "category": "CREDIT",
                        "weight": 1,
                        "scope": {},
                        "logic_config": {"when": {"all": []}},
                    }
                ]
            },
            "/rules/0/logic_config/when",
        ),
    ],
)
def test_draft_that_cannot_be_used_points_at_its_faults(
    draft: dict[str, Any], pointer: str, desk: EvaluationApi
) -> None:
    """AS-324: a draft is checked as saving it would be."""
    answer = replay(desk, desk.evaluate().json()["assessment_id"], draft=draft)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert any(error["pointer"].startswith(pointer) for error in answer.json()["errors"]), answer.text


def test_assessment_that_is_not_there_is_404(desk: EvaluationApi) -> None:
    """AS-321: as a problem document, whatever is asked of it."""
    assert desk.read(f"{LIST}/{UNKNOWN_ID}").status_code == 404
    assert replay(desk, UNKNOWN_ID).status_code == 404
    assert desk.read(f"{LIST}/none").status_code == 422


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", f"/{UNKNOWN_ID}"), ("POST", f"/{UNKNOWN_ID}/replay")]
)
def test_only_readers_read(method: str, path: str, desk: EvaluationApi) -> None:
    """AS-304: RISK_ADMIN and RISK_AUDITOR look back, others get 403, no token 401."""
    assert desk.client.request(method, LIST + path, headers={"Authorization": ""}).status_code == 401
    for role in Role:
        status = desk.client.request(method, LIST + path, headers=headers_for(role.value)).status_code
        assert (status != 403) == (role in {Role.RISK_ADMIN, Role.RISK_AUDITOR}), role


def test_every_operation_has_examples_and_its_faults(desk: EvaluationApi) -> None:
    """PL-311: an example of what goes in and what comes out, and every fault as a problem document."""
    paths = openapi_document(desk.admin.app)["paths"]
    mine = {path: paths[path] for path in paths if path.startswith((LIST, "/v1/risk/"))}
    assert len(mine) == 4
    for path, operations in mine.items():
        for method, operation in operations.items():
            assert operation["responses"]["200"]["content"]["application/json"]["example"], (method, path)
            if method == "post":
                content = operation["requestBody"]["content"]["application/json"]
                assert content["example"], path
                assert content["schema"]["properties"], path
            faults = {status for status in operation["responses"] if status >= "4"}
            assert {"401", "403", "422", "500", "503"} <= faults


def test_examples_of_the_document_work_as_printed(desk: EvaluationApi) -> None:
    """AS-300: the document's request is taken, and its answer has the fields of a real one."""
    operation = openapi_document(desk.admin.app)["paths"]["/v1/risk/evaluate"]["post"]
    answer = desk.evaluate(operation["requestBody"]["content"]["application/json"]["example"])
    assert answer.status_code == 200
    shown = operation["responses"]["200"]["content"]["application/json"]["example"]
    assert list(answer.json()) == list(shown)
    assert {name: type(value) for name, value in answer.json().items()} == {
        name: type(value) for name, value in shown.items()
    }
