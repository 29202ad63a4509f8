"""What an evaluation is asked with: the body checked whole, the trace, the idempotency key."""

import re
from typing import Any, Final

from starlette.requests import Request

from tidegate.core.assessment.request import TEXT_CHARACTERS_MAX, AssessmentRequest
from tidegate.core.assessment.request_checks import InvalidRequest, checked_request
from tidegate.inbound.rest.json_bodies import read_body
from tidegate.inbound.rest.problems import FieldError, unprocessable
from tidegate.inbound.shared.faults import FaultCode
from tidegate.ports.risk_assessments import IdempotencyKey

KEY_HEADER: Final = "Idempotency-Key"
KEY_CHARACTERS_MAX: Final = 255
"""Characters of an idempotency key (at the bound passes); it is printable ASCII."""

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?", re.ASCII)
_CURRENT_VERSION: Final = "00"
_NO_VERSION: Final = "ff"
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]+", re.ASCII)

_TEXT_SCHEMA: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": TEXT_CHARACTERS_MAX}
BODY_SCHEMA: Final[dict[str, Any]] = {
    "title": "AssessmentRequest",
    "type": "object",
    "additionalProperties": False,
    "required": ["subject_id", "source_system", "country", "product_type", "risk_category", "context_data"],
    "properties": {
        "trace_id": {"type": "string", "format": "uuid", "description": "Made when it is left out."},
        "subject_id": _TEXT_SCHEMA,
        "source_system": _TEXT_SCHEMA,
        "country": {"type": "string", "pattern": "^[A-Z]{2}$", "description": "ISO 3166-1 alpha-2."},
        "product_type": _TEXT_SCHEMA,
        "risk_category": _TEXT_SCHEMA,
        "context_data": {"type": "object", "description": "What rules read as context_data.*; any JSON."},
    },
}


async def read_request(request: Request, *, trace_id: str) -> AssessmentRequest:
    """Read and check the body. ``trace_id``: what a request gets that names none, in no way.

    Raises:
        RequestRefused: 422 naming every fault; 415 another type than JSON; 400 the body did not arrive.
    """
    received = await read_body(request, beyond=FaultCode.UNPROCESSABLE)
    try:
        return checked_request(await received.json(), trace_id=traced(request) or trace_id)
    except InvalidRequest as invalid:
        raise unprocessable([FieldError(each.pointer, each.code, each.message) for each in invalid.faults]) from None


def traced(request: Request) -> str | None:
    """Give the trace of ``traceparent`` (W3C Trace Context) as a UUID; None when there is none that can be read."""
    headers = request.headers.getlist("traceparent")
    parts = _TRACEPARENT.fullmatch(headers[0].strip(" \t")) if len(headers) == 1 else None
    if parts is None:
        return None
    version, trace, parent, more = parts.groups()
    if version == _NO_VERSION or (version == _CURRENT_VERSION and more) or not (int(trace, 16) and int(parent, 16)):
        return None
    return f"{trace[:8]}-{trace[8:12]}-{trace[12:16]}-{trace[16:20]}-{trace[20:]}"


def read_key(request: Request, *, token_subject: str) -> IdempotencyKey | None:
    """Read the idempotency key.

    Raises:
        RequestRefused: 422 when it is given twice, empty, too long or not printable ASCII.
    """
    given = request.headers.getlist(KEY_HEADER)
    if not given:
        return None
    key = given[0]
    if len(given) > 1:
        raise refused_key("given_twice", "give one key")
    if len(key) > KEY_CHARACTERS_MAX or _PRINTABLE.fullmatch(key) is None:
        raise refused_key("bad_key", f"a key is 1 to {KEY_CHARACTERS_MAX} printable ASCII characters")
    return IdempotencyKey(token_subject, key)


def refused_key(code: str, detail: str) -> Exception:
    """Make the refusal of an idempotency key."""
    return unprocessable([FieldError(f"/{KEY_HEADER.lower()}", code, detail, "header")])
