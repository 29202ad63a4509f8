"""A worker that shares a gRPC port: ``python -m tests.inbound.grpc.sharing_worker PORT AGE_MS``; SIGTERM ends it."""

import asyncio
import signal
import sys
from contextlib import suppress

from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.order import Order
from tidegate.inbound.grpc.access import Access
from tidegate.inbound.grpc.server import GrpcServer
from tidegate.inbound.grpc.service import RiskService
from tidegate.usecases.pretrade.max_quantity import MaxQuantity


async def nobody(order: Order, dry_run: bool = False) -> Answer:
    """No order is asked about here: the health service answers for all of the server."""
    raise NotImplementedError


async def nothing(order: Order) -> MaxQuantity:
    """As above."""
    raise NotImplementedError


async def serve(port: int, age_ms: int) -> None:
    """Serve until SIGTERM; then leave the port, let connections grow old, and end."""
    service = RiskService(nobody, nothing, access=Access(None))
    server = GrpcServer(service, address=f"127.0.0.1:{port}", shared=True, connection_age_ms=age_ms)
    await server.start()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await stopped.wait()
    await server.stop_accepting()
    with suppress(TimeoutError):
        async with asyncio.timeout(age_ms * 1.25 / 1_000):
            await asyncio.Event().wait()
    await server.stop(grace_s=4)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
