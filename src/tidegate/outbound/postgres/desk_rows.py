"""What the desk's three tables have in common: their columns of versions, their locks, their statements.

The tables stamp themselves (revision 0002): a write says who and when once a transaction (``desk_write``), and the
database makes the versions, tells the replicas and keeps what was.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar
from uuid import UUID

import asyncpg

from tidegate.core.assessment.request import SCOPE_KEYS
from tidegate.core.kernel.readings import Unreadable, read_uuid
from tidegate.core.rules.json_exact import read_json, write_json
from tidegate.core.rules.scope import Scope
from tidegate.outbound.postgres.configuration_area import area_version, require_version
from tidegate.outbound.postgres.instants import to_timestamp, to_us
from tidegate.outbound.postgres.pool import Connection, PostgresPool
from tidegate.ports.configuration_watch import Area
from tidegate.ports.desk_configuration import ScopeFilter
from tidegate.ports.paging import Page, PageRequest, read_cursor, write_cursor
from tidegate.ports.stored import Change, Conflict, Kept, NotStored

Row = TypeVar("Row")

Known: TypeAlias = dict[tuple[UUID, int], Row]
"""Rows that were read before, by id and version: a version of a row never changes."""

# Rules before lists, as the tables' own triggers lock: two writers never wait for each other.
_LOCKS: Final = {
    Area.DESK_RULES: (
        "SELECT FROM configuration_versions WHERE area = 'desk_rules' FOR UPDATE",
        "SELECT FROM configuration_versions WHERE area = 'desk_lists' FOR SHARE",
    ),
    Area.DESK_THRESHOLDS: ("SELECT FROM configuration_versions WHERE area = 'desk_thresholds' FOR UPDATE",),
    Area.DESK_LISTS: (
        "SELECT FROM configuration_versions WHERE area = 'desk_rules' FOR SHARE",
        "SELECT FROM configuration_versions WHERE area = 'desk_lists' FOR UPDATE",
    ),
}
_SAY_WHO: Final = "SELECT set_config('tidegate.actor', $1, true), set_config('tidegate.at', $2, true)"


@dataclass(frozen=True, slots=True)
class DeskTable(Generic[Row]):
    """One table: its columns beside ``id``, how a row is written to them and read from them, and its area."""

    name: str
    area: Area
    columns: tuple[str, ...]
    values: Callable[[Row], tuple[object, ...]]
    read: Callable[[asyncpg.Record], Row]

    async def page(
        self, pool: PostgresPool, request: PageRequest, *, where: str, wanted: Sequence[object]
    ) -> Page[Kept[Row]]:
        """Give a page of the rows that a condition with parameters from $3 holds for, in the order of creation."""
        after = 0 if request.cursor is None else read_cursor(self.area, request.cursor)[0]
        statement = f"SELECT * FROM {self._table} WHERE position > $1 AND {where} ORDER BY position LIMIT $2"  # noqa: S608 - made of constants
        async with pool.connection() as connection:
            rows = await connection.fetch(statement, after, request.limit + 1, *wanted)
        shown = rows[: request.limit]
        more = len(rows) > request.limit
        cursor = write_cursor(self.area, after=shown[-1]["position"]) if more else None
        return Page(tuple(self.kept(row) for row in shown), cursor)

    async def get(self, connection: Connection, row_id: str, *, seen: int | None = None) -> Kept[Row]:
        """Give a row as it stands, at the version that was seen.

        Raises:
            NotStored: there is none of this id.
            VersionMoved: it is at another version.
        """
        row = await connection.fetchrow(f"SELECT * FROM {self._table} WHERE id = $1", _id(row_id))  # noqa: S608 - made of constants
        if row is None:
            raise NotStored(row_id)
        require_version(row["version"], seen=seen)
        return self.kept(row)

    async def standing(self, connection: Connection) -> list[Row]:
        """Give all rows as they stand."""
        rows = await connection.fetch(f"SELECT * FROM {self._table} ORDER BY position")  # noqa: S608 - made of constants
        return [self.read(row) for row in rows]

    async def insert(self, connection: Connection, row_id: str, *, row: Row) -> Kept[Row]:
        """Store a new row.

        Raises:
            Conflict: there is one of this id.
        """
        places = ", ".join(f"${number}" for number in range(1, len(self.columns) + 2))
        statement = (
            f"INSERT INTO {self._table} (id, {', '.join(self.columns)}) VALUES ({places}) "  # noqa: S608 - made of constants
            "ON CONFLICT (id) DO NOTHING RETURNING *"
        )
        stored = await connection.fetchrow(statement, _id(row_id), *self.values(row))
        if stored is None:
            raise Conflict([f"id {row_id} is in use"])
        return self.kept(stored)

    async def update(self, connection: Connection, row_id: str, *, row: Row) -> Kept[Row]:
        """Store a new version of a row that stands."""
        places = ", ".join(f"{column} = ${number}" for number, column in enumerate(self.columns, start=2))
        statement = f"UPDATE {self._table} SET {places} WHERE id = $1 RETURNING *"  # noqa: S608 - made of constants
        stored = await connection.fetchrow(statement, _id(row_id), *self.values(row))
        assert stored is not None, "it was read under the area's lock"
        return self.kept(stored)

    async def delete(self, connection: Connection, row_ids: Sequence[str]) -> None:
        """Delete rows; their versions stay."""
        await connection.execute(f"DELETE FROM {self._table} WHERE id = ANY($1::uuid[])", list(row_ids))  # noqa: S608 - made of constants

    async def active(self, connection: Connection, *, known: Known[Row] | None = None) -> tuple[int, list[Row]]:
        """Give the area's version and the active rows, for a connection that sees one moment.

        ``known`` holds rows that were read before, at the versions that they then had; it holds the active ones
        afterwards. Thousands of rows take a tenth of a second to read, in which nothing else would be answered.
        """
        version = await area_version(connection, self.area)
        rows = await connection.fetch(f"SELECT * FROM {self._table} WHERE is_active ORDER BY position")  # noqa: S608 - made of constants
        former = known or {}
        keys = [(row["id"], row["version"]) for row in rows]
        active = [former.get(key) or self.read(row) for key, row in zip(keys, rows, strict=True)]
        if known is not None:
            known.clear()
            known.update(zip(keys, active, strict=True))
        return version, active

    async def active_then(self, connection: Connection, version: int) -> list[Row]:
        """Give the rows that were active at an area version, for a connection that sees one moment.

        Raises:
            NotStored: there never was such a version.
        """
        if not 0 <= version <= await area_version(connection, self.area):
            raise NotStored(version)
        statement = f"""
