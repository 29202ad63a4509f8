"""Every route of a whole process, by the OpenAPI document it serves, against every role: refused before the store."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiohttp
import psutil
import pytest
from tests.system.processes import RecordFigure, Served, server_pid
from tests.system.world import CALM

from tidegate.demo.issuer import TinyIssuer, TokenWish
from tidegate.inbound.rest.guarded_route import ROLES_KEY
from tidegate.inbound.shared.token_guard import Role

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

ANSWER_S_MAX: Final = 5.0
"""What a refusal may take on a busy machine; a question to the database that stands still takes for ever."""

WAITS_S: Final = 0.5

NOBODY: Final = UUID(int=650)
STRANGER: Final = "SOMEBODY_ELSE"
BEARERS: Final = (None, "garbage", STRANGER, *(role.value for role in Role))

READS: Final = {"RISK_ADMIN", "RISK_AUDITOR"}
ANSWERS_ONLY: Final = ("/replay", "/validate", "/test")
"""Ends of paths that are posted to and store nothing."""


@dataclass(frozen=True)
class Route:
    """One operation of the served document."""

    method: str
    path: str
    roles: frozenset[str]
    model: dict[str, Any]

    @property
    def concrete(self) -> str:
        """Its path with somebody in it who is not there."""
        return re.sub(r"\{[^}]+\}", str(NOBODY), self.path)


@contextmanager
def standing_still(data: Path) -> Iterator[None]:
    """Let the database of a data folder stand still: whoever asks it now waits."""
    server = psutil.Process(server_pid(data))
    stopped = [server, *server.children(recursive=True)]
    for process in stopped:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in stopped:
            os.kill(process.pid, signal.SIGCONT)


async def served_routes(session: aiohttp.ClientSession, rest: str) -> list[Route]:
    async with session.get(rest + "/openapi.json") as response:
        paths = json.loads(await response.read())["paths"]
    return [
        Route(method.upper(), path, frozenset(model.get(ROLES_KEY, ())), model)
        for path, operations in paths.items()
        for method, model in operations.items()
    ]


def headers_for(bearer: str | None, data: Path) -> dict[str, str]:
    if bearer is None:
        return {}
    if bearer == "garbage":
        return {"Authorization": "Bearer garbage.garbage.garbage"}
    wish = TokenWish(roles=(bearer,), now_s=int(time.time()))
    return {"Authorization": f"Bearer {TinyIssuer.kept_in(data).token(wish)}"}


async def answer_of(
    session: aiohttp.ClientSession, route: Route, *, rest: str, headers: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    """Ask a route with a body that nobody can read; give status and document."""
    body = b"{not json" if route.method in {"POST", "PUT", "PATCH"} else None
    sent = {**headers, "Content-Type": "application/json"} if body else headers
    timeout = aiohttp.ClientTimeout(total=ANSWER_S_MAX)
    async with session.request(
        route.method, rest + route.concrete, data=body, headers=sent, timeout=timeout
    ) as response:
        told = await response.read()
        if response.status in {401, 403}:
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers["www-authenticate"].startswith("Bearer")
        return response.status, json.loads(told) if told else {}


async def test_each_route_answers_its_roles_alone_and_refuses_before_the_store(
    data_folder: Path, record_property: RecordFigure
) -> None:
    """AS-659: 401 without a valid token and 403 without the role while the database stands still; else another answer.

    Every /v1 route names roles that exist, every open one names none.
    """
    with await asyncio.to_thread(lambda: Served(data_folder, settings=CALM)) as served:
        headers = {bearer: headers_for(bearer, data_folder) for bearer in BEARERS}
        async with aiohttp.ClientSession() as session:
            routes = await served_routes(session, served.rest)
            assert {"/v1/risk/evaluate", "/v1/rules", "/v1/risk-rules", "/v1/assessments"} <= {
                each.path for each in routes
            }
            for route in routes:
                assert bool(route.roles) is route.path.startswith("/v1/"), route.path
                assert route.roles <= set(Role), route.path
                assert ("security" in route.model) is bool(route.roles), route.path
            # The issuer's keys are there before everything stands still.
            await answer_of(session, routes[0], rest=served.rest, headers=headers[STRANGER])
            guarded, refusals = [each for each in routes if each.roles], 0
            with standing_still(data_folder):
                for route, bearer in product(guarded, BEARERS):
                    if bearer in route.roles:
                        continue
                    status, problem = await answer_of(session, route, rest=served.rest, headers=headers[bearer])
                    expected = 401 if bearer in {None, "garbage"} else 403
                    assert status == expected, (route.method, route.path, bearer, problem)
                    refusals += 1
                # It does stand still: whoever is let in waits.
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(WAITS_S):
                        await session.get(served.rest + "/v1/risk-rules", headers=headers["RISK_ADMIN"])
            for route, bearer in product(guarded, BEARERS):
                if bearer in route.roles:
                    status, problem = await answer_of(session, route, rest=served.rest, headers=headers[bearer])
                    assert status not in {401, 403}, (route.method, route.path, bearer)
                    assert status < 500, (route.method, route.path, problem)
    record_property("figure", f"{len(guarded)} routes, {refusals} refusals while the database stands still")


async def test_roles_are_those_of_the_specification(calm_service: Served) -> None:
    """AS-659: RISK_EVALUATOR evaluates, RISK_ADMIN writes, RISK_AUDITOR reads what it reads and writes nothing."""
    async with aiohttp.ClientSession() as session:
        for route in await served_routes(session, calm_service.rest):
            if route.path == "/v1/risk/evaluate":
                assert route.roles == {"RISK_EVALUATOR"}
            elif route.method == "GET" and route.roles:
                assert route.roles == READS, route.path
            elif route.roles and not route.path.endswith(ANSWERS_ONLY):
                assert route.roles == {"RISK_ADMIN"}, route.path
            elif route.roles:
                assert "RISK_ADMIN" in route.roles, route.path
                assert route.roles <= READS, route.path
