"""The embedded PostgreSQL: a real server on a folder, started with the process that owns it and ended with it."""

import asyncio
import atexit
import fcntl
import os
import subprocess
import time
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

import asyncpg

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.postgres.cluster import DEPENDENCY, Cluster, bare_environment, prepare_cluster
from tidegate.outbound.postgres.postmaster import (
    pid_file,
    poll_pause,
    running_postmaster,
    serves,
    stop_postmaster,
    wait_until_gone,
)

DATABASE: Final = "tidegate"
_READY_S: Final = 30.0
"""Crash recovery included: the log to replay is bounded by ``max_wal_size`` below."""

_RELAUNCH_S: Final = 3.0
_STOP_S: Final = 5.0
_SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_wal_size": "256MB",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",
    # a container's /dev/shm is too small for parallel workers, and nothing here needs them
    "max_parallel_workers_per_gather": "0",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


class EmbeddedPostgres:
    """The server of one folder; one process owns it at a time.

    ``start`` finds the folder in any state that kill -9 can leave: a server that outlived its owner is taken over, a
    stale pid file is ignored. ``stop`` ends the server; a process that exits without calling it ends it too.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._cluster: Cluster | None = None
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._owner_pid = 0

    @property
    def dsn(self) -> str:
        """Address of the database for asyncpg; the server is started."""
        return self.dsn_of(DATABASE)

    def dsn_of(self, database: str) -> str:
        """Address of another database of the same server."""
        assert self._cluster is not None, "start() comes first"
        return f"postgresql://postgres@/{quote(database)}?host={quote(str(self._cluster.sockets), safe='')}"

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        running = None if self._cluster is None else running_postmaster(self._cluster.rows)
        return None if running is None else running.pid

    async def start(self, *, guest: bool = False) -> None:
        """Start or take over the server and make sure that the database is there and durable.

        ``guest``: where another process owns the folder, use its server and leave it running at ``stop``.

        Raises:
            DependencyFailed: the folder is owned by another process, or the server does not come up.
        """
        inherited = await asyncio.to_thread(self._start, guest=guest)
        try:
            await self._settle(end_sessions=inherited and self._lock is not None)
        except BaseException:
            await asyncio.to_thread(self._stop)
            raise

    async def stop(self) -> None:
        """End the server if this process owns it."""
        await asyncio.to_thread(self._stop)

    async def supervise(self, *, every_s: float = 0.25) -> None:
        """Start the server again whenever it has died; runs until it is cancelled."""
        while True:
            await asyncio.sleep(every_s)
            if self._lock is not None and self.pid is None:
                await asyncio.to_thread(self._bring_up)

    def _start(self, *, guest: bool) -> bool:
        """Own the folder and bring its server up; tell whether it was running already."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = (self._folder / "owner.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            if not guest:
                reason = f"another tidegate uses {self._folder}"
                raise DependencyFailed(DEPENDENCY, reason, retry_after_ms=1_000) from None
            self._cluster = prepare_cluster(self._folder)
            self._wait_until_ready()
            return True
        self._lock = lock
        self._owner_pid = os.getpid()
        atexit.register(self._stop)
        try:
            self._cluster = prepare_cluster(self._folder)
            return self._bring_up()
        except BaseException:
            self._stop()
            raise

    def _bring_up(self) -> bool:
        assert self._cluster is not None
        rows = self._cluster.rows
        running = running_postmaster(rows)
        if running is not None and (running.ready or self._becomes_ready(running.pid)):
            return True
        if self._process is not None:
            self._process.wait()
        pid_file(rows).unlink(missing_ok=True)
        self._launch()
        self._wait_until_ready()
        return False

    def _becomes_ready(self, pid: int) -> bool:
        """Wait for a server that is on its way up or down, whichever it turns out to be."""
        assert self._cluster is not None
        until = time.monotonic() + _READY_S
        while time.monotonic() < until:
            running = running_postmaster(self._cluster.rows)
            if running is not None and running.ready:
                return True
            if running is None and wait_until_gone(pid, self._cluster.rows, seconds=0):
                return False
            poll_pause()
        raise DependencyFailed(DEPENDENCY, f"server {pid} of {self._folder} neither comes up nor goes down")

    def _launch(self) -> None:
        assert self._cluster is not None
        account = self._cluster.account
        settings = {**_SETTINGS, "unix_socket_directories": str(self._cluster.sockets)}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "server.log").open("ab") as log:
            # A session of its own: Ctrl-C in a terminal asks us to drain first, and must not take the server away.
            self._process = subprocess.Popen(  # noqa: S603 - the program of our own wheel, with arguments of our own
                [str(self._cluster.programs / "postgres"), "-D", str(self._cluster.rows), *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
                env=bare_environment(), user=account.switch_user, group=account.switch_group,
                extra_groups=account.switch_groups,
            )  # fmt: skip

    def _wait_until_ready(self) -> None:
        assert self._cluster is not None
        begun = time.monotonic()
        while time.monotonic() < begun + _READY_S:
            running = running_postmaster(self._cluster.rows)
            if running is not None and running.ready:
                return
            if self._process is not None and self._process.poll() is not None:
                if time.monotonic() > begun + _RELAUNCH_S:
                    break
                # shared memory of a killed server is released only when its last child has noticed
                self._launch()
            poll_pause()
        raise DependencyFailed(DEPENDENCY, f"server of {self._folder} does not come up: see {self._folder}/server.log")

    async def _settle(self, *, end_sessions: bool) -> None:
        try:
            connection = await asyncpg.connect(self.dsn_of("postgres"), timeout=10, command_timeout=10)
            try:
                if end_sessions:
                    # what a killed owner had under way must be decided before its successor reads
                    await connection.execute(_END_SESSIONS)
                if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                    await connection.execute(f"CREATE DATABASE {DATABASE}")
            finally:
                await connection.close()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as fault:
            raise DependencyFailed(DEPENDENCY, str(fault)) from fault

    def _stop(self) -> None:
        atexit.unregister(self._stop)
        lock, self._lock = self._lock, None
        if lock is None or self._owner_pid != os.getpid():
            return
        try:
            running = None if self._cluster is None else running_postmaster(self._cluster.rows)
            if self._cluster is not None and running is not None:
                stop_postmaster(running.pid, self._cluster.rows, patience_s=_STOP_S)
            if self._process is not None:
                self._end_process(self._process)
        finally:
            lock.close()

    def _end_process(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None and self._cluster is not None and serves(process.pid, self._cluster.rows):
            process.kill()
        process.wait()
        self._process = None


_END_SESSIONS: Final = """
SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
