"""What the desk is asked (``spec/assessment.md`` section 1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SCOPE_KEYS: Final = ("country", "product_type", "risk_category", "source_system")
"""The fields of a request that a scope may narrow."""

TEXT_CHARACTERS_MAX: Final = 256
"""Characters of a request's texts and of a scope's values (at the bound passes)."""


@dataclass(frozen=True, slots=True)
class AssessmentRequest:
    """One request, checked: texts of 1 to 256 characters, ``country`` an upper-case ISO 3166-1 alpha-2 code.

    ``context_data`` is JSON as ``core.rules.json_exact`` reads it: numbers are Decimal.
    """

    trace_id: str
    subject_id: str
    source_system: str
    country: str
    product_type: str
    risk_category: str
    context_data: Mapping[str, object]

    def attributes(self) -> dict[str, str]:
        """Give what scopes look at."""
        return {key: getattr(self, key) for key in SCOPE_KEYS}
