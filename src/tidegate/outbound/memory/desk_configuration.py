"""The desk's configuration in memory: rules, thresholds, managed lists, and all of them at one moment."""

from collections.abc import Sequence
from dataclasses import replace

from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.risk_rule import RiskRule
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.assessment.rule_set import RuleSetVersions
from tidegate.core.assessment.scopes import scope_id
from tidegate.core.rules.scope import Scope
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas, require_version
from tidegate.outbound.memory.desk_rows import DeskRows
from tidegate.ports.configuration_watch import Area
from tidegate.ports.desk_configuration import PublishedConfiguration, RuleFilter, ScopeFilter
from tidegate.ports.desk_storable import (
    active_rules_fault,
    code_fault,
    list_faults,
    list_in_use_fault,
    list_name_fault,
    lists_named,
    missing_lists_fault,
    rule_faults,
    scope_changes,
    scope_names,
    threshold_row_faults,
    thresholds_faults,
)
from tidegate.ports.paging import Page, PageRequest
from tidegate.ports.stored import Change, Conflict, Kept, NotStored


class MemoryDeskConfiguration:
    """``RuleConfigurationRepository`` in memory."""

    def __init__(self, areas: MemoryConfigurationAreas) -> None:
        rules: DeskRows[RiskRule] = DeskRows("desk_rules")
        lists: DeskRows[ManagedList] = DeskRows("desk_lists")
        self._rules = MemoryDeskRules(areas, rules, lists=lists)
        self._thresholds = MemoryDeskThresholds(areas)
        self._lists = MemoryDeskLists(areas, lists, rules=rules)

    @property
    def rules(self) -> "MemoryDeskRules":
        return self._rules

    @property
    def thresholds(self) -> "MemoryDeskThresholds":
        return self._thresholds

    @property
    def lists(self) -> "MemoryDeskLists":
        return self._lists

    async def load(self) -> PublishedConfiguration:
        rules_version, rules = await self._rules.load()
        thresholds_version, thresholds = await self._thresholds.load()
        lists_version, lists = await self._lists.load()
        versions = RuleSetVersions(rules_version, thresholds_version, lists_version)
        return PublishedConfiguration(versions, rules, thresholds, lists)

    async def load_version(self, versions: RuleSetVersions) -> PublishedConfiguration:
        return PublishedConfiguration(
            versions,
            await self._rules.load_version(versions.rules),
            await self._thresholds.load_version(versions.thresholds),
            await self._lists.load_version(versions.lists),
        )


class MemoryDeskRules:
    """``DeskRules`` in memory."""

    def __init__(
        self, areas: MemoryConfigurationAreas, rows: DeskRows[RiskRule], *, lists: DeskRows[ManagedList]
    ) -> None:
        self._areas = areas
        self._rows = rows
        self._lists = lists

    async def page(self, request: PageRequest, wanted: RuleFilter) -> Page[Kept[RiskRule]]:
        def fits(rule: RiskRule) -> bool:
            return (
                wanted.category in {None, rule.category}
                and wanted.is_active in {None, rule.is_active}
                and scope_names(rule.scope, wanted.scope)
            )

        return self._rows.page(request, fits)

    async def get(self, rule_id: str) -> Kept[RiskRule]:
        return self._rows.get(rule_id)

    async def create(self, rule: RiskRule, *, by: Change) -> Kept[RiskRule]:
        if self._rows.known(rule.rule_id):
            raise Conflict([f"id {rule.rule_id} is in use"])
        return self._write(rule, version=1, by=by)

    async def replace(self, rule: RiskRule, *, version: int | None, by: Change) -> Kept[RiskRule]:
        _, current = self._rows.at_version(rule.rule_id, version)
        return self._write(rule, version=current + 1, by=by)

    async def set_active(self, rule_id: str, is_active: bool, *, version: int | None, by: Change) -> Kept[RiskRule]:
        former, current = self._rows.at_version(rule_id, version)
        return self._write(replace(former.row, is_active=is_active), version=current + 1, by=by)

    async def delete(self, rule_id: str, *, version: int | None, by: Change) -> None:
        self._rows.at_version(rule_id, version)
        self._rows.delete(rule_id, by=by, area_version=self._areas.publish(Area.DESK_RULES))

    async def load(self) -> tuple[int, Sequence[RiskRule]]:
        active = [kept.row for _, kept in self._rows.current() if kept.row.is_active]
        return self._areas.version(Area.DESK_RULES), active

    async def load_version(self, version: int) -> Sequence[RiskRule]:
        _require_published(version, self._areas.version(Area.DESK_RULES))
        return [rule for rule in self._rows.as_of(version) if rule.is_active]

    def _write(self, rule: RiskRule, *, version: int, by: Change) -> Kept[RiskRule]:
        others = [kept.row for row_id, kept in self._rows.current() if row_id != rule.rule_id]
        lists = [kept.row.name for _, kept in self._lists.current() if kept.row.is_active]
        faults = rule_faults(rule)
        if not faults and any(other.rule_code == rule.rule_code for other in others):
            faults = [code_fault(rule.rule_code)]
        too_many = active_rules_fault(sum(other.is_active for other in others) + rule.is_active)
        _refuse([*faults, too_many, missing_lists_fault(rule, lists)])
        area_version = self._areas.publish(Area.DESK_RULES)
        return self._rows.write(rule.rule_id, replace(rule, version=version), by=by, area_version=area_version)


