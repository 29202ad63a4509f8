"""The load on a gate, in a process of its own: ``python -m benchmarks.load '{"address": ...}'`` prints what it saw.

Closed: as many calls in flight as asked, each answer sends the next order. Open: orders leave at a fixed rate whatever
comes back, and each latency counts from the moment its order was due, so that a server that stalls is charged for it.
"""

import asyncio
import json
import sys
from collections import Counter
from time import perf_counter
from typing import Any, Final
from uuid import uuid4

import msgspec
import uvloop

from benchmarks.http2 import Connection
from benchmarks.loading import Seen, quantiles_ms, send_for
from benchmarks.worlds import ACCOUNT_ID, symbol_of, user_id_of
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

PATH: Final = "/risk.v1.RiskService/PreTradeCheck"


class Load(msgspec.Struct, frozen=True):
    """What to send: for ``seconds``, over ``connections``; ``rate`` an order a second (open), 0 is closed."""

    address: str
    seconds: float = 1.0
    in_flight: int = 64
    connections: int = 4
    rate: float = 0.0
    users: int = 200
    symbols: int = 5


class Loader:
    """Sends orders and notes what comes back."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._run = uuid4().hex[:8]
        self._sent = 0
        self._begun: dict[int, float] = {}
        self._latencies: list[float] = []
        self._decisions: Counter[int] = Counter()
        self._failed = 0
        self._connections: list[Connection] = []
        self._requests = [_request(load, user) for user in range(load.users)]
        self._open = True
        self._idle = asyncio.Event()

    async def run(self) -> Seen:
        """Load the server."""
        load, loop = self._load, asyncio.get_running_loop()
        host, _, port = load.address.rpartition(":")
        for _ in range(load.connections):
            _, connection = await loop.create_connection(
                lambda: Connection(PATH, load.address, answered=self._answered), host, int(port)
            )
            self._connections.append(connection)
        seconds = await send_for(load.seconds, self._send, rate=load.rate, in_flight=load.in_flight)
        self._open = False
        seen = self._seen(seconds)
        if self._begun:
            await asyncio.wait_for(self._idle.wait(), 30)
        for connection in self._connections:
            connection.close()
        return seen

    def _send(self, due: float) -> None:
        number = self._sent
        self._sent += 1
        request = self._requests[number % len(self._requests)]
        request.order_id = f"{self._run}-{number}"
        self._begun[number] = due
        self._connections[number % len(self._connections)].call(number, request.SerializeToString())

    def _answered(self, number: int, message: bytes | None) -> None:
        self._latencies.append(perf_counter() - self._begun.pop(number))
        if message is None:
            self._failed += 1
        else:
            self._decisions[pb.PreTradeCheckResponse.FromString(message).decision] += 1
        if self._open:
            if not self._load.rate:
                self._send(perf_counter())
        elif not self._begun:
            self._idle.set()

    def _seen(self, seconds: float) -> Seen:
        return Seen(
            seconds=seconds,
            answered=sum(self._decisions.values()),
            failed=self._failed,
            decisions={pb.RiskDecision.Name(number): count for number, count in self._decisions.items()},  # type: ignore[arg-type]  # numbers off the wire
            latency_ms=quantiles_ms(self._latencies),
        )


def _request(load: Load, user: int) -> pb.PreTradeCheckRequest:
    return pb.PreTradeCheckRequest(
        user_id=user_id_of(user),
        account_id=ACCOUNT_ID,
        order_id="",
        symbol=symbol_of(user % load.symbols),
        side=pb.BUY if user % 2 else pb.SELL,
        order_type=pb.LIMIT,
        quantity="0.05",
        price="5001.2",
        leverage="10",
        trace_id=f"trace-{user}",
    )


def first_request(user: int) -> pb.PreTradeCheckRequest:
    """Make a dry run of an order of a user."""
    request = _request(Load(""), user)
    request.order_id, request.dry_run = "first", True
    return request


def main(arguments: list[str]) -> None:
    """Load a server as the argument (JSON) says, and print what was seen (JSON)."""
    asked: dict[str, Any] = json.loads(arguments[0])
    seen = uvloop.run(Loader(msgspec.convert(asked, Load)).run())
    print(msgspec.json.encode(seen).decode())


if __name__ == "__main__":
    main(sys.argv[1:])
