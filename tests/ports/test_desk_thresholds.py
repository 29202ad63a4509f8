"""Contract of ``DeskThresholds``."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.ports.builders import NOW_US, SECOND_US, by
from tests.ports.desk import NOBODY, a_range, a_scope, three_ranges
from tests.ports.stores import Stores

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.rules.scope import Scope
from tidegate.ports.configuration_watch import Area
from tidegate.ports.desk_configuration import ScopeFilter
from tidegate.ports.paging import PageRequest
from tidegate.ports.stored import Conflict, Kept, NotStored, VersionMoved

EVERYWHERE: Scope = {}
SWISS = a_scope(country="CH")


async def put(stores: Stores, ranges: Sequence[RiskThreshold], *, scope: Scope = EVERYWHERE) -> list[RiskThreshold]:
    _, rows = await stores.desk.thresholds.replace_scope(scope, ranges, version=None, by=by())
    return [kept.row for kept in rows]


async def test_thresholds_of_a_scope_are_put_together(stores: Stores) -> None:
    """AS-208: all ranges of one scope come in one call and one version; they are read as they were written."""
    ranges = three_ranges(SWISS)
    version, rows = await stores.desk.thresholds.replace_scope(SWISS, ranges, version=0, by=by("ada"))
    assert version == 1
    assert list(rows) == [Kept(each, NOW_US, NOW_US, changed_by="ada") for each in ranges]
    assert await stores.desk.thresholds.load() == (1, ranges)
    assert await stores.desk.thresholds.get(ranges[1].threshold_id) == rows[1]


async def test_thresholds_put_again_replace_those_of_their_scope_alone(stores: Stores) -> None:
    """AS-208: a range that stands already keeps its id and version, the others go, other scopes stay."""
    swiss = await put(stores, three_ranges(SWISS), scope=SWISS)
    former = await put(stores, [*three_ranges(), a_range(5, 6, is_active=False)])
    wanted = [a_range(0, 299), a_range(300, 1000, decision=Decision.REJECTED)]
    later = by("bob", at_us=NOW_US + SECOND_US)
    version, rows = await stores.desk.thresholds.replace_scope(EVERYWHERE, wanted, version=2, by=later)
    assert version == 3
    assert [kept.row for kept in rows] == [former[0], wanted[1]]
    assert (rows[0].changed_by, rows[1].changed_by) == ("officer", "bob")
    assert (await stores.desk.thresholds.load())[1] == [*swiss, former[0], wanted[1]]
    assert await stores.desk.thresholds.load_version(2) == [*swiss, *former[:3]]
    everything = await stores.desk.thresholds.page(PageRequest(), is_active=None, scope=ScopeFilter())
    assert len(everything.items) == 5


async def test_thresholds_put_as_they_stand_change_nothing(stores: Stores) -> None:
    """AS-208: the same call twice is one version."""
    await put(stores, three_ranges())
    version, _ = await stores.desk.thresholds.replace_scope(EVERYWHERE, three_ranges(), version=None, by=by())
    assert version == 1


async def test_thresholds_of_a_scope_can_be_taken_away(stores: Stores) -> None:
    """AS-206: none is allowed: the scope is then as if it had never been."""
    await put(stores, three_ranges())
    assert await stores.desk.thresholds.replace_scope(EVERYWHERE, [], version=1, by=by()) == (2, [])
    assert await stores.desk.thresholds.load() == (2, [])


UNSOUND = {
    "gap inside": [a_range(0, 299), a_range(301, 1000)],
    "gap below": [a_range(1, 1000)],
    "gap above": [a_range(0, 999)],
    "overlap": [a_range(0, 300), a_range(300, 1000)],
    "twice": [a_range(0, 1000), a_range(0, 1000)],
    "inside another": [a_range(0, 1000), a_range(5, 6)],
    "beyond": [a_range(0, 1001)],
    "below": [a_range(-1, 1000)],
    "upside down": [a_range(0, 1000), a_range(6, 5, is_active=False)],
}


@pytest.mark.parametrize("name", UNSOUND)
async def test_thresholds_that_do_not_cover_every_score_once_are_refused(stores: Stores, name: str) -> None:
    """AS-206: after any write the active ranges of a scope are none, or cover 0 to 1000 without overlap or gap."""
    standing = await put(stores, three_ranges())
    with pytest.raises(Conflict):
        await put(stores, UNSOUND[name])
    assert await stores.desk.thresholds.load() == (1, standing)


async def test_threshold_alone_may_cover_every_score(stores: Stores) -> None:
    """AS-206: one range of 0 to 1000 can be created; a further one of its scope only inactive."""
    thresholds = stores.desk.thresholds
    whole = (await thresholds.create(a_range(0, 1000), by=by())).row
    with pytest.raises(Conflict, match="covered twice"):
        await thresholds.create(a_range(0, 10), by=by())
    draft = (await thresholds.create(a_range(0, 10, is_active=False), by=by())).row
    with pytest.raises(Conflict, match="covered twice"):
        await thresholds.set_active(draft.threshold_id, True, version=None, by=by())
    with pytest.raises(Conflict, match="id"):
        await thresholds.create(replace(draft, score_to=11), by=by())
    assert await thresholds.load() == (2, [whole])


async def test_threshold_changed_deleted_or_switched_off_leaves_no_gap(stores: Stores) -> None:
    """AS-206: a change, a switch or a deletion that would leave a gap is refused; one that does not is taken."""
    thresholds = stores.desk.thresholds
    low, middle, _ = await put(stores, three_ranges())
    for call in (
        thresholds.replace(replace(middle, score_to=600), version=None, by=by()),
        thresholds.set_active(low.threshold_id, False, version=None, by=by()),
        thresholds.delete(low.threshold_id, version=None, by=by()),
    ):
        with pytest.raises(Conflict, match="covered by no range"):
            await call
    changed = await thresholds.replace(replace(low, decision=Decision.MANUAL_REVIEW), version=1, by=by("bob"))
    assert (changed.row.version, changed.changed_by) == (2, "bob")
    (alone,) = await put(stores, [a_range(0, 1000, scope=SWISS)], scope=SWISS)
    off = await thresholds.set_active(alone.threshold_id, False, version=1, by=by())
    assert (off.row.is_active, off.row.version) == (False, 2)
    await thresholds.delete(alone.threshold_id, version=2, by=by())
    assert await thresholds.load_version(3) == [changed.row, *(await thresholds.load())[1][1:], alone]


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ({"country": "CH"}, {"product_type": "LOAN"}, True),
        ({"country": "CH LI"}, {"country": "LI AT"}, True),
        ({"country": "CH"}, {"country": "AT"}, False),
        ({"country": "CH"}, {"country": "CH", "product_type": "LOAN"}, False),
        ({"country": "CH", "product_type": "LOAN"}, {"country": "CH", "source_system": "crm"}, True),
        ({"country": "CH", "product_type": "LOAN"}, {"country": "AT", "source_system": "crm"}, False),
        ({}, {"country": "CH"}, False),
    ],
)
async def test_scopes_of_equally_many_keys_that_can_meet_are_refused(
    stores: Stores, one: dict[str, str], other: dict[str, str], meet: bool
) -> None:
    """AS-207: among matching scopes one must have most keys; those that cannot meet, or differ in keys, may be."""
    first, second = a_scope(**one), a_scope(**other)
    await put(stores, three_ranges(first), scope=first)
    if meet:
        with pytest.raises(Conflict, match="equally many keys"):
            await put(stores, three_ranges(second), scope=second)
    else:
        await put(stores, three_ranges(second), scope=second)
    resting = [replace(each, is_active=False) for each in three_ranges(second)]
    await put(stores, resting, scope=second)


async def test_scopes_are_the_same_by_what_they_say(stores: Stores) -> None:
    """AS-208: two writings of one scope are one scope."""
    await put(stores, three_ranges(a_scope(country="CH LI")), scope=a_scope(country="CH LI"))
    again = a_scope(country="LI CH")
    await put(stores, [a_range(0, 1000, scope=again)], scope=again)
    assert len((await stores.desk.thresholds.load())[1]) == 1


async def test_thresholds_put_by_two_at_once_take_one(stores: Stores) -> None:
    """AS-214: of two officers who saw the same version one wins; without a version both do, one after the other."""
    thresholds = stores.desk.thresholds
    pair = [thresholds.replace_scope(EVERYWHERE, three_ranges(), version=0, by=by()) for _ in range(2)]
    outcomes = await asyncio.gather(*pair, return_exceptions=True)
    assert sum(isinstance(outcome, VersionMoved) for outcome in outcomes) == 1
    many = [put(stores, [a_range(0, cut), a_range(cut + 1, 1000)]) for cut in range(10)]
    await asyncio.gather(*many)
    assert len((await thresholds.load())[1]) == 2


async def test_thresholds_of_rival_scopes_put_at_once_take_one(stores: Stores) -> None:
    """AS-207: two scopes that can meet do not slip past each other."""
    scopes = [a_scope(country="CH"), a_scope(product_type="LOAN"), a_scope(source_system="crm")]
    outcomes = await asyncio.gather(
        *(put(stores, three_ranges(scope), scope=scope) for scope in scopes), return_exceptions=True
    )
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 2


@pytest.mark.parametrize("threshold_id", [NOBODY, "x"])
async def test_threshold_unknown_is_not_stored(stores: Stores, threshold_id: str) -> None:
    """AS-218: reading, replacing, switching or deleting a threshold that is not there says so."""
    thresholds = stores.desk.thresholds
    for call in (
        thresholds.get(threshold_id),
        thresholds.replace(replace(a_range(0, 1000), threshold_id=threshold_id), version=None, by=by()),
        thresholds.set_active(threshold_id, True, version=None, by=by()),
        thresholds.delete(threshold_id, version=None, by=by()),
    ):
        with pytest.raises(NotStored):
            await call
    with pytest.raises(NotStored):
        await thresholds.load_version(1)
    assert (await stores.watch.versions())[Area.DESK_THRESHOLDS] == 0


async def test_thresholds_page_filters(stores: Stores) -> None:
    """AS-210: a page holds the thresholds that match every filter."""
    await put(stores, three_ranges(SWISS), scope=SWISS)
    await put(stores, three_ranges())
    await stores.desk.thresholds.create(a_range(3, 4, is_active=False), by=by())

    async def count(*, is_active: bool | None = None, country: str | None = None) -> int:
        scope = ScopeFilter(country=country)
        return len((await stores.desk.thresholds.page(PageRequest(), is_active=is_active, scope=scope)).items)

    assert [await count(), await count(is_active=False), await count(country="CH"), await count(country="AT")] == [
        7,
        1,
        3,
        0,
    ]
    page = await stores.desk.thresholds.page(PageRequest(limit=4), is_active=None, scope=ScopeFilter())
    rest = await stores.desk.thresholds.page(PageRequest(4, page.next_cursor), is_active=None, scope=ScopeFilter())
    assert (len(page.items), len(rest.items), rest.next_cursor) == (4, 3, None)
