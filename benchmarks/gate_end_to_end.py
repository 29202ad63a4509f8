"""What does a decision cost end to end, beside a handler that does nothing on the same transport?"""

import asyncio
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import grpc
import msgspec

from benchmarks.load import Load, first_request
from benchmarks.loading import Seen
from benchmarks.measured import COLUMNS, Measured, row_of, seen_by
from benchmarks.measuring import Table, verdict
from benchmarks.processes import Served, noop_command, serve_command, server_core, serving
from benchmarks.telling import tell
from tidegate.wire.proto.risk.v1 import main_pb2 as pb
from tidegate.wire.proto.risk.v1 import main_pb2_grpc

GOALS: Final = {"relaxed": 0.65, "journal": 0.55}
"""Least share of the no-op's rate."""

TAIL_RATIO: Final = 2.0
"""Most times the no-op's p99, at half the gate's saturation."""

P95_MS: Final = 10.0
_TOLD_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Span:
    """How much to measure: ``rounds`` pairs of no-op and gate, each for ``seconds``; ``open_s`` at a fixed rate."""

    rounds: int = 3
    seconds: float = 4.0
    warm_s: float = 3.0
    open_s: float = 8.0
    users: int = 200
    rules: int = 10


def measure(span: Span) -> Table:
    """Load the gate and the no-op in turns, for each durability."""
    rows: list[tuple[str, ...]] = []
    findings: list[str] = []
    for durability in GOALS:
        told, found = _durability(durability, span)
        rows += told
        findings += found
    return Table(
        title="The gate end to end",
        question="How much of the transport's own rate does the gate keep?",
        method=(
            f"`tidegate serve` (one process, memory book, embedded PostgreSQL, relay and consumers running) and a no-op"
            f" handler on the same gRPC server, each pinned to one core; PostgreSQL and the load on the others. Closed:"
            f" 64 in flight over 4 connections, {span.rounds} pairs of {span.seconds:g} s in turns, medians;"
            f" {span.users} users of 5 positions, {span.rules} rules, every order new and approved. CPU a call from"
            " /proc/PID/stat, until the relay has announced every decision. Open: a fixed rate of half the gate's"
            " saturation, latency from the moment an order was due."
        ),
        columns=("server", "calls/s", *COLUMNS),
        rows=tuple(rows),
        findings=tuple(findings),
    )


def _durability(durability: str, span: Span) -> tuple[list[tuple[str, ...]], list[str]]:
    core = server_core()
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-bench-")))
        environment = {"TIDEGATE_GATE_DURABILITY": durability, "TIDEGATE_GATE_MARK_AGE_MS_MAX": "3600000"}
        gate = stack.enter_context(serving(serve_command(data / "gate"), environment=environment))
        asyncio.run(tell(data / "gate", users=span.users, positions=5, rules=span.rules))
        asyncio.run(_until_told(gate.address, span.users))
        noop = stack.enter_context(serving(noop_command()))
        for server in (gate, noop):
            server.pin(core)
            _loaded(server, Load(server.address, span.warm_s, users=span.users))
        pairs = [
            tuple(_loaded(server, Load(server.address, span.seconds, users=span.users)) for server in (noop, gate))
            for _ in range(span.rounds)
        ]
        rate = median(pair[1].seen.rate for pair in pairs) / 2
        steady = Load("", span.open_s, rate=rate, users=span.users)
        noop_open, gate_open = (
            _loaded(server, msgspec.structs.replace(steady, address=server.address)) for server in (noop, gate)
        )
    rows = [
        row_of(f"no-op (beside {durability})", [pair[0] for pair in pairs]),
        row_of(f"gate, {durability}", [pair[1] for pair in pairs]),
        row_of(f"no-op at {rate:.0f}/s", [noop_open]),
        row_of(f"gate, {durability}, at {rate:.0f}/s", [gate_open]),
    ]
    return rows, [*_shares(durability, pairs), _tail(durability, noop=noop_open.seen, gate=gate_open.seen)]


def _loaded(server: Served, load: Load) -> Measured:
    before = server.cpu()
    seen = seen_by("benchmarks.load", load)
    relayed_s = server.wait_for_relay()
    return Measured(seen, server.cpu().since(before), relayed_s)


async def _until_told(address: str, users: int) -> None:
    """Ask (without trace) until an order of the last user passes: then everything told before it is in place."""
    request = first_request(users - 1)
    async with asyncio.timeout(_TOLD_S), grpc.aio.insecure_channel(address) as channel:
        stub: main_pb2_grpc.RiskServiceAsyncStub = main_pb2_grpc.RiskServiceStub(channel)
        while (await stub.PreTradeCheck(request)).decision != pb.APPROVED:  # noqa: ASYNC110 - another process is asked
            await asyncio.sleep(0.1)


def _shares(durability: str, pairs: list[tuple[Measured, ...]]) -> list[str]:
    goal = GOALS[durability]
    by_rate = median(gate.seen.rate / noop.seen.rate for noop, gate in pairs)
    by_cpu = median(noop.server_us / gate.server_us for noop, gate in pairs)
    relayed_s = max(gate.relayed_s for _, gate in pairs)
    return [
        (
            f"{durability}: {by_cpu:.0%} of the no-op's rate by server CPU a call, {by_rate:.0%} by calls a second;"
            f" goal at least {goal:.0%}: {verdict(met=by_cpu >= goal)}; all was announced {relayed_s:.1f} s after the"
            " last order at most"
        )
    ]


def _tail(durability: str, *, noop: Seen, gate: Seen) -> str:
    ratio = gate.latency_ms["p99"] / max(noop.latency_ms["p99"], 1e-6)
    met = ratio <= TAIL_RATIO and gate.latency_ms["p95"] < P95_MS
    return (
        f"{durability} at half its saturation: p95 {gate.latency_ms['p95']:.2f} ms (goal under {P95_MS:g}), p99"
        f" {gate.latency_ms['p99']:.2f} ms, {ratio:.1f} x the no-op's (goal at most {TAIL_RATIO:g}): {verdict(met=met)}"
    )
