"""Workers that share a gRPC port come and go, and no caller notices."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2
from tests.inbound.grpc.sharing_worker import nobody, nothing

from tidegate.inbound.grpc.access import Access
from tidegate.inbound.grpc.server import GrpcServer
from tidegate.inbound.grpc.service import RiskService
from tidegate.inbound.rest.server import bind_shared

ROOT = Path(__file__).resolve().parents[3]
AGE_MS = 400
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


@contextmanager
def a_shared_port() -> Iterator[int]:
    """Keep a port for workers of this user to share."""
    with bind_shared("127.0.0.1", 0) as kept:
        yield kept.getsockname()[1]


async def health_of(channel: grpc.aio.Channel) -> int:
    """Ask the health service of whoever answers."""
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    answer = await check(health_pb2.HealthCheckRequest(), timeout=10)
    return int(answer.status)


async def a_server(port: int, *, serving: bool) -> GrpcServer:
    """Start a server of this process on the shared port."""
    service = RiskService(nobody, nothing, access=Access(None))
    server = GrpcServer(service, address=f"127.0.0.1:{port}", shared=True)
    await server.start()
    await server.set_serving(serving)
    return server


async def test_server_that_has_left_its_port_goes_on_with_its_connections() -> None:
    """RE-345: calls on connections that were there are answered still; new ones come to another server alone."""
    with a_shared_port() as port:
        leaving = await a_server(port, serving=False)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OWN_CONNECTION) as former:
            assert await health_of(former) == health_pb2.HealthCheckResponse.NOT_SERVING
            await leaving.stop_accepting()
            staying = await a_server(port, serving=True)
            for _ in range(8):
                async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OWN_CONNECTION) as fresh:
                    assert await health_of(fresh) == health_pb2.HealthCheckResponse.SERVING
            assert await health_of(former) == health_pb2.HealthCheckResponse.NOT_SERVING
        await leaving.stop(grace_s=1)
        await staying.stop(grace_s=1)


class Workers:
    """Processes that share a port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._running: list[subprocess.Popen[bytes]] = []

    def add(self) -> None:
        """Start one and wait until it serves."""
        command = [sys.executable, "-m", "tests.inbound.grpc.sharing_worker", str(self._port), str(AGE_MS)]
        worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert worker.stdout is not None
        self._running.append(worker)
        assert worker.stdout.readline() == b"ready\n"

    def end_oldest(self) -> int:
        """End the one that has served longest; give its exit code."""
        worker = self._running.pop(0)
        worker.send_signal(signal.SIGTERM)
        code = worker.wait(30)
        assert worker.stdout is not None
        worker.stdout.close()
        return code

    def end_all(self) -> None:
        """End all that are left."""
        while self._running:
            self.end_oldest()


async def hammer(port: int, over: Callable[[], bool], *, afresh: bool) -> tuple[int, list[str]]:
    """Call without a pause, on one connection or on one for each call; give the number of answers, and the faults."""
    answered, faults = 0, list[str]()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OWN_CONNECTION)
    while not over():
        try:
            await health_of(channel)
            answered += 1
        except grpc.aio.AioRpcError as fault:
            faults.append(f"{fault.code()}: {fault.details()}")
        if afresh:
            await channel.close()
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OWN_CONNECTION)
    await channel.close()
    return answered, faults


@pytest.mark.timeout(300)
async def test_workers_that_are_replaced_under_load_break_no_call(full_sizes: bool) -> None:
    """RE-341, RE-345: two workers replaced one after another; calls on old connections and on new ones all answered."""
    with a_shared_port() as port:
        workers, over = Workers(port), False
        for _ in range(2):
            await asyncio.to_thread(workers.add)
        callers = [asyncio.create_task(hammer(port, lambda: over, afresh=number < 2)) for number in range(8)]
        try:
            for _ in range(20 if full_sizes else 3):
                await asyncio.to_thread(workers.add)
                assert await asyncio.to_thread(workers.end_oldest) == 0
        finally:
            over = True
            told = await asyncio.gather(*callers)
            await asyncio.to_thread(workers.end_all)
    assert [fault for _, faults in told for fault in faults] == []
    assert all(answered > 20 for answered, _ in told)
