"""The product as processes with a role each, on one PostgreSQL; and a second gate on it is refused."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from tests.system.clients import Clients, a_small_order, introduce, officer_of
from tests.system.desk_world import DeskClient, a_request, desk_seed
from tests.system.journal import recorded
from tests.system.processes import Served, run_command
from tests.system.world import CALM, market_seed, some_users

from tidegate.bootstrap.stores import Stores, open_stores
from tidegate.outbound.postgres.embedded import EmbeddedPostgres
from tidegate.settings import DataArea, PostgresArea, Settings
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

GATE, DESK, ADMIN, RELAY = "gate,consumers", "desk", "admin,console", "relay"
PARTS = {
    GATE: {"account_book", "configuration", "journal"},
    DESK: {"desk_configuration"},
    ADMIN: set[str](),
    RELAY: set[str](),
}
"""What ``/readyz`` asks in a process of these roles, beside what it asks in each."""

ANYWHERE = {"postgres", "process", "issuer"}


@asynccontextmanager
async def a_database(folder: Path) -> AsyncIterator[str]:
    """Lend a PostgreSQL that is no process's of ours; give its address."""
    database = EmbeddedPostgres(folder / "database")
    await database.start()
    try:
        yield database.dsn
    finally:
        await database.stop()


@asynccontextmanager
async def stores_on(url: str, folder: Path) -> AsyncIterator[Stores]:
    """Open the stores beside the processes."""
    async with open_stores(Settings(data=DataArea(dir=folder), postgres=PostgresArea(url=url))) as stores:
        yield stores


async def start_all(stack: AsyncExitStack, folder: Path, *, url: str) -> Mapping[str, Served]:
    """Start a process for each of the roles, at once; the first brings the database to its schema, the others wait."""
    seeds = {GATE: market_seed(folder), DESK: desk_seed(folder)}

    def start(roles: str) -> Served:
        settings = {**CALM, "TIDEGATE_POSTGRES_URL": url, "TIDEGATE_SERVE_ROLES": roles}
        return Served(folder / roles.replace(",", "-"), settings=settings, seed=seeds.get(roles))

    started = await asyncio.gather(*(asyncio.to_thread(start, roles) for roles in PARTS))
    return {roles: stack.enter_context(served) for roles, served in zip(PARTS, started, strict=True)}


async def standing(served: Served) -> tuple[int, set[str]]:
    """Give the status of ``/readyz`` and what it has asked."""
    async with aiohttp.ClientSession() as session, session.get(f"{served.rest}/readyz") as response:
        return response.status, set((await response.json())["checks"])


async def status_of(served: Served, path: str) -> int:
    """Give the status of a path without a token: 401 where it is served, 404 where it is not."""
    async with aiohttp.ClientSession() as session, session.get(served.rest + path) as response:
        return response.status


async def test_processes_of_a_role_each_are_together_the_whole_product(data_folder: Path) -> None:
    """RE-332, RE-333: the gate decides, another process sends its events, a third shows them; the desk stands apart."""
    folder = data_folder.parent
    folder.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(a_database(folder))
        served = await start_all(stack, folder, url=url)
        stores = await stack.enter_async_context(stores_on(url, folder))
        assert {roles: bool(each.grpc) for roles, each in served.items()} == {roles: roles == GATE for roles in PARTS}
        for roles, each in served.items():
            assert await standing(each) == (200, ANYWHERE | PARTS[roles]), roles
            assert await status_of(each, "/v1/decisions") == (401 if roles == ADMIN else 404), roles
            assert await status_of(each, "/v1/assessments") == (401 if roles == DESK else 404), roles
            assert await status_of(each, "/healthz") == 200
        (user,) = some_users(1)
        clients = await stack.enter_async_context(Clients(served[GATE].grpc, 1))
        await introduce(stores, clients, users=[user])
        answer = await clients.stubs[0].PreTradeCheck(a_small_order(user, "o-1"))
        assert answer.decision == pb.APPROVED
        async with asyncio.timeout(30):
            announced = [record.answer.decision_id for record in await recorded(stores)]
        assert answer.decision_id in announced
        async with officer_of(served[ADMIN].data, served[ADMIN].rest) as officer:
            detail = await officer.get(f"/v1/decisions/{answer.decision_id}")
        assert detail["order"]["order_id"] == "o-1"
        desk = await stack.enter_async_context(DeskClient(served[DESK]))
        status, document = await desk.evaluate(a_request(1))
        assert status == 200, document


async def test_second_gate_on_a_database_is_refused_while_the_book_is_in_memory(data_folder: Path) -> None:
    """RE-334: it would not know what the first has reserved. When the first has ended, it may."""
    folder = data_folder.parent
    folder.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(a_database(folder))
        settings = {**CALM, "TIDEGATE_POSTGRES_URL": url, "TIDEGATE_SERVE_ROLES": GATE}
        with await asyncio.to_thread(lambda: Served(folder / "first", settings=settings)):
            second = await asyncio.to_thread(run_command, *_serve(folder / "second"), settings=settings)
        assert second.returncode == 2
        assert second.stderr.decode().splitlines()[-1] == (
            "tidegate: account book: another process decides on this database, and its book is in memory: stop it first"
        )
        with await asyncio.to_thread(lambda: Served(folder / "second", settings=settings)) as again:
            assert (await standing(again))[0] == 200


def _serve(data: Path) -> tuple[str, ...]:
    return ("serve", "--rest", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data", str(data))
