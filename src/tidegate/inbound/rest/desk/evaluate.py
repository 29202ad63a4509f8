"""``POST /v1/risk/evaluate``: how risky a subject is, in one call."""

from typing import Final

from fastapi import Request
from starlette.responses import Response

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.risk_assessment import AssessmentStatus
from tidegate.inbound.rest.dependencies import principal_of
from tidegate.inbound.rest.desk.assessment_access import assessments_of
from tidegate.inbound.rest.desk.request_body import (
    BODY_SCHEMA,
    KEY_CHARACTERS_MAX,
    KEY_HEADER,
    read_key,
    read_request,
    refused_key,
)
from tidegate.inbound.rest.exact_json import ExactJson
from tidegate.inbound.rest.fields import Document
from tidegate.inbound.rest.operations import Operation, Success
from tidegate.inbound.shared.faults import FaultCode
from tidegate.inbound.shared.token_guard import Role
from tidegate.usecases.assessment.evaluate import Evaluated, KeyReused

HEADERS: Final = [
    {
        "name": KEY_HEADER,
        "in": "header",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": KEY_CHARACTERS_MAX},
        "description": "The same request under the same key is answered alike.",
    },
    {
        "name": "traceparent",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "W3C Trace Context; its trace is used when the body names none.",
    },
]


class EvaluationDocument(Document):
    """The decision, in the source's shape, and what was added to it."""

    assessment_id: str
    trace_id: str
    decision: Decision
    risk_score: int
    reason_codes: list[str]
    processing_time_ms: int
    status: AssessmentStatus
    score_min: int
    score_max: int
    coverage: float
    warnings: list[str]
    duplicate_of_request: bool


REQUEST_EXAMPLE: Final = {
    "trace_id": "3f0f4a52-0a5f-4d57-8f19-0d0d1f8f0a11",
    "subject_id": "customer-4711",
    "source_system": "lt-kyc-service",
    "country": "CH",
    "product_type": "BUSINESS_ACCOUNT",
    "risk_category": "ONBOARDING",
    "context_data": {"legal_name": "Muster AG", "debt_ratio": 0.47},
}
RESPONSE_EXAMPLE: Final = {
    "assessment_id": "0b8f3c1e-6f3a-4a53-9d0b-0f6a1f6f7c11",
    "trace_id": "3f0f4a52-0a5f-4d57-8f19-0d0d1f8f0a11",
    "decision": "APPROVED",
    "risk_score": 45,
    "reason_codes": ["RULE_GEO_HIGH_RISK_COUNTRY", "RULE_HIGH_DEBT_RATIO"],
    "processing_time_ms": 320,
    "status": "COMPLETED",
    "score_min": 45,
    "score_max": 45,
    "coverage": 1,
    "warnings": [],
    "duplicate_of_request": False,
}


async def evaluate_risk(request: Request) -> Response:
    """Evaluate a subject: rules in scope, outside data, score and decision, recorded before it is answered."""
    # Headers and dependencies are taken from the request: what the framework makes of parameters costs as much as all
    # the rules.
    assessing = assessments_of(request)
    key = read_key(request, token_subject=principal_of(request).subject)
    asked = await read_request(request, trace_id=assessing.ids.new())
    try:
        return ExactJson(_document(await assessing.evaluation.evaluate(asked, key=key)))
    except KeyReused:
        raise refused_key("key_reused", "this key was used with another request") from None


def operations() -> list[Operation]:
    """Give the operation."""
    schema = {"required": True, "content": {"application/json": {"schema": BODY_SCHEMA, "example": REQUEST_EXAMPLE}}}
    return [
        Operation(
            "POST",
            "/v1/risk/evaluate",
            evaluate_risk,
            "Evaluate the risk of a subject",
            (Role.RISK_EVALUATOR,),
            Success(EvaluationDocument, RESPONSE_EXAMPLE),
            (FaultCode.UNSUPPORTED_MEDIA_TYPE,),
            extra={"requestBody": schema, "parameters": HEADERS},
        )
    ]


def _document(evaluated: Evaluated) -> dict[str, object]:
    answer = evaluated.answer
    return {
        "assessment_id": evaluated.assessment_id,
        "trace_id": evaluated.trace_id,
        "decision": answer["decision"],
        "risk_score": answer["risk_score"],
        "reason_codes": answer["reason_codes"],
        "processing_time_ms": evaluated.processing_time_ms,
        "status": AssessmentStatus.COMPLETED.value,
        "score_min": answer["score_min"],
        "score_max": answer["score_max"],
        "coverage": answer["coverage"],
        "warnings": answer["warnings"],
        "duplicate_of_request": evaluated.repeated,
    }
