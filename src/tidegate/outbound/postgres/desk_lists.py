"""``managed_list`` in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import asyncpg

from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.rules.json_exact import read_json, write_json
from tidegate.outbound.postgres.desk_rows import DeskTable, desk_write, refuse
from tidegate.outbound.postgres.pool import Connection, PostgresPool
from tidegate.ports.configuration_watch import Area
from tidegate.ports.desk_storable import list_faults, list_in_use_fault, list_name_fault
from tidegate.ports.paging import Page, PageRequest
from tidegate.ports.stored import Change, Kept

_WHERE: Final = "($3::boolean IS NULL OR is_active = $3) AND ($4::text IS NULL OR name = $4)"
_NAMESAKE: Final = "SELECT EXISTS (SELECT FROM lt_risk_engine.managed_list WHERE name = $1 AND id::text <> $2)"
_HOLDERS: Final = "SELECT rule_code FROM lt_risk_engine.risk_rule WHERE is_active AND lists_named @> ARRAY[$1::text]"


class PostgresDeskLists:
    """``DeskLists`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def page(self, request: PageRequest, *, is_active: bool | None, name: str | None) -> Page[Kept[ManagedList]]:
        return await LISTS.page(self._pool, request, where=_WHERE, wanted=(is_active, name))

    async def get(self, list_id: str) -> Kept[ManagedList]:
        async with self._pool.connection() as connection:
            return await LISTS.get(connection, list_id)

    async def create(self, managed: ManagedList, *, by: Change) -> Kept[ManagedList]:
        async with desk_write(self._pool, Area.DESK_LISTS, by=by) as connection:
            await _require_storable(connection, managed)
            return await LISTS.insert(connection, managed.list_id, row=managed)

    async def replace(self, managed: ManagedList, *, version: int | None, by: Change) -> Kept[ManagedList]:
        async with desk_write(self._pool, Area.DESK_LISTS, by=by) as connection:
            former = (await LISTS.get(connection, managed.list_id, seen=version)).row
            return await _replace(connection, managed, former=former)

    async def set_active(self, list_id: str, is_active: bool, *, version: int | None, by: Change) -> Kept[ManagedList]:
        async with desk_write(self._pool, Area.DESK_LISTS, by=by) as connection:
            former = (await LISTS.get(connection, list_id, seen=version)).row
            return await _replace(connection, replace(former, is_active=is_active), former=former)

    async def delete(self, list_id: str, *, version: int | None, by: Change) -> None:
        async with desk_write(self._pool, Area.DESK_LISTS, by=by) as connection:
            former = (await LISTS.get(connection, list_id, seen=version)).row
            refuse([await _in_use(connection, former)])
            await LISTS.delete(connection, [list_id])

    async def load(self) -> tuple[int, Sequence[ManagedList]]:
        async with self._pool.snapshot() as connection:
            return await LISTS.active(connection)

    async def load_version(self, version: int) -> Sequence[ManagedList]:
        async with self._pool.snapshot() as connection:
            return await LISTS.active_then(connection, version)


async def _replace(connection: Connection, managed: ManagedList, *, former: ManagedList) -> Kept[ManagedList]:
    if managed.name != former.name or not managed.is_active:
        refuse([await _in_use(connection, former)])
    await _require_storable(connection, managed)
    return await LISTS.update(connection, managed.list_id, row=managed)


async def _in_use(connection: Connection, managed: ManagedList) -> str | None:
    if not managed.is_active:
        return None
    holders = [row["rule_code"] for row in await connection.fetch(_HOLDERS, managed.name)]
    return list_in_use_fault(managed.name, holders)


async def _require_storable(connection: Connection, managed: ManagedList) -> None:
    faults = list_faults(managed)
    if not faults and await connection.fetchval(_NAMESAKE, managed.name, managed.list_id):
        faults = [list_name_fault(managed.name)]
    refuse(faults)


def _values(managed: ManagedList) -> tuple[object, ...]:
    entries = write_json(list(managed.entries))
    return (managed.name, entries, managed.is_active, entries)


def _list(row: asyncpg.Record) -> ManagedList:
    entries = read_json(row["entries_text"])
    assert isinstance(entries, list), "the table lets only lists in"
    return ManagedList(
        name=row["name"],
        entries=tuple(entries),
        is_active=row["is_active"],
        list_id=str(row["id"]),
        version=row["version"],
    )


LISTS: Final = DeskTable(
    name="managed_list",
    area=Area.DESK_LISTS,
    columns=("name", "entries", "is_active", "entries_text"),
    values=_values,
    read=_list,
)
