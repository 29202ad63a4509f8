"""What a rule finds at a path: the request, the answers of providers, the subject's past."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from tidegate.core.assessment.history import ROOT as HISTORY
from tidegate.core.assessment.outside import CallStatus, ProviderAnswer
from tidegate.core.assessment.provider_questions import FILED_UNDER, SCREENING
from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.assessment.vocabulary import PROVIDERS
from tidegate.core.rules.lookup import CALL_NOT_CALLED
from tidegate.core.rules.values import UNAVAILABLE, Lookup

_CALL: Final = "call"
_NO_MATCH: Final = Decimal(0)


def request_lookup(
    request: AssessmentRequest, *, outside: Mapping[str, ProviderAnswer], history: Mapping[str, object]
) -> Lookup:
    """Give the lookup that rules read one request with.

    A field of a provider that did not answer is UNAVAILABLE; ``call`` itself can always be read. An empty ``trace_id``
    is a missing one.
    """
    members: dict[str, object] = {
        "trace_id": request.trace_id or None,
        "subject_id": request.subject_id,
        **request.attributes(),
        "context_data": request.context_data,
        HISTORY: history,
    }

    def look(path: str) -> object:
        segments = path.split(".")
        if segments[0] != PROVIDERS:
            return _walk(members, segments)
        if len(segments) == 1:
            return {name: _whole(answer) for name, answer in outside.items()}
        return _provider_field(outside.get(segments[1]), segments[1], segments=segments[2:])

    return look


def provider_call(answer: ProviderAnswer | None) -> str:
    """Tell how a provider's call went: SUCCESS, FAILURE, TIMEOUT or NOT_CALLED."""
    return CALL_NOT_CALLED if answer is None else answer.status.value


def _provider_field(answer: ProviderAnswer | None, name: str, *, segments: Sequence[str]) -> object:
    if list(segments) == [_CALL]:
        return provider_call(answer)
    if answer is None or answer.status is not CallStatus.SUCCESS:
        return UNAVAILABLE
    if not segments:
        return _whole(answer)
    if segments[0] == FILED_UNDER.get(name) and segments[0] not in answer.fields:
        return _unfiled(answer.fields, name, segments=segments[2:])
    return _walk(answer.fields, segments)


def _unfiled(fields: Mapping[str, object], name: str, *, segments: Sequence[str]) -> object:
    """Read an answer that is not filed by key: it answers every question."""
    value = _walk(fields, segments)
    if value is None and name == SCREENING and list(segments) == ["score"] and fields.get("found") is False:
        return _NO_MATCH
    return value


def _whole(answer: ProviderAnswer) -> dict[str, object]:
    fields = answer.fields if answer.status is CallStatus.SUCCESS else {}
    return {**fields, _CALL: answer.status.value}


def _walk(value: object, segments: Sequence[str]) -> object:
    for segment in segments:
        if not isinstance(value, Mapping):
            return None
        value = value.get(segment)
    return value
