"""What does an assessment cost end to end, beside a FastAPI route that only checks the token?"""

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.request import Request, urlopen

import msgspec

from benchmarks.desk_load import COMPANY_PRODUCT, DeskLoad
from benchmarks.loading import Seen
from benchmarks.measured import COLUMNS, Measured, row_of, seen_by
from benchmarks.measuring import Table, verdict
from benchmarks.processes import Served, noop_desk_command, serve_command, server_core, serving
from benchmarks.stand_ins import serving_stand_ins
from tidegate.demo.issuer import TinyIssuer, TokenWish
from tidegate.demo.stub_providers.company_book import BOOK

GOALS: Final = {"new": 0.40, "repeated": 0.70}
"""Least share of the no-op's rate: an assessment without provider, and a duplicate's answer."""

RANGES: Final = (
    {"score_from": 0, "score_to": 299, "decision": "APPROVED"},
    {"score_from": 300, "score_to": 599, "decision": "MANUAL_REVIEW"},
    {"score_from": 600, "score_to": 1000, "decision": "REJECTED"},
)
_REGISTER_RULE: Final = {
    "rule_code": "COMPANY_LEAVES",
    "category": "COMPLIANCE",
    "weight": 300,
    "logic_config": {"type": "company_register", "uid_field": "context_data.uid", "statuses": ["CANCELLED"]},
    "scope": {"product_type": [COMPANY_PRODUCT]},
}
_UIDS: Final = tuple(sorted({company.uid for company in BOOK if company.status == "ACTIVE"}))

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


def measure(span: DeskSpan) -> Table:
    """Load the desk and the no-op in turns: new subjects without and with a provider, and what was asked before."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-bench-")))
        (folder / "noop").mkdir()
        providers = stack.enter_context(serving_stand_ins())
        desk = stack.enter_context(serving(serve_command(folder / "desk"), environment=providers.settings))
        noop = stack.enter_context(serving(noop_desk_command(folder / "noop")))
        _configure(desk, folder / "desk", rules=span.rules)
        core = server_core()
        for server in (desk, noop):
            server.pin(core)
        loads = {
            "noop": DeskLoad(rest_url(noop), access_token(folder / "noop"), span.seconds),
            "new": DeskLoad(rest_url(desk), access_token(folder / "desk"), span.seconds),
            "cached": DeskLoad(rest_url(desk), access_token(folder / "desk"), span.seconds, uids=_UIDS),
            "repeated": DeskLoad(rest_url(desk), access_token(folder / "desk"), span.seconds, subjects=_SUBJECTS),
        }
        servers = {name: noop if name == "noop" else desk for name in loads}
        for name, load in loads.items():
            loaded(servers[name], msgspec.structs.replace(load, seconds=span.warm_s))
        asked = providers.calls
        rounds = [{name: loaded(servers[name], load) for name, load in loads.items()} for _ in range(span.rounds)]
        assert 0 < asked == providers.calls, "the provider is asked while it warms up, and never after"
        rate = median(one["new"].seen.rate for one in rounds) / 2
        steady = loaded(desk, msgspec.structs.replace(loads["new"], seconds=span.open_s, rate=rate))
    rows = [row_of(name, [one[name] for one in rounds]) for name in loads]
    rows.append(row_of(f"new, at {rate:.0f}/s", [steady]))
    return Table(
        title="The desk end to end",
        question="How much of a bare FastAPI route's rate does an assessment keep?",
        method=(
            "`tidegate serve` (one process, embedded PostgreSQL, every assessment durable before it is answered) and a"
            " FastAPI route on the same server with the same token check and one fixed answer, each pinned to one core;"
            f" PostgreSQL and the load on the others. Closed: 32 connections, {span.rounds} rounds of"
            f" {span.seconds:g} s in turns, medians; {span.rules} rules in scope, no provider. New: each request of a"
            " new subject. Cached: the same about a company, with a rule that needs Zefix (a stand-in), whose answers"
            f" are in the desk's cache. Repeated: {_SUBJECTS} requests in turns, all answered before. Open: a fixed"
            " rate of half the saturation, latency from the moment a request was due."
        ),
        columns=("requests", "a second", *COLUMNS),
        rows=tuple(rows),
        findings=(
            _share("new", rounds),
            _cached(rounds),
            _share("repeated", rounds),
            _tail(steady.seen),
        ),
    )


def rest_url(server: Served) -> str:
    """Give where a server answers REST."""
    assert server.rest_url is not None, "it serves REST"
    return server.rest_url


def access_token(data: Path) -> str:
    """Give a token that a server on this folder takes, to evaluate and to configure."""
    roles = ("RISK_EVALUATOR", "RISK_ADMIN")
    return TinyIssuer.kept_in(data).token(TokenWish(roles, now_s=int(time.time()), subject="benchmark"))


def _configure(desk: Served, data: Path, *, rules: int) -> None:
    """Write rules and thresholds as an officer does."""
    token = access_token(data)
    for number in range(rules):
        _write(desk, token, "POST", "/v1/rules", a_rule(number))
    _write(desk, token, "POST", "/v1/rules", _REGISTER_RULE)
    _write(desk, token, "PUT", "/v1/thresholds", {"scope": {}, "ranges": RANGES})


def a_rule(number: int) -> dict[str, Any]:
    """Make the n-th rule: two leaves, in scope of the load's requests, fired by none of them."""
    first, second = _FIELDS[number % len(_FIELDS)], _FIELDS[(number + 1) % len(_FIELDS)]
    return {
        "rule_code": f"RULE_{number:03d}",
        "category": "CREDIT",
        "weight": 10 + number % 500,
        "logic_config": {"when": {"all": [first, second]}},
        "scope": {"country": ["CH", "DE"]} if number % 2 else {},
    }


# tidy: allow-keyword-only - it reads as the request that it sends
def _write(server: Served, token: str, method: str, path: str, body: object) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = Request(rest_url(server) + path, msgspec.json.encode(body), headers, method=method)  # noqa: S310 - our own server
    with urlopen(request) as answer:  # noqa: S310 - our own server
        answer.read()


def loaded(server: Served, load: DeskLoad) -> Measured:
    """Run the load in a process of its own.

    Raises:
        RuntimeError: a request failed.
    """
    before = server.cpu()
    seen = seen_by("benchmarks.desk_load", load)
    return Measured(seen, server.cpu().since(before))


def _share(name: str, rounds: list[dict[str, Measured]]) -> str:
    by_cpu = median(one["noop"].server_us / one[name].server_us for one in rounds)
    by_rate = median(one[name].seen.rate / one["noop"].seen.rate for one in rounds)
    goal = GOALS[name]
    return (
        f"{name}: {by_cpu:.0%} of the no-op's rate by server CPU a request, {by_rate:.0%} by requests a second; goal at"
        f" least {goal:.0%}: {verdict(met=by_cpu >= goal)}"
    )


def _cached(rounds: list[dict[str, Measured]]) -> str:
    by_cpu = median(one["noop"].server_us / one["cached"].server_us for one in rounds)
    more_us = median(one["cached"].server_us - one["new"].server_us for one in rounds)
    return (
        f"cached: {by_cpu:.0%} of the no-op's rate by server CPU a request; a provider whose answer is kept takes"
        f" {more_us:.0f} us of server CPU more than none"
    )


def _tail(seen: Seen) -> str:
    p99 = seen.latency_ms["p99"]
    return f"new at half the saturation: p99 {p99:.2f} ms; goal under {P99_MS:g} ms: {verdict(met=p99 < P99_MS)}"
