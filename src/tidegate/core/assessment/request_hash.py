"""When two requests are the same: by the hash of everything but their trace_id (``spec/assessment.md`` section 4)."""

import hashlib
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
    return hashlib.sha256(canonical_json(members, number=_exact_number).encode()).hexdigest()


def _exact_number(number: Decimal) -> str:
    """Write a number as the object ``{"$n": its plain decimal}``, which RFC 8785 does not pass through a binary64."""
    return f'{{"$n":"{plain(number)}"}}'
