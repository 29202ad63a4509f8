"""How an operation is declared: roles, answers, example, faults; all of it goes into the OpenAPI document."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.responses import Response

from tidegate.inbound.rest.exact_json import PROBLEM_TYPE, ExactJson
from tidegate.inbound.rest.guarded_route import ROLES_KEY
from tidegate.inbound.shared.faults import FAULTS, FaultCode
from tidegate.inbound.shared.token_guard import Role

READERS: Final = (Role.RISK_ADMIN, Role.RISK_AUDITOR)
WRITERS: Final = (Role.RISK_ADMIN,)
BEARER_SCHEME: Final = "bearer"

_ANY_OPERATION: Final = (
    FaultCode.MALFORMED,
    FaultCode.UNAUTHENTICATED,
    FaultCode.FORBIDDEN,
    FaultCode.NOT_ACCEPTABLE,
    FaultCode.UNPROCESSABLE,
    FaultCode.OVERLOADED,
    FaultCode.INTERNAL,
    FaultCode.DEPENDENCY_FAILED,
    FaultCode.DEADLINE_EXCEEDED,
)
WITH_BODY: Final = (FaultCode.TOO_LARGE, FaultCode.UNSUPPORTED_MEDIA_TYPE)
WITH_VERSION: Final = (FaultCode.VERSION_MOVED, FaultCode.PRECONDITION_REQUIRED)

_ETAG: Final = {"ETag": {"description": "The version that was read.", "schema": {"type": "string"}}}
_LOCATION: Final = {"Location": {"description": "Where it can be read.", "schema": {"type": "string"}}}
_RETRY: Final = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}
_CHALLENGE: Final = {"WWW-Authenticate": {"description": "RFC 6750.", "schema": {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class Success:
    """What an operation answers when it succeeds; without a ``model`` there is no body (204)."""

    model: type[BaseModel] | UnionType | None
    example: object
    status: int = 200
    etag: bool = False
    location: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API. ``faults``: those beyond what every operation may answer."""

    method: str
    path: str
    endpoint: Callable[..., Awaitable[Response]]
    summary: str
    roles: tuple[Role, ...]
    success: Success
    faults: tuple[FaultCode, ...] = ()
    body_example: object = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def add_operation(app: FastAPI, operation: Operation, *, tag: str) -> None:
    """Serve an operation and document it."""
    success = operation.success
    headers = (_ETAG if success.etag else {}) | (_LOCATION if success.location else {})
    done: dict[str, Any] = {"description": "Done", "headers": headers}
    if success.model is not None:
        done |= {"model": success.model, "content": {"application/json": {"example": success.example}}}
    responses: dict[int | str, dict[str, Any]] = {success.status: done}
    for code in (*_ANY_OPERATION, *operation.faults):
        responses[FAULTS[code].http_status] = _problem_answer(code)
    extra: dict[str, Any] = {
        ROLES_KEY: [role.value for role in operation.roles],
        "security": [{BEARER_SCHEME: []}],
        **operation.extra,
    }
    if operation.body_example is not None:
        extra["requestBody"] = {"content": {"application/json": {"example": operation.body_example}}}
    app.add_api_route(
        operation.path,
        operation.endpoint,
        methods=[operation.method],
        summary=operation.summary,
        tags=[tag],
        status_code=success.status,
        response_model=None,
        response_class=ExactJson,
        responses=responses,
        openapi_extra=extra,
        operation_id=operation.endpoint.__name__,
    )


def _problem_answer(code: FaultCode) -> dict[str, Any]:
    fault = FAULTS[code]
    example: dict[str, object] = {
        "type": f"urn:tidegate:fault:{code.value}",
        "title": fault.title,
        "status": fault.http_status,
        "detail": fault.title,
        "code": code.value,
    }
    if code is FaultCode.UNPROCESSABLE:
        detail = 'write it as text, such as "0.25"; numbers are not taken'
        error = {"pointer": "/exposure_limit_usdt", "code": "decimal_text_type", "detail": detail, "in": "body"}
        example["errors"] = [error]
    headers = _RETRY if fault.retryable else _CHALLENGE if code is FaultCode.UNAUTHENTICATED else {}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": fault.title,
        "content": {PROBLEM_TYPE: {"schema": schema, "example": example}},
        "headers": headers,
    }
