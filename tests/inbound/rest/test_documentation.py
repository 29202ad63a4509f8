"""/openapi.json, /docs, and what tells how the process stands."""

import re
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.inbound.rest.admin import Admin

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.demo.issuer import TinyIssuer
from tidegate.inbound.shared.faults import FAULTS


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document as it is served."""
    served: dict[str, Any] = TestClient(Admin().app).get("/openapi.json").json()
    return served


def test_the_document_is_at_both_its_addresses(document: dict[str, Any]) -> None:
    """PT-808: /docs/swagger.json is where the source has it."""
    assert TestClient(Admin().app).get("/docs/swagger.json").json() == document


def test_every_operation_has_examples_a_scheme_and_its_faults(document: dict[str, Any]) -> None:
    """PL-311: an example of what goes in and what comes out, and every fault as a problem document."""
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = (method, path)
            done = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            assert [answer["content"]["application/json"]["example"] for answer in done], where
            if method in {"post", "patch", "put"} and not path.endswith("/replay"):
                assert operation["requestBody"]["content"]["application/json"]["example"], where
            faults = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
            assert {"401", "403", "422", "500", "503"} <= faults.keys(), where
            assert ("404" in faults) == ("{" in path), where
            assert ("412" in faults) == (method in {"patch", "put"}), where
            for answer in faults.values():
                content = answer["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert content["example"]["code"] in {fault.code for fault in FAULTS.values()}


def test_no_money_is_a_number_in_the_document(document: dict[str, Any]) -> None:
    """PT-811: money is a text wherever it stands."""
    names = re.compile("notional|limit_usdt|_pct|leverage|price|quantity|threshold|score")
    for schema in document["components"]["schemas"].values():
        for name, field in schema.get("properties", {}).items():
            if names.search(name):
                assert "number" not in str(field)
                assert "integer" not in str(field)


def test_every_example_of_a_body_is_taken(document: dict[str, Any]) -> None:
    """PL-311: what the document shows works."""
    client = Admin().client
    for path in ("/v1/risk-rules", "/v1/margin-tiers"):
        body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert client.post(path, json=body).status_code == 201
    body = document["paths"]["/v1/trading-state"]["put"]["requestBody"]["content"]["application/json"]["example"]
    assert client.put("/v1/trading-state", json=body).status_code == 200


def test_the_page_fetches_nothing_from_elsewhere() -> None:
    """PT-808: Swagger UI comes from this process, and the policy forbids anything else."""
    client = TestClient(Admin().app)
    page = client.get("/docs")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "//" not in page.text.replace("<!doctype", "")
    for asset in re.findall('(?:src|href)="([^"]+)"', page.text):
        answer = client.get(asset)
        assert answer.status_code == 200, asset
        assert len(answer.content) > 100, asset
    assert "SwaggerUIBundle" in client.get("/docs/start.js").text
    assert client.get("/docs/assets/redoc.standalone.js").status_code == 404
    assert client.get("/docs/assets/%2e%2e%2f__init__.py").status_code == 404


def test_health_and_metrics() -> None:
    """PL-311: alive is 200; metrics are what the process gives."""
    client = TestClient(Admin().app)
    assert client.get("/healthz").json() == {"status": "alive"}
    metrics = client.get("/metrics")
    assert metrics.text == "tidegate_up 1\n"
    assert metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def _ready() -> str | None:
    return None


async def _waiting() -> str | None:
    return "book is being rebuilt"


async def _broken() -> str | None:
    raise KeyError("secret")


async def _unreachable() -> str | None:
    raise DependencyFailed("PostgreSQL", "connection refused")


def test_readiness_names_each_part_and_why_it_is_not() -> None:
    """PL-311: 200 only when every part is ready; a probe that breaks is a part that is not."""
    assert TestClient(Admin(probes={"book": _ready}).app).get("/readyz").json() == {
        "status": "ready",
        "checks": {"book": "ready"},
    }
    probes = {"a": _ready, "b": _waiting, "c": _broken, "d": _unreachable}
    answer = TestClient(Admin(probes=probes).app).get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "checks": {
            "a": "ready",
            "b": "book is being rebuilt",
            "c": "the probe broke: KeyError",
            "d": "connection refused",
        },
    }


def test_the_tiny_issuer_can_be_mounted_under_its_own_address() -> None:
    """The demo's issuer is served by the same process, at the path of its iss."""
    issuer = TinyIssuer.start("http://127.0.0.1:8080/issuer", profile="demo")
    client = TestClient(Admin(mounts={"/issuer": issuer.app()}).app, client=("127.0.0.1", 1))
    discovery = client.get("/issuer/.well-known/openid-configuration").json()
    assert discovery["issuer"] == "http://127.0.0.1:8080/issuer"
    assert client.get("/issuer/jwks").json() == issuer.jwks()
