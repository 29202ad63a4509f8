"""Unreadable records, kept aside in PostgreSQL."""

from collections.abc import Sequence
from typing import Final

from tidegate.outbound.postgres.event_headers import from_column, storable, to_column
from tidegate.outbound.postgres.instants import to_timestamp, to_us
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.event_bus import DeadLetter

_PUT: Final = """
INSERT INTO dead_letters (topic, partition, "offset", key, value, error, sent_at, headers)
SELECT * FROM unnest(
    $1::text[], $2::integer[], $3::bigint[], $4::text[], $5::bytea[], $6::text[], $7::timestamptz[], $8::bytea[]
)
ON CONFLICT (topic, partition, "offset") DO NOTHING
"""
_LIST: Final = """
SELECT * FROM dead_letters
WHERE ($1::text IS NULL OR topic = $1) AND (NOT $3 OR replayed_at IS NULL) ORDER BY id LIMIT $2
"""
_MARK: Final = """
UPDATE dead_letters AS kept SET replayed_at = $4
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS replayed (topic, partition, "offset")
WHERE kept.topic = replayed.topic AND kept.partition = replayed.partition AND kept."offset" = replayed."offset"
    AND kept.replayed_at IS NULL
"""


class PostgresDeadLetters:
    """``DeadLetters`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        rows = [
            (
                letter.topic,
                letter.partition,
                letter.offset,
                storable(letter.key),
                letter.value,
                storable(letter.error),
                to_timestamp(letter.sent_us),
                to_column(letter.headers),
            )
            for letter in letters
        ]
        if rows:
            async with self._pool.connection() as connection:
                await connection.execute(_PUT, *map(list, zip(*rows, strict=True)))

    async def list(self, topic: str | None, *, limit: int, waiting: bool = False) -> Sequence[DeadLetter]:
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_LIST, topic, limit, waiting)
        return [
            DeadLetter(
                row["topic"],
                row["partition"],
                row["offset"],
                key=row["key"],
                value=row["value"],
                error=row["error"],
                sent_us=to_us(row["sent_at"]),
                headers=from_column(row["headers"]),
                replayed_us=to_us(row["replayed_at"]),
            )
            for row in rows
        ]

    async def mark_replayed(self, letters: Sequence[DeadLetter], *, now_us: int) -> None:
        places = [[letter.topic for letter in letters], [letter.partition for letter in letters]]
        async with self._pool.connection() as connection:
            await connection.execute(_MARK, *places, [letter.offset for letter in letters], to_timestamp(now_us))
