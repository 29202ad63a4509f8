"""The table of fault codes: what went wrong, by its HTTP status and its gRPC status. REST and gRPC answer from it.

A fault is never a decision: a refused order is answered as a value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FaultCode(StrEnum):
    """What went wrong; the name goes over the wire and never changes once released."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_ACCEPTABLE = "not_acceptable"
    CONFLICT = "conflict"
    VERSION_MOVED = "version_moved"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    UNPROCESSABLE = "unprocessable"
    PRECONDITION_REQUIRED = "precondition_required"
    OVERLOADED = "overloaded"
    INTERNAL = "internal"
    DEPENDENCY_FAILED = "dependency_failed"
    DEADLINE_EXCEEDED = "deadline_exceeded"


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table. ``grpc_status`` is the name of a ``grpc.StatusCode``.

    ``retryable``: the same request may succeed later; such an answer carries a time to wait.
    """

    code: FaultCode
    http_status: int
    grpc_status: str
    title: str
    retryable: bool = False


_ROWS: Final = (
    Fault(FaultCode.MALFORMED, 400, "INVALID_ARGUMENT", "The request cannot be read"),
    Fault(FaultCode.UNAUTHENTICATED, 401, "UNAUTHENTICATED", "A valid token is required"),
    Fault(FaultCode.FORBIDDEN, 403, "PERMISSION_DENIED", "The token does not carry the role that this needs"),
    Fault(FaultCode.NOT_FOUND, 404, "NOT_FOUND", "There is no such thing here"),
    Fault(FaultCode.METHOD_NOT_ALLOWED, 405, "UNIMPLEMENTED", "This cannot be done here"),
    Fault(FaultCode.NOT_ACCEPTABLE, 406, "INVALID_ARGUMENT", "No accepted representation can be given"),
    Fault(FaultCode.CONFLICT, 409, "ALREADY_EXISTS", "The change collides with what is stored"),
    Fault(FaultCode.VERSION_MOVED, 412, "ABORTED", "It has been changed since it was read"),
    Fault(FaultCode.TOO_LARGE, 413, "INVALID_ARGUMENT", "The request is too large"),
    Fault(FaultCode.UNSUPPORTED_MEDIA_TYPE, 415, "INVALID_ARGUMENT", "The body is of a type that is not read here"),
    Fault(FaultCode.UNPROCESSABLE, 422, "INVALID_ARGUMENT", "The request has fields that are not right"),
    Fault(FaultCode.PRECONDITION_REQUIRED, 428, "FAILED_PRECONDITION", "The change must say which version it saw"),
    Fault(FaultCode.OVERLOADED, 429, "RESOURCE_EXHAUSTED", "More is asked than can be queued", retryable=True),
    Fault(FaultCode.INTERNAL, 500, "INTERNAL", "A defect in this service"),
    Fault(FaultCode.DEPENDENCY_FAILED, 503, "UNAVAILABLE", "Something this needs does not answer", retryable=True),
    Fault(FaultCode.DEADLINE_EXCEEDED, 504, "DEADLINE_EXCEEDED", "The time given was spent", retryable=True),
)

FAULTS: Final[Mapping[FaultCode, Fault]] = {row.code: row for row in _ROWS}
"""Every fault by its code."""
