"""Unreadable records, kept aside in PostgreSQL."""

from collections.abc import Sequence
from typing import Final

from tidegate.outbound.postgres.instants import to_timestamp, to_us
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.event_bus import DeadLetter

_PUT: Final = """
INSERT INTO dead_letters (topic, partition, "offset", key, value, error, sent_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (topic, partition, "offset") DO NOTHING
"""
_LIST: Final = "SELECT * FROM dead_letters WHERE $1::text IS NULL OR topic = $1 ORDER BY id LIMIT $2"
_NUL: Final = "\x00"


class PostgresDeadLetters:
    """``DeadLetters`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def put(self, letter: DeadLetter) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(
                _PUT,
                letter.topic,
                letter.partition,
                letter.offset,
                _storable(letter.key),
                letter.value,
                _storable(letter.error),
                to_timestamp(letter.sent_us),
            )

    async def list(self, topic: str | None, *, limit: int) -> Sequence[DeadLetter]:
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_LIST, topic, limit)
        return [
            DeadLetter(
                row["topic"],
                row["partition"],
                row["offset"],
                key=row["key"],
                value=row["value"],
                error=row["error"],
                sent_us=to_us(row["sent_at"]),
            )
            for row in rows
        ]


def _storable(text: str) -> str:
    """Write what a text column cannot hold (NUL, lone surrogates) as an escape; the original bytes are in ``value``."""
    return text.replace(_NUL, "\\x00").encode(errors="backslashreplace").decode()
