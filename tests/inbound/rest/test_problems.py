"""Everything that goes wrong is one shape: a problem document that names every bad field (RFC 9457)."""

import json
from collections.abc import Awaitable, Callable

import pytest
from httpx2 import Response
from starlette.testclient import TestClient
from tests.inbound.rest.admin import PROBLEM, USER, Admin, errors_of, headers_for

from tidegate.core.kernel.trouble import DependencyFailed, Overloaded
from tidegate.inbound.rest.json_bodies import BODY_BYTES_MAX, NESTING_MAX
from tidegate.inbound.shared.faults import FAULTS, FaultCode

JSON = {"Content-Type": "application/json"}
RULE = {"name": "r", "action": "WARN", "metric": "leverage", "operator": "GT", "threshold": "10"}


def _assert_problem(answer: Response, status: int, *, code: FaultCode) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    document = answer.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["title"] == FAULTS[code].title
    assert document["type"] == f"urn:tidegate:fault:{code}"
    assert document["detail"]


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v1/nothing", "/v1/risk-rules/", "/v1/pretrade-check", "/v2"])
def test_an_unknown_path_is_404(admin: Admin, path: str) -> None:
    """PT-811, PT-813: no redirect, no guess, and no public pre-trade check."""
    _assert_problem(admin.client.get(path, follow_redirects=False), 404, code=FaultCode.NOT_FOUND)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/v1/risk-rules", "GET, POST"),
        ("PUT", f"/v1/risk-profiles/{USER}", "GET, PATCH"),
        ("POST", "/v1/trading-state", "GET, PUT"),
        ("POST", "/healthz", "GET"),
        ("OPTIONS", "/v1/decisions", "GET"),
    ],
)
def test_another_method_is_405_with_all_that_are_allowed(admin: Admin, method: str, path: str, allow: str) -> None:
    """PT-811: Allow names every method of the path, whichever route holds it."""
    answer = admin.client.request(method, path)
    _assert_problem(answer, 405, code=FaultCode.METHOD_NOT_ALLOWED)
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml, text/*", "application/json;q=0", "*/*;q=0.0", "json"]
)
def test_an_accept_that_rules_json_out_is_406(admin: Admin, accept: str) -> None:
    """PT-811: what is not accepted is not sent."""
    answer = admin.client.get("/v1/risk-rules", headers={"Accept": accept})
    _assert_problem(answer, 406, code=FaultCode.NOT_ACCEPTABLE)


