"""Keeps the configuration of this replica the published one: loads areas, builds, confirms; never drops a part."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tidegate.core.pretrade.dynamic_rules import build_rules
from tidegate.core.pretrade.loading import build_ladders
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import GateConfiguration
from tidegate.core.rules.parse import Engines
from tidegate.ports.clock import Clock
from tidegate.ports.configuration import MarginTiers, Profiles, RiskRules, TradingStates
from tidegate.ports.configuration_watch import GATE_AREAS, Area, ConfigurationWatch
from tidegate.usecases.pretrade.replica import Replica


def empty_configuration(settings: GateSettings) -> GateConfiguration:
    """Give the configuration a replica starts with: no rules, no ladders; it is not confirmed."""
    return GateConfiguration(settings, build_rules(()))


@dataclass(frozen=True, slots=True)
class ConfigurationStores:
    """Where configuration is kept, an area each, and who tells of changes."""

    profiles: Profiles
    rules: RiskRules
    tiers: MarginTiers
    trading_states: TradingStates
    watch: ConfigurationWatch


class ConfigurationKeeper:
    """Brings the replica to the published configuration.

    A part that cannot be built (a rule that does not compile any more, an unsound ladder) changes nothing: the last
    good configuration stays, ``faults`` says what is wrong, ``report`` is told, and nothing is confirmed until it is
    mended, so that the gate refuses when the configuration's age reaches its limit.
    """

    def __init__(
        self,
        replica: Replica,
        stores: ConfigurationStores,
        *,
        engines: Engines,
        clock: Clock,
        report: Callable[[str], None],
    ) -> None:
        self._replica = replica
        self._stores = stores
        self._engines = engines
        self._clock = clock
        self._report = report
        self._held: dict[Area, int] = {}
        self._one_at_a_time = asyncio.Lock()
        self.faults: dict[Area, str] = {}

    async def confirm(self) -> bool:
        """Ask for the published versions, bring every area that moved up to date, and confirm if all is held.

        Raises:
            DependencyFailed: the store does not answer; what was held stays, and is not confirmed.
        """
        asked_us = self._clock.now_us()
        published = await self._stores.watch.versions()
        for area in GATE_AREAS:
            if self._held.get(area, -1) < published.get(area, 0):
                await self.refresh(area)
        held = all(self._held.get(area, -1) >= published.get(area, 0) for area in GATE_AREAS)
        if held and not self.faults:
            self._replica.confirmed_at_us = asked_us
        return held and not self.faults

    async def refresh(self, area: Area) -> None:
        """Load one area and put it in its place; an area of the desk's is nothing to the gate.

        Raises:
            DependencyFailed: the store does not answer; nothing has changed.
        """
        if area not in GATE_AREAS:
            return
        async with self._one_at_a_time:
            try:
                await self._load(area)
            except ValueError as wrong:  # InvalidRule, UnsoundLadder, or more rules than may be active
                self._note_fault(area, str(wrong))
            else:
                self.faults.pop(area, None)
            self._replica.versions = {area.value: version for area, version in self._held.items()}

    async def refresh_profiles(self) -> None:
        """Load the profiles that changed since the last time.

        Raises:
            DependencyFailed: the store does not answer; nothing has changed.
        """
        await self.refresh(Area.PROFILES)

    async def _load(self, area: Area) -> None:
        stores, replica = self._stores, self._replica
        if area is Area.PROFILES:
            version, rows = await stores.profiles.load(after_version=self._held.get(area, 0))
            replica.profiles.update((row.profile.user_id, row) for row in rows)
        elif area is Area.TRADING_STATES:
            version, states = await stores.trading_states.all()
            replica.set_trading_states(states)
        elif area is Area.RULES:
            version, rules = await stores.rules.load()
            # in a thread of its own: thousands of rules take a second to compile, and orders are decided meanwhile
            book = await asyncio.to_thread(build_rules, rules, engines=self._engines)
            former = replica.configuration
            replica.configuration = GateConfiguration(
                former.settings,
                book,
                former.ladders,
                former.default_ladder,
                self._versions(area, version),
            )
        else:
            version, tiers = await stores.tiers.load()
            ladders, default = build_ladders(tiers)
            former = replica.configuration
            versions = self._versions(area, version)
            replica.configuration = GateConfiguration(former.settings, former.rules, ladders, default, versions)
        self._held[area] = version

    def _versions(self, area: Area, version: int) -> Mapping[str, int]:
        """Versions of what a ``GateConfiguration`` is built of; the others move without a new one being built."""
        return {**self._replica.configuration.versions, area.value: version}

    def _note_fault(self, area: Area, fault: str) -> None:
        if self.faults.get(area) != fault:
            self._report(f"{area.value} cannot be used and are kept as they were: {fault}")
        self.faults[area] = fault
