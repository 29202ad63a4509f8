"""What the admin API needs, handed in by bootstrap."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import ASGIApp

from tidegate.core.pretrade.rules import RiskRule
from tidegate.core.rules.faults import RuleFault
from tidegate.inbound.rest.desk.dependencies import DeskDependencies
from tidegate.inbound.shared.token_guard import Principal, TokenGuard
from tidegate.ports.clock import Clock
from tidegate.ports.configuration import MarginTiers, Profiles, RiskRules, TradingStates
from tidegate.ports.decision_journal import DecisionArchive
from tidegate.ports.stored import Change

Probe = Callable[[], Awaitable[str | None]]
"""Tells why a part is not ready; ``None`` when it is."""


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """A stored decision decided again: ``identical`` when the same came out, else ``differences`` says what did not.

    ``recorded`` and ``replayed`` are plain values (dataclasses, texts, Decimals, lists, mappings of them).
    """

    identical: bool
    recorded: object
    replayed: object
    differences: tuple[str, ...] = ()


Replay = Callable[[str], Awaitable[ReplayResult | None]]
"""Decides a stored decision again, by its id; ``None`` when there is none."""

RuleFaults = Callable[[RiskRule], Sequence[RuleFault]]
"""Says what is wrong with what a rule compares; pointers start at the rule (``/metric``, ``/condition/all/0``)."""


@dataclass(frozen=True, slots=True)
class AdminDependencies:
    """Ports and use cases of the admin API.

    ``probes``: by name, what ``/readyz`` asks. ``metrics`` gives what ``/metrics`` answers and its content type, told
    which of the probes are ready.
    ``mounts``: further ASGI applications by path (console, the demo's issuer). ``requests_max``: requests in flight
    (at the bound passes); beyond, 429. ``administers_gate``: whether there are routes of the gate. ``desk``: what the
    assessment desk needs; without it there are no routes of it.
    """

    profiles: Profiles
    rules: RiskRules
    tiers: MarginTiers
    trading_states: TradingStates
    decisions: DecisionArchive
    replay: Replay
    rule_faults: RuleFaults
    guard: TokenGuard
    clock: Clock
    metrics: Callable[[Mapping[str, bool]], tuple[bytes, str]]
    probes: Mapping[str, Probe] = field(default_factory=dict)
    mounts: Mapping[str, ASGIApp] = field(default_factory=dict)
    requests_max: int = 512
    administers_gate: bool = True
    desk: DeskDependencies | None = None


def dependencies_of(request: Request) -> AdminDependencies:
    """Give what the application was made with."""
    dependencies = request.app.state.dependencies
    assert isinstance(dependencies, AdminDependencies)
    return dependencies


async def admin_of(request: Request) -> AdminDependencies:
    """Give the same to a route; a function that is not async would be run in a thread, for each request."""
    return dependencies_of(request)


def principal_of(request: Request) -> Principal:
    """Give who calls; the guarded route has let them in."""
    principal = request.state.principal
    assert isinstance(principal, Principal)
    return principal


Admin = Annotated[AdminDependencies, Depends(admin_of)]


async def desk_of(admin: Admin) -> DeskDependencies:
    """Give what the desk's routes were made with; they are there only with it."""
    assert admin.desk is not None
    return admin.desk


Desk = Annotated[DeskDependencies, Depends(desk_of)]


async def change_by(request: Request, admin: Admin) -> Change:
    """Give who changes, and when."""
    return Change(principal_of(request).subject, admin.clock.now_us())


By = Annotated[Change, Depends(change_by)]
