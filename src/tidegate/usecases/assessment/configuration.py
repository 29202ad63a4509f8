"""Keeps the rule set of this replica the published one: loads, compiles beside the requests, never drops a part."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tidegate.core.assessment.judged import ActiveRule
from tidegate.core.assessment.risk_rule import RiskRule
from tidegate.core.assessment.rule_set import InvalidRuleSet, RuleSet, RuleSetVersions, build_rule_set
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.rules.parse import Engines
from tidegate.ports.clock import Clock
from tidegate.ports.configuration_watch import DESK_AREAS, Area, ConfigurationWatch
from tidegate.ports.desk_configuration import PublishedConfiguration, RuleConfigurationRepository

EARLIER_KEPT: Final = 8
"""Rule sets of earlier versions that are kept for the next replay; a large one takes some megabytes."""

_FIRST_RETRY_MS: Final = 500
_FAULT_CHARACTERS_MAX: Final = 1_000


class DeskConfigurationKeeper:
    """Holds the rule set to decide by, and makes those of earlier versions again.

    A published version that cannot be used (a rule that does not compile any more, written past the API) changes
    nothing: the last good rule set stays, ``fault`` says what is wrong, ``report`` is told once. ``confirmed_at_us`` is
    when the published versions were last asked for and found to be those in use; 0 before the first time.
    """

    def __init__(
        self,
        repository: RuleConfigurationRepository,
        watch: ConfigurationWatch,
        *,
        engines: Engines,
        clock: Clock,
        report: Callable[[str], None],
    ) -> None:
        self._repository = repository
        self._watch = watch
        self._engines = engines
        self._clock = clock
        self._report = report
        self._current: RuleSet | None = None
        self._refused: RuleSetVersions | None = None
        self._earlier: OrderedDict[RuleSetVersions, RuleSet] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()
        self.fault: str | None = None
        self.confirmed_at_us = 0

    @property
    def rule_set(self) -> RuleSet:
        """Give the rule set to decide by; its ``versions`` say which it is.

        Raises:
            DependencyFailed: none was ever loaded.
        """
        if self._current is None:
            reason = self.fault or "has not been loaded yet"
            raise DependencyFailed("desk configuration", reason, retry_after_ms=_FIRST_RETRY_MS)
        return self._current

    async def confirm(self) -> bool:
        """Bring the rule set up to date and tell whether it is the published one.

        Raises:
            DependencyFailed: the store does not answer; what was held stays.
        """
        asked_us = self._clock.now_us()
        published = await self._bring_up_to_date()
        confirmed = self._current is not None and self._current.versions == published
        if confirmed:
            self.confirmed_at_us = max(asked_us, self.confirmed_at_us)
        return confirmed

    async def refresh(self, area: Area) -> None:
        """Bring the rule set up to date after a change was told; an area of the gate's is nothing to the desk.

        Raises:
            DependencyFailed: the store does not answer; nothing has changed.
        """
        if area in DESK_AREAS:
            await self._bring_up_to_date()

    async def rule_set_at(self, versions: RuleSetVersions) -> RuleSet:
        """Give the rule set of earlier versions, made again when it is not at hand.

        Raises:
            NotStored: there never were such versions.
            InvalidRuleSet: it cannot be compiled by this release any more.
            DependencyFailed: the store does not answer.
        """
        if self._current is not None and self._current.versions == versions:
            return self._current
        earlier = self._earlier.get(versions)
        if earlier is None:
            earlier = await self._compiled(await self._repository.load_version(versions))
            self._earlier[versions] = earlier
            while len(self._earlier) > EARLIER_KEPT:
                self._earlier.popitem(last=False)
        else:
            self._earlier.move_to_end(versions)
        return earlier

    async def _bring_up_to_date(self) -> RuleSetVersions:
        """Use what is published, if it can be used; give the versions that were published when it was asked for."""
        async with self._one_at_a_time:
            # Asked for under the lock: of many changes in a row, those that were told while one was compiled are one.
            published = _versions_of(await self._watch.versions())
            held = None if self._current is None else self._current.versions
            if published in {held, self._refused}:
                return published
            try:
                loaded = await self._repository.load()
                published = loaded.versions
                self._current = await self._compiled(loaded)
            except ValueError as wrong:  # InvalidRuleSet, or a text written past the API that is not read
                self._refused = published
                self._note_fault(wrong)
            else:
                self._refused = self.fault = None
            return published

    async def _compiled(self, configuration: PublishedConfiguration) -> RuleSet:
        # in a thread of its own: thousands of rules take a while to compile, and requests are answered meanwhile
        return await asyncio.to_thread(
            build_rule_set,
            self._with_known_logic(configuration.rules),
            configuration.thresholds,
            lists=configuration.lists,
            engines=self._engines,
            versions=configuration.versions,
        )

    def _with_known_logic(self, rules: Sequence[RiskRule]) -> list[RiskRule | ActiveRule]:
        """Give the rules that are in use at the same version with their logic: a version of a rule never changes."""
        if self._current is None:
            return list(rules)
        known = {(each.rule.rule_id, each.rule.version): each for each in self._current.active}
        return [known.get((rule.rule_id, rule.version), rule) for rule in rules]

    def _note_fault(self, wrong: ValueError) -> None:
        told = f"{len(wrong.faults)} faults, the first: {wrong}" if isinstance(wrong, InvalidRuleSet) else str(wrong)
        fault = told[:_FAULT_CHARACTERS_MAX]
        if self.fault != fault:
            self._report(f"the desk's configuration cannot be used and is kept as it was: {fault}")
        self.fault = fault


def _versions_of(published: Mapping[Area, int]) -> RuleSetVersions:
    return RuleSetVersions(
        rules=published.get(Area.DESK_RULES, 0),
        thresholds=published.get(Area.DESK_THRESHOLDS, 0),
        lists=published.get(Area.DESK_LISTS, 0),
    )
