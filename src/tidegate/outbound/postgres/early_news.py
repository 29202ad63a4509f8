"""News that came before their user's profile, in PostgreSQL: they outlive the process that read them."""

from collections.abc import Sequence
from typing import Final

import msgspec

from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.early_news import ProfileNews

_KEEP: Final = """
WITH room AS MATERIALIZED (
    SELECT count(*) < $4 AS left_over FROM (SELECT FROM early_profile_news LIMIT $4) AS held
), kept AS (
    INSERT INTO early_profile_news (user_id, event_id, news) SELECT $1, $2, $3 FROM room WHERE left_over
    ON CONFLICT DO NOTHING
)
SELECT left_over OR EXISTS (SELECT FROM early_profile_news WHERE user_id = $1 AND event_id = $2) FROM room
"""
_OF: Final = "SELECT news FROM early_profile_news WHERE user_id = $1"
_FORGET: Final = "DELETE FROM early_profile_news WHERE user_id = $1 AND event_id = ANY ($2::text[])"

_NEWS: Final = msgspec.json.Decoder(ProfileNews)


class PostgresEarlyNews:
    """``EarlyNews`` on PostgreSQL."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def keep(self, news: ProfileNews, *, most: int) -> bool:
        async with self._pool.connection() as connection:
            return bool(
                await connection.fetchval(_KEEP, news.user_id, news.stamp.event_id, msgspec.json.encode(news), most)
            )

    async def of(self, user_id: str) -> Sequence[ProfileNews]:
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_OF, user_id)
        waiting = [_NEWS.decode(row["news"]) for row in rows]
        return sorted(waiting, key=lambda news: (news.stamp.at_us, news.stamp.sequence))

    async def forget(self, user_id: str, event_ids: Sequence[str]) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(_FORGET, user_id, event_ids)