class MemoryDeskThresholds:
    """``DeskThresholds`` in memory."""

    def __init__(self, areas: MemoryConfigurationAreas) -> None:
        self._areas = areas
        self._rows: DeskRows[RiskThreshold] = DeskRows("desk_thresholds")

    async def page(
        self, request: PageRequest, *, is_active: bool | None, scope: ScopeFilter
    ) -> Page[Kept[RiskThreshold]]:
        def fits(threshold: RiskThreshold) -> bool:
            return is_active in {None, threshold.is_active} and scope_names(threshold.scope, scope)

        return self._rows.page(request, fits)

    async def get(self, threshold_id: str) -> Kept[RiskThreshold]:
        return self._rows.get(threshold_id)

    async def create(self, threshold: RiskThreshold, *, by: Change) -> Kept[RiskThreshold]:
        if self._rows.known(threshold.threshold_id):
            raise Conflict([f"id {threshold.threshold_id} is in use"])
        return self._write(threshold, version=1, by=by)

    async def replace_scope(
        self, scope: Scope, thresholds: Sequence[RiskThreshold], *, version: int | None, by: Change
    ) -> tuple[int, Sequence[Kept[RiskThreshold]]]:
        require_version(self._areas.version(Area.DESK_THRESHOLDS), seen=version)
        _refuse([fault for threshold in thresholds for fault in threshold_row_faults(threshold)])
        standing = [kept.row for _, kept in self._rows.current()]
        others = [row for row in standing if scope_id(row.scope) != scope_id(scope)]
        _refuse(thresholds_faults([*others, *thresholds]))
        changes = scope_changes([row for row in standing if scope_id(row.scope) == scope_id(scope)], thresholds)
        if changes.gone or changes.new:
            area_version = self._areas.publish(Area.DESK_THRESHOLDS)
            for threshold_id in changes.gone:
                self._rows.delete(threshold_id, by=by, area_version=area_version)
            for new in changes.new:
                self._rows.write(new.threshold_id, replace(new, version=1), by=by, area_version=area_version)
        return self._areas.version(Area.DESK_THRESHOLDS), [self._rows.get(row_id) for row_id in changes.row_ids]

    async def replace(self, threshold: RiskThreshold, *, version: int | None, by: Change) -> Kept[RiskThreshold]:
        _, current = self._rows.at_version(threshold.threshold_id, version)
        return self._write(threshold, version=current + 1, by=by)

    async def set_active(
        self, threshold_id: str, is_active: bool, *, version: int | None, by: Change
    ) -> Kept[RiskThreshold]:
        former, current = self._rows.at_version(threshold_id, version)
        return self._write(replace(former.row, is_active=is_active), version=current + 1, by=by)

    async def delete(self, threshold_id: str, *, version: int | None, by: Change) -> None:
        self._rows.at_version(threshold_id, version)
        _refuse(thresholds_faults([kept.row for row_id, kept in self._rows.current() if row_id != threshold_id]))
        self._rows.delete(threshold_id, by=by, area_version=self._areas.publish(Area.DESK_THRESHOLDS))

    async def load(self) -> tuple[int, Sequence[RiskThreshold]]:
        active = [kept.row for _, kept in self._rows.current() if kept.row.is_active]
        return self._areas.version(Area.DESK_THRESHOLDS), active

    async def load_version(self, version: int) -> Sequence[RiskThreshold]:
        _require_published(version, self._areas.version(Area.DESK_THRESHOLDS))
        return [threshold for threshold in self._rows.as_of(version) if threshold.is_active]

    def _write(self, threshold: RiskThreshold, *, version: int, by: Change) -> Kept[RiskThreshold]:
        row_id = threshold.threshold_id
        _refuse(threshold_row_faults(threshold))
        _refuse(thresholds_faults([*(kept.row for each, kept in self._rows.current() if each != row_id), threshold]))
        area_version = self._areas.publish(Area.DESK_THRESHOLDS)
        return self._rows.write(row_id, replace(threshold, version=version), by=by, area_version=area_version)


