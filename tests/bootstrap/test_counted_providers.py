"""What is counted of outside data providers."""

import asyncio

import pytest
from tests.core.assessment.builders import a_request

from tidegate.bootstrap.counted_providers import counted_providers
from tidegate.core.assessment.outside import CallStatus, ProviderAnswer
from tidegate.inbound.shared.figures import Figures
from tidegate.ports.external_data import ProviderCall, ProviderResult


class Register:
    """A provider that answers what it is told to; ``None``: never."""

    name = "register"
    billed = True

    def __init__(self, result: ProviderResult | None) -> None:
        self._result = result
        self.asked = asyncio.Event()

    async def fetch(self, call: ProviderCall) -> ProviderResult:
        self.asked.set()
        if self._result is None:
            await asyncio.Event().wait()
            raise AssertionError("nobody ends this wait")
        return self._result


CALL = ProviderCall("a-1", a_request(), 100, {})


def _line(status: str, cached: str) -> str:
    return f'tidegate_desk_provider_calls_total{{cached="{cached}",provider="register",status="{status}"}} 1.0'


@pytest.mark.parametrize(
    ("status", "from_cache"), [(CallStatus.SUCCESS, True), (CallStatus.SUCCESS, False), (CallStatus.FAILURE, False)]
)
async def test_call_is_counted_by_how_it_ended(status: CallStatus, from_cache: bool) -> None:
    """RE-371: provider calls are counted by provider, status, and whether a request was made."""
    figures = Figures()
    result = ProviderResult(ProviderAnswer(status, {}), 5, from_cache=from_cache)
    (client,) = counted_providers({"register": Register(result)}, figures).values()
    assert await client.fetch(CALL) == result
    assert (client.name, client.billed) == ("register", True)
    assert _line(status, str(from_cache).lower()) in figures.rendered()[0].decode()


async def test_call_that_is_given_up_counts_as_timeout() -> None:
    """RE-371: a call that the desk cancels because the budget is spent has timed out."""
    figures, register = Figures(), Register(None)
    client = counted_providers({"register": register}, figures)["register"]
    asking = asyncio.create_task(client.fetch(CALL))
    await register.asked.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert _line("TIMEOUT", "false") in figures.rendered()[0].decode()
