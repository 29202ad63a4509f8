"""Who may do what: every operation of the OpenAPI document against every role."""

from dataclasses import replace
from typing import Any, NoReturn

import pytest
from httpx2 import Response
from starlette.testclient import TestClient
from tests.inbound.rest.admin import PROBLEM, USER, Admin, headers_for, token_for
from tests.inbound.shared.tokens import PublishedKeys, a_token, some_claims

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.rest.app import create_app
from tidegate.inbound.rest.guarded_route import ROLES_KEY
from tidegate.inbound.rest.openapi import openapi_document
from tidegate.inbound.shared.token_guard import Role, TokenGuard
from tidegate.outbound.identity.verification import VerificationKey

ROUTES = {
    ("GET", "/v1/risk-profiles"),
    ("GET", "/v1/risk-profiles/{user_id}"),
    ("PATCH", "/v1/risk-profiles/{user_id}"),
    ("POST", "/v1/risk-rules"),
    ("GET", "/v1/risk-rules"),
    ("GET", "/v1/risk-rules/{rule_id}"),
    ("PATCH", "/v1/risk-rules/{rule_id}"),
    ("POST", "/v1/margin-tiers"),
    ("GET", "/v1/margin-tiers"),
    ("GET", "/v1/margin-tiers/{tier_id}"),
    ("PATCH", "/v1/margin-tiers/{tier_id}"),
    ("GET", "/v1/trading-state"),
    ("PUT", "/v1/trading-state"),
    ("GET", "/v1/decisions"),
    ("GET", "/v1/decisions/{decision_id}"),
    ("POST", "/v1/decisions/{decision_id}/replay"),
}


class Untouchable:
    """A port that must not be reached."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(f"{name} was reached without a right to")


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    paths = openapi_document(Admin().app)["paths"]
    return [(method.upper(), path, operation) for path, each in paths.items() for method, operation in each.items()]


def _call(client: TestClient, method: str, *, path: str, headers: dict[str, str]) -> Response:
    concrete = path.format(user_id=USER, rule_id=1, tier_id=1, decision_id=USER)
    body = b"{not json" if method in {"POST", "PATCH", "PUT"} else None
    return client.request(method, concrete, content=body, headers=headers)


def test_the_routes_are_those_of_the_specification() -> None:
    """PT-802, PT-805, PT-806, PT-807, PT-813: these routes and no pre-trade check."""
    assert {(method, path) for method, path, _ in _operations()} == ROUTES


def test_writes_ask_for_the_admin_and_reads_for_admin_or_auditor() -> None:
    """PT-801: the roles in the document; a replay stores nothing and is a read."""
    for method, path, operation in _operations():
        reads = method == "GET" or path.endswith("/replay")
        wanted = {"RISK_ADMIN", "RISK_AUDITOR"} if reads else {"RISK_ADMIN"}
        assert set(operation[ROLES_KEY]) == wanted, (method, path)
        assert operation["security"] == [{"bearer": []}]


@pytest.mark.parametrize("role", [None, *Role, "SOMETHING_ELSE"])
def test_a_role_opens_what_the_document_says_and_nothing_more(role: str | None) -> None:
    """PT-801: 403 with a problem document before the body, the path or any port is looked at; else any other answer."""
    sealed = Untouchable()
    admin = Admin()
    closed = replace(
        admin.dependencies, profiles=sealed, rules=sealed, tiers=sealed, trading_states=sealed, decisions=sealed
    )
    sealed_client = TestClient(create_app(closed), raise_server_exceptions=False)
    open_client = TestClient(admin.app, raise_server_exceptions=False)
    headers = headers_for(*([role] if role else []))
    for method, path, operation in _operations():
        if role in operation[ROLES_KEY]:
            answer = _call(open_client, method, path=path, headers=headers)
            assert answer.status_code not in {401, 403, 500}, (method, path, answer.text)
            continue
        answer = _call(sealed_client, method, path=path, headers=headers)
        assert answer.status_code == 403, (method, path, answer.text)
        assert answer.headers["content-type"] == PROBLEM
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [
        (None, 'Bearer realm="tidegate"'),
        ("Basic YWRhOnNlY3JldA==", 'Bearer realm="tidegate"'),
        ("Bearer nonsense", 'error="invalid_token"'),
        (f"Bearer {a_token(some_claims(exp=1))}", 'error="invalid_token"'),
        (f"Bearer {'x' * 20_000}", 'error="invalid_token"'),
    ],
    ids=["none", "basic", "nonsense", "expired", "huge"],
)
def test_without_a_valid_token_every_operation_answers_401(authorization: str | None, challenge: str) -> None:
    """PT-801: before any other logic, as a problem document that says how to authenticate."""
    client = TestClient(Admin().app, raise_server_exceptions=False)
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path, _ in _operations():
        answer = _call(client, method, path=path, headers=headers)
        assert answer.status_code == 401, (method, path, answer.text)
        assert answer.headers["content-type"] == PROBLEM
        assert challenge in answer.headers["www-authenticate"]
        assert answer.json()["code"] == "unauthenticated"


def test_two_authorization_headers_are_refused() -> None:
    """Nothing is guessed when a request says twice who it is."""
    client = TestClient(Admin().app)
    bearer = f"Bearer {token_for('RISK_ADMIN')}"
    answer = client.get("/v1/risk-rules", headers=[("Authorization", bearer), ("Authorization", bearer)])
    assert answer.status_code == 401


def test_malformed_roles_are_forbidden() -> None:
    """A valid token whose roles cannot be read is 403, not 401."""
    token = a_token(some_claims(realm_access={"roles": "RISK_ADMIN"}))
    answer = TestClient(Admin().app).get("/v1/risk-rules", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403


def test_an_issuer_that_does_not_answer_is_503_with_a_retry_time() -> None:
    """PL-307: while keys were never had nobody is let in, and the caller may come again."""

    class Silent(PublishedKeys):
        async def of(self, kid: str) -> tuple[VerificationKey, ...]:
            raise DependencyFailed("issuer", "does not answer", retry_after_ms=1_500)

    admin = Admin()
    admin = Admin(guard=TokenGuard(Silent(), admin.clock, issuer="http://127.0.0.1:8080/issuer", audience="tidegate"))
    answer = admin.client.get("/v1/risk-rules")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/swagger.json", "/docs/assets/swagger-ui.css"],
)
def test_the_open_pages_need_no_token(path: str) -> None:
    """PT-808: health, readiness, metrics and the documentation are open."""
    assert TestClient(Admin().app).get(path).status_code == 200
