"""``risk_rules`` in PostgreSQL."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.rules import Operator, RiskRule, RuleAction, Severity
from tidegate.outbound.postgres.configuration_area import area_version, lock_area, publish_area, require_version
from tidegate.outbound.postgres.instants import to_timestamp, to_us
from tidegate.outbound.postgres.pool import Connection, PostgresPool
from tidegate.ports.configuration_watch import Area
from tidegate.ports.paging import Page, PageRequest, read_cursor, write_cursor
from tidegate.ports.storable import active_rules_fault, name_fault, rule_faults
from tidegate.ports.stored import Change, Conflict, NotStored, Stored

_LISTING: Final = "rules"
_PAGE: Final = """
SELECT * FROM risk_rules
WHERE id > $1 AND ($2::boolean IS NULL OR active = $2) AND ($3::text IS NULL OR symbol = $3)
    AND ($4::text IS NULL OR kyc_level = $4)
ORDER BY id LIMIT $5
"""
_GET: Final = "SELECT * FROM risk_rules WHERE id = $1"
_LOAD: Final = "SELECT * FROM risk_rules WHERE active ORDER BY id"
_LOAD_VERSION: Final = """
SELECT * FROM risk_rule_versions
WHERE active AND area_version <= $1 AND (area_version_until IS NULL OR area_version_until > $1)
ORDER BY id
"""
_NAMESAKE: Final = "SELECT EXISTS (SELECT FROM risk_rules WHERE name = $1 AND id <> $2)"
_ACTIVE: Final = "SELECT count(*) FROM risk_rules WHERE active"
_INSERT: Final = """
INSERT INTO risk_rules (
    name, metric, operator, threshold, severity, action, kyc_level, symbol, active, condition, shadow, created_at,
    updated_at, version, area_version, changed_by
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, 1, $13, $14)
RETURNING *
"""
_UPDATE: Final = """
UPDATE risk_rules SET
    name = $1, metric = $2, operator = $3, threshold = $4, severity = $5, action = $6, kyc_level = $7, symbol = $8,
    active = $9, condition = $10, shadow = $11, updated_at = $12, version = version + 1, area_version = $13,
    changed_by = $14
WHERE id = $15
RETURNING *
"""


class PostgresRiskRules:
    """``RiskRules`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def page(
        self, request: PageRequest, *, active: bool | None, symbol: str | None, kyc_level: KycLevel | None
    ) -> Page[Stored[RiskRule]]:
        after = 0 if request.cursor is None else read_cursor(_LISTING, request.cursor)[0]
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_PAGE, after, active, symbol, kyc_level, request.limit + 1)
        items = tuple(_stored(row) for row in rows[: request.limit])
        more = len(rows) > request.limit
        return Page(items, write_cursor(_LISTING, after=items[-1].row_id) if more else None)

    async def get(self, row_id: int) -> Stored[RiskRule]:
        async with self._pool.connection() as connection:
            return _stored(await _row(connection, row_id))

    async def create(self, rule: RiskRule, *, by: Change) -> Stored[RiskRule]:
        async with self._pool.transaction() as connection:
            publishes = await lock_area(connection, Area.RULES)
            await _require_storable(connection, rule, row_id=0)
            row = await connection.fetchrow(_INSERT, *_values(rule, by), publishes, by.actor)
            await _publish(connection, publishes)
            assert row is not None
            return _stored(row)

    async def replace(self, row_id: int, rule: RiskRule, *, version: int | None, by: Change) -> Stored[RiskRule]:
        async with self._pool.transaction() as connection:
            publishes = await lock_area(connection, Area.RULES)
            require_version((await _row(connection, row_id))["version"], seen=version)
            await _require_storable(connection, rule, row_id=row_id)
            row = await connection.fetchrow(_UPDATE, *_values(rule, by), publishes, by.actor, row_id)
            await _publish(connection, publishes)
            assert row is not None
            return _stored(row)

    async def load(self) -> tuple[int, Sequence[RiskRule]]:
        async with self._pool.snapshot() as connection:
            version = await area_version(connection, Area.RULES)
            return version, [_rule(row) for row in await connection.fetch(_LOAD)]

    async def load_version(self, version: int) -> Sequence[RiskRule]:
        async with self._pool.snapshot() as connection:
            if not 0 <= version <= await area_version(connection, Area.RULES):
                raise NotStored(version)
            return [_rule(row) for row in await connection.fetch(_LOAD_VERSION, version)]


async def _row(connection: Connection, row_id: int) -> asyncpg.Record:
    row = await connection.fetchrow(_GET, row_id) if 0 < row_id < 2**63 else None
    if row is None:
        raise NotStored(row_id)
    return row


async def _require_storable(connection: Connection, rule: RiskRule, *, row_id: int) -> None:
    faults = rule_faults(rule)
    if not faults and await connection.fetchval(_NAMESAKE, rule.name, row_id):
        faults = [name_fault(rule.name)]
    if faults:
        raise Conflict(faults)


async def _publish(connection: Connection, version: int) -> None:
    too_many = active_rules_fault(await connection.fetchval(_ACTIVE))
    if too_many:
        raise Conflict([too_many])
    await publish_area(connection, Area.RULES, version=version)


def _values(rule: RiskRule, by: Change) -> tuple[object, ...]:
    return (
        rule.name, rule.metric, rule.operator, rule.thresholds, rule.severity, rule.action, rule.kyc_level,
        rule.symbol, rule.active, rule.condition, rule.shadow, to_timestamp(by.at_us),
    )  # fmt: skip


def _stored(row: asyncpg.Record) -> Stored[RiskRule]:
    return Stored(row["id"], _rule(row), row["version"], to_us(row["created_at"]), to_us(row["updated_at"]))


def _rule(row: asyncpg.Record) -> RiskRule:
    return RiskRule(
        rule_id=str(row["id"]),
        name=row["name"],
        action=RuleAction(row["action"]),
        severity=Severity(row["severity"]),
        metric=row["metric"],
        operator=None if row["operator"] is None else Operator(row["operator"]),
        thresholds=tuple(row["threshold"]),
        condition=row["condition"],
        kyc_level=None if row["kyc_level"] is None else KycLevel(row["kyc_level"]),
        symbol=row["symbol"],
        active=row["active"],
        shadow=row["shadow"],
        version=row["version"],
    )
