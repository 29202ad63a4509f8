"""What went wrong inside becomes a problem document: one handler an exception."""

import math
from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from tidegate.core.kernel.trouble import DependencyFailed, Overloaded
from tidegate.core.rules.faults import pointer_to
from tidegate.inbound.rest.dependencies import dependencies_of
from tidegate.inbound.rest.desk import lists as desk_lists
from tidegate.inbound.rest.desk import rules as desk_rules
from tidegate.inbound.rest.desk import thresholds as desk_thresholds
from tidegate.inbound.rest.margin_tiers import LADDER_TAG, ONE_TAG
from tidegate.inbound.rest.problems import FieldError, RequestRefused, problem_response, unprocessable
from tidegate.inbound.rest.risk_rules import errors_in_condition
from tidegate.inbound.rest.versions import version_moved
from tidegate.inbound.shared.faults import FAULTS, FaultCode
from tidegate.inbound.shared.token_guard import Forbidden, Unauthenticated
from tidegate.ports.paging import UnreadableCursor
from tidegate.ports.stored import Conflict, NotStored, VersionMoved

_PLACES = {"body": "body", "query": "query", "path": "path", "header": "header"}
_TAGS = {ONE_TAG, LADDER_TAG}
_RULES_PATH = "/v1/risk-rules"
_COLLIDING_PATHS = (_RULES_PATH, desk_rules.PATH, desk_thresholds.PATH, desk_lists.PATH)
"""Where a conflict is with what is stored; elsewhere it is with the body."""


def add_fault_handlers(app: FastAPI) -> None:
    """Answer every exception that the API knows, and the ones it does not."""
    handlers: dict[type[Exception], Any] = {
        RequestRefused: _refused,
        RequestValidationError: _invalid,
        Unauthenticated: _unauthenticated,
        Forbidden: _forbidden,
        NotStored: _not_stored,
        VersionMoved: _version_moved,
        Conflict: _conflict,
        UnreadableCursor: _unreadable_cursor,
        DependencyFailed: _dependency_failed,
        Overloaded: _overloaded,
        TimeoutError: _deadline,
        HTTPException: _of_the_framework,
        Exception: _defect,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _refused(_request: Request, refused: RequestRefused) -> Response:
    return problem_response(refused.code, refused.detail, errors=refused.errors, headers=refused.headers)


async def _invalid(request: Request, invalid: RequestValidationError) -> Response:
    errors = [_field_error(error) for error in invalid.errors()]
    if request.url.path.startswith(_RULES_PATH):
        known = {error.pointer for error in errors}
        admin = dependencies_of(request)
        errors += [error for error in errors_in_condition(admin, invalid.body) if error.pointer not in known]
    elif request.url.path.startswith(desk_rules.PATH):
        desk = dependencies_of(request).desk
        errors += [] if desk is None else await desk_rules.errors_in_logic(desk, invalid.body)
    return await _refused(request, unprocessable(errors))


def _field_error(error: dict[str, Any]) -> FieldError:
    place, *steps = error["loc"]
    named = [step for step in steps if step not in _TAGS]
    where, code, detail = _PLACES.get(str(place), "body"), str(error["type"]), str(error["msg"])
    if code == "extra_forbidden":
        code, detail = "unknown_field", "there is no such field"
    elif code == "model_attributes_type":
        code, detail = "object_type", "must be a JSON object"
    return FieldError(_pointer(named), code, detail, where)


def _pointer(steps: Iterable[object]) -> str:
    pointer = ""
    for step in steps:
        pointer = pointer_to(pointer, step if isinstance(step, int) else str(step))
    return pointer


async def _unauthenticated(_request: Request, unauthenticated: Unauthenticated) -> Response:
    challenge = 'Bearer realm="tidegate"'
    if unauthenticated.presented:
        challenge += f', error="invalid_token", error_description="{unauthenticated.reason}"'
    headers = {"WWW-Authenticate": challenge}
    return problem_response(FaultCode.UNAUTHENTICATED, unauthenticated.reason, headers=headers)


async def _forbidden(_request: Request, forbidden: Forbidden) -> Response:
    headers = {"WWW-Authenticate": 'Bearer realm="tidegate", error="insufficient_scope"'}
    return problem_response(FaultCode.FORBIDDEN, forbidden.reason, headers=headers)


async def _not_stored(_request: Request, _missing: NotStored) -> Response:
    return problem_response(FaultCode.NOT_FOUND, "there is no row of this id")


async def _version_moved(request: Request, moved: VersionMoved) -> Response:
    return await _refused(request, version_moved(moved.current))


async def _conflict(request: Request, conflict: Conflict) -> Response:
    if request.url.path.startswith(_COLLIDING_PATHS):
        return problem_response(FaultCode.CONFLICT, "; ".join(conflict.faults))
    return await _refused(request, unprocessable([FieldError("", "unsound", fault) for fault in conflict.faults]))


async def _unreadable_cursor(request: Request, unreadable: UnreadableCursor) -> Response:
    return await _refused(request, unprocessable([FieldError("/cursor", "cursor", str(unreadable), "query")]))


async def _dependency_failed(_request: Request, failure: DependencyFailed) -> Response:
    detail = f"{failure.dependency} does not answer"
    return problem_response(FaultCode.DEPENDENCY_FAILED, detail, headers=_retry(failure.retry_after_ms))


async def _overloaded(_request: Request, overloaded: Overloaded) -> Response:
    return problem_response(FaultCode.OVERLOADED, str(overloaded), headers=_retry(overloaded.retry_after_ms))


async def _deadline(_request: Request, _spent: TimeoutError) -> Response:
    return problem_response(FaultCode.DEADLINE_EXCEEDED, "no answer in time", headers=_retry(1_000))


async def _of_the_framework(request: Request, refused: HTTPException) -> Response:
    codes = {fault.http_status: code for code, fault in FAULTS.items()}
    code = codes.get(refused.status_code, FaultCode.MALFORMED if refused.status_code < 500 else FaultCode.INTERNAL)
    headers = dict(refused.headers or {})
    if code is FaultCode.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return problem_response(code, FAULTS[code].title, headers=headers)


async def _defect(_request: Request, _defect: Exception) -> Response:
    # The framework raises it on after this answer, so that the server's log has it whole.
    return problem_response(FaultCode.INTERNAL, "it has been recorded; asking again will not help")


def _methods(request: Request) -> set[str]:
    methods: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    return methods


def _retry(after_ms: int) -> dict[str, str]:
    return {"Retry-After": str(max(1, math.ceil(after_ms / 1_000)))}
