"""Contract of ``MarginTiers``."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.ports.builders import a_tier, by
from tests.ports.stores import Stores

from tidegate.core.pretrade.tiers import MarginTier
from tidegate.ports.paging import PageRequest
from tidegate.ports.stored import Conflict, NotStored, VersionMoved

LADDER = (a_tier(1), a_tier(2), a_tier(3))


async def test_tiers_created_together_make_one_version(stores: Stores) -> None:
    """PT-802: a ladder is stored in one write, and comes back whole."""
    stored = await stores.tiers.create(LADDER, by=by())
    assert [(tier.row_id, tier.row, tier.version) for tier in stored] == [(n, LADDER[n - 1], 1) for n in (1, 2, 3)]
    assert await stores.tiers.load() == (1, list(LADDER))
    assert await stores.tiers.get(2) == stored[1]


@pytest.mark.parametrize(
    ("case", "tier"),
    [
        ("a hole", a_tier(5)),
        ("a twin", a_tier(3)),
        ("max_notional does not rise", replace(a_tier(4), max_notional=Decimal(150_000))),
        ("percentage falls", replace(a_tier(4), maintenance_margin_pct=Decimal("1.1"))),
        ("percentage reaches 100", replace(a_tier(4), maintenance_margin_pct=Decimal(100))),
        ("leverage rises", replace(a_tier(4), max_leverage=Decimal(41))),
        ("leverage without cap after a cap", replace(a_tier(4), max_leverage=None)),
        ("a number beyond its column", replace(a_tier(4), max_notional=Decimal("1E22"))),
        ("a number finer than its column", replace(a_tier(4), max_notional=Decimal("200000.000000001"))),
    ],
)
async def test_tier_that_breaks_its_ladder_is_refused_and_changes_nothing(
    stores: Stores, case: str, tier: MarginTier
) -> None:
    """PT-209, PT-210: a ladder that would be unsound is refused with its faults; rows and version stay."""
    await stores.tiers.create(LADDER, by=by())
    with pytest.raises(Conflict) as refused:
        await stores.tiers.create([tier], by=by())
    assert refused.value.faults, case
    assert await stores.tiers.load() == (1, list(LADDER))
    assert len((await stores.tiers.page(PageRequest(), symbol=None, default_only=False, active=None)).items) == 3


async def test_tiers_of_which_one_is_unsound_are_refused_together(stores: Stores) -> None:
    """PT-210: a write of many tiers is stored whole or not at all."""
    with pytest.raises(Conflict):
        await stores.tiers.create([a_tier(1), a_tier(1, symbol=None), a_tier(3)], by=by())
    assert await stores.tiers.load() == (0, [])


async def test_tier_replaced_may_not_break_its_ladder(stores: Stores) -> None:
    """PT-210: lowering, deactivating or moving a tier is judged on the ladders it leaves behind."""
    await stores.tiers.create(LADDER, by=by())
    for broken in (
        replace(LADDER[1], max_notional=Decimal(50_000)),
        replace(LADDER[1], active=False),
        replace(LADDER[1], symbol="ETHUSDT"),
        replace(LADDER[0], symbol=None),
    ):
        with pytest.raises(Conflict):
            await stores.tiers.replace(LADDER.index(LADDER[0]) + 2, broken, version=1, by=by())
    assert await stores.tiers.load() == (1, list(LADDER))


async def test_ladder_is_taken_down_from_its_top(stores: Stores) -> None:
    """PT-209: inactive tiers are no part of a ladder, and a ladder without active tier is none."""
    await stores.tiers.create(LADDER, by=by())
    for row_id in (3, 2, 1):
        await stores.tiers.replace(row_id, replace(LADDER[row_id - 1], active=False), version=1, by=by())
    assert await stores.tiers.load() == (4, [])
    await stores.tiers.create(LADDER, by=by())
    assert await stores.tiers.load() == (5, list(LADDER))


async def test_default_ladder_is_a_ladder_of_its_own(stores: Stores) -> None:
    """PT-207: tiers without symbol stand beside those of a symbol and are loaded first."""
    default = a_tier(1, symbol=None)
    await stores.tiers.create([*LADDER, default], by=by())
    assert (await stores.tiers.load())[1] == [default, *LADDER]
    page = await stores.tiers.page(PageRequest(), symbol=None, default_only=True, active=True)
    assert [stored.row for stored in page.items] == [default]
    page = await stores.tiers.page(PageRequest(), symbol="BTCUSDT", default_only=False, active=False)
    assert not page.items


async def test_tiers_written_by_two_at_once_leave_a_sound_ladder(stores: Stores) -> None:
    """PT-209: two writes that are sound alone and unsound together do not both pass."""
    await stores.tiers.create(LADDER, by=by())
    both = [
        stores.tiers.create([replace(a_tier(4), max_notional=Decimal(notional))], by=by())
        for notional in (200_000, 300_000)
    ]
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1
    assert [tier.tier for tier in (await stores.tiers.load())[1]] == [1, 2, 3, 4]


async def test_tier_replaced_at_another_version_is_refused(stores: Stores) -> None:
    """PT-810: a lost update is told the version that stands."""
    await stores.tiers.create(LADDER, by=by())
    await stores.tiers.replace(3, replace(LADDER[2], max_notional=Decimal(170_000)), version=1, by=by())
    with pytest.raises(VersionMoved) as moved:
        await stores.tiers.replace(3, LADDER[2], version=1, by=by())
    assert moved.value.current == 2


async def test_tiers_load_version_gives_the_ladders_of_then(stores: Stores) -> None:
    """PL-309: the ladders a decision was made on can be read again by their version."""
    await stores.tiers.create(LADDER, by=by())
    raised = replace(LADDER[2], max_notional=Decimal(170_000))
    await stores.tiers.replace(3, raised, version=1, by=by())
    assert await stores.tiers.load_version(0) == []
    assert await stores.tiers.load_version(1) == list(LADDER)
    assert await stores.tiers.load_version(2) == [*LADDER[:2], raised]
    with pytest.raises(NotStored):
        await stores.tiers.load_version(3)


async def test_tier_unknown_is_not_stored(stores: Stores) -> None:
    """PT-802: reading or replacing a tier that is not there says so."""
    with pytest.raises(NotStored):
        await stores.tiers.get(1)
    with pytest.raises(NotStored):
        await stores.tiers.replace(1, a_tier(), version=None, by=by())
