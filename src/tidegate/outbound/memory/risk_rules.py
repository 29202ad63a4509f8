"""Dynamic risk rules in memory."""

from collections.abc import Sequence
from dataclasses import replace

from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.rules import RiskRule
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.versioned_rows import VersionedRows
from tidegate.ports.configuration_watch import Area
from tidegate.ports.paging import Page, PageRequest
from tidegate.ports.storable import active_rules_fault, name_fault, rule_faults
from tidegate.ports.stored import Change, Conflict, NotStored, Stored


class MemoryRiskRules:
    """``RiskRules`` in memory."""

    def __init__(self, areas: MemoryConfigurationAreas) -> None:
        self._areas = areas
        self._rows: VersionedRows[RiskRule] = VersionedRows("rules")

    async def page(
        self, request: PageRequest, *, active: bool | None, symbol: str | None, kyc_level: KycLevel | None
    ) -> Page[Stored[RiskRule]]:
        def wanted(rule: RiskRule) -> bool:
            return (
                active in {None, rule.active} and symbol in {None, rule.symbol} and kyc_level in {None, rule.kyc_level}
            )

        return self._rows.page(request, wanted)

    async def get(self, row_id: int) -> Stored[RiskRule]:
        return self._rows.get(row_id)

    async def create(self, rule: RiskRule, *, by: Change) -> Stored[RiskRule]:
        return self._write(self._rows.next_id(), rule, version=1, by=by)

    async def replace(self, row_id: int, rule: RiskRule, *, version: int | None, by: Change) -> Stored[RiskRule]:
        former = self._rows.at_version(row_id, version)
        return self._write(row_id, rule, version=former.version + 1, by=by)

    async def load(self) -> tuple[int, Sequence[RiskRule]]:
        return self._areas.version(Area.RULES), [stored.row for stored in self._rows.current() if stored.row.active]

    async def load_version(self, version: int) -> Sequence[RiskRule]:
        if not 0 <= version <= self._areas.version(Area.RULES):
            raise NotStored(version)
        return [stored.row for stored in self._rows.as_of(version) if stored.row.active]

    def _write(self, row_id: int, rule: RiskRule, *, version: int, by: Change) -> Stored[RiskRule]:
        others = [stored.row for stored in self._rows.current() if stored.row_id != row_id]
        faults = rule_faults(rule)
        if not faults and any(other.name == rule.name for other in others):
            faults = [name_fault(rule.name)]
        too_many = active_rules_fault(sum(other.active for other in others) + rule.active)
        if not faults and too_many:
            faults = [too_many]
        if faults:
            raise Conflict(faults)
        numbered = replace(rule, rule_id=str(row_id), version=version)
        return self._rows.write(row_id, numbered, by=by, area_version=self._areas.publish(Area.RULES))
