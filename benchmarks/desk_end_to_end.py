"""What does an assessment cost end to end, beside a FastAPI route that only checks the token?"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from os import sched_setaffinity
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.request import Request, urlopen

import msgspec

from benchmarks.desk_load import DeskLoad
from benchmarks.load import Seen
from benchmarks.measuring import Table, verdict
from benchmarks.processes import Cpu, Served, noop_desk_command, other_cores, serve_command, server_core, serving
from tidegate.demo.issuer import TinyIssuer, TokenWish

GOALS: Final = {"new": 0.40, "repeated": 0.70}
"""Least share of the no-op's rate: an assessment without provider, and a duplicate's answer."""

P99_MS: Final = 25.0
"""At half the rate of saturation."""

_SUBJECTS: Final = 100
_FIELDS: Final = (
    {"field": "context_data.debt_ratio", "op": "gt", "value": "0.4"},
    {"field": "context_data.employees", "op": "lt", "value": 5},
    {"field": "context_data.legal_form", "op": "in", "value": ["Ltd", "Inc"]},
    {"field": "context_data.age_months", "op": "lt", "value": 24},
    {"field": "country", "op": "in", "value": ["IR", "KP"]},
)


@dataclass(frozen=True, slots=True)
class DeskSpan:
    """How much to measure: ``rounds`` pairs, each for ``seconds``; ``open_s`` at a fixed rate."""

    rounds: int = 3
    seconds: float = 4.0
    warm_s: float = 2.0
    open_s: float = 8.0
    rules: int = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: what the load saw, and the CPU it took."""

    seen: Seen
    cpu: Cpu

    @property
    def server_us(self) -> float:
        """CPU microseconds of the server a request."""
        return self.cpu.server_us / self.seen.answered

    @property
    def postgres_us(self) -> float:
        """CPU microseconds of PostgreSQL a request."""
        return self.cpu.postgres_us / self.seen.answered


