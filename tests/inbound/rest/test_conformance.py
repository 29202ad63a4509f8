"""The API against its own OpenAPI document: generated requests, right and wrong, and what may come back."""

import asyncio
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.conftest import FULL
from tests.inbound.rest.admin import USER, Admin, headers_for
from tests.inbound.rest.test_access import ROUTES

REQUESTS = 5_000 if FULL else 640
"""Generated in all; make prove runs the number that the requirement names."""

LABELS = sorted(f"{method} {path}" for method, path in ROUTES)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
REFUSALS = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429"]
EXISTING = {"user_id": USER, "rule_id": 1, "tier_id": 1, "decision_id": "4f9c2a64-52b1-4d0e-9a3e-1f2f3a4b5c6d"}
RULE = {"name": "seed", "action": "WARN", "metric": "leverage", "operator": "GT", "threshold": "10"}
TIER = {"tier": 1, "max_notional": "50000", "maintenance_margin_pct": "0.4"}


@cache
def _operations() -> dict[str, Any]:
    """One API for the module, with something at every id of EXISTING; requests pile up in it, as they do in life."""
    admin = asyncio.run(Admin().seeded())
    assert admin.client.post("/v1/risk-rules", json=RULE).is_success
    assert admin.client.post("/v1/margin-tiers", json=TIER).is_success
    schema = schemathesis.openapi.from_asgi("/openapi.json", admin.app)
    # A tag that is none names no version: 412 is the refusal of a spoilt If-Match.
    schema.config.checks.negative_data_rejection.expected_statuses = ["412", *REFUSALS]
    return {found.ok().label: found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)}


def tried(requests: int, *, labels: int) -> settings:
    """Share a number of requests out over operations, right ones and wrong ones alike."""
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    examples = -(-requests // (2 * labels))
    return settings(max_examples=examples, deadline=None, suppress_health_check=quiet)


def test_the_generated_requests_reach_every_operation() -> None:
    """The number of requests is shared out over all operations of the document."""
    assert sorted(_operations()) == LABELS


@pytest.mark.parametrize("label", LABELS)
def test_a_request_that_fits_the_document_is_answered_as_the_document_says(label: str) -> None:
    """PT-811, PL-307: no 5xx, and status, type, headers and body conform; on ids that exist and on others."""
    operation = _operations()[label]

    @tried(REQUESTS, labels=len(LABELS))
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE), exists=st.booleans())
    def conforms(case: Case[Any], exists: bool) -> None:
        if exists and case.path_parameters:
            case.path_parameters.update({name: EXISTING[name] for name in case.path_parameters})
        headers = headers_for("RISK_ADMIN") | ({"If-Match": "*"} if exists else {})
        case.call_and_validate(headers=headers, checks=CHECKS)

    conforms()


@pytest.mark.parametrize("label", LABELS)
def test_a_request_that_breaks_the_document_is_refused(label: str) -> None:
    """PT-811: whatever is spoilt in it, the answer is a 4xx problem document."""
    operation = _operations()[label]

    @tried(REQUESTS, labels=len(LABELS))
    @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def refused(case: Case[Any]) -> None:
        case.call_and_validate(headers=headers_for("RISK_ADMIN"), checks=[*CHECKS, negative_data_rejection])

    refused()
