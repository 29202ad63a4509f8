"""Outside data: one port for every provider; an adapter translates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tidegate.core.assessment.outside import ProviderAnswer
from tidegate.core.assessment.request import AssessmentRequest


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """One call: for whom, under which assessment (a billed provider's reference number), and until when.

    ``budget_ms``: what is left of the request's total budget; the provider's own timeout may be shorter.
    ``parameters``: what the rules that need the provider tell it (the preset ``company_register`` names ``uid_field``),
    by name.
    """

    assessment_id: str
    request: AssessmentRequest
    budget_ms: int
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ProviderResult:
    """What a call gave, for the decision (``answer``) and for the log.

    ``raw_response`` is JSON: the raw answer, or ``{"text": ...}`` for what is no JSON, cut to the adapter's cap; None
    when nothing came. ``cost_micros``: what the call was, or may have been, billed, millionths of the provider's
    currency unit. ``from_cache``: no request was made for this call (its answer was kept, or another call's request for
    the same was joined), so that it costs 0.
    """

    answer: ProviderAnswer
    latency_ms: int
    raw_response: object = None
    from_cache: bool = False
    cost_micros: int = 0


class ExternalDataProviderClient(Protocol):
    """One provider. Never raises for what the provider does wrong: that is a FAILURE or TIMEOUT with a fault."""

    @property
    def name(self) -> str:
        """Name the provider as rules do (``providers.<name>.*``)."""

    @property
    def billed(self) -> bool:
        """Tell whether a call costs: its log row is then written before the call, on its own."""

    async def fetch(self, call: ProviderCall) -> ProviderResult:
        """Ask the provider, or its cache; ends within ``call.budget_ms``."""
