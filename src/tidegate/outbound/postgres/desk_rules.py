"""``risk_rule`` in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import asyncpg

from tidegate.core.assessment.risk_rule import Category, RiskRule
from tidegate.core.rules.json_exact import read_json, write_json
from tidegate.outbound.postgres.desk_rows import (
    DeskTable,
    desk_write,
    refuse,
    scope_condition,
    scope_of,
    scope_text,
    scope_values,
)
from tidegate.outbound.postgres.pool import Connection, PostgresPool
from tidegate.ports.configuration_watch import Area
from tidegate.ports.desk_configuration import RuleFilter
from tidegate.ports.desk_storable import active_rules_fault, code_fault, missing_lists_fault, rule_faults
from tidegate.ports.paging import Page, PageRequest
from tidegate.ports.stored import Change, Kept

_WHERE: Final = (
    "($3::text IS NULL OR category = $3) AND ($4::boolean IS NULL OR is_active = $4) AND " + scope_condition(5)
)
_NAMESAKE: Final = "SELECT EXISTS (SELECT FROM lt_risk_engine.risk_rule WHERE rule_code = $1 AND id::text <> $2)"
_OTHERS: Final = "SELECT count(*) FROM lt_risk_engine.risk_rule WHERE is_active AND id::text <> $1"
_LISTS: Final = "SELECT name FROM lt_risk_engine.managed_list WHERE is_active"


class PostgresDeskRules:
    """``DeskRules`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def page(self, request: PageRequest, wanted: RuleFilter) -> Page[Kept[RiskRule]]:
        asked = (wanted.category, wanted.is_active, *scope_values(wanted.scope))
        return await RULES.page(self._pool, request, where=_WHERE, wanted=asked)

    async def get(self, rule_id: str) -> Kept[RiskRule]:
        async with self._pool.connection() as connection:
            return await RULES.get(connection, rule_id)

    async def create(self, rule: RiskRule, *, by: Change) -> Kept[RiskRule]:
        async with desk_write(self._pool, Area.DESK_RULES, by=by) as connection:
            await _require_storable(connection, rule)
            return await RULES.insert(connection, rule.rule_id, row=rule)

    async def replace(self, rule: RiskRule, *, version: int | None, by: Change) -> Kept[RiskRule]:
        async with desk_write(self._pool, Area.DESK_RULES, by=by) as connection:
            await RULES.get(connection, rule.rule_id, seen=version)
            await _require_storable(connection, rule)
            return await RULES.update(connection, rule.rule_id, row=rule)

    async def set_active(self, rule_id: str, is_active: bool, *, version: int | None, by: Change) -> Kept[RiskRule]:
        async with desk_write(self._pool, Area.DESK_RULES, by=by) as connection:
            former = await RULES.get(connection, rule_id, seen=version)
            rule = replace(former.row, is_active=is_active)
            await _require_storable(connection, rule)
            return await RULES.update(connection, rule_id, row=rule)

    async def delete(self, rule_id: str, *, version: int | None, by: Change) -> None:
        async with desk_write(self._pool, Area.DESK_RULES, by=by) as connection:
            await RULES.get(connection, rule_id, seen=version)
            await RULES.delete(connection, [rule_id])

    async def load(self) -> tuple[int, Sequence[RiskRule]]:
        async with self._pool.snapshot() as connection:
            return await RULES.active(connection)

    async def load_version(self, version: int) -> Sequence[RiskRule]:
        async with self._pool.snapshot() as connection:
            return await RULES.active_then(connection, version)


async def _require_storable(connection: Connection, rule: RiskRule) -> None:
    faults: list[str | None] = list(rule_faults(rule))
    if not faults and await connection.fetchval(_NAMESAKE, rule.rule_code, rule.rule_id):
        faults.append(code_fault(rule.rule_code))
    if rule.is_active:
        faults.append(active_rules_fault(await connection.fetchval(_OTHERS, rule.rule_id) + 1))
        faults.append(missing_lists_fault(rule, [row["name"] for row in await connection.fetch(_LISTS)]))
    refuse(faults)


def _values(rule: RiskRule) -> tuple[object, ...]:
    logic = write_json(rule.logic_config)
    return (rule.rule_code, rule.category, rule.weight, logic, scope_text(rule.scope), rule.is_active, logic)


def _rule(row: asyncpg.Record) -> RiskRule:
    logic = read_json(row["logic_text"])
    assert isinstance(logic, Mapping), "the table lets only objects in"
    return RiskRule(
        rule_code=row["rule_code"],
        category=Category(row["category"]),
        weight=row["weight"],
        logic_config=logic,
        scope=scope_of(row["scope"]),
        is_active=row["is_active"],
        rule_id=str(row["id"]),
        version=row["version"],
    )


RULES: Final = DeskTable(
    name="risk_rule",
    area=Area.DESK_RULES,
    columns=("rule_code", "category", "weight", "logic_config", "scope", "is_active", "logic_text"),
    values=_values,
    read=_rule,
)
