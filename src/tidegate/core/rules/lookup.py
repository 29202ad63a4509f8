"""Reads dotted paths in a request that is kept as nested JSON objects."""

from collections.abc import Sequence
from typing import Final

from tidegate.core.rules.values import UNAVAILABLE, Lookup

CALL_SUCCESS: Final = "SUCCESS"
CALL_FAILURE: Final = "FAILURE"
CALL_TIMEOUT: Final = "TIMEOUT"
CALL_NOT_CALLED: Final = "NOT_CALLED"

_PROVIDERS: Final = "providers"
_FAILURE_CALLS: Final = {"failure": CALL_FAILURE, "timeout": CALL_TIMEOUT}


def nested_lookup(request: dict[str, object]) -> Lookup:
    """A lookup over nested objects: segments are object keys, there is no array index.

    `providers.<name>` is the adapted answer. It answered when it carries no `call` or `call` SUCCESS; otherwise, and
    when it is not there at all or is `{"failure": "timeout" | "failure"}`, its fields are UNAVAILABLE. `call` itself
    can always be read.
    """

    def look(path: str) -> object:
        segments = path.split(".")
        if segments[0] == _PROVIDERS and len(segments) >= 3:
            return _provider_field(request.get(_PROVIDERS), segments[1], segments=segments[2:])
        return _walk(request, segments)

    return look


def provider_call(answer: object) -> str:
    """How the provider's call went: SUCCESS, FAILURE, TIMEOUT or NOT_CALLED."""
    if not isinstance(answer, dict):
        return CALL_NOT_CALLED
    if "call" in answer:
        call = answer["call"]
        return call if isinstance(call, str) else CALL_FAILURE
    failure = answer.get("failure")
    if len(answer) == 1 and isinstance(failure, str):
        return _FAILURE_CALLS.get(failure, CALL_SUCCESS)
    return CALL_SUCCESS


def _provider_field(providers: object, name: str, *, segments: Sequence[str]) -> object:
    answer = providers.get(name) if isinstance(providers, dict) else None
    call = provider_call(answer)
    if segments == ["call"]:
        return call
    return _walk(answer, segments) if call == CALL_SUCCESS else UNAVAILABLE


def _walk(value: object, segments: Sequence[str]) -> object:
    for segment in segments:
        if not isinstance(value, dict):
            return None
        value = value.get(segment)
    return value
