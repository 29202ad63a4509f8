"""Requests of the HTTP API as spans."""

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode
from starlette.testclient import TestClient
from tests.inbound.rest.admin import USER, Admin, headers_for, token_for
from tests.traces import MALFORMED, PARENT, TRACE, TRACEPARENT, Recorded, betrayed, parent_of, trace_of

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.rest.app import WATCHED_PATHS
from tidegate.inbound.rest.tracing import TracedApp


class TracedAdmin:
    """The admin API with its requests traced."""

    def __init__(self, admin: Admin) -> None:
        self.admin = admin
        self.recorded = Recorded()
        app = TracedApp(admin.app, self.recorded.tracer)
        self.client = TestClient(app, raise_server_exceptions=False, headers=headers_for("RISK_ADMIN"))


@pytest.fixture
async def traced() -> TracedAdmin:
    return TracedAdmin(await Admin().seeded())


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def test_request_with_traceparent_is_a_span_of_the_callers_trace(traced: TracedAdmin) -> None:
    """RE-400, RE-401: the span is the caller's child, named by the route's template, with method and status alone."""
    response = traced.client.get(f"/v1/risk-profiles/{USER}", headers={"traceparent": TRACEPARENT})
    span = traced.recorded.named("GET /v1/risk-profiles/{user_id}")
    assert response.status_code == 200
    assert (trace_of(span), parent_of(span), span.kind) == (TRACE, PARENT, SpanKind.SERVER)
    assert attributes(span) == {
        "http.request.method": "GET",
        "http.route": "/v1/risk-profiles/{user_id}",
        "http.response.status_code": 200,
    }


@pytest.mark.parametrize("sent", [*MALFORMED, "\xff" * 55])
def test_request_with_malformed_traceparent_begins_a_trace(traced: TracedAdmin, sent: str) -> None:
    """RE-400: the request is answered as ever, in a trace of our own."""
    headers = [(b"traceparent", sent.encode("latin-1"))]
    assert traced.client.get("/v1/trading-state", headers=headers).status_code == 200
    (span,) = traced.recorded.all()
    assert parent_of(span) == ""


def test_request_hostile_in_every_part_tells_nobody(traced: TracedAdmin) -> None:
    """RE-409: path, query, headers, method, body and token of a request are in no span."""
    name, token = "Anna-Mueller", token_for("RISK_ADMIN", subject="anna-mueller")
    headers = {
        "Authorization": f"Bearer {token}",
        "User-Agent": name,
        "X-Forwarded-For": "203.0.113.7",
        "tracestate": f"vendor={name}",
        "baggage": f"user={USER}",
        "traceparent": TRACEPARENT,
    }
    for method in ("GET", "PUT", "BREW", name):
        for path in (f"/v1/risk-profiles/{USER}", f"/v1/decisions?user_id={USER}", f"/{name}/{USER}", f"/v1/{token}"):
            traced.client.request(method, path, headers=headers, json={"user_id": USER, "reason": name})
    assert len(traced.recorded.all()) == 16
    personal = [USER, name, token, "203.0.113.7", "testclient", "BREW"]
    assert betrayed(traced.recorded.all(), personal) == []
    assert {attributes(span)["http.request.method"] for span in traced.recorded.all()} == {"GET", "PUT", "_OTHER"}


@pytest.mark.parametrize(("trouble", "status"), [(DependencyFailed("rules", f"of {USER}"), 503), (KeyError(USER), 500)])
async def test_request_in_trouble_is_an_error_without_words(trouble: Exception, status: int) -> None:
    """RE-401, RE-409: a status from 500 on is an error of the server, and what broke is not quoted."""

    async def replay(_decision_id: str) -> None:
        raise trouble

    traced = TracedAdmin(await Admin(replay=replay).seeded())
    decision_id = "4f9c2a64-52b1-4d0e-9a3e-1f2f3a4b5c6d"
    response = traced.client.post(f"/v1/decisions/{decision_id}/replay", headers=headers_for("RISK_AUDITOR"))
    (span,) = traced.recorded.all()
    assert response.status_code == attributes(span)["http.response.status_code"] == status
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())
    assert betrayed([span], [USER]) == []


def test_request_refused_is_no_error_of_the_server(traced: TracedAdmin) -> None:
    """RE-401: what the caller did wrong is the caller's."""
    assert traced.client.get("/v1/nowhere").status_code == 404
    (span,) = traced.recorded.all()
    assert (span.name, span.status.status_code) == ("GET", StatusCode.UNSET)


@pytest.mark.parametrize("path", sorted(WATCHED_PATHS))
def test_request_of_who_watches_is_not_traced(traced: TracedAdmin, path: str) -> None:
    """RE-401: probes and scrapes, which come every few seconds for ever, are no traces."""
    traced.client.get(path)
    assert traced.recorded.all() == ()
