"""Counts what outside data providers answer, for ``/metrics``."""

import asyncio
from collections.abc import Mapping

from tidegate.core.assessment.outside import CallStatus
from tidegate.inbound.shared.figures import Figures, Tally
from tidegate.ports.external_data import ExternalDataProviderClient, ProviderCall, ProviderResult


class CountedProvider:
    """Implements ``ExternalDataProviderClient`` by another, and counts how its calls end."""

    def __init__(self, client: ExternalDataProviderClient, calls: Tally) -> None:
        self._client = client
        self._calls = calls

    @property
    def name(self) -> str:
        return self._client.name

    @property
    def billed(self) -> bool:
        return self._client.billed

    async def fetch(self, call: ProviderCall) -> ProviderResult:
        status, cached = CallStatus.FAILURE, False
        try:
            result = await self._client.fetch(call)
            status, cached = result.answer.status, result.from_cache
        except asyncio.CancelledError:
            # the desk gives up a call that is over its budget
            status = CallStatus.TIMEOUT
            raise
        else:
            return result
        finally:
            self._calls.count(self.name, status, str(cached).lower())


def counted_providers(
    clients: Mapping[str, ExternalDataProviderClient], figures: Figures
) -> dict[str, ExternalDataProviderClient]:
    """Give the same providers, counted."""
    calls = figures.tally(
        "tidegate_desk_provider_calls_total",
        help_text="Outside data asked for, by provider, how it ended, and whether it was answered from memory.",
        labels=("provider", "status", "cached"),
    )
    return {name: CountedProvider(client, calls) for name, client in clients.items()}
