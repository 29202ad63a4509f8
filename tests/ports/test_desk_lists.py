"""Contract of ``DeskLists``, and of all three areas as of one moment."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.ports.builders import NOW_US, by
from tests.ports.desk import NOBODY, a_desk_rule, a_list, naming, three_ranges
from tests.ports.stores import Stores
from tests.ports.test_configuration_watch import SOON_S, listening

from tidegate.core.assessment.rule_set import RuleSetVersions
from tidegate.core.rules.scope import Scope
from tidegate.ports.configuration_watch import Area
from tidegate.ports.paging import PageRequest
from tidegate.ports.stored import Conflict, Kept, NotStored, VersionMoved

EVERYWHERE: Scope = {}


async def test_list_created_is_stored_whole(stores: Stores) -> None:
    """AS-202: texts, numbers digit by digit and booleans come back in their order."""
    managed = a_list("mixed", ("ß", Decimal("1.50"), Decimal("1E-400"), True, "1.5"))
    kept = await stores.desk.lists.create(managed, by=by("ada"))
    assert kept == Kept(managed, NOW_US, NOW_US, changed_by="ada")
    read = (await stores.desk.lists.get(managed.list_id)).row
    assert str(read.entries) == str(managed.entries)
    assert (await stores.desk.lists.create(a_list("empty", ()), by=by())).row.entries == ()


async def test_list_changes_are_versions(stores: Stores) -> None:
    """AS-202: replaced, renamed, switched and deleted, each a version with its actor; the former ones can be loaded."""
    lists = stores.desk.lists
    first = (await lists.create(a_list(), by=by())).row
    second = (await lists.replace(replace(first, name="renamed", entries=("X",)), version=1, by=by("bob"))).row
    assert second == replace(first, name="renamed", entries=("X",), version=2)
    off = (await lists.set_active(first.list_id, False, version=2, by=by())).row
    assert off == replace(second, is_active=False, version=3)
    await lists.delete(first.list_id, version=3, by=by())
    assert await lists.load() == (4, [])
    assert [await lists.load_version(version) for version in range(5)] == [[], [first], [second], [], []]


async def test_list_name_in_use_is_refused(stores: Stores) -> None:
    """AS-203: names are unique, among inactive lists too."""
    lists = stores.desk.lists
    one = (await lists.create(a_list("one", is_active=False), by=by())).row
    two = (await lists.create(a_list("two"), by=by())).row
    with pytest.raises(Conflict, match="name one is in use"):
        await lists.create(a_list("one"), by=by())
    with pytest.raises(Conflict, match="name one is in use"):
        await lists.replace(replace(two, name="one"), version=None, by=by())
    with pytest.raises(Conflict, match="id"):
        await lists.create(replace(one, name="three"), by=by())
    with pytest.raises(Conflict, match="name"):
        await lists.create(a_list(""), by=by())
    assert await lists.load() == (2, [two])


async def test_list_named_by_an_active_rule_stays(stores: Stores) -> None:
    """AS-209: while an active rule names it, it is not deleted, switched off or renamed; its entries can be changed."""
    lists, rules = stores.desk.lists, stores.desk.rules
    managed = (await lists.create(a_list(), by=by())).row
    rule = (await rules.create(a_desk_rule("HOLDER", logic=naming("high_risk")), by=by())).row
    for call in (
        lists.delete(managed.list_id, version=None, by=by()),
        lists.set_active(managed.list_id, False, version=None, by=by()),
        lists.replace(replace(managed, name="other"), version=None, by=by()),
        lists.replace(replace(managed, is_active=False), version=None, by=by()),
    ):
        with pytest.raises(Conflict, match="named by the active rule HOLDER"):
            await call
    await lists.replace(replace(managed, entries=("SY",)), version=1, by=by())
    await rules.set_active(rule.rule_id, False, version=None, by=by())
    await lists.delete(managed.list_id, version=None, by=by())


async def test_list_and_the_rule_that_names_it_do_not_slip_past_each_other(stores: Stores) -> None:
    """AS-209: whichever of deletion and creation comes first, no active rule is left without its list."""
    for attempt in range(10):
        managed = (await stores.desk.lists.create(a_list(f"list_{attempt}"), by=by())).row
        rule = a_desk_rule(f"RULE_{attempt}", logic=naming(managed.name))
        outcomes = await asyncio.gather(
            stores.desk.lists.delete(managed.list_id, version=None, by=by()),
            stores.desk.rules.create(rule, by=by()),
            return_exceptions=True,
        )
        assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1, outcomes


async def test_list_unknown_or_moved_is_told(stores: Stores) -> None:
    """AS-219: reading or changing a list that is not there, or not at the version seen, says so."""
    lists = stores.desk.lists
    managed = (await lists.create(a_list(), by=by())).row
    for missing in (NOBODY, "x"):
        for call in (
            lists.get(missing),
            lists.replace(replace(managed, list_id=missing), version=None, by=by()),
            lists.set_active(missing, True, version=None, by=by()),
            lists.delete(missing, version=None, by=by()),
        ):
            with pytest.raises(NotStored):
                await call
    for moved in (
        lists.replace(managed, version=7, by=by()),
        lists.set_active(managed.list_id, True, version=7, by=by()),
        lists.delete(managed.list_id, version=7, by=by()),
    ):
        with pytest.raises(VersionMoved):
            await moved
    with pytest.raises(NotStored):
        await lists.load_version(2)


async def test_lists_page_filters(stores: Stores) -> None:
    """AS-210: by activity and by name."""
    for name, is_active in (("a", True), ("b", False), ("c", True)):
        await stores.desk.lists.create(a_list(name, is_active=is_active), by=by())

    async def names(*, is_active: bool | None = None, name: str | None = None) -> str:
        page = await stores.desk.lists.page(PageRequest(), is_active=is_active, name=name)
        return "".join(kept.row.name for kept in page.items)

    assert [await names(), await names(is_active=True), await names(name="b"), await names(name="x")] == [
        "abc",
        "ac",
        "b",
        "",
    ]


async def test_everything_is_loaded_as_of_one_moment(stores: Stores) -> None:
    """AS-222: rules, thresholds and lists come together with their versions, now and as they were."""
    managed = (await stores.desk.lists.create(a_list(), by=by())).row
    rule = (await stores.desk.rules.create(a_desk_rule(logic=naming("high_risk")), by=by())).row
    _, rows = await stores.desk.thresholds.replace_scope(EVERYWHERE, three_ranges(), version=None, by=by())
    then = await stores.desk.load()
    assert then.versions == RuleSetVersions(rules=1, thresholds=1, lists=1)
    assert (list(then.rules), list(then.lists)) == ([rule], [managed])
    assert list(then.thresholds) == [kept.row for kept in rows]
    await stores.desk.rules.delete(rule.rule_id, version=None, by=by())
    await stores.desk.lists.delete(managed.list_id, version=None, by=by())
    await stores.desk.thresholds.replace_scope(EVERYWHERE, [], version=None, by=by())
    now = await stores.desk.load()
    assert (now.versions, [*now.rules, *now.thresholds, *now.lists]) == (RuleSetVersions(2, 2, 2), [])
    again = await stores.desk.load_version(RuleSetVersions(1, 1, 1))
    assert (list(again.rules), list(again.thresholds), list(again.lists)) == (
        list(then.rules),
        list(then.thresholds),
        list(then.lists),
    )
    with pytest.raises(NotStored):
        await stores.desk.load_version(RuleSetVersions(3, 1, 1))


async def test_watch_tells_the_areas_of_the_desk(stores: Stores) -> None:
    """AS-220: a write to any area of the desk is told to whoever listens, within a second."""
    desk = stores.desk
    async with listening(stores) as changes:
        await desk.lists.create(a_list(), by=by())
        assert await asyncio.wait_for(anext(changes), SOON_S) is Area.DESK_LISTS
        await desk.rules.create(a_desk_rule(logic=naming("high_risk")), by=by())
        assert await asyncio.wait_for(anext(changes), SOON_S) is Area.DESK_RULES
        await desk.thresholds.replace_scope(EVERYWHERE, three_ranges(), version=None, by=by())
        assert await asyncio.wait_for(anext(changes), SOON_S) is Area.DESK_THRESHOLDS
    assert {area: number for area, number in (await stores.watch.versions()).items() if number} == {
        Area.DESK_LISTS: 1,
        Area.DESK_RULES: 1,
        Area.DESK_THRESHOLDS: 1,
    }