@pytest.mark.parametrize("accept", ["*/*", "application/*;q=0.1", "text/html, application/json", "APPLICATION/JSON"])
def test_an_accept_that_takes_json_is_answered(admin: Admin, accept: str) -> None:
    """The other side of 406."""
    assert admin.client.get("/v1/risk-rules", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_another_type_of_body_is_415(admin: Admin, headers: dict[str, str]) -> None:
    """PT-811: bodies are JSON in UTF-8, and say so."""
    answer = admin.client.post("/v1/risk-rules", content=json.dumps(RULE), headers=headers)
    _assert_problem(answer, 415, code=FaultCode.UNSUPPORTED_MEDIA_TYPE)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=UTF-8", "Application/JSON"])
def test_json_is_taken_however_its_type_is_spelt(admin: Admin, kind: str) -> None:
    """The other side of 415."""
    assert admin.client.post("/v1/risk-rules", content=json.dumps(RULE), headers={"Content-Type": kind}).is_success


def test_a_body_of_256_kib_is_read_and_a_larger_one_is_413(admin: Admin) -> None:
    """PT-811: at the bound passes; beyond it nothing is read on, whether the length is declared or not."""
    text = json.dumps(RULE)
    padded = text + " " * (BODY_BYTES_MAX - len(text))
    assert admin.client.post("/v1/risk-rules", content=padded, headers=JSON).status_code == 201
    answer = admin.client.post("/v1/risk-rules", content=padded + " ", headers=JSON)
    _assert_problem(answer, 413, code=FaultCode.TOO_LARGE)
    assert answer.headers["connection"] == "close"
    chunks = (b" " * 1_024 for _ in range(BODY_BYTES_MAX // 1_024 + 1))
    answer = admin.client.post("/v1/risk-rules", content=chunks, headers=JSON)
    _assert_problem(answer, 413, code=FaultCode.TOO_LARGE)


UNREADABLE: dict[str, tuple[bytes, set[tuple[str, str]]]] = {
    "nothing": (b"", {("", "missing")}),
    "blanks": (b" \n", {("", "missing")}),
    "no JSON": (b"{", {("", "invalid_json")}),
    "two values": (b"{}{}", {("", "invalid_json")}),
    "no UTF-8": (b'{"name": "\xff"}', {("", "invalid_utf8")}),
    "UTF-16": ('{"name": "x"}'.encode("utf-16"), {("", "invalid_utf8")}),
    "a key twice": (b'{"name": "a", "name": "b"}', {("", "duplicate_key")}),
    "a key twice inside": (b'{"condition": {"field": "a", "field": "b"}}', {("/condition", "duplicate_key")}),
    "NaN": (b'{"threshold": NaN}', {("/threshold", "number_out_of_bounds")}),
    "Infinity": (b'{"threshold": -Infinity}', {("/threshold", "number_out_of_bounds")}),
    "a number beyond bounds": (b'{"threshold": 1e401}', {("/threshold", "number_out_of_bounds")}),
    "an exponent beyond reason": (b'{"a": 1e99999999999999999999}', {("/a", "number_out_of_bounds")}),
    "U+0000": (b'{"name": "a\\u0000"}', {("/name", "forbidden_character")}),
    "U+0000 in a key": (b'{"a\\u0000": 1}', {("", "forbidden_character")}),
    "half a surrogate pair": (b'{"name": "\\ud800"}', {("/name", "forbidden_character")}),
    "half a surrogate pair in a key": (b'{"\\udfff": 1}', {("", "forbidden_character")}),
    "several at once": (
        b'{"a": NaN, "b": ["\\u0000"], "c": {"x": 1, "x": 2}}',
        {("/a", "number_out_of_bounds"), ("/b/0", "forbidden_character"), ("/c", "duplicate_key")},
    ),
    "a list": (b"[]", {("", "object_type")}),
    "null": (b"null", {("", "object_type")}),
    "a text": (b'"{}"', {("", "object_type")}),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_body_that_json_leaves_open_is_422_and_says_where(admin: Admin, name: str) -> None:
    """PT-811: everything that two readers could read in two ways is refused, every place named."""
    content, errors = UNREADABLE[name]
    answer = admin.client.post("/v1/risk-rules", content=content, headers=JSON)
    _assert_problem(answer, 422, code=FaultCode.UNPROCESSABLE)
    assert errors_of(answer.json()) == errors


def test_nesting_of_32_is_read_and_deeper_is_422(admin: Admin) -> None:
    """PT-811: at the bound the field is judged as usual; beyond it the body is not read."""

    def nested(levels: int) -> bytes:
        return b'{"name": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"

    at_bound = admin.client.post("/v1/risk-rules", content=nested(NESTING_MAX), headers=JSON)
    assert ("/name", "string_type") in errors_of(at_bound.json())
    for levels in (NESTING_MAX + 1, 50_000):
        beyond = admin.client.post("/v1/risk-rules", content=nested(levels), headers=JSON)
        _assert_problem(beyond, 422, code=FaultCode.UNPROCESSABLE)
        assert {code for _, code in errors_of(beyond.json())} == {"json_too_deep"}


def test_every_bad_field_is_named_at_once(admin: Admin) -> None:
    """PT-811: one answer tells all there is to mend, unknown fields and the leaves of a condition among it."""
    body = {
        "name": "",
        "severity": "AWFUL",
        "active": "yes",
        "kyc_level": "L9",
        "symbol": "x" * 129,
        "surprise": 1,
        "threshold": 5,
        "metric": "luck",
        "condition": {"all": [{"field": "luck", "op": "gt", "value": "1"}, {"field": "price", "op": "like"}]},
    }
    answer = admin.client.post("/v1/risk-rules", json=body)
    _assert_problem(answer, 422, code=FaultCode.UNPROCESSABLE)
    assert errors_of(answer.json()) == {
        ("/name", "identifier"),
        ("/action", "missing"),
        ("/severity", "enum"),
        ("/active", "bool_type"),
        ("/kyc_level", "enum"),
        ("/symbol", "identifier"),
        ("/surprise", "unknown_field"),
        ("/threshold", "decimal_text_type"),
        ("/metric", "unknown_metric"),
        ("/condition/all/0", "unknown_field"),
        ("/condition/all/1", "unknown_op"),
    }


@pytest.mark.parametrize(
    ("path", "errors"),
    [
        ("/v1/risk-rules?limit=0", {("/limit", "greater_than_equal")}),
        ("/v1/risk-rules?limit=201", {("/limit", "less_than_equal")}),
        ("/v1/risk-rules?limit=ten", {("/limit", "int_parsing")}),
        ("/v1/risk-rules?limit=+5", {("/limit", "int_parsing")}),
        ("/v1/risk-rules?limit=5.0", {("/limit", "int_parsing")}),
        ("/v1/risk-rules?limit=1&limit=2", {("/limit", "given_twice")}),
        ("/v1/risk-rules?page=1&active=maybe", {("/page", "unknown_field"), ("/active", "bool_parsing")}),
        ("/v1/risk-rules?cursor=nonsense", {("/cursor", "cursor")}),
        ("/v1/risk-rules?cursor=%00", {("/cursor", "string_pattern_mismatch")}),
        ("/v1/risk-rules?symbol=%00", {("/symbol", "identifier")}),
        ("/v1/risk-rules?symbol=", {("/symbol", "identifier")}),
        ("/v1/risk-profiles?kyc_level=L7", {("/kyc_level", "enum")}),
        ("/v1/decisions?user_id=me", {("/user_id", "uuid")}),
        ("/v1/decisions?from=yesterday", {("/from", "date_time")}),
        ("/v1/decisions?from_us=5", {("/from_us", "unknown_field")}),
        ("/v1/decisions?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", {("/to", "empty_range")}),
        ("/v1/trading-state?verbose=1", {("/verbose", "unknown_field")}),
        ("/v1/risk-rules/1?fields=name", {("/fields", "unknown_field")}),
    ],
)
def test_a_query_that_is_not_right_is_422(admin: Admin, path: str, errors: set[tuple[str, str]]) -> None:
    """PT-809, PT-811: unknown parameters are refused as unknown fields are; nothing is coerced."""
    answer = admin.client.get(path)
    _assert_problem(answer, 422, code=FaultCode.UNPROCESSABLE)
    assert errors_of(answer.json()) == errors
    assert {error["in"] for error in answer.json()["errors"]} == {"query"}


def test_an_endless_query_is_400(admin: Admin) -> None:
    """A query has its bound too."""
    _assert_problem(admin.client.get(f"/v1/risk-rules?symbol={'x' * 5_000}"), 400, code=FaultCode.MALFORMED)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/risk-profiles/me",
        "/v1/risk-profiles/%00",
        "/v1/risk-rules/one",
        "/v1/risk-rules/0",
        "/v1/risk-rules/-1",
        "/v1/risk-rules/01",
        "/v1/risk-rules/1.0",
        "/v1/risk-rules/9223372036854775808",
        "/v1/margin-tiers/%31%00",
        "/v1/decisions/42",
    ],
)
def test_an_id_that_can_be_no_id_is_422(admin: Admin, path: str) -> None:
    """PT-811: the same for every kind of id; one that could be and is not is 404."""
    answer = admin.client.get(path)
    _assert_problem(answer, 422, code=FaultCode.UNPROCESSABLE)
    assert {error["in"] for error in answer.json()["errors"]} == {"path"}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/risk-profiles/00000000-0000-0000-0000-000000000000",
        "/v1/risk-rules/9223372036854775807",
        "/v1/margin-tiers/404",
        "/v1/decisions/00000000-0000-0000-0000-000000000000",
    ],
)
def test_an_id_of_nothing_is_404(admin: Admin, path: str) -> None:
    """PT-811: reading what is not there."""
    _assert_problem(admin.client.get(path), 404, code=FaultCode.NOT_FOUND)


