"""Evaluating and looking back against their own OpenAPI document: generated requests, right ones and wrong ones."""

from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection
from tests.conftest import FULL
from tests.core.assessment.builders import a_rule, answered
from tests.inbound.rest.admin import headers_for
from tests.inbound.rest.desk.evaluation_api import EVALUATE, EvaluationApi
from tests.inbound.rest.test_conformance import CHECKS, tried
from tests.usecases.assessment.workflow import FakeProvider, asking

REQUESTS = 2_000 if FULL else 160
LABELS = [
    f"POST {EVALUATE}",
    "GET /v1/assessments",
    "GET /v1/assessments/{assessment_id}",
    "POST /v1/assessments/{assessment_id}/replay",
]
EVERYONE = headers_for("RISK_EVALUATOR", "RISK_AUDITOR")


@cache
def _schema() -> tuple[dict[str, Any], str]:
    """One API for the module, with one assessment; others pile up in it, as they do in life."""
    found = FakeProvider("zefix", answered(found=True))
    desk = EvaluationApi([asking("zefix", weight=300), a_rule("FIRES")], providers=[found])
    assessment_id = desk.evaluate().json()["assessment_id"]
    schema = schemathesis.openapi.from_asgi("/openapi.json", desk.admin.app)
    return {
        found.ok().label: found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)
    }, assessment_id


@pytest.mark.parametrize("label", LABELS)
def test_a_request_that_fits_the_document_is_answered_as_the_document_says(label: str) -> None:
    """AS-305: no 5xx, and status, type, headers and body conform; on ids that exist and on others."""
    operations, assessment_id = _schema()

    @tried(REQUESTS, labels=len(LABELS))
    @given(case=operations[label].as_strategy(generation_mode=GenerationMode.POSITIVE), exists=st.booleans())
    def conforms(case: Case[Any], exists: bool) -> None:
        if exists and case.path_parameters:
            case.path_parameters["assessment_id"] = assessment_id
        case.call_and_validate(headers=EVERYONE, checks=CHECKS)

    conforms()


@pytest.mark.parametrize("label", LABELS)
def test_a_request_that_breaks_the_document_is_refused(label: str) -> None:
    """AS-305: whatever is spoilt in it, the answer is a 4xx problem document."""
    operations, _ = _schema()

    @tried(REQUESTS, labels=len(LABELS))
    @given(case=operations[label].as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def refused(case: Case[Any]) -> None:
        case.call_and_validate(headers=EVERYONE, checks=[*CHECKS, negative_data_rejection])

    refused()
