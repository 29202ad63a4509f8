"""How much memory does the gate take for many accounts?"""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import grpc

from benchmarks.load import first_request
from benchmarks.measuring import Table, verdict
from benchmarks.processes import Served, serve_command, serving
from benchmarks.telling import tell
from tidegate.wire.proto.risk.v1 import main_pb2 as pb
from tidegate.wire.proto.risk.v1 import main_pb2_grpc

GOAL_MIB: Final = 300.0
"""Most resident memory of the gate's process; PostgreSQL's are apart."""

ACCOUNTS: Final = 10_000
POSITIONS: Final = 5
RULES: Final = 10
_TOLD_S: Final = 240.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Resident MiB of the gate, and the proportional share of its PostgreSQL."""

    moment: str
    gate_mib: float
    postgres_mib: float


def measure(*, accounts: int = ACCOUNTS) -> Table:
    """Read the memory of a gate that knows nobody, is being told of all accounts, and has been started with them."""
    environment = {"TIDEGATE_GATE_MARK_AGE_MS_MAX": "3600000"}
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        data = Path(folder) / "gate"
        with serving(serve_command(data), environment=environment) as served:
            readings = [_reading("nobody told of", served)]
            asyncio.run(tell(data, users=accounts, positions=POSITIONS, rules=RULES))
            asyncio.run(_until_told(served.address, accounts))
            readings.append(_reading(f"told of {accounts} accounts", served))
        begun = monotonic()
        with serving(serve_command(data), environment=environment) as served:
            started_s = monotonic() - begun
            asyncio.run(_until_told(served.address, accounts))
            readings.append(_reading("started again with them", served))
    most = max(reading.gate_mib for reading in readings)
    return Table(
        title="Memory",
        question=f"What does the gate take for {accounts} accounts of {POSITIONS} positions each?",
        method=(
            "Resident memory of `tidegate serve` (memory book) after everything was applied, told on its bus by another"
            " process, then once more after a restart; PostgreSQL by its processes' proportional share (PSS)."
        ),
        columns=("moment", "gate MiB", "PostgreSQL MiB", "KiB an account"),
        rows=tuple(
            (
                reading.moment,
                f"{reading.gate_mib:.0f}",
                f"{reading.postgres_mib:.0f}",
                f"{(reading.gate_mib - readings[0].gate_mib) * 1_024 / accounts:.1f}",
            )
            for reading in readings
        ),
        findings=(
            f"{most:.0f} MiB at most; goal under {GOAL_MIB:.0f} MiB: {verdict(met=most < GOAL_MIB)}",
            f"a start with {accounts} accounts takes {started_s:.1f} s",
        ),
    )


def _reading(moment: str, served: Served) -> Reading:
    sleep(1.0)  # what ran just before the reading frees what it held
    return Reading(moment, *served.resident_mib())


async def _until_told(address: str, users: int) -> None:
    """Ask (without trace) until an order of the last user passes: then everything told before it is in place."""
    request = first_request(users - 1)
    async with asyncio.timeout(_TOLD_S), grpc.aio.insecure_channel(address) as channel:
        stub: main_pb2_grpc.RiskServiceAsyncStub = main_pb2_grpc.RiskServiceStub(channel)
        while (await stub.PreTradeCheck(request)).decision != pb.APPROVED:  # noqa: ASYNC110 - another process is asked
            await asyncio.sleep(0.1)