class Failing:
    """A port each call of which raises."""

    def __init__(self, trouble: Exception) -> None:
        self._trouble = trouble

    def __getattr__(self, _name: str) -> Callable[..., Awaitable[None]]:
        async def call(*_args: object, **_kwargs: object) -> None:
            raise self._trouble

        return call


@pytest.mark.parametrize(
    ("trouble", "status", "code", "retry"),
    [
        (DependencyFailed("PostgreSQL", "password=secret", retry_after_ms=100), 503, FaultCode.DEPENDENCY_FAILED, "1"),
        (Overloaded("the queue", retry_after_ms=2_001), 429, FaultCode.OVERLOADED, "3"),
        (TimeoutError("slow"), 504, FaultCode.DEADLINE_EXCEEDED, "1"),
        (ZeroDivisionError("secret"), 500, FaultCode.INTERNAL, None),
    ],
)
def test_trouble_behind_the_api_is_told_without_its_secrets(
    trouble: Exception, status: int, code: FaultCode, retry: str | None
) -> None:
    """PL-307, PL-308: a dependency that failed is 503 with a retry time, a defect 500; no inner words leak."""
    failing = Failing(trouble)
    admin = Admin(rules=failing, profiles=failing, tiers=failing, trading_states=failing, decisions=failing)
    for path in ("/v1/risk-rules", "/v1/risk-profiles", "/v1/margin-tiers/1", "/v1/trading-state", "/v1/decisions"):
        answer = admin.client.get(path)
        _assert_problem(answer, status, code=code)
        assert answer.headers.get("retry-after") == retry
        assert "secret" not in answer.text


def test_more_requests_than_can_be_in_flight_are_429_but_who_watches_is_answered() -> None:
    """PL-308: overload answers at once with a retry time; health and metrics still tell."""
    client = TestClient(Admin(requests_max=0).app, headers=headers_for("RISK_ADMIN"))
    answer = client.get("/v1/risk-rules")
    _assert_problem(answer, 429, code=FaultCode.OVERLOADED)
    assert answer.headers["retry-after"] == "1"
    assert client.get("/healthz").status_code == 200


def test_answers_carry_the_headers_that_browsers_should_see(admin: Admin) -> None:
    """Nothing of the API is cached or sniffed."""
    headers = admin.client.get("/v1/risk-rules").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
