"""The desk on two processes and one PostgreSQL: the same at once is one evaluation, whatever happens meanwhile."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter

import aiohttp
import pytest
from tests.system.desk_world import DeskClient, a_request, beside, desk_seed, stand_ins, with_providers
from tests.system.processes import RecordFigure, Served

from tidegate.demo.stub_providers.faults import Fault

pytestmark = [pytest.mark.system, pytest.mark.timeout(1_800)]

OWN_FIELDS = {"trace_id", "duplicate_of_request"}
"""What answers to the same request differ in."""


async def test_same_request_at_once_on_two_processes_is_one_assessment(
    data_folder: Path, full_sizes: bool, record_property: RecordFigure
) -> None:
    """AS-410: of 100 at once on two processes one is evaluated, each provider is called once, all answers are equal."""
    rounds = 30 if full_sizes else 3
    data_folder.parent.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        stub = await stack.enter_async_context(stand_ins())
        stub.crif.every, stub.crif.slow_ms = Fault.SLOW, 150
        settings = with_providers(stub.url)
        one = stack.enter_context(Served(data_folder, settings=settings, seed=desk_seed(data_folder.parent)))
        second = data_folder.parent / "second"
        other = stack.enter_context(Served(second, settings={**settings, **await beside(one)}))
        clients = [await stack.enter_async_context(DeskClient(served)) for served in (one, other)]
        slowest_s = 0.0
        for number in range(rounds):
            before = stub.zefix.calls, stub.crif.calls
            begun = perf_counter()
            asked = [clients[at % 2].evaluate(a_request(number)) for at in range(100)]
            answers = await asyncio.gather(*asked)
            slowest_s = max(slowest_s, perf_counter() - begun)
            assert {status for status, _ in answers} == {200}, answers[0]
            told = [{name: value for name, value in answer.items() if name not in OWN_FIELDS} for _, answer in answers]
            assert all(each == told[0] for each in told)
            assert (told[0]["decision"], told[0]["warnings"]) == ("APPROVED", [])
            assert [answer["duplicate_of_request"] for _, answer in answers].count(False) == 1
            assert (stub.zefix.calls - before[0], stub.crif.calls - before[1]) == (1, 1)
            found = (await clients[1].read(f"/v1/assessments?subject_id=customer-{number}"))[1]["items"]
            assert [item["status"] for item in found] == ["COMPLETED"]
        assert set(stub.reference_numbers.values()) == {1}
    record_property(
        "figure",
        f"{rounds} times 100 equal requests at once on two processes: {rounds} assessments, {rounds} calls of each "
        f"provider, all answers equal but the trace; the last of 100 after {slowest_s:.2f} s at most",
    )


async def test_process_killed_in_the_middle_leaves_the_next_request_right(data_folder: Path) -> None:
    """AS-411: what a process left IN_PROGRESS when it was killed is taken over, and answered whole."""
    data_folder.parent.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        stub = await stack.enter_async_context(stand_ins())
        settings = with_providers(stub.url, TIDEGATE_DESK_IN_PROGRESS_TIMEOUT="PT2.5S")
        one = stack.enter_context(Served(data_folder, settings=settings, seed=desk_seed(data_folder.parent)))
        other = stack.enter_context(Served(data_folder.parent / "second", settings={**settings, **await beside(one)}))
        doomed = await stack.enter_async_context(DeskClient(other))
        client = await stack.enter_async_context(DeskClient(one))
        stub.crif.next_ones = [Fault.HANG]
        asked = asyncio.create_task(doomed.evaluate(a_request(1)))
        async with asyncio.timeout(20):
            await stub.crif.arrived.wait()
        other.kill()
        with pytest.raises(aiohttp.ClientError):
            await asked
        begun = perf_counter()
        status, answer = await client.evaluate(a_request(1))
        assert status == 200, answer
        assert perf_counter() - begun < 10
        assert (answer["decision"], answer["duplicate_of_request"], answer["warnings"]) == ("APPROVED", False, [])
        items = (await client.read("/v1/assessments?subject_id=customer-1"))[1]["items"]
        assert [item["status"] for item in items] == ["COMPLETED", "FAILED"]
        assert "abandoned" in items[1]["fault"]
        detail = (await client.read(f"/v1/assessments/{items[1]['assessment_id']}"))[1]
        assert [(call["provider_name"], call["status"]) for call in detail["provider_calls"]] == [("crif", "FAILURE")]
        assert "never written" in detail["provider_calls"][0]["fault"]
