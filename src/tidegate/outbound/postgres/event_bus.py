"""The embedded bus: topics as rows of PostgreSQL, one partition each, from which everything can be rebuilt."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Final

import asyncpg

from tidegate.outbound.postgres.event_headers import from_column, storable, to_column
from tidegate.outbound.postgres.notices import notices
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.event_bus import Batch, BusRecord, OutgoingEvent, Place

_CHANNEL: Final = "tidegate_bus"
_PARTITION: Final = 0
_PAGE: Final = 1_000

# Publishers of one topic stand in line at its row until they commit: offsets have no holes and become visible in order,
# so a reader's place never passes an event that commits late. Topics are locked in the order of their names.
_PUBLISH: Final = """
WITH batch AS (
    SELECT *, row_number() OVER (PARTITION BY topic ORDER BY place) AS rank
    FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bytea[]) WITH ORDINALITY
        AS item (topic, key, value, event_id, headers, place)
), sizes AS (
    SELECT topic, count(*) AS events FROM batch GROUP BY topic
), taken AS (
    INSERT INTO bus_topics AS standing (topic, next_offset) SELECT topic, events FROM sizes ORDER BY topic
    ON CONFLICT (topic) DO UPDATE SET next_offset = standing.next_offset + excluded.next_offset
    RETURNING topic, next_offset
), published AS (
    INSERT INTO bus_events (topic, "offset", key, value, event_id, headers)
    SELECT topic, taken.next_offset - sizes.events + batch.rank - 1, key, value, event_id, headers
    FROM batch JOIN sizes USING (topic) JOIN taken USING (topic)
    ORDER BY place
)
SELECT pg_notify($6, string_agg(topic, ' ')) FROM sizes
"""
_READ: Final = """
SELECT event.topic, event."offset", event.key, event.value, event.headers
FROM unnest($2::text[]) AS wanted (topic)
LEFT JOIN bus_consumers AS place ON place.consumer_group = $1 AND place.topic = wanted.topic
CROSS JOIN LATERAL (
    SELECT * FROM bus_events
    WHERE bus_events.topic = wanted.topic AND bus_events."offset" >= coalesce(place.next_offset, 0)
    ORDER BY bus_events."offset" LIMIT $3
) AS event
ORDER BY event.position LIMIT $3
"""
_COMMIT: Final = """
INSERT INTO bus_consumers (consumer_group, topic, next_offset)
SELECT $1, * FROM unnest($2::text[], $3::bigint[])
ON CONFLICT (consumer_group, topic) DO UPDATE SET next_offset = excluded.next_offset
"""
# What lies below the ends of its topics has been committed, so no page passes a record that becomes visible later.
_ENDS: Final = "SELECT topic, next_offset FROM bus_topics WHERE topic = ANY ($1::text[])"
_REPLAY: Final = """
SELECT event.topic, event."offset", event.key, event.value, event.headers
FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS wanted (topic, first, beyond)
CROSS JOIN LATERAL (
    SELECT * FROM bus_events
    WHERE bus_events.topic = wanted.topic
        AND bus_events."offset" >= wanted.first AND bus_events."offset" < wanted.beyond
    ORDER BY bus_events."offset" LIMIT $4
) AS event
ORDER BY event.position LIMIT $4
"""


class PostgresEventBus:
    """``EventPublisher`` and ``EventSource`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        if not events:
            return
        rows = (
            (event.topic, storable(event.key), event.value, event.event_id, to_column(event.headers))
            for event in events
        )
        columns = zip(*rows, strict=True)
        async with self._pool.connection() as connection:
            await connection.execute(_PUBLISH, *map(list, columns), _CHANNEL)

    async def read(self, group: str, topics: Sequence[str], *, limit: int, now_us: int) -> Batch:
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_READ, group, sorted(set(topics)), limit)
        everything = {(topic, _PARTITION): now_us for topic in topics} if len(rows) < limit else {}
        return Batch([_record(row) for row in rows], everything)

    async def commit(self, group: str, places: Mapping[Place, int]) -> None:
        topics = sorted(topic for topic, _partition in places)
        offsets = [places[topic, _PARTITION] for topic in topics]
        async with self._pool.connection() as connection:
            await connection.execute(_COMMIT, group, topics, offsets)

    async def replay(
        self, topics: Sequence[str], *, since: Mapping[Place, int] | None = None
    ) -> AsyncIterator[Sequence[BusRecord]]:
        async with self._pool.connection() as connection:
            ends = {row["topic"]: row["next_offset"] for row in await connection.fetch(_ENDS, list(topics))}
        first = {topic: (since or {}).get((topic, _PARTITION), 0) for topic in sorted(ends)}
        beyond = [ends[topic] for topic in first]
        while True:
            async with self._pool.connection() as connection:
                rows = await connection.fetch(_REPLAY, list(first), list(first.values()), beyond, _PAGE)
            if not rows:
                return
            yield [_record(row) for row in rows]
            first.update({row["topic"]: row["offset"] + 1 for row in rows})

    async def partitions(self, topics: Sequence[str]) -> Sequence[Place]:
        return [(topic, _PARTITION) for topic in topics]

    async def arrivals(self, topics: Sequence[str] = ()) -> AsyncIterator[None]:
        async with aclosing(notices(self._pool, _CHANNEL)) as listening:
            async for told in listening:
                if not told or not topics or not set(topics).isdisjoint(told.split()):
                    yield


def _record(row: asyncpg.Record) -> BusRecord:
    headers = from_column(row["headers"])
    return BusRecord(row["topic"], _PARTITION, row["offset"], row["key"], row["value"], headers)
