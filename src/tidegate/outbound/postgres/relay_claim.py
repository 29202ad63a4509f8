"""The right to be the one relay of an outbox: an advisory lock that ends with its connection."""

from typing import Final

import asyncpg

from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.outbound.postgres.trouble import dependency

_CLAIM: Final = "SELECT pg_try_advisory_lock($1)"


class RelayClaim:
    """A claim on a connection of its own, until ``close`` or until that breaks. ``lock`` names the outbox."""

    def __init__(self, pool: PostgresPool, lock: int) -> None:
        self._pool = pool
        self._lock = lock
        self._held: asyncpg.Connection[asyncpg.Record] | None = None

    async def take(self) -> bool:
        """Become the relay; tell whether this process is it.

        Raises:
            DependencyFailed: the database does not answer.
        """
        if self._held is not None and not self._held.is_closed():
            return True
        connection = await self._pool.own_connection()
        claimed = False
        try:
            with dependency():
                claimed = bool(await connection.fetchval(_CLAIM, self._lock))
        finally:
            if claimed:
                self._held = connection
            else:
                connection.terminate()
        return claimed

    async def close(self) -> None:
        """Give the claim up, so that another process may relay."""
        connection, self._held = self._held, None
        if connection is not None and not connection.is_closed():
            with dependency():
                await connection.close(timeout=1.0)
