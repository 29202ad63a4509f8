"""Checks a request as it was read from JSON: every fault at once, each with its place."""

from collections.abc import Iterable, Mapping
from typing import Final

from tidegate.core.assessment.countries import COUNTRY_CODES
from tidegate.core.assessment.request import TEXT_CHARACTERS_MAX, AssessmentRequest
from tidegate.core.kernel.readings import Unreadable, read_uuid
from tidegate.core.rules.faults import RuleFault, pointer_to
from tidegate.core.rules.values import type_name

_TEXTS: Final = ("subject_id", "source_system", "country", "product_type", "risk_category")
_KEYS: Final = ("trace_id", *_TEXTS, "context_data")


class InvalidRequest(ValueError):
    """A request that is not evaluated; ``faults`` names everything that is wrong with it, pointers from its root."""

    def __init__(self, faults: Iterable[RuleFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.pointer or 'request'}: {fault.message}" for fault in self.faults))


def checked_request(members: object, *, trace_id: str = "") -> AssessmentRequest:
    """Check a request that ``json_exact.read_json`` has read (so that numbers, texts and nesting are within bounds).

    All fields but ``trace_id`` are required; texts have 1 to 256 characters; ``country`` is an assigned ISO 3166-1
    alpha-2 code in upper case; ``context_data`` is an object. ``trace_id`` is what a request that names none gets.

    Raises:
        InvalidRequest: every fault.
    """
    if not isinstance(members, Mapping):
        raise InvalidRequest([RuleFault("", "not_an_object", f"a request is an object, not {type_name(members)}")])
    faults = [
        RuleFault(pointer_to("", key), "unknown_key", f"not a field of a request; its fields are {', '.join(_KEYS)}")
        for key in members
        if key not in _KEYS
    ]
    own_trace_id = _trace_id(members, faults)
    texts = {key: _text(members, key, faults=faults) for key in _TEXTS}
    country = texts["country"]
    if country and country not in COUNTRY_CODES:
        message = "country is an ISO 3166-1 alpha-2 code in upper case, such as CH"
        faults.append(RuleFault("/country", "bad_country", message))
    context = _context(members, faults)
    if faults:
        raise InvalidRequest(faults)
    return AssessmentRequest(trace_id=own_trace_id or trace_id, context_data=context, **texts)


def _trace_id(members: Mapping[str, object], faults: list[RuleFault]) -> str:
    if "trace_id" not in members:
        return ""
    value = members["trace_id"]
    if isinstance(value, str):
        try:
            return read_uuid(value)
        except Unreadable as unreadable:
            faults.append(RuleFault("/trace_id", "bad_uuid", f"trace_id {unreadable}"))
            return ""
    message = f"trace_id is a UUID as text, not {type_name(value)}; leave it out to get one"
    faults.append(RuleFault("/trace_id", "bad_uuid", message))
    return ""


def _text(members: Mapping[str, object], key: str, *, faults: list[RuleFault]) -> str:
    if key not in members:
        faults.append(RuleFault(pointer_to("", key), "missing", f"{key} is required"))
        return ""
    value = members[key]
    if not isinstance(value, str):
        faults.append(RuleFault(pointer_to("", key), "not_a_text", f"{key} is a text, not {type_name(value)}"))
        return ""
    if not 0 < len(value) <= TEXT_CHARACTERS_MAX:
        message = f"{key} has 1 to {TEXT_CHARACTERS_MAX} characters, not {len(value)}"
        faults.append(RuleFault(pointer_to("", key), "bad_length", message))
        return ""
    return value


def _context(members: Mapping[str, object], faults: list[RuleFault]) -> Mapping[str, object]:
    if "context_data" not in members:
        faults.append(RuleFault("/context_data", "missing", "context_data is required"))
        return {}
    value = members["context_data"]
    if not isinstance(value, Mapping):
        message = f"context_data is an object, not {type_name(value)}"
        faults.append(RuleFault("/context_data", "not_an_object", message))
        return {}
    return value
