"""``POST /v1/risk/evaluate``: shape of the answer, checks of the request, trace and idempotency key."""

import json
from typing import Any

import pytest
from httpx2 import Response
from tests.core.assessment.builders import a_rule
from tests.inbound.rest.admin import PROBLEM, headers_for, token_for
from tests.inbound.rest.desk.evaluation_api import EVALUATE, TRACE, EvaluationApi, a_body
from tests.usecases.assessment.workflow import FakeProvider, asking

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.rest.json_bodies import BODY_BYTES_MAX
from tidegate.inbound.shared.token_guard import Role

DEBT = {"when": {"field": "context_data.debt_ratio", "op": "gt", "value": "0.40"}}
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PARENT_TRACE = "0af76519-16cd-43dd-8448-eb211c80319c"


@pytest.fixture
def desk() -> EvaluationApi:
    """A desk with the source's two rules, in force for everyone."""
    return EvaluationApi(
        [a_rule("RULE_GEO_HIGH_RISK_COUNTRY", weight=25), a_rule("RULE_HIGH_DEBT_RATIO", DEBT, weight=20)]
    )


def faults_of(answer: Response) -> list[tuple[str, str]]:
    """Pointer and code of every fault of a 422."""
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM), answer.text
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def test_answer_has_the_sources_shape_and_what_was_added(desk: EvaluationApi) -> None:
    """AS-300: the source's fields first and in its order, then the additions; the score is a number."""
    answer = desk.evaluate()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    told = answer.json()
    assert list(told) == [
        "assessment_id",
        "trace_id",
        "decision",
        "risk_score",
        "reason_codes",
        "processing_time_ms",
        "status",
        "score_min",
        "score_max",
        "coverage",
        "warnings",
        "duplicate_of_request",
    ]
    del told["assessment_id"]
    assert told == {
        "trace_id": TRACE,
        "decision": "APPROVED",
        "risk_score": 45,
        "reason_codes": ["RULE_GEO_HIGH_RISK_COUNTRY", "RULE_HIGH_DEBT_RATIO"],
        "processing_time_ms": 0,
        "status": "COMPLETED",
        "score_min": 45,
        "score_max": 45,
        "coverage": 1,
        "warnings": [],
        "duplicate_of_request": False,
    }


def test_provider_failure_is_a_warning_of_a_200() -> None:
    """AS-314: a provider that fails is told in warnings and in coverage."""
    broken = FakeProvider("zefix")
    broken.breaks = DependencyFailed("zefix", "away")
    told = EvaluationApi([asking("zefix", weight=300), a_rule("FIRES")], providers=[broken]).evaluate().json()
    assert (told["decision"], told["coverage"]) == ("MANUAL_REVIEW", 0.25)
    assert told["warnings"] == ["zefix: FAILURE", "ASKS_ZEFIX: UNKNOWN"]
    assert (told["risk_score"], told["score_min"], told["score_max"]) == (100, 100, 400)


