"""Screening lists in PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Final

import asyncpg
import msgspec

from tidegate.core.assessment.screening.entries import ListedName, ListEntry, PartyKind
from tidegate.outbound.postgres.instants import to_timestamp, to_us
from tidegate.outbound.postgres.notices import notices
from tidegate.outbound.postgres.pool import Connection, PostgresPool
from tidegate.ports.screening_lists import ListSource, ListVersion
from tidegate.ports.stored import Change, NotStored

CHANNEL: Final = "tidegate_screening_lists"

# imports of one list stand in line, so that versions have no holes and the latest is the last one imported
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('tidegate screening list ' || $1, 0))"
_LATEST: Final = """
SELECT * FROM lt_risk_engine.screening_list_version WHERE name = $1 ORDER BY version DESC LIMIT 1
"""
_INSERT: Final = """
INSERT INTO lt_risk_engine.screening_list_version
    (name, version, list_format, published_on, sha256, entry_count, imported_by, imported_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING *
"""
_CURRENT: Final = """
SELECT DISTINCT ON (name) * FROM lt_risk_engine.screening_list_version ORDER BY name, version DESC
"""
_HISTORY: Final = "SELECT * FROM lt_risk_engine.screening_list_version WHERE name = $1 ORDER BY version DESC"
_ENTRIES: Final = """
SELECT entry_id, entry FROM lt_risk_engine.screening_list_entry WHERE name = $1 AND version = $2 ORDER BY position
"""
_COLUMNS: Final = ("name", "version", "position", "entry_id", "entry")


class _Entry(msgspec.Struct, frozen=True):
    """An entry as the table holds it; names are text, is_alias, is_weak."""

    names: list[tuple[str, bool, bool]]
    kind: PartyKind
    birth_dates: tuple[str, ...]
    countries: tuple[str, ...]
    programmes: tuple[str, ...]


class PostgresScreeningLists:
    """``ScreeningLists`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(_Entry)

    async def publish(
        self, name: str, source: ListSource, *, entries: Sequence[ListEntry], by: Change
    ) -> tuple[ListVersion, bool]:
        async with self._pool.transaction() as connection:
            await connection.execute(_LOCK, name)
            latest = await connection.fetchrow(_LATEST, name)
            if latest is not None and _version(latest).source == source:
                return _version(latest), False
            version = 1 if latest is None else latest["version"] + 1
            row = await connection.fetchrow(
                _INSERT, name, version, source.list_format, source.published_on, source.sha256, len(entries),
                by.actor, to_timestamp(by.at_us),
            )  # fmt: skip
            assert row is not None
            await self._copy(connection, _version(row), entries=entries)
            return _version(row), True

    async def current(self) -> Sequence[ListVersion]:
        async with self._pool.connection() as connection:
            return [_version(row) for row in await connection.fetch(_CURRENT)]

    async def history(self, name: str) -> Sequence[ListVersion]:
        async with self._pool.connection() as connection:
            return [_version(row) for row in await connection.fetch(_HISTORY, name)]

    async def entries(self, name: str, version: int) -> Sequence[ListEntry]:
        rows = []
        if 0 < version < 2**63:
            async with self._pool.connection() as connection:
                rows = await connection.fetch(_ENTRIES, name, version)
        if not rows:
            raise NotStored(f"{name} version {version}")
        # a thread, so that decoding thousands of entries holds up nobody's request
        return await asyncio.to_thread(lambda: [self._entry(row) for row in rows])

    async def changes(self) -> AsyncIterator[str]:
        async with aclosing(notices(self._pool, CHANNEL)) as listening:
            async for notice in listening:
                yield notice

    async def _copy(self, connection: Connection, stored: ListVersion, *, entries: Sequence[ListEntry]) -> None:
        await connection.copy_records_to_table(
            "screening_list_entry",
            schema_name="lt_risk_engine",
            columns=_COLUMNS,
            records=(
                (stored.name, stored.version, position, entry.entry_id, self._encoder.encode(_row(entry)).decode())
                for position, entry in enumerate(entries)
            ),
        )

    def _entry(self, row: asyncpg.Record) -> ListEntry:
        held = self._decoder.decode(row["entry"])
        return ListEntry(
            row["entry_id"],
            tuple(ListedName(*name) for name in held.names),
            kind=held.kind,
            birth_dates=held.birth_dates,
            countries=held.countries,
            programmes=held.programmes,
        )


def _row(entry: ListEntry) -> _Entry:
    return _Entry(
        [(name.text, name.is_alias, name.is_weak) for name in entry.names],
        entry.kind,
        tuple(entry.birth_dates),
        tuple(entry.countries),
        tuple(entry.programmes),
    )


def _version(row: asyncpg.Record) -> ListVersion:
    return ListVersion(
        name=row["name"],
        version=row["version"],
        source=ListSource(row["list_format"], row["published_on"], row["sha256"]),
        entries=row["entry_count"],
        imported_by=row["imported_by"],
        imported_us=to_us(row["imported_at"]),
    )