def measure(span: DeskSpan) -> Table:
    """Load the desk and the no-op in turns: with new subjects, and with requests that were asked before."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-bench-")))
        (folder / "noop").mkdir()
        desk = stack.enter_context(serving(serve_command(folder / "desk")))
        noop = stack.enter_context(serving(noop_desk_command(folder / "noop")))
        _configure(desk, folder / "desk", rules=span.rules)
        core = server_core()
        for server in (desk, noop):
            server.pin(core)
        loads = {
            "noop": DeskLoad(_url(noop), _token(folder / "noop"), span.seconds),
            "new": DeskLoad(_url(desk), _token(folder / "desk"), span.seconds),
            "repeated": DeskLoad(_url(desk), _token(folder / "desk"), span.seconds, subjects=_SUBJECTS),
        }
        servers = {"noop": noop, "new": desk, "repeated": desk}
        for name, load in loads.items():
            _loaded(servers[name], msgspec.structs.replace(load, seconds=span.warm_s))
        rounds = [{name: _loaded(servers[name], load) for name, load in loads.items()} for _ in range(span.rounds)]
        rate = median(one["new"].seen.rate for one in rounds) / 2
        steady = _loaded(desk, msgspec.structs.replace(loads["new"], seconds=span.open_s, rate=rate))
    rows = [_row(name, [one[name] for one in rounds]) for name in loads]
    rows.append(_row(f"new, at {rate:.0f}/s", [steady]))
    return Table(
        title="The desk end to end",
        question="How much of a bare FastAPI route's rate does an assessment keep?",
        method=(
            "`tidegate serve` (one process, embedded PostgreSQL, every assessment durable before it is answered) and a"
            " FastAPI route on the same server with the same token check and one fixed answer, each pinned to one core;"
            f" PostgreSQL and the load on the others. Closed: 32 connections, {span.rounds} rounds of"
            f" {span.seconds:g} s in turns, medians; {span.rules} rules in scope, no provider. New: each request of a"
            f" new subject. Repeated: {_SUBJECTS} requests in turns, all answered before. Open: a fixed rate of half"
            " the saturation, latency from the moment a request was due."
        ),
        columns=(
            "requests",
            "a second",
            "server CPU us",
            "PostgreSQL CPU us",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "p99.9 ms",
        ),
        rows=tuple(rows),
        findings=(*(_share(name, rounds) for name in GOALS), _tail(steady.seen)),
    )


def _url(server: Served) -> str:
    assert server.rest_url is not None, "it serves REST"
    return server.rest_url


def _token(data: Path) -> str:
    roles = ("RISK_EVALUATOR", "RISK_ADMIN")
    return TinyIssuer.kept_in(data).token(TokenWish(roles, now_s=int(time.time()), subject="benchmark"))


def _configure(desk: Served, data: Path, *, rules: int) -> None:
    """Write rules and thresholds as an officer does."""
    token = _token(data)
    for number in range(rules):
        _write(desk, token, "POST", "/v1/rules", _rule(number))
    ranges = [(0, 299, "APPROVED"), (300, 599, "MANUAL_REVIEW"), (600, 1000, "REJECTED")]
    told = [{"score_from": low, "score_to": high, "decision": decision} for low, high, decision in ranges]
    _write(desk, token, "PUT", "/v1/thresholds", {"scope": {}, "ranges": told})


def _rule(number: int) -> dict[str, Any]:
    first, second = _FIELDS[number % len(_FIELDS)], _FIELDS[(number + 1) % len(_FIELDS)]
    return {
        "rule_code": f"RULE_{number:03d}",
        "category": "CREDIT",
        "weight": 10 + number,
        "logic_config": {"when": {"all": [first, second]}},
        "scope": {"country": ["CH", "DE"]} if number % 2 else {},
    }


# tidy: allow-keyword-only - it reads as the request that it sends
def _write(server: Served, token: str, method: str, path: str, body: object) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = Request(_url(server) + path, msgspec.json.encode(body), headers, method=method)  # noqa: S310 - our own server
    with urlopen(request) as answer:  # noqa: S310 - our own server
        answer.read()


def _loaded(server: Served, load: DeskLoad) -> Measured:
    """Run the load in a process of its own.

    Raises:
        RuntimeError: a request failed.
    """
    before = server.cpu()
    command = [sys.executable, "-m", "benchmarks.desk_load", msgspec.json.encode(load).decode()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    sched_setaffinity(process.pid, other_cores())
    out, _ = process.communicate()
    if process.returncode:
        raise RuntimeError("the load ended badly")
    seen = msgspec.json.decode(out, type=Seen)
    if seen.failed or set(seen.decisions) != {"APPROVED"}:
        raise RuntimeError(f"not every request was approved: {seen}")
    return Measured(seen, server.cpu().since(before))


def _row(name: str, runs: list[Measured]) -> tuple[str, ...]:
    def middle(figure: Callable[[Measured], float], digits: int = 1) -> str:
        return f"{median(map(figure, runs)):.{digits}f}"

    latencies = (middle(lambda run, at=at: run.seen.latency_ms[at], 2) for at in ("p50", "p95", "p99", "p99.9"))  # type: ignore[misc]  # the default binds the loop's name
    return (
        name,
        middle(lambda run: run.seen.rate, 0),
        middle(lambda run: run.server_us),
        middle(lambda run: run.postgres_us),
        *latencies,
    )


def _share(name: str, rounds: list[dict[str, Measured]]) -> str:
    by_cpu = median(one["noop"].server_us / one[name].server_us for one in rounds)
    by_rate = median(one[name].seen.rate / one["noop"].seen.rate for one in rounds)
    goal = GOALS[name]
    return (
        f"{name}: {by_cpu:.0%} of the no-op's rate by server CPU a request, {by_rate:.0%} by requests a second; goal at"
        f" least {goal:.0%}: {verdict(met=by_cpu >= goal)}"
    )


def _tail(seen: Seen) -> str:
    p99 = seen.latency_ms["p99"]
    return f"new at half the saturation: p99 {p99:.2f} ms; goal under {P99_MS:g} ms: {verdict(met=p99 < P99_MS)}"
