"""The embedded server: started, killed, taken over, ended."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.outbound.postgres.postmaster import poll_pause, running_postmaster, serves, wait_until_gone

pytestmark = pytest.mark.servers

SOON_S = 30.0  # not a promise (tests/system measures that one), only no hanging, on however busy a machine
"""Ready again within 5 s, whatever was killed."""

OWNER = """
import asyncio, os, signal, sys
from pathlib import Path
from tidegate.outbound.postgres.embedded import EmbeddedPostgres

async def own() -> None:
    server = EmbeddedPostgres(Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    if sys.argv[2] == "wait":
        await asyncio.Event().wait()

asyncio.run(own())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder of its own."""
    above = Path(tempfile.mkdtemp(prefix="tidegate-embedded-"))
    yield above / "postgres"
    shutil.rmtree(above)


@asynccontextmanager
async def running(folder: Path, *, guest: bool = False) -> AsyncIterator[EmbeddedPostgres]:
    """Run a server inside the block."""
    server = EmbeddedPostgres(folder)
    await server.start(guest=guest)
    try:
        yield server
    finally:
        await server.stop()


async def ask(server: EmbeddedPostgres, question: str) -> object:
    """Ask the server one question."""
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def start_owner(folder: Path, then: str) -> "tuple[subprocess.Popen[str], int]":
    """Start a process that owns the server of the folder; give it and the server's process id."""
    # -W error: nothing that the wheel has to say about runtime folders reaches the user
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", OWNER, folder, then], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
async def test_embedded_server_is_durable(folder: Path, setting: str) -> None:
    """PL-304: what was committed is on the disk."""
    async with running(folder) as server:
        assert await ask(server, f"SHOW {setting}") == "on"


async def test_embedded_server_keeps_its_rows_and_listens_on_no_port(folder: Path) -> None:
    """PL-206: a server that is stopped and started holds what it held; only its own user can reach it."""
    async with running(folder) as server:
        await ask(server, "CREATE TABLE kept AS SELECT 7 AS number")
        assert await ask(server, "SHOW listen_addresses") == ""
        pid = server.pid
        assert pid is not None
    assert not serves(pid, folder / "rows")
    assert await asyncio.to_thread(lambda: folder.stat().st_mode & 0o077) == 0
    async with running(folder) as server:
        assert await ask(server, "SELECT number FROM kept") == 7


async def test_embedded_server_of_a_killed_owner_is_taken_over(folder: Path) -> None:
    """PL-305: after kill -9 of the owner its successor is ready at once, on the same server, without its sessions."""
    process, pid = start_owner(folder, "wait")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    begun = time.monotonic()
    async with running(folder) as server:
        assert time.monotonic() - begun < SOON_S
        assert server.pid == pid
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        assert await ask(server, sessions) == 1
    assert not serves(pid, folder / "rows")


async def test_embedded_server_killed_with_its_owner_is_started_again(folder: Path) -> None:
    """PL-305: a stale pid file and an unfinished log hold nobody up."""
    process, pid = start_owner(folder, "wait")
    os.kill(pid, signal.SIGKILL)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    begun = time.monotonic()
    async with running(folder) as server:
        assert time.monotonic() - begun < SOON_S
        assert server.pid not in {None, pid}
        assert await ask(server, "SELECT 1") == 1


async def test_embedded_pid_file_of_somebody_else_is_not_believed(folder: Path) -> None:
    """PL-305: after a restart of the machine the number in the pid file may be any process, ours for one."""
    async with running(folder):
        lines = (folder / "rows" / "postmaster.pid").read_text().splitlines()
    (folder / "rows" / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert running_postmaster(folder / "rows") is None
    async with running(folder) as server:
        assert await ask(server, "SELECT 1") == 1


async def test_embedded_server_ends_with_a_process_that_forgets_it(folder: Path) -> None:
    """PL-107: a process that ends by itself leaves no server running."""
    process, pid = start_owner(folder, "end")
    process.communicate()
    assert process.returncode == 0
    assert not serves(pid, folder / "rows")


async def test_embedded_folder_has_one_owner(folder: Path) -> None:
    """PL-206: a second process on the same folder is refused, unless it comes as a guest."""
    async with running(folder) as owner:
        with pytest.raises(DependencyFailed, match="another tidegate"):
            await EmbeddedPostgres(folder).start()
        async with running(folder, guest=True) as guest:
            assert await ask(guest, "SELECT 1") == 1
        assert await ask(owner, "SELECT 1") == 1


async def test_embedded_server_that_dies_is_started_again_by_its_supervisor(folder: Path) -> None:
    """PL-305: the server may be killed under a running gate, which then has it back in a moment."""
    async with running(folder) as server:
        pid = server.pid
        assert pid is not None
        supervisor = asyncio.create_task(server.supervise(every_s=0.01))
        os.kill(pid, signal.SIGKILL)
        assert await asyncio.to_thread(wait_until_gone, pid, folder / "rows", seconds=SOON_S)
        await asyncio.to_thread(wait_for_successor, folder / "rows", pid)
        assert await ask(server, "SELECT 1") == 1
        supervisor.cancel()
        assert server.pid != pid


async def test_embedded_folder_with_a_long_name_has_its_socket_elsewhere(folder: Path) -> None:
    """PL-206: a socket's name is bound to 107 bytes; a data folder's is not."""
    deep = folder / ("d" * 60) / ("e" * 60)
    async with running(deep) as server:
        assert await ask(server, "SELECT 1") == 1
        elsewhere = Path(str(await ask(server, "SHOW unix_socket_directories")))
    assert not elsewhere.is_relative_to(folder)
    shutil.rmtree(elsewhere)


def wait_for_successor(rows: Path, pid: int) -> None:
    """Wait until another process serves the folder and takes connections."""
    until = time.monotonic() + SOON_S
    while (running := running_postmaster(rows)) is None or running.pid == pid or not running.ready:
        assert time.monotonic() < until
        poll_pause()
