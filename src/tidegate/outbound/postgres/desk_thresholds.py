"""``risk_threshold`` in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import asyncpg

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.assessment.scopes import scope_id
from tidegate.core.rules.scope import Scope
from tidegate.outbound.postgres.configuration_area import area_version, require_version
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
from tidegate.ports.desk_configuration import ScopeFilter
from tidegate.ports.desk_storable import scope_changes, threshold_row_faults, thresholds_faults
from tidegate.ports.paging import Page, PageRequest
from tidegate.ports.stored import Change, Kept

_WHERE: Final = "($3::boolean IS NULL OR is_active = $3) AND " + scope_condition(4)


class PostgresDeskThresholds:
    """``DeskThresholds`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def page(
        self, request: PageRequest, *, is_active: bool | None, scope: ScopeFilter
    ) -> Page[Kept[RiskThreshold]]:
        asked = (is_active, *scope_values(scope))
        return await THRESHOLDS.page(self._pool, request, where=_WHERE, wanted=asked)

    async def get(self, threshold_id: str) -> Kept[RiskThreshold]:
        async with self._pool.connection() as connection:
            return await THRESHOLDS.get(connection, threshold_id)

    async def create(self, threshold: RiskThreshold, *, by: Change) -> Kept[RiskThreshold]:
        async with desk_write(self._pool, Area.DESK_THRESHOLDS, by=by) as connection:
            await _require_storable(connection, threshold)
            return await THRESHOLDS.insert(connection, threshold.threshold_id, row=threshold)

    async def replace_scope(
        self, scope: Scope, thresholds: Sequence[RiskThreshold], *, version: int | None, by: Change
    ) -> tuple[int, Sequence[Kept[RiskThreshold]]]:
        async with desk_write(self._pool, Area.DESK_THRESHOLDS, by=by) as connection:
            require_version(await area_version(connection, Area.DESK_THRESHOLDS), seen=version)
            refuse([fault for threshold in thresholds for fault in threshold_row_faults(threshold)])
            standing = await THRESHOLDS.standing(connection)
            others = [row for row in standing if scope_id(row.scope) != scope_id(scope)]
            refuse(thresholds_faults([*others, *thresholds]))
            changes = scope_changes([row for row in standing if scope_id(row.scope) == scope_id(scope)], thresholds)
            await THRESHOLDS.delete(connection, changes.gone)
            for new in changes.new:
                await THRESHOLDS.insert(connection, new.threshold_id, row=new)
            rows = [await THRESHOLDS.get(connection, row_id) for row_id in changes.row_ids]
            return await area_version(connection, Area.DESK_THRESHOLDS), rows

    async def replace(self, threshold: RiskThreshold, *, version: int | None, by: Change) -> Kept[RiskThreshold]:
        async with desk_write(self._pool, Area.DESK_THRESHOLDS, by=by) as connection:
            await THRESHOLDS.get(connection, threshold.threshold_id, seen=version)
            await _require_storable(connection, threshold)
            return await THRESHOLDS.update(connection, threshold.threshold_id, row=threshold)

    async def set_active(
        self, threshold_id: str, is_active: bool, *, version: int | None, by: Change
    ) -> Kept[RiskThreshold]:
        async with desk_write(self._pool, Area.DESK_THRESHOLDS, by=by) as connection:
            former = await THRESHOLDS.get(connection, threshold_id, seen=version)
            threshold = replace(former.row, is_active=is_active)
            await _require_storable(connection, threshold)
            return await THRESHOLDS.update(connection, threshold_id, row=threshold)

    async def delete(self, threshold_id: str, *, version: int | None, by: Change) -> None:
        async with desk_write(self._pool, Area.DESK_THRESHOLDS, by=by) as connection:
            gone = (await THRESHOLDS.get(connection, threshold_id, seen=version)).row
            standing = await THRESHOLDS.standing(connection)
            refuse(thresholds_faults([row for row in standing if row.threshold_id != gone.threshold_id]))
            await THRESHOLDS.delete(connection, [threshold_id])

    async def load(self) -> tuple[int, Sequence[RiskThreshold]]:
        async with self._pool.snapshot() as connection:
            return await THRESHOLDS.active(connection)

    async def load_version(self, version: int) -> Sequence[RiskThreshold]:
        async with self._pool.snapshot() as connection:
            return await THRESHOLDS.active_then(connection, version)


async def _require_storable(connection: Connection, threshold: RiskThreshold) -> None:
    refuse(threshold_row_faults(threshold))
    standing = await THRESHOLDS.standing(connection)
    others = [row for row in standing if row.threshold_id != threshold.threshold_id]
    refuse(thresholds_faults([*others, threshold]))


def _values(threshold: RiskThreshold) -> tuple[object, ...]:
    return (
        threshold.score_from, threshold.score_to, threshold.decision, scope_text(threshold.scope), threshold.is_active,
    )  # fmt: skip


def _threshold(row: asyncpg.Record) -> RiskThreshold:
    return RiskThreshold(
        score_from=row["score_from"],
        score_to=row["score_to"],
        decision=Decision(row["decision"]),
        scope=scope_of(row["scope"]),
        is_active=row["is_active"],
        threshold_id=str(row["id"]),
        version=row["version"],
    )


THRESHOLDS: Final = DeskTable(
    name="risk_threshold",
    area=Area.DESK_THRESHOLDS,
    columns=("score_from", "score_to", "decision", "scope", "is_active"),
    values=_values,
    read=_threshold,
)
