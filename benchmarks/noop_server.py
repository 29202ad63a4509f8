"""The yardstick: the gate's transport (grpc.aio on uvloop, its proto) with a handler that returns one fixed answer."""

import asyncio
import signal

import grpc
import uvloop

from benchmarks.worlds import NOW_US
from tidegate.wire.proto.risk.v1 import main_pb2 as pb
from tidegate.wire.proto.risk.v1 import main_pb2_grpc


class NoopService(main_pb2_grpc.RiskServiceServicer):
    """Answers every order alike, in an answer of the usual size."""

    def __init__(self) -> None:
        self._response = pb.PreTradeCheckResponse(
            decision=pb.APPROVED,
            message="approved",
            projected_margin_ratio="0.0012345",
            required_initial_margin="25.13106015",
            trace_id="trace-1",
            decision_id="7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11",
            available_margin="4999123.45678901",
            projected_exposure_usdt="12345.67890123",
            projected_liquidation_price="1234.56789012",
        )
        self._response.evaluated_at.FromMicroseconds(NOW_US)
        self._response.reservation_expires_at.FromMicroseconds(NOW_US)

    async def PreTradeCheck(  # noqa: N802 - the name that the proto gives it
        self, request: pb.PreTradeCheckRequest, context: object
    ) -> pb.PreTradeCheckResponse:
        """Return the fixed answer."""
        del request, context
        return self._response


async def _serve() -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    server = grpc.aio.server()
    noop = NoopService()  # type: ignore[abstract]  # the load calls one method
    main_pb2_grpc.add_RiskServiceServicer_to_server(noop, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"ready grpc=127.0.0.1:{port}", flush=True)
    await stopped.wait()
    await server.stop(grace=1.0)


if __name__ == "__main__":
    uvloop.run(_serve())