def test_repeat_is_told_as_one(desk: EvaluationApi) -> None:
    """AS-401: same assessment, own trace, and equal in all else."""
    first = desk.evaluate().json()
    other_trace = "3f0f4a52-0a5f-4d57-8f19-0d0d1f8f0a99"
    again = desk.evaluate(a_body(trace_id=other_trace)).json()
    assert again == {**first, "trace_id": other_trace, "duplicate_of_request": True}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"subject_id": None}, [("/subject_id", "missing")]),
        ({"subject_id": ""}, [("/subject_id", "bad_length")]),
        ({"subject_id": "x" * 257}, [("/subject_id", "bad_length")]),
        ({"source_system": 7}, [("/source_system", "not_a_text")]),
        ({"country": "ch"}, [("/country", "bad_country")]),
        ({"country": "XX"}, [("/country", "bad_country")]),
        ({"trace_id": "1234"}, [("/trace_id", "bad_uuid")]),
        ({"context_data": []}, [("/context_data", "not_an_object")]),
        ({"decision": "APPROVED"}, [("/decision", "unknown_key")]),
        (
            {"a/b": 1, "country": "", "risk_category": None, "trace_id": 5},
            [
                ("/a~1b", "unknown_key"),
                ("/trace_id", "bad_uuid"),
                ("/country", "bad_length"),
                ("/risk_category", "missing"),
            ],
        ),
    ],
)
def test_request_with_faults_names_each(
    changes: dict[str, Any], faults: list[tuple[str, str]], desk: EvaluationApi
) -> None:
    """AS-301: every fault in one 422, each with its pointer; nothing is stored."""
    assert faults_of(desk.evaluate(a_body(**changes))) == faults
    assert desk.workflow.store.rows == {}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'{"context_data": {"a": NaN}}', ("/context_data/a", "number_out_of_bounds")),
        (b'{"context_data": {"a": -Infinity}}', ("/context_data/a", "number_out_of_bounds")),
        (b'{"context_data": {"a": 1e401}}', ("/context_data/a", "number_out_of_bounds")),
        (b'{"context_data": {"a": ' + b"1" * 65 + b"}}", ("/context_data/a", "number_out_of_bounds")),
        (b'{"context_data": {"a": "\\u0000"}}', ("/context_data/a", "forbidden_character")),
        (b'{"context_data": {"a": "\\ud800"}}', ("/context_data/a", "forbidden_character")),
        (b'{"context_data": {"a": 1, "a": 2}}', ("/context_data", "duplicate_key")),
        (b'{"country": "CH", "country": "CH"}', ("", "duplicate_key")),
        (b'{"context_data": ' + b"[" * 32 + b"]" * 32 + b"}", ("/context_data" + "/0" * 31, "json_too_deep")),
        (b'{"context_data": "\xff"}', ("", "invalid_utf8")),
        (b"{", ("", "invalid_json")),
        (b"", ("", "missing")),
        (b"[]", ("", "not_an_object")),
        (b'{"a": "' + b"x" * BODY_BYTES_MAX + b'"}', ("", "too_large")),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_body_that_leaves_open_what_is_meant_is_refused(
    content: bytes, fault: tuple[str, str], desk: EvaluationApi
) -> None:
    """AS-301: 422, with a pointer, whatever is wrong with the JSON itself, its size and nesting among it."""
    assert fault in faults_of(desk.evaluate(content=content))
    assert desk.workflow.store.rows == {}


def test_body_at_the_bounds_is_taken(desk: EvaluationApi) -> None:
    """AS-301: 256 KiB, 32 levels, 256 characters and 64 digits pass."""
    deep: Any = []
    for _ in range(29):
        deep = [deep]
    body = a_body(subject_id="ä" * 256, context_data={"deep": deep, "n": int("9" * 64)})
    written = json.dumps(body).encode()
    assert desk.evaluate(content=written + b" " * (BODY_BYTES_MAX - len(written))).status_code == 200


@pytest.mark.parametrize(
    ("trace_id", "traceparent", "expected"),
    [
        (TRACE, PARENT, TRACE),
        (TRACE.upper(), None, TRACE),
        (None, PARENT, PARENT_TRACE),
        (None, f"{PARENT}-more", None),
        (None, f"cc{PARENT[2:]}-more", PARENT_TRACE),
        (None, f"ff{PARENT[2:]}", None),
        (None, PARENT.upper(), None),
        (None, "00-00000000000000000000000000000000-b7ad6b7169203331-01", None),
        (None, "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", None),
        (None, "nonsense", None),
        (None, None, None),
    ],
)
def test_trace_is_the_bodys_then_that_of_traceparent_then_a_new_one(
    trace_id: str | None, traceparent: str | None, expected: str | None, desk: EvaluationApi
) -> None:
    """AS-302: a malformed traceparent is ignored, and a request without a trace gets one."""
    body = a_body(trace_id=trace_id)
    answer = desk.evaluate(body) if traceparent is None else desk.evaluate(body, traceparent=traceparent)
    told = answer.json()["trace_id"]
    assert told == expected if expected is not None else told not in {TRACE, PARENT_TRACE}
    assert len(told) == 36
    assert [row.trace_id for row in desk.workflow.store.rows.values()] == [told]


