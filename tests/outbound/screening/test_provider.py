"""The provider ``screening``: answers, and lists that change under it."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.core.assessment.builders import a_request
from tests.core.assessment.screening.listed import ENGINES, an_entry

from tidegate.core.assessment.outside import CallStatus
from tidegate.core.assessment.screening.entries import ListEntry
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.memory.screening_lists import MemoryScreeningLists
from tidegate.outbound.screening.provider import ScreeningProvider
from tidegate.ports.external_data import ProviderCall, ProviderResult
from tidegate.ports.screening_lists import ListSource, ListVersion
from tidegate.ports.stored import Change

SOON_S = 1.0
BY = Change("officer", 1_767_225_600_000_000)
PARAMETERS = {"checks": [{"key": "k1", "field": "context_data.name", "lists": ["sdn"]}]}


class FailingLists(MemoryScreeningLists):
    """A store that does not answer while ``fails``."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False

    async def current(self) -> Sequence[ListVersion]:
        if self.fails:
            raise DependencyFailed("postgres", "it does not answer")
        return await super().current()

    async def changes(self) -> AsyncIterator[str]:
        if self.fails:
            raise DependencyFailed("postgres", "it does not answer")
        async for name in super().changes():
            yield name


async def publish(lists: MemoryScreeningLists, *entries: ListEntry, name: str = "sdn") -> None:
    """Publish a version; each has a source of its own."""
    held = len(await lists.history(name))
    await lists.publish(name, ListSource("own", "", f"{held:064x}"), entries=entries, by=BY)


async def ask(provider: ScreeningProvider, name: object, *, parameters: object = None) -> ProviderResult:
    """Ask about a name."""
    request = a_request(context_data={"name": name})
    told = PARAMETERS if parameters is None else parameters
    assert isinstance(told, dict)
    return await provider.fetch(ProviderCall("a-1", request, 1_000, told))


async def test_a_name_is_answered_with_the_version_that_was_searched() -> None:
    """AS-568: SUCCESS with score, matches and versions; the raw answer is the same, for the log."""
    lists = MemoryScreeningLists()
    await publish(lists, an_entry("1", "Qorvin, Jane"))
    provider = ScreeningProvider(lists, ENGINES)
    await provider.refresh()
    result = await ask(provider, "Jane Qorvin")
    assert result.answer.status is CallStatus.SUCCESS
    assert result.answer.fields["found"] is True
    assert result.answer.fields["lists"] == {"sdn": 1}
    assert result.raw_response == result.answer.fields
    assert (provider.name, provider.billed, result.cost_micros, result.from_cache) == ("screening", False, 0, False)


@pytest.mark.parametrize(
    ("name", "parameters", "fault"),
    [
        ("\U0001f600", None, "context_data.name is no name: it holds no letter and no figure"),
        ("x" * 10_000, None, "context_data.name is no name: it has 10000 characters, at most 1000 are screened"),
        (None, None, "context_data.name is missing, not a name"),
        (True, None, "context_data.name is a boolean, not a name"),
        ("Jane", {}, "no rule says which field is screened against which lists"),
        ("Jane", {"checks": [{"key": "k", "field": "country", "lists": ["un"]}]}, "there is no screening list un"),
    ],
)
async def test_what_cannot_be_answered_is_a_failure_in_words(name: object, parameters: object, fault: str) -> None:
    """AS-568: the fields become UNKNOWN, and the fault repeats nothing personal."""
    lists = MemoryScreeningLists()
    await publish(lists, an_entry("1", "Qorvin, Jane"))
    provider = ScreeningProvider(lists, ENGINES)
    await provider.refresh()
    answer = (await ask(provider, name, parameters=parameters)).answer
    assert (answer.status, answer.fields, answer.fault) == (CallStatus.FAILURE, {}, fault)


async def test_before_lists_are_loaded_nothing_is_cleared() -> None:
    """AS-568: a provider that has not looked yet says so."""
    answer = (await ask(ScreeningProvider(MemoryScreeningLists(), ENGINES), "Jane")).answer
    assert (answer.status, answer.fault) == (CallStatus.FAILURE, "the screening lists are not loaded yet")


async def until(provider: ScreeningProvider, versions: dict[str, int]) -> None:
    """Wait until these versions are searched."""
    while dict(provider.versions) != versions:  # noqa: ASYNC110 - a thread makes it true, and tells nobody
        await asyncio.sleep(0)


async def test_a_new_version_is_searched_within_a_second_and_the_old_one_until_then() -> None:
    """AS-574: what is published is picked up by itself, whole lists at a time."""
    lists = MemoryScreeningLists()
    await publish(lists, an_entry("1", "Qorvin, Jane"))
    provider = ScreeningProvider(lists, ENGINES)
    keeping = asyncio.create_task(provider.keep_fresh())
    try:
        await asyncio.wait_for(until(provider, {"sdn": 1}), SOON_S)
        await publish(lists, an_entry("2", "Zyxal, John"))
        await publish(lists, an_entry("3", "Other"), name="pep")
        await asyncio.wait_for(until(provider, {"sdn": 2, "pep": 1}), SOON_S)
        assert (await ask(provider, "Jane Qorvin")).answer.fields["found"] is False
        assert (await ask(provider, "John Zyxal")).answer.fields["found"] is True
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_lists_go_on_being_searched_while_the_store_does_not_answer() -> None:
    """AS-574: trouble is kept and told, what was loaded stays, and the provider finds back by itself."""
    lists = FailingLists()
    await publish(lists, an_entry("1", "Qorvin, Jane"))
    provider = ScreeningProvider(lists, ENGINES)
    await provider.refresh()
    lists.fails = True
    with pytest.raises(DependencyFailed):
        await provider.refresh()
    assert provider.trouble is not None
    assert (await ask(provider, "Jane Qorvin")).answer.fields["found"] is True
    keeping = asyncio.create_task(provider.keep_fresh())
    try:
        await asyncio.sleep(0)
        await publish(lists, an_entry("2", "Zyxal, John"))
        lists.fails = False
        await asyncio.wait_for(until(provider, {"sdn": 2}), SOON_S + 1)
        assert provider.trouble is None
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