SELECT * FROM {self._table}_versions
WHERE is_active AND NOT is_deleted AND area_version <= $1
    AND (area_version_until IS NULL OR area_version_until > $1)
ORDER BY position
"""  # noqa: S608 - made of constants
        return [self.read(row) for row in await connection.fetch(statement, version)]

    def kept(self, row: asyncpg.Record) -> Kept[Row]:
        """Read a row with what stands beside it."""
        return Kept(
            self.read(row),
            created_us=to_us(row["created_at"]),
            updated_us=to_us(row["updated_at"]),
            changed_by=row["changed_by"],
        )

    @property
    def _table(self) -> str:
        return f"lt_risk_engine.{self.name}"


@asynccontextmanager
async def desk_write(pool: PostgresPool, area: Area, *, by: Change) -> AsyncIterator[Connection]:
    """Lend a connection inside a transaction that holds the area's lock and knows who writes."""
    async with pool.transaction() as connection:
        for lock in _LOCKS[area]:
            await connection.execute(lock)
        await connection.execute(_SAY_WHO, by.actor, to_timestamp(by.at_us).isoformat())
        yield connection


def refuse(faults: Sequence[str | None]) -> None:
    """Refuse a write for its faults, when there are any.

    Raises:
        Conflict: there are.
    """
    told = [fault for fault in faults if fault]
    if told:
        raise Conflict(told)


def scope_text(scope: Scope) -> str:
    """Write a scope for a ``jsonb`` column."""
    return write_json({key: sorted(values) for key, values in scope.items()})


def scope_of(text: str) -> Scope:
    """Read a scope from a ``jsonb`` column; the table lets only lists of texts in."""
    members = read_json(text)
    assert isinstance(members, dict)
    return {key: frozenset(values) for key, values in members.items() if isinstance(values, list)}


def scope_condition(first: int) -> str:
    """Write what a ``ScopeFilter`` asks of the column ``scope``, its values as parameters from ``first`` on."""
    asked = enumerate(SCOPE_KEYS, start=first)
    return " AND ".join(f"(${number}::text IS NULL OR scope -> '{key}' ? ${number})" for number, key in asked)


def scope_values(wanted: ScopeFilter) -> tuple[str | None, ...]:
    """Give the parameters of ``scope_condition``."""
    return tuple(getattr(wanted, key) for key in SCOPE_KEYS)


def _id(row_id: str) -> str:
    try:
        return read_uuid(row_id)
    except Unreadable:
        raise NotStored(row_id) from None
