"""The pool of connections: each statement has a time limit, each failure is a ``DependencyFailed``, and it heals."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from tidegate.outbound.postgres.trouble import dependency

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

_CLOSE_S: Final = 3.0
_DURABLE: Final = ("fsync", "synchronous_commit", "full_page_writes")
_LOSES: Final = frozenset({"off"})


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Connections and times. ``statement_ms`` is enforced by the server, ``command_s`` by us should it not answer."""

    connections_min: int = 2
    connections_max: int = 10
    connect_s: float = 3.0
    acquire_s: float = 3.0
    command_s: float = 10.0
    statement_ms: int = 8_000
    lock_ms: int = 5_000


class PostgresPool:
    """Connections to one database. A server that went away and came back is noticed on the next use."""

    def __init__(self, dsn: str, pool: "asyncpg.Pool[asyncpg.Record]", *, limits: PoolLimits) -> None:
        self._dsn = dsn
        self._pool = pool
        self._limits = limits

    @classmethod
    async def open(cls, dsn: str, *, limits: PoolLimits | None = None) -> "PostgresPool":
        """Connect.

        Raises:
            DependencyFailed: the database does not answer.
        """
        chosen = limits or PoolLimits()
        with dependency():
            pool = await asyncpg.create_pool(
                dsn,
                min_size=chosen.connections_min,
                max_size=chosen.connections_max,
                # no session state is ever set on a connection of the pool, so there is none to reset
                reset=_leave_as_it_is,
                **_connect_arguments(chosen),
            )
        return cls(dsn, pool, limits=chosen)

    async def beside(self, *, connections_max: int) -> "PostgresPool":
        """Open another pool on the same database, so that its users and ours never wait for each other's connections.

        Raises:
            DependencyFailed: the database does not answer.
        """
        return await self.open(self._dsn, limits=replace(self._limits, connections_max=connections_max))

    async def close(self) -> None:
        """Close all connections; those still in use after a while are cut."""
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._pool.close()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection; each statement on it is a transaction of its own."""
        with dependency():
            async with self._pool.acquire(timeout=self._limits.acquire_s) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction, which ends with the block: well, or undone by an exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """Lend a connection on which several reads see one and the same moment."""
        async with (
            self.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    async def own_connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Open a connection outside the pool, for what lives as long as the connection: LISTEN, advisory locks."""
        with dependency():
            return await asyncpg.connect(self._dsn, **_connect_arguments(self._limits))

    async def durability_faults(self) -> list[str]:
        """Say which settings of the server let it lose what it has confirmed; empty when none does."""
        async with self.connection() as connection:
            shown = {name: await connection.fetchval("SELECT current_setting($1)", name) for name in _DURABLE}
        return [f"{name} is {value}" for name, value in shown.items() if value in _LOSES]


async def _leave_as_it_is(connection: Connection) -> None:
    """Reset nothing: a round trip saved at every return to the pool."""


def _connect_arguments(limits: PoolLimits) -> dict[str, Any]:
    return {
        "timeout": limits.connect_s,
        "command_timeout": limits.command_s,
        "server_settings": {
            "application_name": "tidegate",
            "timezone": "UTC",
            "statement_timeout": str(limits.statement_ms),
            "lock_timeout": str(limits.lock_ms),
            # the hot path carries arrays of hundreds of kilobytes, which planning anew would walk through
            "plan_cache_mode": "force_generic_plan",
            # plans are made while tables are empty and kept while they grow: only ways over an index stay good
            "enable_seqscan": "off",
            "enable_hashjoin": "off",
            "enable_mergejoin": "off",
            "idle_in_transaction_session_timeout": str(2 * limits.statement_ms),
        },
    }
