"""Three providers at once, each in any state: the right status of each, in time, and never an exception."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import product

import pytest
from tests.outbound.providers.builders import A_PERSON, a_call, crif_at, sst_at, timed, zefix_at
from tests.system.processes import RecordFigure

from tidegate.core.assessment.outside import CallStatus
from tidegate.demo.stub_providers.company_book import BOOK
from tidegate.demo.stub_providers.faults import Fault
from tidegate.demo.stub_providers.server import StubProviders
from tidegate.ports.external_data import ProviderResult

BUDGET_MS = 400
OVER_MS = 50
SLOW_MS = 150
AT_ONCE = 4
EXPECTED = {
    Fault.UP: CallStatus.SUCCESS,
    Fault.SLOW: CallStatus.SUCCESS,
    Fault.ERROR: CallStatus.FAILURE,
    Fault.GARBAGE: CallStatus.FAILURE,
    Fault.NAN: CallStatus.FAILURE,
    Fault.HUGE: CallStatus.FAILURE,
    Fault.HANG: CallStatus.TIMEOUT,
}
NAMES = ("zefix", "crif", "sst")
Combination = tuple[Fault, Fault, Fault]


def combinations(full: bool) -> Iterator[Combination]:
    """All 343; else 49 among which every two states of every two providers meet."""
    states = list(EXPECTED)
    for at, there, elsewhere in product(range(7), repeat=3):
        if full or (at + there + elsewhere) % 7 == 0:
            yield states[at], states[there], states[elsewhere]


async def answers(combination: Combination) -> tuple[Sequence[ProviderResult], float]:
    """What the three answer, asked at once, and by how much the last came after the budget, ms."""
    stub = await StubProviders().start()
    for name, fault in zip(NAMES, combination, strict=True):
        stub.plans[name].every, stub.plans[name].slow_ms = fault, SLOW_MS
    providers = (zefix_at(stub.url, retries_max=1), crif_at(stub.url), sst_at(stub.url, retries_max=1))
    call = a_call({**A_PERSON, "uid": BOOK[0].uid}, budget_ms=BUDGET_MS)
    together = asyncio.gather(*(provider.fetch(call) for provider in providers))
    results, took_ms = await timed(together, due_ms=BUDGET_MS)
    await asyncio.gather(*(provider.close() for provider in providers))
    await stub.stop()
    return results, took_ms - BUDGET_MS


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_providers_in_any_combination_of_states_answer_in_time(
    full_sizes: bool, record_property: RecordFigure
) -> None:
    """AS-514, AS-506: up, slow, 500, garbage, NaN, huge, hang for each of three providers."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(combination: Combination) -> float:
        async with places:
            results, over_ms = await answers(combination)
        told = [result.answer.status for result in results]
        assert told == [EXPECTED[fault] for fault in combination], (combination, results)
        for result in results:
            failed = result.answer.status is not CallStatus.SUCCESS
            assert (not result.answer.fields, bool(result.answer.fault)) == (failed, failed)
        assert over_ms <= OVER_MS, (combination, over_ms)
        return over_ms

    tried = list(combinations(full_sizes))
    over_ms = await asyncio.gather(*(one(combination) for combination in tried))
    assert len(tried) == (343 if full_sizes else 49)
    record_property(
        "figure",
        f"{len(tried)} of 343 combinations of states of three providers: right status in each, last answer at most "
        f"{max(0.0, *over_ms):.0f} ms after a budget of {BUDGET_MS} ms (bound {OVER_MS} ms)",
    )
