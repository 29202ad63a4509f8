"""The contract of ``ExternalDataProviderClient``, held on Zefix, CRIF, SST (the generic provider) and screening."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Final

import pytest
from tests.core.assessment.screening.listed import ENGINES, an_entry
from tests.outbound.providers.builders import A_PERSON, a_call, crif_at, sst_at, timed, zefix_at

from tidegate.core.assessment.outside import CallStatus
from tidegate.core.rules.json_exact import write_json
from tidegate.demo.stub_providers.company_book import BOOK
from tidegate.demo.stub_providers.faults import Fault
from tidegate.demo.stub_providers.server import StubProviders
from tidegate.outbound.memory.screening_lists import MemoryScreeningLists
from tidegate.outbound.providers.runtime import HttpProvider
from tidegate.outbound.screening.provider import ScreeningProvider
from tidegate.ports.external_data import ExternalDataProviderClient, ProviderCall, ProviderResult
from tidegate.ports.screening_lists import ListSource
from tidegate.ports.stored import Change

BUDGET_MS: Final = 300
OVER_MS: Final = 50
CHECKS: Final = {"checks": [{"key": "k1", "field": "context_data.last_name", "lists": ["house"]}]}
PERSONAL: Final = ("Muster", "Anna", BOOK[0].uid)

HTTP: Final[Mapping[str, Callable[[str], HttpProvider]]] = {
    "zefix": partial(zefix_at, timeout_ms=10_000, retries_max=1),
    "crif": partial(crif_at, timeout_ms=10_000),
    "sst": partial(sst_at, timeout_ms=10_000, retries_max=1),
}
"""Their own timeout is far beyond the budget of a call, so that the budget is what ends it."""

IMPLEMENTATIONS: Final = (*HTTP, "screening")


@dataclass(frozen=True)
class Kept:
    """An implementation under its contract. ``stub`` serves it, if anything does; ``call`` is one it can answer."""

    client: ExternalDataProviderClient
    call: ProviderCall
    stub: StubProviders | None

    async def ask(self, call: ProviderCall | None = None) -> ProviderResult:
        """Ask, and see that what came is right in itself and came in time."""
        call = call or self.call
        result, took_ms = await timed(self.client.fetch(call), due_ms=call.budget_ms)
        assert took_ms <= call.budget_ms + OVER_MS
        assert_right_in_itself(result)
        return result


def assert_right_in_itself(result: ProviderResult) -> None:
    """SUCCESS with ``found`` and no fault, or a fault in words and no field; JSON throughout; nobody is named."""
    answer = result.answer
    assert answer.status in {CallStatus.SUCCESS, CallStatus.FAILURE, CallStatus.TIMEOUT}
    succeeded = answer.status is CallStatus.SUCCESS
    assert (not answer.fields, bool(answer.fault)) == (not succeeded, not succeeded)
    assert not succeeded or isinstance(answer.fields["found"], bool)
    assert not any(word in answer.fault for word in PERSONAL), answer.fault
    json.loads(write_json([answer.fields, result.raw_response]))
    assert result.latency_ms >= 0
    assert result.cost_micros >= 0


@pytest.fixture
async def stub() -> AsyncIterator[StubProviders]:
    """All stand-ins, well."""
    started = await StubProviders().start()
    yield started
    await started.stop()


@pytest.fixture(params=IMPLEMENTATIONS)
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[Kept]:
    """Each implementation, with a question that it answers."""
    call = a_call({**A_PERSON, "uid": BOOK[0].uid}, budget_ms=BUDGET_MS)
    if request.param == "screening":
        yield Kept(await a_screening(), replace(call, parameters=CHECKS), None)
        return
    stub = await StubProviders().start()
    client = HTTP[request.param](stub.url)
    yield Kept(client, call, stub)
    await client.close()
    await stub.stop()


async def a_screening() -> ScreeningProvider:
    """Screening over a list of one, loaded."""
    lists = MemoryScreeningLists()
    source = ListSource("own", "", "0" * 64)
    await lists.publish("house", source, entries=[an_entry("1", "Muster, Anna")], by=Change("officer", 0))
    provider = ScreeningProvider(lists, ENGINES)
    await provider.refresh()
    return provider


async def test_provider_has_the_name_by_which_rules_read_it(kept: Kept, request: pytest.FixtureRequest) -> None:
    """AS-514, AS-312: one word in small letters, and whether it costs; neither changes with a call."""
    expected = (request.node.callspec.params["kept"], request.node.callspec.params["kept"] == "crif")
    assert (kept.client.name, kept.client.billed) == expected
    await kept.ask()
    assert (kept.client.name, kept.client.billed) == expected


async def test_provider_that_is_well_answers_with_fields(kept: Kept) -> None:
    """AS-514, AS-513: SUCCESS, found, its raw answer for the log, and a cost only where calls are billed."""
    result = await kept.ask()
    assert (result.answer.status, result.answer.fields["found"]) == (CallStatus.SUCCESS, True)
    assert result.raw_response
    assert bool(result.cost_micros) is kept.client.billed
    assert not result.from_cache


UNKNOWN_CONTEXT: Final = {"uid": "CHE200000064", "first_name": "Zyxal", "last_name": "Unbekannt"}


async def test_what_a_provider_does_not_know_is_success(kept: Kept) -> None:
    """AS-515: not found is an answer, and no failure."""
    request = replace(kept.call.request, subject_id="unknown-1", context_data=UNKNOWN_CONTEXT)
    result = await kept.ask(replace(kept.call, request=request))
    assert (result.answer.status, result.answer.fields["found"]) == (CallStatus.SUCCESS, False)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.UP])
@pytest.mark.parametrize("name", list(HTTP))
async def test_whatever_a_server_does_is_a_result_in_time(name: str, fault: Fault, stub: StubProviders) -> None:
    """AS-514, AS-506: every way to fail is SUCCESS, FAILURE or TIMEOUT with a fault in words, within the budget."""
    client = HTTP[name](stub.url)
    plan = stub.plans[name]
    plan.every, plan.slow_ms = fault, 100
    kept = Kept(client, a_call({**A_PERSON, "uid": BOOK[0].uid}, budget_ms=BUDGET_MS), stub)
    status = (await kept.ask()).answer.status
    await client.close()
    expected = {Fault.SLOW: CallStatus.SUCCESS, Fault.HANG: CallStatus.TIMEOUT, Fault.DRIP: CallStatus.TIMEOUT}
    assert status is expected.get(fault, CallStatus.FAILURE)


@pytest.mark.parametrize("name", list(HTTP))
async def test_server_that_is_not_there_is_a_failure(name: str) -> None:
    """AS-514: nobody listens; the fault says so."""
    client = HTTP[name]("http://127.0.0.1:1")
    kept = Kept(client, a_call({**A_PERSON, "uid": BOOK[0].uid}, budget_ms=BUDGET_MS), None)
    assert (await kept.ask()).answer.status is CallStatus.FAILURE
    await client.close()


ODD_VALUES: Final[tuple[object, ...]] = (
    None,
    True,
    -1,
    "",
    " ",
    "\0",
    "\ud800",
    "x" * 70_000,
    "../..",
    "{uid}",
    [],
    [[[]]],
    {"a": {}},
)
ODD_PARAMETERS: Final[tuple[Mapping[str, object], ...]] = (
    {},
    {"uid_field": "context_data.absent"},
    {"uid_field": 7, "checks": 7, "uid_fields": {}, "questions": None},
    {"checks": [None]},
    {"checks": [{"key": "k", "field": "context_data.last_name", "lists": ["nowhere"]}]},
    {"uid_field": "\ud800", "checks": [{"key": "\0", "field": "..", "lists": []}]},
)


async def test_odd_requests_and_parameters_raise_nothing(kept: Kept) -> None:
    """AS-514: whatever a request holds and rules tell, there is a result, and the provider goes on."""
    for value, parameters in product(ODD_VALUES, ODD_PARAMETERS):
        context = dict.fromkeys(("uid", "company_name", "first_name", "last_name", "address", "birth_date"), value)
        request = replace(kept.call.request, context_data=context)
        await kept.ask(replace(kept.call, request=request, parameters=parameters))
    result = await kept.ask()
    assert result.answer.status is CallStatus.SUCCESS


@pytest.mark.parametrize("budget_ms", [0, 1, 5])
async def test_no_budget_to_speak_of_is_kept_too(budget_ms: int, kept: Kept) -> None:
    """AS-506: next to nothing left is no exception, and is not overdrawn."""
    await kept.ask(replace(kept.call, budget_ms=budget_ms))


async def test_equal_calls_at_once_are_answered_alike(kept: Kept) -> None:
    """AS-512: a caller beside others learns what they learn, and what is charged is charged once."""
    results = await asyncio.gather(*(kept.ask() for _ in range(10)))
    assert all(result.answer == results[0].answer for result in results)
    assert results[0].answer.status is CallStatus.SUCCESS
    assert sum(result.cost_micros for result in results) == max(result.cost_micros for result in results)
    if kept.stub is not None:
        assert kept.stub.plans[kept.client.name].calls == 1


async def cancelled(fetching: Awaitable[ProviderResult], *, once: Callable[[], Awaitable[object]]) -> None:
    """Cancel a call once something has happened, and see it end at once."""
    task = asyncio.ensure_future(fetching)
    await asyncio.wait_for(once(), 5)
    task.cancel()
    await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 1)


async def test_call_that_is_cancelled_leaves_nothing_behind(kept: Kept) -> None:
    """AS-512, AS-313: it ends at once; the next caller is answered; once the client is closed no task is left.

    Screening never waits, so its call can only be cancelled before it begins.
    """
    before = asyncio.all_tasks()
    if kept.stub is None or not isinstance(kept.client, HttpProvider):
        await cancelled(kept.client.fetch(kept.call), once=lambda: asyncio.sleep(0))
    else:
        plan = kept.stub.plans[kept.client.name]
        plan.next_ones = [Fault.HANG]
        await cancelled(kept.client.fetch(kept.call), once=plan.arrived.wait)
    context = {**A_PERSON, "uid": BOOK[1].uid, "last_name": "Muster-Meier"}
    other = replace(kept.call.request, subject_id="other", context_data=context)
    assert (await kept.ask(replace(kept.call, request=other))).answer.status is CallStatus.SUCCESS
    if isinstance(kept.client, HttpProvider):
        await kept.client.close()
    left = {task for task in asyncio.all_tasks() - before if not _is_of_the_stub(task)}
    assert not left, left


def _is_of_the_stub(task: "asyncio.Task[object]") -> bool:
    """Tell whether a task serves a connection of the stand-in, which hears of its end a little later."""
    return "RequestHandler" in repr(task.get_coro())
