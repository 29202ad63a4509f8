"""The gRPC server: our service, health and reflection, on one event loop."""

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from tidegate.inbound.grpc.listeners import leave
from tidegate.inbound.grpc.service import SERVICE_NAME, RiskService

MESSAGE_BYTES_MAX = 64 * 1_024
"""A request larger than this is refused by the transport; an order has 15 short fields."""

CALLS_PENDING_MAX = 16_384
"""Calls that may wait for the loop to take them up. Beyond it the transport cancels calls at random (its own default is
1,000); below it the loop takes each up and says when to come back, if the gate's queue is full.
"""

_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_metadata_size", 32 * 1_024),
    ("grpc.server.max_pending_requests", CALLS_PENDING_MAX),
    ("grpc.server.max_pending_requests_hard_limit", 2 * CALLS_PENDING_MAX),
)


class GrpcServer:
    """Serves until stopped; ``port`` is the one it took. ``shared``: other processes may have bound it too.

    Connections to a port are taken from here on, and wait until ``start``. A caller is asked to connect anew when its
    connection is ``connection_age_ms`` old (up to a tenth more or less); 0: never.
    """

    def __init__(self, service: RiskService, *, address: str, shared: bool = False, connection_age_ms: int = 0) -> None:
        options: list[tuple[str, int]] = [*_OPTIONS, ("grpc.so_reuseport", int(shared))]
        if connection_age_ms:
            options.append(("grpc.max_connection_age_ms", connection_age_ms))
        self._server = grpc.aio.server(options=options)
        self._health = health.aio.HealthServicer()
        self._server.add_generic_rpc_handlers((service.handler(),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self.port = self._server.add_insecure_port(address)

    async def start(self) -> None:
        """Start to take calls; health says NOT_SERVING until ``set_serving``."""
        await self.set_serving(False)
        await self._server.start()

    async def set_serving(self, serving: bool) -> None:
        """Say on the health service whether orders are decided."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", SERVICE_NAME):
            await self._health.set(name, status)

    async def stop_accepting(self) -> None:
        """Take no new connections; calls on those that there are go on, until each is asked to connect anew."""
        await leave(self.port)

    async def stop(self, *, grace_s: float) -> None:
        """Take no new calls, and end those that run within ``grace_s``."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)
