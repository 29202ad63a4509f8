"""The desk's configuration against its own OpenAPI document: who may call, examples, generated requests."""

from functools import cache
from typing import Any, NoReturn

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection
from tests.conftest import FULL
from tests.inbound.rest.admin import PROBLEM, Admin, headers_for
from tests.inbound.rest.desk.desk_api import UNKNOWN_ID, DeskApi, a_list, a_rule, ranges
from tests.inbound.rest.test_conformance import CHECKS, tried

from tidegate.inbound.rest.guarded_route import ROLES_KEY
from tidegate.inbound.rest.openapi import openapi_document
from tidegate.inbound.shared.faults import FAULTS
from tidegate.inbound.shared.token_guard import Role

REQUESTS = 3_000 if FULL else 400
"""Generated in all; make prove runs more."""

ROUTES = {
    *((method, "/v1/rules") for method in ("GET", "POST")),
    ("POST", "/v1/rules/validate"),
    ("POST", "/v1/rules/test"),
    *((method, "/v1/rules/{rule_id}") for method in ("GET", "PUT", "DELETE")),
    ("PATCH", "/v1/rules/{rule_id}/status"),
    *((method, "/v1/thresholds") for method in ("GET", "POST", "PUT")),
    *((method, "/v1/thresholds/{threshold_id}") for method in ("GET", "PUT", "DELETE")),
    ("PATCH", "/v1/thresholds/{threshold_id}/status"),
    *((method, "/v1/lists") for method in ("GET", "POST")),
    *((method, "/v1/lists/{list_id}") for method in ("GET", "PUT", "DELETE")),
    ("PATCH", "/v1/lists/{list_id}/status"),
}
LABELS = sorted(f"{method} {path}" for method, path in ROUTES)
AREAS = ("/v1/rules", "/v1/thresholds", "/v1/lists")


class Untouchable:
    """A store that must not be reached."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(f"{name} was reached without a right to")


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    paths = openapi_document(DeskApi().admin.app)["paths"]
    return [
        (method.upper(), path, operation)
        for path, operations in paths.items()
        if path.startswith(AREAS)
        for method, operation in operations.items()
    ]


def _concrete(path: str) -> str:
    return path.format(rule_id=UNKNOWN_ID, threshold_id=UNKNOWN_ID, list_id=UNKNOWN_ID)


def test_the_routes_are_those_of_the_specification() -> None:
    """AS-211, AS-216, AS-217, AS-218, AS-219: these routes, and they are not there without a desk."""
    assert {(method, path) for method, path, _ in _operations()} == ROUTES
    bare = Admin()
    for area in AREAS:
        assert bare.client.get(area).status_code == 404


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
def test_every_route_lets_its_roles_in_and_no_other(method: str, path: str) -> None:
    """AS-213: 401 without a token, 403 without the role, before the body or any store is looked at."""
    desk = DeskApi(Untouchable())
    body = b"{not json" if method in {"POST", "PUT", "PATCH"} else None
    bare = desk.client.request(method, _concrete(path), content=body, headers={"Authorization": ""})
    assert (bare.status_code, bare.headers["content-type"]) == (401, PROBLEM)
    allowed = {Role.RISK_ADMIN, Role.RISK_AUDITOR} if method == "GET" else {Role.RISK_ADMIN}
    for role in set(Role) - allowed:
        answer = desk.client.request(method, _concrete(path), content=body, headers=headers_for(role.value))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "insufficient_scope" in answer.headers["www-authenticate"]
    documented = {(each, where): operation for each, where, operation in _operations()}[method, path]
    assert set(documented[ROLES_KEY]) == {role.value for role in allowed}


def test_an_auditor_reads(desk: DeskApi) -> None:
    """AS-213: RISK_AUDITOR lists and reads; what RISK_ADMIN changes carries the token's subject."""
    rule = desk.made("/v1/rules", a_rule())
    for path in (*AREAS, f"/v1/rules/{rule['id']}"):
        assert desk.client.get(path, headers=headers_for("RISK_AUDITOR")).status_code == 200
    assert rule["changed_by"] == "ada"


