"""Deletes what nothing reads any more from PostgreSQL: each batch is one statement."""

from typing import Final

from tidegate.outbound.postgres.instants import to_timestamp
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.retention import Compacted

RETENTION_LOCK: Final = 0x7265_7465  # "rete": one process deletes at a time

# The lock (the last parameter) is asked for, never waited for, and ends with the statement.
# An answer that the gate is about to replace is passed over: deleting waits for nobody.
_ANSWERS: Final = """
WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($3) AS mine), old AS MATERIALIZED (
    SELECT user_id, order_id FROM order_answers WHERE (SELECT mine FROM turn) AND evaluated_at < $1
    ORDER BY evaluated_at LIMIT $2 FOR UPDATE SKIP LOCKED
), deleted AS (
    DELETE FROM order_answers AS answer USING old
    WHERE answer.user_id = old.user_id AND answer.order_id = old.order_id
    RETURNING 1
)
SELECT count(*) FROM deleted
"""
_RECEIPTS: Final = """
WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($3) AS mine), old AS MATERIALIZED (
    SELECT event_id FROM event_receipts WHERE (SELECT mine FROM turn) AND event_ts < $1 ORDER BY event_ts LIMIT $2
), deleted AS (
    DELETE FROM event_receipts AS receipt USING old WHERE receipt.event_id = old.event_id RETURNING 1
)
SELECT count(*) FROM deleted
"""
# Offsets rise with the time of publication, so the old ones are the first ones.
_RECORDS: Final = """
WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($4) AS mine), oldest AS MATERIALIZED (
    SELECT "offset", published_at FROM bus_events WHERE (SELECT mine FROM turn) AND topic = $1
    ORDER BY "offset" LIMIT $3
), deleted AS (
    DELETE FROM bus_events AS event USING oldest
    WHERE event.topic = $1 AND event."offset" = oldest."offset" AND oldest.published_at < $2
    RETURNING 1
)
SELECT count(*) FROM deleted
"""
# Before ``start`` there is one record a key at most, so looking at all of them again is cheap.
_COMPACT: Final = """
WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($6) AS mine), passed AS MATERIALIZED (
    SELECT event."offset", event.key
    FROM bus_consumers AS place JOIN bus_events AS event ON event.topic = place.topic
    WHERE (SELECT mine FROM turn) AND place.consumer_group = $2 AND place.topic = $1
        AND event.topic = $1 AND event."offset" >= $3 AND event."offset" < place.next_offset
        AND event.published_at < $4
    ORDER BY event."offset" LIMIT $5
), latest AS MATERIALIZED (
    SELECT key, max("offset") AS "offset" FROM passed GROUP BY key
), deleted AS (
    DELETE FROM bus_events AS event USING latest
    WHERE event.topic = $1 AND event."offset" < (SELECT max("offset") FROM passed)
        AND event.key = latest.key AND event."offset" < latest."offset"
    RETURNING 1
)
SELECT (SELECT count(*) FROM deleted) AS deleted, (SELECT max("offset") + 1 FROM passed) AS reached
"""


class PostgresRetention:
    """``Retention`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def forget_answers(self, *, before_us: int, limit: int) -> int:
        return await self._count(_ANSWERS, to_timestamp(before_us), limit)

    async def forget_receipts(self, *, before_us: int, limit: int) -> int:
        return await self._count(_RECEIPTS, to_timestamp(before_us), limit)

    async def forget_records(self, topic: str, *, before_us: int, limit: int) -> int:
        return await self._count(_RECORDS, topic, to_timestamp(before_us), limit)

    async def compact(self, topic: str, group: str, *, start: int, before_us: int, limit: int) -> Compacted:
        async with self._pool.connection() as connection:
            row = await connection.fetchrow(
                _COMPACT, topic, group, start, to_timestamp(before_us), limit, RETENTION_LOCK
            )
        assert row is not None, "a SELECT without FROM gives a row"
        return Compacted(row["deleted"], row["reached"])

    async def _count(self, statement: str, *values: object) -> int:
        async with self._pool.connection() as connection:
            return int(await connection.fetchval(statement, *values, RETENTION_LOCK))
