"""Contract of ``Profiles``."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.ports.builders import NOW_US, OTHER_USER, SECOND_US, USER, a_profile, a_stamp, by
from tests.ports.stores import Stores

from tidegate.core.pretrade.instrument import KycLevel
from tidegate.ports.configuration import Applied, ProfileChange
from tidegate.ports.configuration_watch import Area
from tidegate.ports.paging import PageRequest, UnreadableCursor
from tidegate.ports.stored import Conflict, NotStored, VersionMoved

FREEZE = ProfileChange(frozen=True)


async def test_profile_put_is_stored_with_its_numbers_and_version(stores: Stores) -> None:
    """PT-204: a profile keeps every number to the last place and counts its versions from 1."""
    profile = replace(a_profile(), exposure_limit_usdt=Decimal("1234567890123456789012.12345678"))
    stored = await stores.profiles.put(profile, by=by())
    assert (stored.row.profile, stored.version, stored.created_us) == (profile, 1, NOW_US)
    assert await stores.profiles.get(USER) == stored


async def test_profile_put_again_replaces_it_as_a_new_version(stores: Stores) -> None:
    """PT-204: a seed that is loaded twice leaves one row, at its second version."""
    await stores.profiles.put(a_profile(), by=by())
    again = await stores.profiles.put(a_profile(frozen=True), by=by(at_us=NOW_US + 5))
    assert (again.row_id, again.version, again.row.profile.frozen) == (1, 2, True)
    assert (again.created_us, again.updated_us) == (NOW_US, NOW_US + 5)


@pytest.mark.parametrize("user_id", [OTHER_USER, "no-uuid"])
async def test_profile_unknown_is_not_stored(stores: Stores, user_id: str) -> None:
    """PT-802: neither an unknown user nor a text that is no user id has a profile."""
    with pytest.raises(NotStored):
        await stores.profiles.get(user_id)
    with pytest.raises(NotStored):
        await stores.profiles.change(user_id, FREEZE, version=None, by=by())


async def test_profile_change_alters_only_the_named_fields(stores: Stores) -> None:
    """PT-802: a partial change leaves every other field as it is."""
    await stores.profiles.put(a_profile(), by=by())
    change = ProfileChange(max_leverage=Decimal(5), rearm_repeat_throttle=True)
    changed = await stores.profiles.change(USER, change, version=1, by=by(at_us=NOW_US + 7))
    assert changed.row.profile == replace(a_profile(), max_leverage=Decimal(5))
    assert (changed.version, changed.row.repeat_rearmed_us) == (2, NOW_US + 7)


async def test_profile_changed_by_two_at_once_takes_one_and_refuses_the_other(stores: Stores) -> None:
    """PT-810: of two officers who saw the same version one wins, and the other learns the version that stands."""
    await stores.profiles.put(a_profile(), by=by())
    both = [
        stores.profiles.change(USER, ProfileChange(risk_score=Decimal(score)), version=1, by=by())
        for score in ("1", "2")
    ]
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    moved = [outcome for outcome in outcomes if isinstance(outcome, VersionMoved)]
    assert [loser.current for loser in moved] == [2]
    assert (await stores.profiles.get(USER)).version == 2


@pytest.mark.parametrize(
    "change",
    [
        ProfileChange(exposure_limit_usdt=Decimal("0.000000001")),
        ProfileChange(exposure_limit_usdt=Decimal(10) ** 22),
        ProfileChange(exposure_limit_usdt=Decimal(-1)),
        ProfileChange(risk_score=Decimal("0.00001")),
        ProfileChange(risk_score=Decimal(1_000_000)),
        ProfileChange(max_leverage=Decimal("NaN")),
    ],
)
async def test_profile_number_that_does_not_fit_is_refused_and_never_rounded(
    stores: Stores, change: ProfileChange
) -> None:
    """PT-204: money is numeric(30,8) and a risk score numeric(10,4); what does not fit is refused whole."""
    await stores.profiles.put(a_profile(), by=by())
    with pytest.raises(Conflict):
        await stores.profiles.change(USER, change, version=None, by=by())
    assert (await stores.profiles.get(USER)).row.profile == a_profile()
    assert (await stores.watch.versions())[Area.PROFILES] == 1


async def test_profile_event_is_applied_once(stores: Stores) -> None:
    """PT-705: a repeated event_id changes nothing."""
    await stores.profiles.put(a_profile(), by=by())
    stamp = a_stamp(1)
    assert await stores.profiles.apply(USER, FREEZE, stamp=stamp, created=None) is Applied.APPLIED
    await stores.profiles.change(USER, ProfileChange(frozen=False), version=None, by=by())
    assert await stores.profiles.apply(USER, FREEZE, stamp=stamp, created=None) is Applied.REPEATED
    stored = await stores.profiles.get(USER)
    assert (stored.row.profile.frozen, stored.version) == (False, 3)
    assert (stored.row.last_event_id, stored.row.last_event_us) == (stamp.event_id, stamp.at_us)


async def test_profile_event_delivered_by_five_at_once_is_applied_once(stores: Stores) -> None:
    """PT-705: concurrent deliveries of one event apply it once."""
    await stores.profiles.put(a_profile(), by=by())
    stamp = a_stamp(1)
    deliveries = [stores.profiles.apply(USER, FREEZE, stamp=stamp, created=None) for _ in range(5)]
    outcomes = await asyncio.gather(*deliveries)
    assert sorted(outcomes) == [Applied.APPLIED, *[Applied.REPEATED] * 4]
    assert (await stores.profiles.get(USER)).version == 2


async def test_profile_event_with_an_older_sequence_changes_nothing(stores: Stores) -> None:
    """PT-705: an older sequence of the same topic changes nothing, whatever its time."""
    await stores.profiles.put(a_profile(), by=by())
    await stores.profiles.apply(USER, ProfileChange(kyc_level=KycLevel.L1), stamp=a_stamp(1), created=None)
    await stores.profiles.apply(USER, ProfileChange(kyc_level=KycLevel.L0), stamp=a_stamp(2), created=None)
    late = a_stamp(1, at_us=NOW_US + 9 * SECOND_US)
    late_change = ProfileChange(kyc_level=KycLevel.L2)
    assert await stores.profiles.apply(USER, late_change, stamp=late, created=None) is Applied.OUTDATED
    assert (await stores.profiles.get(USER)).row.profile.kyc_level is KycLevel.L0


async def test_profile_event_with_an_older_time_changes_nothing(stores: Stores) -> None:
    """PT-705: an unfreezing that is older than the freezing comes on its own topic, with a sequence of its own, and
    must not undo it.
    """
    await stores.profiles.put(a_profile(), by=by())
    freeze = a_stamp(1, topic="user.frozen.v1", at_us=NOW_US + 10)
    unfreeze = a_stamp(1, topic="user.unfrozen.v1", at_us=NOW_US + 9)
    await stores.profiles.apply(USER, FREEZE, stamp=freeze, created=None)
    thaw = ProfileChange(frozen=False)
    assert await stores.profiles.apply(USER, thaw, stamp=unfreeze, created=None) is Applied.OUTDATED
    assert (await stores.profiles.get(USER)).row.profile.frozen


async def test_profile_event_older_than_one_of_another_field_is_applied(stores: Stores) -> None:
    """PT-705: a freezing is not lost because a later change of another field was read first."""
    await stores.profiles.put(a_profile(), by=by())
    kyc = a_stamp(1, topic="user.kyc.updated.v1", at_us=NOW_US + 10)
    await stores.profiles.apply(USER, ProfileChange(kyc_level=KycLevel.L1), stamp=kyc, created=None)
    freeze = a_stamp(1, topic="user.frozen.v1", at_us=NOW_US + 9)
    assert await stores.profiles.apply(USER, FREEZE, stamp=freeze, created=None) is Applied.APPLIED
    row = (await stores.profiles.get(USER)).row
    assert (row.profile.frozen, row.profile.kyc_level, row.last_event_us) == (True, KycLevel.L1, NOW_US + 10)


async def test_profile_event_after_a_missing_one_is_applied_and_tells_the_gap(stores: Stores) -> None:
    """PT-707: a gap is told once; the next event in line is none."""
    await stores.profiles.put(a_profile(), by=by())
    await stores.profiles.apply(USER, ProfileChange(risk_score=Decimal(1)), stamp=a_stamp(1), created=None)
    assert await stores.profiles.apply(USER, FREEZE, stamp=a_stamp(3), created=None) is Applied.GAP
    assert (await stores.profiles.get(USER)).row.profile.frozen
    thaw = ProfileChange(frozen=False)
    assert await stores.profiles.apply(USER, thaw, stamp=a_stamp(4), created=None) is Applied.APPLIED


async def test_profile_event_of_an_unknown_user_is_applied_when_it_is_delivered_again(stores: Stores) -> None:
    """PT-705: an event that found no profile leaves no receipt, so that its next delivery counts."""
    stamp = a_stamp(1)
    with pytest.raises(NotStored):
        await stores.profiles.apply(USER, FREEZE, stamp=stamp, created=None)
    await stores.profiles.put(a_profile(), by=by())
    assert await stores.profiles.apply(USER, FREEZE, stamp=stamp, created=None) is Applied.APPLIED


async def test_profile_event_that_creates_makes_the_profile(stores: Stores) -> None:
    """PT-204: user.created makes the profile; later events find it."""
    stamp = a_stamp(4, topic="user.created.v1")
    created = a_profile(kyc_level=KycLevel.L0)
    assert await stores.profiles.apply(USER, ProfileChange(), stamp=stamp, created=created) is Applied.APPLIED
    assert (await stores.profiles.get(USER)).row.profile == created


async def test_profile_event_that_does_not_fit_leaves_no_receipt(stores: Stores) -> None:
    """PT-204: a number that no column holds is refused whole, and the event may come again corrected."""
    await stores.profiles.put(a_profile(), by=by())
    huge = ProfileChange(exposure_limit_usdt=Decimal(10) ** 30)
    with pytest.raises(Conflict):
        await stores.profiles.apply(USER, huge, stamp=a_stamp(1, event_id="e-1"), created=None)
    assert await stores.profiles.apply(USER, FREEZE, stamp=a_stamp(1, event_id="e-1"), created=None) is Applied.APPLIED


async def test_profiles_load_gives_what_changed_after_a_version(stores: Stores) -> None:
    """PT-202: a replica that knows a version is given exactly the profiles that were written since."""
    await stores.profiles.put(a_profile(), by=by())
    version, everything = await stores.profiles.load(after_version=0)
    await stores.profiles.put(a_profile(OTHER_USER), by=by())
    later, changed = await stores.profiles.load(after_version=version)
    assert [row.profile.user_id for row in everything] == [USER]
    assert [row.profile.user_id for row in changed] == [OTHER_USER]
    assert (version, later) == (1, 2)
    assert await stores.profiles.load(after_version=later) == (2, [])


async def test_profiles_page_keeps_its_filter_from_page_to_page(stores: Stores) -> None:
    """PT-809: pages of a filtered list hold each match once, by row id, and the last has no cursor."""
    users = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(7)]
    for number, user in enumerate(users):
        await stores.profiles.put(a_profile(user, frozen=number % 2 == 0), by=by())
    seen: list[str] = []
    cursor = None
    while True:
        page = await stores.profiles.page(PageRequest(2, cursor), kyc_level=KycLevel.L2, frozen=True)
        seen += [stored.row.profile.user_id for stored in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == users[::2]
    assert not (await stores.profiles.page(PageRequest(), kyc_level=KycLevel.L0, frozen=None)).items


@pytest.mark.parametrize("cursor", ["", "x", "cHJvZmlsZXM6MTo", "ü", "cnVsZXM6MTo"])
async def test_profiles_page_refuses_a_cursor_of_another_making(stores: Stores, cursor: str) -> None:
    """PT-809: a cursor that no page of this list gave is refused."""
    if cursor == "cHJvZmlsZXM6MTo":  # "profiles:1:", as this list itself writes it
        assert not (await stores.profiles.page(PageRequest(2, cursor), kyc_level=None, frozen=None)).items
        return
    with pytest.raises(UnreadableCursor):
        await stores.profiles.page(PageRequest(2, cursor), kyc_level=None, frozen=None)


async def test_profile_told_two_things_at_the_same_millisecond_keeps_the_stricter(stores: Stores) -> None:
    """PT-705: topics know no order between them, so at equal times frozen beats not frozen, whichever came first."""
    await stores.profiles.put(a_profile(), by=by(at_us=NOW_US - SECOND_US))
    freeze, unfreeze = ProfileChange(frozen=True), ProfileChange(frozen=False)
    frozen = a_stamp(1, topic="user.frozen.v1", at_us=NOW_US)
    unfrozen = a_stamp(1, topic="user.unfrozen.v1", at_us=NOW_US)
    await stores.profiles.apply(USER, freeze, stamp=frozen, created=None)
    await stores.profiles.apply(USER, unfreeze, stamp=unfrozen, created=None)
    assert (await stores.profiles.get(USER)).row.profile.frozen