def test_every_operation_has_examples_a_scheme_and_its_faults() -> None:
    """PL-311: an example of what goes in and what comes out, and every fault as a problem document."""
    for method, path, operation in _operations():
        where = (method, path)
        done = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
        for status, answer in done.items():
            assert status == "204" or answer["content"]["application/json"]["example"], where
        if method in {"POST", "PUT", "PATCH"}:
            assert operation["requestBody"]["content"]["application/json"]["example"], where
        faults = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
        assert {"401", "403", "422", "500", "503"} <= faults.keys(), where
        assert ("404" in faults) == ("{" in path), where
        named = {parameter["name"]: parameter for parameter in operation.get("parameters", ())}
        assert ("412" in faults) == ("If-Match" in named), where
        assert not named.get("If-Match", {}).get("required", False), where
        for answer in faults.values():
            assert answer["content"][PROBLEM]["example"]["code"] in {fault.code for fault in FAULTS.values()}


def test_every_example_of_a_body_is_taken(desk: DeskApi) -> None:
    """PL-311, AS-217: what the document shows works, and answers as it shows."""
    by_route = {(method, path): operation for method, path, operation in _operations()}

    def body(method: str, path: str) -> Any:  # noqa: ANN401 - a JSON document
        return by_route[method, path]["requestBody"]["content"]["application/json"]["example"]

    rule = desk.made("/v1/rules", body("POST", "/v1/rules"))
    desk.made("/v1/lists", body("POST", "/v1/lists"))
    threshold = desk.made("/v1/thresholds", body("POST", "/v1/thresholds"))
    for method, path, where in (
        ("POST", "/v1/rules/validate", "/v1/rules/validate"),
        ("POST", "/v1/rules/test", "/v1/rules/test"),
        ("PUT", "/v1/rules/{rule_id}", f"/v1/rules/{rule['id']}"),
        ("PATCH", "/v1/rules/{rule_id}/status", f"/v1/rules/{rule['id']}/status"),
        ("PUT", "/v1/thresholds/{threshold_id}", f"/v1/thresholds/{threshold['id']}"),
        ("PATCH", "/v1/thresholds/{threshold_id}/status", f"/v1/thresholds/{threshold['id']}/status"),
        ("PUT", "/v1/thresholds", "/v1/thresholds"),
    ):
        answer = desk.call(method, where, json=body(method, path))
        assert answer.status_code == 200, (where, answer.text)
    shown = by_route["POST", "/v1/rules/test"]["responses"]["200"]["content"]["application/json"]["example"]
    assert desk.call("POST", "/v1/rules/test", json=body("POST", "/v1/rules/test")).json() == shown


@cache
def _schema() -> tuple[dict[str, Any], dict[str, str]]:
    """One API for the module, with a row of each kind; requests pile up in it, as they do in life."""
    desk = DeskApi()
    threshold = desk.call("PUT", "/v1/thresholds", json={"scope": {}, "ranges": ranges(500)}).json()["items"][0]
    existing = {
        "rule_id": desk.made("/v1/rules", a_rule("STANDING"))["id"],
        "list_id": desk.made("/v1/lists", a_list("standing"))["id"],
        "threshold_id": threshold["id"],
    }
    schema = schemathesis.openapi.from_asgi("/openapi.json", desk.admin.app)
    return {found.ok().label: found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)}, existing


@pytest.mark.parametrize("label", LABELS)
def test_a_request_that_fits_the_document_is_answered_as_the_document_says(label: str) -> None:
    """AS-212: no 5xx, and status, type, headers and body conform; on ids that exist and on others."""
    operations, existing = _schema()

    @tried(REQUESTS, labels=len(LABELS))
    @given(case=operations[label].as_strategy(generation_mode=GenerationMode.POSITIVE), exists=st.booleans())
    def conforms(case: Case[Any], exists: bool) -> None:
        if exists and case.path_parameters:
            case.path_parameters.update({name: existing[name] for name in case.path_parameters})
        case.call_and_validate(headers=headers_for("RISK_ADMIN") | ({"If-Match": "*"} if exists else {}), checks=CHECKS)

    conforms()


@pytest.mark.parametrize("label", LABELS)
def test_a_request_that_breaks_the_document_is_refused(label: str) -> None:
    """AS-212: whatever is spoilt in it, the answer is a 4xx problem document."""
    operations, _ = _schema()

    @tried(REQUESTS, labels=len(LABELS))
    @given(case=operations[label].as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def refused(case: Case[Any]) -> None:
        case.call_and_validate(headers=headers_for("RISK_ADMIN"), checks=[*CHECKS, negative_data_rejection])

    refused()
