"""``risk_profiles`` in PostgreSQL."""

import json
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from tidegate.core.pretrade.account import Profile
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.outbound.postgres.configuration_area import area_version, lock_area, publish_area, require_version
from tidegate.outbound.postgres.instants import to_timestamp, to_us
from tidegate.outbound.postgres.pool import Connection, PostgresPool
from tidegate.ports.configuration import Applied, EventStamp, ProfileChange, ProfileRow
from tidegate.ports.configuration_watch import Area
from tidegate.ports.paging import Page, PageRequest, read_cursor, write_cursor
from tidegate.ports.profile_events import KnownProfile, ProfileEvent, changed_profile, outcome
from tidegate.ports.storable import profile_faults
from tidegate.ports.stored import Change, Conflict, NotStored, Stored

_LISTING: Final = "profiles"
_PAGE: Final = """
SELECT * FROM risk_profiles
WHERE id > $1 AND ($2::text IS NULL OR kyc_level = $2) AND ($3::boolean IS NULL OR frozen = $3)
ORDER BY id LIMIT $4
"""
_GET: Final = "SELECT * FROM risk_profiles WHERE user_id = $1"
_LOAD: Final = "SELECT * FROM risk_profiles WHERE area_version > $1 ORDER BY area_version, id"
_PUT: Final = """
INSERT INTO risk_profiles AS stored (
    user_id, kyc_level, exposure_limit_usdt, frozen, risk_score, max_leverage, created_at, updated_at, version,
    area_version, changed_by
) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1, $8, $9)
ON CONFLICT (user_id) DO UPDATE SET
    kyc_level = excluded.kyc_level, exposure_limit_usdt = excluded.exposure_limit_usdt, frozen = excluded.frozen,
    risk_score = excluded.risk_score, max_leverage = excluded.max_leverage, updated_at = excluded.updated_at,
    version = stored.version + 1, area_version = excluded.area_version, changed_by = excluded.changed_by
RETURNING *
"""
_REARM: Final = "UPDATE risk_profiles SET repeat_rearmed_at = $2 WHERE user_id = $1 RETURNING *"
_STAMP: Final = """
UPDATE risk_profiles SET last_event_id = $2, last_event_ts = greatest($3, last_event_ts), field_times = $4::json
WHERE user_id = $1
"""
_REPEATED: Final = "SELECT EXISTS (SELECT FROM event_receipts WHERE event_id = $1)"
_LAST_SEQUENCE: Final = "SELECT sequence FROM event_sequences WHERE topic = $1 AND user_id = $2"
_RECEIVE: Final = """
WITH receipt AS (
    INSERT INTO event_receipts (event_id, topic, user_id, sequence, event_ts, applied)
    VALUES ($1, $2, $3, $4, $5, $6)
)
INSERT INTO event_sequences AS last (topic, user_id, sequence) VALUES ($2, $3, $4)
ON CONFLICT (topic, user_id) DO UPDATE SET sequence = greatest(last.sequence, excluded.sequence)
"""


