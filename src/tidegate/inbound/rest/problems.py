"""Problem documents (RFC 9457): every error as one shape, naming every bad field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from tidegate.inbound.rest.exact_json import ProblemJson
from tidegate.inbound.shared.faults import FAULTS, FaultCode

ERRORS_MAX = 100
"""Bad fields that one document names."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad field. ``pointer`` (RFC 6901) starts at what ``place`` names: body, query, path or header."""

    pointer: str
    code: str
    detail: str
    place: str = "body"


class RequestRefused(Exception):
    """The request is answered with a problem document."""

    def __init__(
        self,
        code: FaultCode,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def problem_response(
    code: FaultCode,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make the response for a fault."""
    fault = FAULTS[code]
    document: dict[str, object] = {
        "type": f"urn:tidegate:fault:{code.value}",
        "title": fault.title,
        "status": fault.http_status,
        "detail": readable(detail),
        "code": code.value,
    }
    if errors:
        document["errors"] = [
            {
                "pointer": readable(error.pointer),
                "code": error.code,
                "detail": readable(error.detail),
                "in": error.place,
            }
            for error in errors[:ERRORS_MAX]
        ]
    return ProblemJson(document, status_code=fault.http_status, headers=dict(headers or {}))


def unprocessable(errors: Sequence[FieldError]) -> RequestRefused:
    """Make the refusal of a request with bad fields."""
    fields = "field is" if len(errors) == 1 else "fields are"
    return RequestRefused(FaultCode.UNPROCESSABLE, f"{len(errors)} {fields} not right", errors=errors)


def readable(text: str) -> str:
    """Give a text that can be written as UTF-8, whatever the caller sent."""
    return text.encode("utf-8", "backslashreplace").decode()


def require_range(from_us: int | None, to_us: int | None) -> None:
    """Pass when a half-open range of time, where both its ends are given, is not empty.

    Raises:
        RequestRefused: 422 at the query's ``to`` otherwise.
    """
    if from_us is not None and to_us is not None and from_us >= to_us:
        raise unprocessable([FieldError("/to", "empty_range", "must be after from", "query")])
