"""What ends TLS in front of whole processes, and how a replica is replaced behind it without a refused call."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2
from tests.inbound.grpc.edge import a_request
from tests.system.edges import COMPOSE_EDGE, POD_EDGE, READY_S, Edge, certificate, edge
from tests.system.processes import Environment, Served, end_server_of
from tests.system.world import CALM

from tidegate.wire.proto.risk.v1 import main_pb2 as pb
from tidegate.wire.proto.risk.v1.main_pb2_grpc import RiskServiceStub

pytestmark = [pytest.mark.system, pytest.mark.servers, pytest.mark.timeout(300)]

DRAIN_MS = 2_000
ROUND_ROBIN = '{"loadBalancingConfig":[{"round_robin":{}}]}'
CALLERS = 8


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for localhost."""
    return certificate(tmp_path_factory.mktemp("edge")).parent


@pytest.fixture(scope="module")
def staying() -> Iterator[Served]:
    """A replica that goes on. Each has accounts of its own; here only how they are reached matters."""
    yield from _replica(CALM)


@pytest.fixture
def leaving() -> Iterator[Served]:
    """A replica that says for a while that it ends."""
    yield from _replica({**CALM, "TIDEGATE_SERVE_DRAIN_MS": str(DRAIN_MS)})


def _replica(settings: Environment) -> Iterator[Served]:
    folder = Path(tempfile.mkdtemp(prefix="tidegate-system-"))
    try:
        with Served(folder / "data", settings=settings) as served:
            yield served
    finally:
        end_server_of(folder / "data")
        shutil.rmtree(folder)


@asynccontextmanager
async def channel_to(folder: Path, *ports: int) -> AsyncIterator[Any]:
    """Open a channel with TLS that goes round replicas, as callers in a cluster do."""
    target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
    options = (
        ("grpc.ssl_target_name_override", "localhost"),
        ("grpc.service_config", ROUND_ROBIN),
        ("grpc.use_local_subchannel_pool", 1),
    )
    credentials = grpc.ssl_channel_credentials((folder / "tls.crt").read_bytes())
    async with grpc.aio.secure_channel(target, credentials, options=options) as channel:
        async with asyncio.timeout(READY_S):
            await channel.channel_ready()
        yield channel


class Callers:
    """So many callers, each with an order after the other, until they are stopped."""

    def __init__(self, channel: Any) -> None:  # noqa: ANN401 - a grpc.aio channel, whose types have no name for this
        self._stub = RiskServiceStub(channel)
        self._stopped = False
        self.answered = 0
        self.refused: list[grpc.aio.AioRpcError] = []
        self._progress = asyncio.Event()

    async def run(self) -> None:
        """Call until ``stop``; each call that fails is kept."""
        await asyncio.gather(*(self._call(number) for number in range(CALLERS)))

    async def _call(self, caller: int) -> None:
        number = 0
        while not self._stopped:
            number += 1
            try:
                answer = await self._stub.PreTradeCheck(a_request(f"o-{caller}-{number}"), timeout=10)
                assert answer.decision == pb.REJECTED  # nobody told of the user
                self.answered += 1
            except grpc.aio.AioRpcError as refused:
                self.refused.append(refused)
            self._progress.set()

    def stop(self) -> None:
        """Let each caller end with its call."""
        self._stopped = True

    async def go_on(self, count: int) -> None:
        """Wait until so many more were answered."""
        until = self.answered + count
        while self.answered < until and not self.refused:
            self._progress.clear()
            await self._progress.wait()


def _rest_port(served: Served) -> int:
    return int(served.rest.rpartition(":")[2])


async def _not_ready(served: Served) -> None:
    """Wait until a service says that it ends."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(READY_S):
        while True:
            async with http.get(f"{served.rest}/readyz") as answer:
                if answer.status == 503:
                    return


def _pod_edge(served: Served, tls: Path) -> AbstractContextManager[Edge]:
    return edge(POD_EDGE, tls, backends={8081: served.grpc, 8080: f"127.0.0.1:{_rest_port(served)}"})


async def test_edge_of_a_pod_hands_on_calls_streams_and_pages_over_tls(staying: Served, tls: Path) -> None:
    """RE-382: gRPC calls, streams and health, and REST, pass the edge over TLS; nothing passes without."""
    with _pod_edge(staying, tls) as one:
        async with channel_to(tls, one.ports[9443]) as channel:
            stub = RiskServiceStub(channel)
            assert (await stub.PreTradeCheck(a_request(trace_id="t-1"), timeout=10)).trace_id == "t-1"
            asked = [a_request(f"o-{number}", trace_id=f"t-{number}") for number in range(50)]
            answers = [answer.trace_id async for answer in stub.PreTradeCheckStream(iter(asked), timeout=20)]
            assert answers == [order.trace_id for order in asked]
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            health = await check(health_pb2.HealthCheckRequest(), timeout=10)
            assert health.status == health_pb2.HealthCheckResponse.SERVING
        async with aiohttp.ClientSession() as http:
            async with http.get(f"https://127.0.0.1:{one.ports[8443]}/readyz", ssl=False) as answer:
                assert answer.status == 200
            with pytest.raises(aiohttp.ClientError):
                await http.get(f"http://127.0.0.1:{one.ports[8443]}/readyz")


async def test_pod_that_ends_behind_its_edge_refuses_no_call(leaving: Served, staying: Served, tls: Path) -> None:
    """RE-379: as the chart ends a pod, first the service says so, then its edge sends clients away: none is refused."""
    with _pod_edge(leaving, tls) as its_edge, _pod_edge(staying, tls) as other:
        async with channel_to(tls, its_edge.ports[9443], other.ports[9443]) as channel:
            callers = Callers(channel)
            calling = asyncio.create_task(callers.run())
            await callers.go_on(100)
            ending = asyncio.create_task(asyncio.to_thread(leaving.terminate, within_s=20))
            await _not_ready(leaving)
            its_edge.soft_stop()
            assert await its_edge.ended(within_s=20) == 0
            assert (await ending)[0] == 0
            await callers.go_on(100)
            callers.stop()
            await calling
    assert callers.refused == []


async def test_replica_that_ends_behind_the_edge_of_compose_refuses_no_call(
    leaving: Served, staying: Served, tls: Path
) -> None:
    """RE-382: one edge before two replicas sends nothing more to the one that says that it ends: no call is refused."""
    backends = {
        8181: leaving.grpc,
        8180: f"127.0.0.1:{_rest_port(leaving)}",
        8281: staying.grpc,
        8280: f"127.0.0.1:{_rest_port(staying)}",
    }
    with edge(COMPOSE_EDGE, tls, backends=backends) as both:
        async with channel_to(tls, both.ports[9443]) as channel:
            callers = Callers(channel)
            calling = asyncio.create_task(callers.run())
            await callers.go_on(100)
            assert (await asyncio.to_thread(leaving.terminate, within_s=20))[0] == 0
            await callers.go_on(100)
            callers.stop()
            await calling
    assert callers.refused == []