class MemoryDeskLists:
    """``DeskLists`` in memory."""

    def __init__(
        self, areas: MemoryConfigurationAreas, rows: DeskRows[ManagedList], *, rules: DeskRows[RiskRule]
    ) -> None:
        self._areas = areas
        self._rows = rows
        self._rules = rules

    async def page(self, request: PageRequest, *, is_active: bool | None, name: str | None) -> Page[Kept[ManagedList]]:
        def fits(managed: ManagedList) -> bool:
            return is_active in {None, managed.is_active} and name in {None, managed.name}

        return self._rows.page(request, fits)

    async def get(self, list_id: str) -> Kept[ManagedList]:
        return self._rows.get(list_id)

    async def create(self, managed: ManagedList, *, by: Change) -> Kept[ManagedList]:
        if self._rows.known(managed.list_id):
            raise Conflict([f"id {managed.list_id} is in use"])
        return self._write(managed, version=1, by=by)

    async def replace(self, managed: ManagedList, *, version: int | None, by: Change) -> Kept[ManagedList]:
        former, current = self._rows.at_version(managed.list_id, version)
        if managed.name != former.row.name or not managed.is_active:
            _refuse([self._in_use(former.row)])
        return self._write(managed, version=current + 1, by=by)

    async def set_active(self, list_id: str, is_active: bool, *, version: int | None, by: Change) -> Kept[ManagedList]:
        former, _ = self._rows.at_version(list_id, version)
        return await self.replace(replace(former.row, is_active=is_active), version=version, by=by)

    async def delete(self, list_id: str, *, version: int | None, by: Change) -> None:
        former, _ = self._rows.at_version(list_id, version)
        _refuse([self._in_use(former.row)])
        self._rows.delete(list_id, by=by, area_version=self._areas.publish(Area.DESK_LISTS))

    async def load(self) -> tuple[int, Sequence[ManagedList]]:
        active = [kept.row for _, kept in self._rows.current() if kept.row.is_active]
        return self._areas.version(Area.DESK_LISTS), active

    async def load_version(self, version: int) -> Sequence[ManagedList]:
        _require_published(version, self._areas.version(Area.DESK_LISTS))
        return [managed for managed in self._rows.as_of(version) if managed.is_active]

    def _in_use(self, managed: ManagedList) -> str | None:
        if not managed.is_active:
            return None
        rules = [kept.row for _, kept in self._rules.current() if kept.row.is_active]
        holders = [rule.rule_code for rule in rules if managed.name in lists_named(rule.logic_config)]
        return list_in_use_fault(managed.name, holders)

    def _write(self, managed: ManagedList, *, version: int, by: Change) -> Kept[ManagedList]:
        faults = list_faults(managed)
        others = [kept.row.name for row_id, kept in self._rows.current() if row_id != managed.list_id]
        if not faults and managed.name in others:
            faults = [list_name_fault(managed.name)]
        _refuse(faults)
        area_version = self._areas.publish(Area.DESK_LISTS)
        return self._rows.write(managed.list_id, replace(managed, version=version), by=by, area_version=area_version)


def _refuse(faults: Sequence[str | None]) -> None:
    told = [fault for fault in faults if fault]
    if told:
        raise Conflict(told)


def _require_published(version: int, current: int) -> None:
    if not 0 <= version <= current:
        raise NotStored(version)
