"""Notices: what a committed transaction tells whoever listens, over a connection of its own."""

import asyncio
from collections.abc import AsyncGenerator

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.outbound.postgres.trouble import DEPENDENCY, dependency


async def notices(pool: PostgresPool, channel: str) -> AsyncGenerator[str, None]:
    """Give each notice of a channel, an empty one first: from there on nothing is missed.

    Notices that nobody has taken yet are not doubled.

    Raises:
        DependencyFailed: the connection broke.
    """
    connection = await pool.own_connection()
    waiting: dict[str, None] = {}
    something = asyncio.Event()
    broken = asyncio.Event()

    def heard(*notice: object) -> None:
        waiting[str(notice[-1])] = None  # connection, process id, channel, and what was said
        something.set()

    def broke(_connection: object) -> None:
        broken.set()
        something.set()

    try:
        connection.add_termination_listener(broke)
        with dependency():
            await connection.add_listener(channel, heard)
        yield ""
        while True:
            await something.wait()
            something.clear()
            taken = list(waiting)
            waiting.clear()
            for notice in taken:
                yield notice
            if broken.is_set():
                raise DependencyFailed(DEPENDENCY, f"the connection that listens to {channel} broke")
    finally:
        connection.remove_termination_listener(broke)
        connection.terminate()
