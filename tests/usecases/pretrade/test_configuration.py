"""The keeper: the replica's configuration is the published one, or it is known not to be."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest
from tests.inbound.events.desk import NOW_US, Desk
from tests.ports.builders import a_profile, a_rule, a_tier, by

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.account import TradingState
from tidegate.inbound.jobs.refresh import ConfigurationRefresh
from tidegate.ports.configuration import ProfileChange, Scope, TradingStateRow
from tidegate.ports.configuration_watch import Area

USER = a_profile().user_id


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def halt(desk: Desk) -> None:
    row = TradingStateRow(Scope.GLOBAL, "", TradingState.HALTED, "reason", "officer", NOW_US)
    await desk.durable.trading_states.put(row, version=None)


async def test_confirm_loads_every_area_that_moved(desk: Desk) -> None:
    """PT-805, PT-501: rules, tiers, trading states and profiles are those of the stores, with their versions."""
    durable = desk.durable
    await durable.rules.create(a_rule(), by=by())
    await durable.tiers.create([a_tier(1), a_tier(1, symbol=None)], by=by())
    await durable.profiles.put(a_profile(), by=by())
    await halt(desk)
    assert await desk.keeper.confirm()
    replica = desk.replica
    assert [rule.name for rule in replica.configuration.rules.rules] == ["big order"]
    assert set(replica.configuration.ladders) == {"BTCUSDT"}
    assert replica.configuration.default_ladder is not None
    assert replica.trading_state("BTCUSDT", USER) is TradingState.HALTED
    assert replica.profiles[USER].profile == a_profile()
    assert replica.confirmed_at_us == NOW_US
    assert replica.versions == {"profiles": 1, "rules": 1, "tiers": 1, "trading_states": 1}
    assert replica.configuration.versions == {"rules": 1, "tiers": 1}


async def test_confirm_builds_nothing_anew_when_nothing_moved(desk: Desk) -> None:
    """PT-440: a new configuration object values every account anew, so one is made only for a change that matters."""
    await desk.durable.rules.create(a_rule(), by=by())
    await desk.keeper.confirm()
    configuration = desk.replica.configuration
    await halt(desk)
    await desk.durable.profiles.put(a_profile(), by=by())
    await desk.keeper.confirm()
    assert desk.replica.configuration is configuration
    assert USER in desk.replica.profiles


async def test_confirm_says_when_it_asked_not_when_it_was_answered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """PT-201: what is confirmed was true when the question was asked."""
    versions = desk.durable.watch.versions

    async def slow() -> Mapping[Area, int]:
        desk.clock.now += 7_000_000
        return await versions()

    monkeypatch.setattr(desk.durable.watch, "versions", slow)
    await desk.keeper.confirm()
    assert desk.replica.confirmed_at_us == NOW_US


async def test_store_that_does_not_answer_leaves_all_as_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """PT-201: the old configuration goes on, unconfirmed, until its age says stop."""
    await desk.durable.rules.create(a_rule(), by=by())
    await desk.keeper.confirm()
    await desk.durable.rules.create(a_rule("second"), by=by())
    held, load = desk.replica.configuration, desk.durable.rules.load

    async def away() -> object:
        raise DependencyFailed("postgres", "away")

    monkeypatch.setattr(desk.durable.rules, "load", away)
    desk.clock.now += 5_000_000
    with pytest.raises(DependencyFailed):
        await desk.keeper.confirm()
    assert desk.replica.configuration is held
    assert desk.replica.confirmed_at_us == NOW_US
    monkeypatch.setattr(desk.durable.rules, "load", load)
    assert await desk.keeper.confirm()
    assert desk.replica.confirmed_at_us == NOW_US + 5_000_000


async def test_rule_that_does_not_compile_keeps_the_last_good_configuration_unconfirmed(desk: Desk) -> None:
    """PT-501: no rule is dropped in silence: what was good stays, the fault is reported once, nothing is confirmed."""
    await desk.durable.rules.create(a_rule(), by=by())
    await desk.keeper.confirm()
    held = desk.replica.configuration
    broken = replace(a_rule("broken"), metric=None, operator=None, thresholds=(), condition='{"field": "no_such"}')
    stored = await desk.durable.rules.create(broken, by=by())
    desk.clock.now += 1_000_000
    assert not await desk.keeper.confirm()
    assert not await desk.keeper.confirm()
    assert desk.replica.configuration is held
    assert desk.replica.confirmed_at_us == NOW_US
    assert Area.RULES in desk.keeper.faults
    assert len(desk.reports) == 1
    assert desk.reports[0].startswith("rules cannot be used and are kept as they were: ")
    await desk.durable.rules.replace(stored.row_id, replace(broken, active=False), version=None, by=by())
    assert await desk.keeper.confirm()
    assert desk.keeper.faults == {}
    assert desk.replica.confirmed_at_us == NOW_US + 1_000_000


async def test_profile_changed_by_an_officer_is_seen_with_the_next_refresh(desk: Desk) -> None:
    """PT-802: only what changed since the last time is loaded."""
    await desk.durable.profiles.put(a_profile(), by=by())
    await desk.keeper.confirm()
    await desk.durable.profiles.change(USER, ProfileChange(frozen=True), version=None, by=by())
    await desk.keeper.refresh_profiles()
    assert desk.replica.profiles[USER].profile.frozen


class BreakingWatch:
    """A watch whose connection breaks once before it tells anything."""

    def __init__(self, desk: Desk) -> None:
        self._watch = desk.durable.watch
        self.broken = 0

    async def versions(self) -> Mapping[Area, int]:
        if self.broken < 2:
            raise DependencyFailed("postgres", "away")
        return await self._watch.versions()

    async def changes(self) -> AsyncIterator[Area]:
        self.broken += 1
        if self.broken < 2:
            raise DependencyFailed("postgres", "away")
        async for area in self._watch.changes():
            yield area


async def test_refresh_brings_a_change_at_once_and_survives_a_broken_connection(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PT-805: a kill switch is effective as soon as it is told, long before the next poll."""
    refresh = ConfigurationRefresh(desk.keeper, BreakingWatch(desk), confirm_every_s=3_600)
    halted, set_states = asyncio.Event(), desk.replica.set_trading_states

    def note(rows: list[TradingStateRow]) -> None:
        set_states(rows)
        if rows:
            halted.set()

    monkeypatch.setattr(desk.replica, "set_trading_states", note)
    running = asyncio.create_task(refresh.run())
    await halt(desk)
    await asyncio.wait_for(halted.wait(), 10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert desk.replica.trading_state("BTCUSDT", USER) is TradingState.HALTED