def test_two_traceparents_are_none(desk: EvaluationApi) -> None:
    """AS-302: which of the two would be meant is not guessed."""
    headers = [*headers_for("RISK_EVALUATOR").items(), ("traceparent", PARENT), ("traceparent", PARENT)]
    answer = desk.client.post(EVALUATE, json=a_body(trace_id=None), headers=headers)
    assert answer.json()["trace_id"] != PARENT_TRACE


@pytest.mark.parametrize("key", ["k" * 256, "", "schlüssel"])
def test_key_that_is_no_key_is_refused(key: str, desk: EvaluationApi) -> None:
    """AS-406: a key is 1 to 255 printable ASCII characters."""
    headers = {**headers_for("RISK_EVALUATOR"), "Idempotency-Key": key.encode("latin-1")}
    answer = desk.client.post(EVALUATE, json=a_body(), headers=headers)  # type: ignore[arg-type] # bytes are sent as they are
    assert faults_of(answer) == [("/idempotency-key", "bad_key")]


def test_key_given_twice_is_refused(desk: EvaluationApi) -> None:
    """AS-406: which of the two would be meant is not guessed."""
    headers = [*headers_for("RISK_EVALUATOR").items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]
    assert faults_of(desk.client.post(EVALUATE, json=a_body(), headers=headers)) == [
        ("/idempotency-key", "given_twice")
    ]


def test_key_with_another_request_is_422_in_the_header(desk: EvaluationApi) -> None:
    """AS-406: the same key and request is answered alike, another request is refused, another caller is free."""
    key = "k" * 255
    first = desk.evaluate(Idempotency_Key=key).json()
    assert desk.evaluate(Idempotency_Key=key).json()["assessment_id"] == first["assessment_id"]
    refused = desk.evaluate(a_body(country="LI"), Idempotency_Key=key)
    assert faults_of(refused) == [("/idempotency-key", "key_reused")]
    assert refused.json()["errors"][0]["in"] == "header"
    token = token_for("RISK_EVALUATOR", subject="somebody-else")
    other = desk.evaluate(a_body(country="LI"), Idempotency_Key=key, Authorization=f"Bearer {token}")
    assert other.status_code == 200


def test_only_evaluators_evaluate(desk: EvaluationApi) -> None:
    """AS-304: 401 without a token, 403 without RISK_EVALUATOR, before the body is looked at."""
    bare = desk.client.post(EVALUATE, content=b"{not json", headers={"Authorization": ""})
    assert (bare.status_code, bare.headers["content-type"]) == (401, PROBLEM)
    for role in set(Role) - {Role.RISK_EVALUATOR}:
        answer = desk.client.post(EVALUATE, content=b"{not json", headers=headers_for(role.value))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert desk.workflow.store.claimed == 0


def test_store_that_does_not_answer_is_503_with_a_time(desk: EvaluationApi) -> None:
    """AS-318: never a 500, and the caller is told when to come back."""
    desk.workflow.store.fails["claim"] = 1
    answer = desk.evaluate()
    assert (answer.status_code, answer.json()["code"]) == (503, "dependency_failed")
    assert int(answer.headers["retry-after"]) >= 1


def test_other_media_type_and_method_are_problems(desk: EvaluationApi) -> None:
    """AS-301: 415 for what is no JSON, 405 for another method, as problem documents."""
    answer = desk.evaluate(content=b"a=1", Content_Type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.headers["content-type"]) == (415, PROBLEM)
    read = desk.read(EVALUATE)
    assert (read.status_code, read.headers["content-type"], read.headers["allow"]) == (405, PROBLEM, "POST")
