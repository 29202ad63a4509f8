"""What came from outside the request: the answers of providers and the subject's past."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.assessment.decision import Decision


class CallStatus(StrEnum):
    """How a provider's call went, as ``external_data_log`` keeps it."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    TIMEOUT = "TIMEOUT"


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """A provider's answer as rules read it: with SUCCESS ``fields`` is the adapted object (``found`` among them),
    numbers as Decimal; else ``fields`` is empty and ``fault`` says in words what went wrong.
    """

    status: CallStatus
    fields: Mapping[str, object]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class PastAssessment:
    """An earlier COMPLETED assessment of a subject; ``created_us`` is microseconds since 1970."""

    subject_id: str
    created_us: int
    decision: Decision
    risk_score: int
