"""A process that is told to end says so first, and answers whoever has not heard it yet."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest
from tests.system.clients import Clients
from tests.system.processes import Served
from tests.system.test_trouble import not_serving
from tests.system.world import CALM, market_seed

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


async def test_process_told_to_end_says_so_and_answers_until_balancers_have_seen_it(data_folder: Path) -> None:
    """RE-344: readiness is 503 and gRPC health NOT_SERVING at once; calls, on new connections too, are answered."""
    folder = data_folder.parent
    folder.mkdir(exist_ok=True)
    settings = {**CALM, "TIDEGATE_SERVE_DRAIN_MS": "3000"}
    with await asyncio.to_thread(lambda: Served(data_folder, settings=settings, seed=market_seed(folder))) as served:
        async with Clients(served.grpc, 1) as clients, aiohttp.ClientSession() as session:
            os.kill(served.pid, signal.SIGTERM)
            await not_serving(clients)
            async with session.get(f"{served.rest}/readyz") as response:
                checks = (await response.json())["checks"]
                assert (response.status, checks["process"]) == (503, "is ending")
                assert response.headers["Connection"] == "close"
            assert {name for name, reason in checks.items() if reason != "ready"} == {"process"}
            async with session.get(f"{served.rest}/docs/swagger.json") as response:
                assert response.status == 200
            assert served.running
        code, _ = await asyncio.to_thread(served.terminate, within_s=20)
    assert code == 0