class PostgresProfiles:
    """``Profiles`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def page(
        self, request: PageRequest, *, kyc_level: KycLevel | None, frozen: bool | None
    ) -> Page[Stored[ProfileRow]]:
        after = 0 if request.cursor is None else read_cursor(_LISTING, request.cursor)[0]
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_PAGE, after, kyc_level, frozen, request.limit + 1)
        items = tuple(_stored(row) for row in rows[: request.limit])
        more = len(rows) > request.limit
        return Page(items, write_cursor(_LISTING, after=items[-1].row_id) if more else None)

    async def get(self, user_id: str) -> Stored[ProfileRow]:
        async with self._pool.connection() as connection:
            return _stored(await _row(connection, user_id))

    async def change(
        self, user_id: str, change: ProfileChange, *, version: int | None, by: Change
    ) -> Stored[ProfileRow]:
        async with self._pool.transaction() as connection:
            publishes = await lock_area(connection, Area.PROFILES)
            row = await _row(connection, user_id)
            require_version(row["version"], seen=version)
            written = await _write(connection, changed_profile(_profile(row), change), by=by, publishes=publishes)
            return await _rearm(connection, written, by=by) if change.rearm_repeat_throttle else written

    async def apply(
        self, user_id: str, change: ProfileChange, *, stamp: EventStamp, created: Profile | None
    ) -> Applied:
        user = _user(user_id)
        async with self._pool.transaction() as connection:
            # the lock comes first: two deliveries of one event stand in line, and the second finds the receipt
            publishes = await lock_area(connection, Area.PROFILES)
            if await connection.fetchval(_REPEATED, stamp.event_id):
                return Applied.REPEATED
            result = outcome(await _known(connection, user, topic=stamp.topic), ProfileEvent(change, stamp, created))
            if result.profile is not None:
                by = Change(f"{stamp.topic} {stamp.event_id}", stamp.at_us)
                written = await _write(connection, result.profile, by=by, publishes=publishes)
                if result.rearms:
                    await _rearm(connection, written, by=by)
                times = json.dumps(dict(result.field_times))
                await connection.execute(_STAMP, user, stamp.event_id, to_timestamp(stamp.at_us), times)
            await connection.execute(
                _RECEIVE, stamp.event_id, stamp.topic, user, stamp.sequence, to_timestamp(stamp.at_us), result.applied
            )
            return result.applied

    async def put(self, profile: Profile, *, by: Change) -> Stored[ProfileRow]:
        async with self._pool.transaction() as connection:
            publishes = await lock_area(connection, Area.PROFILES)
            return await _write(connection, profile, by=by, publishes=publishes)

    async def load(self, *, after_version: int) -> tuple[int, Sequence[ProfileRow]]:
        async with self._pool.connection() as connection:
            # the version first: what is committed between the two reads is given twice rather than never
            version = await area_version(connection, Area.PROFILES)
            rows = await connection.fetch(_LOAD, after_version)
        return version, [_profile_row(row) for row in rows]


async def _row(connection: Connection, user_id: str) -> asyncpg.Record:
    row = await connection.fetchrow(_GET, _user(user_id))
    if row is None:
        raise NotStored(user_id)
    return row


async def _known(connection: Connection, user: UUID, *, topic: str) -> KnownProfile:
    row = await connection.fetchrow(_GET, user)
    last: int | None = await connection.fetchval(_LAST_SEQUENCE, topic, user)
    if row is None:
        return KnownProfile(None, {}, last)
    return KnownProfile(_profile(row), json.loads(row["field_times"]), last)


async def _write(connection: Connection, profile: Profile, *, by: Change, publishes: int) -> Stored[ProfileRow]:
    faults = profile_faults(profile)
    if faults:
        raise Conflict(faults)
    row = await connection.fetchrow(
        _PUT, _user(profile.user_id), profile.kyc_level, profile.exposure_limit_usdt, profile.frozen,
        profile.risk_score, profile.max_leverage, to_timestamp(by.at_us), publishes, by.actor,
    )  # fmt: skip
    await publish_area(connection, Area.PROFILES, version=publishes)
    assert row is not None
    return _stored(row)


async def _rearm(connection: Connection, written: Stored[ProfileRow], *, by: Change) -> Stored[ProfileRow]:
    row = await connection.fetchrow(_REARM, _user(written.row.profile.user_id), to_timestamp(by.at_us))
    assert row is not None
    return _stored(row)


def _user(user_id: str) -> UUID:
    try:
        return UUID(user_id)
    except ValueError:
        raise NotStored(user_id) from None


def _stored(row: asyncpg.Record) -> Stored[ProfileRow]:
    return Stored(row["id"], _profile_row(row), row["version"], to_us(row["created_at"]), to_us(row["updated_at"]))


def _profile_row(row: asyncpg.Record) -> ProfileRow:
    return ProfileRow(
        _profile(row),
        last_margin_call_us=to_us(row["last_margin_call"]),
        last_event_id=row["last_event_id"],
        last_event_us=to_us(row["last_event_ts"]),
        repeat_rearmed_us=to_us(row["repeat_rearmed_at"]),
    )


def _profile(row: asyncpg.Record) -> Profile:
    return Profile(
        user_id=str(row["user_id"]),
        kyc_level=KycLevel(row["kyc_level"]),
        exposure_limit_usdt=row["exposure_limit_usdt"],
        frozen=row["frozen"],
        risk_score=row["risk_score"],
        max_leverage=row["max_leverage"],
    )
