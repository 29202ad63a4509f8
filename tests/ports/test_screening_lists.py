"""Contract of ``ScreeningLists``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from tests.ports.builders import by
from tests.postgres import fresh_pool

from tidegate.core.assessment.screening.entries import ListedName, ListEntry, PartyKind
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.memory.screening_lists import MemoryScreeningLists
from tidegate.outbound.postgres.screening_lists import PostgresScreeningLists
from tidegate.ports.screening_lists import ListSource, ScreeningLists, list_name_fault
from tidegate.ports.stored import NotStored

SOON_S = 1.0
ENTRY = ListEntry(
    "EX.1",
    (ListedName("Qorvin, Jane"), ListedName("Джейн", is_alias=True, is_weak=True)),
    kind=PartyKind.PERSON,
    birth_dates=("1974-02-17", "1975"),
    countries=("RU", "Atlantis"),
    programmes=("A", "B"),
)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.servers)])
async def lists(request: pytest.FixtureRequest) -> AsyncIterator[ScreeningLists]:
    """An empty store of one implementation."""
    if request.param == "memory":
        yield MemoryScreeningLists()
        return
    async with fresh_pool(request.getfixturevalue("postgres_server")) as pool:
        yield PostgresScreeningLists(pool)


def a_source(number: int = 1) -> ListSource:
    """Where a version comes from."""
    return ListSource("own", "2026-08-27", f"{number:064x}")


def entries(count: int) -> list[ListEntry]:
    """So many entries, in an order of their own."""
    return [ListEntry(str(number), (ListedName(f"Name {number}"),)) for number in reversed(range(count))]


async def test_a_version_keeps_its_entries_in_order_and_says_where_it_comes_from(lists: ScreeningLists) -> None:
    """AS-573: source, publication date, digest, count, actor and time of each version."""
    version, is_new = await lists.publish("sdn", a_source(), entries=[ENTRY, *entries(3)], by=by("officer"))
    assert is_new
    assert (version.name, version.version, version.entries, version.source) == ("sdn", 1, 4, a_source())
    assert (version.imported_by, version.imported_us) == ("officer", by().at_us)
    assert list(await lists.entries("sdn", 1)) == [ENTRY, *entries(3)]
    assert list(await lists.current()) == [version]


async def test_a_new_version_replaces_the_old_one_which_is_kept(lists: ScreeningLists) -> None:
    """AS-573: versions count up, the latest is current, and every one can still be read."""
    await lists.publish("sdn", a_source(1), entries=entries(2), by=by())
    await lists.publish("pep", a_source(1), entries=entries(1), by=by())
    latest, _ = await lists.publish("sdn", a_source(2), entries=entries(5), by=by("other"))
    assert latest.version == 2
    assert [(version.name, version.version) for version in await lists.current()] == [("pep", 1), ("sdn", 2)]
    assert [version.version for version in await lists.history("sdn")] == [2, 1]
    assert [len(await lists.entries("sdn", version)) for version in (1, 2)] == [2, 5]


async def test_the_same_source_again_is_no_new_version(lists: ScreeningLists) -> None:
    """AS-573: an import that is repeated changes nothing; going back to former files is a change."""
    first, _ = await lists.publish("sdn", a_source(1), entries=entries(2), by=by())
    assert await lists.publish("sdn", a_source(1), entries=entries(2), by=by("other")) == (first, False)
    await lists.publish("sdn", a_source(2), entries=entries(1), by=by())
    assert (await lists.publish("sdn", a_source(1), entries=entries(2), by=by()))[0].version == 3


@pytest.mark.parametrize(("name", "version"), [("sdn", 0), ("sdn", 2), ("sdn", -1), ("sdn", 2**70), ("none", 1)])
async def test_a_version_that_never_was_is_not_stored(lists: ScreeningLists, name: str, version: int) -> None:
    """AS-573: nothing is made up for a version that is not there."""
    await lists.publish("sdn", a_source(), entries=entries(1), by=by())
    with pytest.raises(NotStored):
        await lists.entries(name, version)
    assert list(await lists.history("none")) == []


async def test_two_imports_at_once_stand_in_line(lists: ScreeningLists) -> None:
    """AS-573: both are stored, each under a version of its own."""
    both = [lists.publish("sdn", a_source(number), entries=entries(number), by=by()) for number in (1, 2)]
    published = await asyncio.gather(*both)
    assert sorted(version.version for version, _ in published) == [1, 2]
    for version, _ in published:
        assert len(await lists.entries("sdn", version.version)) == version.entries


async def test_every_listener_is_told_of_a_new_version_within_a_second(lists: ScreeningLists) -> None:
    """AS-574: an empty text when it listens, the list's name when a version is committed."""
    changes: Any = lists.changes
    async with aclosing(changes()) as one, aclosing(changes()) as other:
        assert [await anext(one), await anext(other)] == ["", ""]
        await lists.publish("sdn", a_source(), entries=entries(1), by=by())
        assert [await asyncio.wait_for(anext(each), SOON_S) for each in (one, other)] == ["sdn", "sdn"]


@pytest.mark.servers
async def test_an_import_that_fails_leaves_nothing_and_a_version_is_never_changed(
    request: pytest.FixtureRequest,
) -> None:
    """AS-573: whole or not at all; the database itself refuses to edit or delete what was published."""
    async with fresh_pool(request.getfixturevalue("postgres_server")) as pool:
        lists = PostgresScreeningLists(pool)
        with pytest.raises(DependencyFailed, match="duplicate key"):
            await lists.publish("sdn", a_source(), entries=[ENTRY, ENTRY], by=by())
        assert list(await lists.current()) == []
        await lists.publish("sdn", a_source(), entries=[ENTRY], by=by())
        for statement in (
            "UPDATE lt_risk_engine.screening_list_entry SET entry_id = 'x'",
            "DELETE FROM lt_risk_engine.screening_list_entry",
            "UPDATE lt_risk_engine.screening_list_version SET sha256 = repeat('0', 64)",
            "DELETE FROM lt_risk_engine.screening_list_version",
        ):
            with pytest.raises(DependencyFailed, match="never changed"):
                async with pool.connection() as connection:
                    await connection.execute(statement)


@pytest.mark.parametrize("name", ["sdn", "ofac-sdn_2.1", "7", "x" * 64])
def test_lists_may_be_called_by_plain_names(name: str) -> None:
    """AS-575: letters, figures and a few signs, up to 64 of them."""
    assert list_name_fault(name) is None


@pytest.mark.parametrize("name", ["", "SDN", "-x", "\u00e9", "x" * 65, "a b", "a\n"])
def test_lists_may_not_be_called_otherwise(name: str) -> None:
    """AS-575: rules and commands name lists, so what else there is is refused, in words."""
    assert "a list is called by" in str(list_name_fault(name))
