"""Several workers behind one address: one that dies is replaced, all are replaced without a call being refused."""

import asyncio
import os
import select
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path

import aiohttp
import pytest
from tests.system.desk_world import DeskClient, a_request, desk_seed
from tests.system.processes import RecordFigure, Served

from tidegate.outbound.postgres.embedded import EmbeddedPostgres

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

WORKERS = {"TIDEGATE_SERVE_ROLES": "desk,admin", "TIDEGATE_SERVE_WORKERS": "2"}
PATIENCE_S = 60.0


@asynccontextmanager
async def some_workers(data_folder: Path) -> AsyncIterator[Served]:
    """Run two workers of the desk, on a PostgreSQL that is no worker's."""
    data_folder.parent.mkdir(exist_ok=True)
    database = EmbeddedPostgres(data_folder.parent / "database")
    async with AsyncExitStack() as stack:
        await database.start()
        stack.push_async_callback(database.stop)
        settings = {**WORKERS, "TIDEGATE_POSTGRES_URL": database.dsn}
        seed = desk_seed(data_folder.parent)
        yield stack.enter_context(await asyncio.to_thread(lambda: Served(data_folder, settings=settings, seed=seed)))


def workers_of(served: Served) -> frozenset[int]:
    """Give the process ids of the workers that a supervisor has now."""
    children = Path(f"/proc/{served.pid}/task/{served.pid}/children").read_text(encoding="utf-8")
    return frozenset(map(int, children.split()))


def all_end(pids: Iterable[int], *, within_s: float) -> bool:
    """Wait until processes have ended; tell whether they did in time."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended, _, _ = select.select([handle], [], [], within_s)
        os.close(handle)
        if not ended:
            return False
    return True


class Hammer:
    """Asks for evaluations without a pause, on connections that it keeps and on ones that it makes for each."""

    def __init__(self, client: DeskClient) -> None:
        self._client = client
        self._numbers = count(1)
        self.answered = 0
        self.faults: list[str] = []

    async def until(self, over: Callable[[], bool]) -> None:
        """Ask with 8 callers until something is so."""
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as callers:
            for number in range(8):
                callers.create_task(self._call(over, {} if number % 2 else {"Connection": "close"}))

    async def _call(self, over: Callable[[], bool], headers: dict[str, str]) -> None:
        while not over():
            try:
                status, document = await self._client.evaluate(a_request(next(self._numbers)), **headers)
            except (aiohttp.ClientError, OSError) as fault:
                self.faults.append(repr(fault))
                continue
            self.answered += 1
            if status != 200:
                self.faults.append(f"{status}: {document}")


async def test_workers_that_are_all_replaced_refuse_no_call(data_folder: Path, record_property: RecordFigure) -> None:
    """RE-340, RE-341: SIGHUP replaces one worker after another, under load, and every call is answered."""
    async with some_workers(data_folder) as served, DeskClient(served) as client:
        former = workers_of(served)
        assert len(former) == 2
        hammer = Hammer(client)
        os.kill(served.pid, signal.SIGHUP)
        await hammer.until(lambda: len(now := workers_of(served)) == 2 and not now & former)
        assert hammer.faults == []
        assert hammer.answered > 50
        code, took_s = await asyncio.to_thread(served.terminate, within_s=20)
        assert (code, took_s < 10) == (0, True), served.complaints()
    record_property("figure", f"two workers replaced under load: {hammer.answered} evaluations answered, 0 refused")


async def test_worker_that_is_killed_is_replaced_and_the_others_go_on(data_folder: Path) -> None:
    """RE-342: kill -9 of one of two: calls of the dead worker end, new ones are answered, and there are two again."""
    async with some_workers(data_folder) as served, DeskClient(served) as client:
        former = workers_of(served)
        victim = min(former)
        os.kill(victim, signal.SIGKILL)
        hammer = Hammer(client)
        await hammer.until(lambda: len(now := workers_of(served)) == 2 and victim not in now)
        broken, enough = len(hammer.faults), hammer.answered + 100
        await hammer.until(lambda: hammer.answered >= enough)
        assert broken <= 8, hammer.faults
        assert len(hammer.faults) == broken
        assert workers_of(served) > former - {victim}


async def test_workers_end_with_their_supervisor_however_it_ends(data_folder: Path) -> None:
    """RE-343: kill -9 of the supervisor leaves no worker behind, and its address can be had again."""
    async with some_workers(data_folder) as served:
        workers = workers_of(served)
        served.kill()
        assert await asyncio.to_thread(all_end, workers, within_s=15)
