"""When two requests are the same: by the hash of everything but their trace_id (``spec/assessment.md`` section 4)."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal

from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.kernel.canonical_json import canonical_json
from tidegate.core.kernel.decimals import plain


def request_hash(request: AssessmentRequest) -> str:
    """Give the SHA-256, in hex, of the request's canonical form without its trace_id.

    Numbers count by value and to the last digit: 1, 1.0 and 1e0 are the same, 0.1 and 0.10000000000000000001 are not.
    """
    members = {
        "subject_id": request.subject_id,
        **request.attributes(),
        "context_data": request.context_data,
    }
    return hashlib.sha256(canonical_json(with_exact_numbers(members)).encode()).hexdigest()


def with_exact_numbers(value: object) -> object:
    """Replace each number by ``{"$n": its plain decimal}``, which RFC 8785 does not pass through a binary64."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Decimal | int):
        return {"$n": plain(Decimal(value))}
    if isinstance(value, Mapping):
        return {key: with_exact_numbers(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [with_exact_numbers(element) for element in value]
    return value
