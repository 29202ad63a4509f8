"""``margin_tiers`` in PostgreSQL."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from tidegate.core.pretrade.tiers import MarginTier
from tidegate.outbound.postgres.configuration_area import area_version, lock_area, publish_area, require_version
from tidegate.outbound.postgres.instants import to_timestamp, to_us
from tidegate.outbound.postgres.pool import Connection, PostgresPool
from tidegate.ports.configuration_watch import Area
from tidegate.ports.paging import Page, PageRequest, read_cursor, write_cursor
from tidegate.ports.storable import ladders_faults, tier_faults
from tidegate.ports.stored import Change, Conflict, NotStored, Stored

_LISTING: Final = "tiers"
_PAGE: Final = """
SELECT * FROM margin_tiers
WHERE id > $1 AND ($2::text IS NULL OR symbol = $2) AND (NOT $3 OR symbol IS NULL)
    AND ($4::boolean IS NULL OR active = $4)
ORDER BY id LIMIT $5
"""
_GET: Final = "SELECT * FROM margin_tiers WHERE id = $1"
_LOAD: Final = "SELECT * FROM margin_tiers WHERE active ORDER BY symbol NULLS FIRST, tier"
_LOAD_VERSION: Final = """
SELECT * FROM margin_tier_versions
WHERE active AND area_version <= $1 AND (area_version_until IS NULL OR area_version_until > $1)
ORDER BY symbol NULLS FIRST, tier
"""
_LADDERS: Final = """
SELECT * FROM margin_tiers WHERE active AND (symbol = ANY ($1::text[]) OR (symbol IS NULL AND $2)) AND id <> $3
"""
_INSERT: Final = """
INSERT INTO margin_tiers (
    symbol, tier, max_notional, maintenance_margin_pct, max_leverage, active, created_at, updated_at, version,
    area_version, changed_by
) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1, $8, $9)
RETURNING *
"""
_UPDATE: Final = """
UPDATE margin_tiers SET
    symbol = $1, tier = $2, max_notional = $3, maintenance_margin_pct = $4, max_leverage = $5, active = $6,
    updated_at = $7, version = version + 1, area_version = $8, changed_by = $9
WHERE id = $10
RETURNING *
"""


class PostgresMarginTiers:
    """``MarginTiers`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def page(
        self, request: PageRequest, *, symbol: str | None, default_only: bool, active: bool | None
    ) -> Page[Stored[MarginTier]]:
        after = 0 if request.cursor is None else read_cursor(_LISTING, request.cursor)[0]
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_PAGE, after, symbol, default_only, active, request.limit + 1)
        items = tuple(_stored(row) for row in rows[: request.limit])
        more = len(rows) > request.limit
        return Page(items, write_cursor(_LISTING, after=items[-1].row_id) if more else None)

    async def get(self, row_id: int) -> Stored[MarginTier]:
        async with self._pool.connection() as connection:
            return _stored(await _row(connection, row_id))

    async def create(self, tiers: Sequence[MarginTier], *, by: Change) -> Sequence[Stored[MarginTier]]:
        if not tiers:
            return ()
        async with self._pool.transaction() as connection:
            publishes = await lock_area(connection, Area.TIERS)
            await _require_sound(connection, tiers, symbols={tier.symbol for tier in tiers}, replaced=0)
            rows = [await connection.fetchrow(_INSERT, *_values(tier, by), publishes, by.actor) for tier in tiers]
            await publish_area(connection, Area.TIERS, version=publishes)
            return tuple(_stored(row) for row in rows if row is not None)

    async def replace(self, row_id: int, tier: MarginTier, *, version: int | None, by: Change) -> Stored[MarginTier]:
        async with self._pool.transaction() as connection:
            publishes = await lock_area(connection, Area.TIERS)
            former = await _row(connection, row_id)
            require_version(former["version"], seen=version)
            # a tier that moves to another ladder leaves a hole in its own
            await _require_sound(connection, [tier], symbols={tier.symbol, former["symbol"]}, replaced=row_id)
            row = await connection.fetchrow(_UPDATE, *_values(tier, by), publishes, by.actor, row_id)
            await publish_area(connection, Area.TIERS, version=publishes)
            assert row is not None
            return _stored(row)

    async def load(self) -> tuple[int, Sequence[MarginTier]]:
        async with self._pool.snapshot() as connection:
            version = await area_version(connection, Area.TIERS)
            return version, [_tier(row) for row in await connection.fetch(_LOAD)]

    async def load_version(self, version: int) -> Sequence[MarginTier]:
        async with self._pool.snapshot() as connection:
            if not 0 <= version <= await area_version(connection, Area.TIERS):
                raise NotStored(version)
            return [_tier(row) for row in await connection.fetch(_LOAD_VERSION, version)]


async def _row(connection: Connection, row_id: int) -> asyncpg.Record:
    row = await connection.fetchrow(_GET, row_id) if 0 < row_id < 2**63 else None
    if row is None:
        raise NotStored(row_id)
    return row


async def _require_sound(
    connection: Connection, written: Sequence[MarginTier], *, symbols: set[str | None], replaced: int
) -> None:
    """Refuse a write after which a tier would not fit its columns or a ladder would be unsound.

    Raises:
        Conflict: with every fault.
    """
    faults = [fault for tier in written for fault in tier_faults(tier)]
    if not faults:
        named = sorted(symbol for symbol in symbols if symbol is not None)
        standing = [_tier(row) for row in await connection.fetch(_LADDERS, named, None in symbols, replaced)]
        faults = ladders_faults([*standing, *(tier for tier in written if tier.active)])
    if faults:
        raise Conflict(faults)


def _values(tier: MarginTier, by: Change) -> tuple[object, ...]:
    return (
        tier.symbol, tier.tier, tier.max_notional, tier.maintenance_margin_pct, tier.max_leverage, tier.active,
        to_timestamp(by.at_us),
    )  # fmt: skip


def _stored(row: asyncpg.Record) -> Stored[MarginTier]:
    return Stored(row["id"], _tier(row), row["version"], to_us(row["created_at"]), to_us(row["updated_at"]))


def _tier(row: asyncpg.Record) -> MarginTier:
    return MarginTier(
        symbol=row["symbol"],
        tier=row["tier"],
        max_notional=row["max_notional"],
        maintenance_margin_pct=row["maintenance_margin_pct"],
        max_leverage=row["max_leverage"],
        active=row["active"],
    )
