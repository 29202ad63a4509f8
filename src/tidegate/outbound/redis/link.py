"""The connection to Redis, or to a cluster of it: scripts in pipelines, bounded in time, never sent twice.

The driver is told to try nothing again. A script that was sent and not answered may have run, and only who sent it
knows what that means; one that the server did not know has not run, and that alone is repaired here.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisClusterException, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.redis.scripts import Script

TIMEOUT_MS: Final = 250
"""How long an answer may take, in milliseconds, unless told otherwise."""

WHOLE_FACTOR: Final = 4
"""A pipeline as a whole may take this many times as long as one answer: redirections of a cluster count in it."""

CONNECTIONS_MAX: Final = 32
"""Pipelines of one process at once; one more waits, within its own time."""

TROUBLE: Final = (RedisError, RedisClusterException, OSError, TimeoutError)

Argument: TypeAlias = bytes | str | int
Reply: TypeAlias = Any
"""What a script gives: the codec of its caller looks at it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a script."""

    script: Script
    keys: Sequence[bytes]
    arguments: Sequence[Argument]


def _command(name: str, script: bytes, *, call: Call) -> Sequence[Argument]:
    return (name, script, len(call.keys), *call.keys, *call.arguments)


def whole(replies: Sequence[Reply | DependencyFailed]) -> Sequence[Reply]:
    """Give the replies when none of them is trouble.

    Raises:
        DependencyFailed: the first that is.
    """
    for reply in replies:
        if isinstance(reply, DependencyFailed):
            raise reply
    return replies


class RedisLink:
    """Opened when it is first used; whether the address is a cluster's is asked then.

    ``dependency`` names it in trouble. ``run_ids``: the server that answered last at each address, by the id it gives
    itself when it starts.
    """

    def __init__(self, url: str, *, timeout_ms: int = TIMEOUT_MS, dependency: str = "account book") -> None:
        self._url = url
        self._timeout_s = timeout_ms / 1_000
        self._dependency = dependency
        self._client: Redis | RedisCluster | None = None
        self._opening = asyncio.Lock()
        self._at_once = asyncio.Semaphore(CONNECTIONS_MAX)
        self.run_ids: dict[str, str] = {}

    async def evaluate(self, calls: Sequence[Call]) -> list[Reply | DependencyFailed]:
        """Run scripts in one pipeline; a call that failed has its trouble in the place of its reply.

        Raises:
            DependencyFailed: the pipeline failed; any of them may have run.
        """
        replies = await self._pipeline([_command("EVALSHA", call.script.digest, call=call) for call in calls])
        unknown = [place for place, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            # the whole source, to those servers alone that did not know it: others may be gone
            again = [_command("EVAL", calls[place].script.source, call=calls[place]) for place in unknown]
            for place, reply in zip(unknown, await self._pipeline(again), strict=True):
                replies[place] = reply
        return [self._trouble(reply) if isinstance(reply, Exception) else reply for reply in replies]

    async def command(self, *arguments: Argument) -> Reply:
        """Run one command.

        Raises:
            DependencyFailed: it failed, or may have.
        """
        async with self._asking() as client:
            return await client.execute_command(*arguments)

    async def ask_run_ids(self) -> frozenset[str]:
        """Ask every server that may be written to who it is.

        Raises:
            DependencyFailed: one of them does not answer.
        """
        async with self._asking() as client:
            if not isinstance(client, RedisCluster):
                return frozenset({(await client.info("server"))["run_id"]})
            told = await client.info("server", target_nodes=RedisCluster.PRIMARIES)
            answers = told if "run_id" not in told else {"": told}
            return frozenset(answer["run_id"] for answer in answers.values())

    def strangers(self, known: frozenset[str]) -> bool:
        """Tell whether a server that may be written to and answered last at its address is none of these."""
        client = self._client
        if isinstance(client, RedisCluster):
            names = {f"{node.host}:{node.port}" for node in client.get_primaries()}
            return any(run_id not in known for name, run_id in self.run_ids.items() if name in names)
        return any(run_id not in known for run_id in self.run_ids.values())

    async def close(self) -> None:
        """Let go of all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _pipeline(self, commands: Sequence[Sequence[Argument]]) -> list[Reply]:
        async with self._asking() as client:
            pipeline = client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            replies = list(await pipeline.execute(raise_on_error=False))
        if any(isinstance(reply, RedisCluster.ERRORS_ALLOW_RETRY) for reply in replies):
            await self._forget_topology()
        return replies

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[Redis | RedisCluster]:
        try:
            async with asyncio.timeout(self._timeout_s * WHOLE_FACTOR), self._at_once:
                yield await self._opened()
        except TROUBLE as trouble:
            await self._forget_topology()
            raise self._trouble(trouble) from trouble

    async def _forget_topology(self) -> None:
        """Have a cluster ask anew who serves what: its driver does so only where it may try again."""
        if isinstance(self._client, RedisCluster):
            with suppress(*TROUBLE):
                await self._client.aclose()

    async def _opened(self) -> Redis | RedisCluster:
        if self._client is None:
            async with self._opening:
                if self._client is None:
                    self._client = await self._open()
        return self._client

    async def _open(self) -> Redis | RedisCluster:
        # redis-py: a retry of the driver would send a reservation twice; notices of maintenance are a vendor's own
        settings: dict[str, Any] = {
            "protocol": 3,
            "socket_timeout": self._timeout_s,
            "socket_connect_timeout": self._timeout_s,
            "max_connections": 2 * CONNECTIONS_MAX,
            "retry": Retry(NoBackoff(), 0),
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        }
        single = Redis.from_url(self._url, redis_connect_func=self._greet, **settings)
        try:
            clustered = bool((await single.info("cluster"))["cluster_enabled"])
        except BaseException:
            await single.aclose()
            raise
        if not clustered:
            return single
        await single.aclose()
        self.run_ids.clear()
        cluster = RedisCluster.from_url(self._url, **settings)
        # no parameter takes it
        for kwargs in (cluster.connection_kwargs, *(node.connection_kwargs for node in cluster.startup_nodes)):
            kwargs["redis_connect_func"] = self._greet
        await cluster.initialize()
        return cluster

    async def _greet(self, connection: AbstractConnection) -> None:
        """Note who answers on a new connection."""
        await connection.on_connect()
        await connection.send_command("INFO", "server")
        lines = bytes(await connection.read_response()).decode().splitlines()
        said = dict(line.split(":", 1) for line in lines if ":" in line)
        address: tuple[object, object] = (getattr(connection, "host", ""), getattr(connection, "port", ""))
        self.run_ids[f"{address[0]}:{address[1]}"] = said["run_id"]

    def _trouble(self, error: BaseException) -> DependencyFailed:
        said = str(error).splitlines()
        return DependencyFailed(self._dependency, said[0] if said else type(error).__name__)
