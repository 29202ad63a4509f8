"""Spans around the calls of outside data providers."""

from typing import Final

from opentelemetry.trace import StatusCode

from tidegate.core.assessment.outside import CallStatus
from tidegate.outbound.tracing.spans import Spans
from tidegate.ports.external_data import ExternalDataProviderClient, ProviderCall, ProviderResult

PROVIDER: Final = "tidegate.provider.name"
STATUS: Final = "tidegate.provider.status"
FROM_CACHE: Final = "tidegate.provider.from_cache"


class TracedProvider:
    """``ExternalDataProviderClient`` whose calls are seen: who was asked and how it ended, never what was said."""

    def __init__(self, client: ExternalDataProviderClient, spans: Spans) -> None:
        self._client = client
        self._spans = spans

    @property
    def name(self) -> str:
        return self._client.name

    @property
    def billed(self) -> bool:
        return self._client.billed

    async def fetch(self, call: ProviderCall) -> ProviderResult:
        with self._spans.around(f"provider {self.name}", {PROVIDER: self.name}) as span:
            result = await self._client.fetch(call)
            span.set_attributes({STATUS: result.answer.status.value, FROM_CACHE: result.from_cache})
            if result.answer.status is not CallStatus.SUCCESS:
                span.set_status(StatusCode.ERROR)
            return result
