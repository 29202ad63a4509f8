"""Wires the ways in: what the REST application and the gRPC server are made with, for the parts of a process."""

from collections.abc import Mapping

from starlette.types import ASGIApp

from tidegate.bootstrap.engines import rule_engines
from tidegate.bootstrap.gate import GatePart
from tidegate.bootstrap.parts import Parts
from tidegate.bootstrap.stores import Stores, replayer_on
from tidegate.bootstrap.surroundings import Surroundings
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.rendering import render_verdict
from tidegate.inbound.grpc.access import Access
from tidegate.inbound.grpc.counting import counted
from tidegate.inbound.grpc.server import GrpcServer
from tidegate.inbound.rest.dependencies import AdminDependencies, Probe, Replay, ReplayResult
from tidegate.inbound.rest.rule_checks import rule_checker
from tidegate.inbound.shared.token_guard import TokenGuard
from tidegate.settings import GrpcAccess, Role


def rest_dependencies(
    around: Surroundings,
    parts: Parts,
    *,
    guard: TokenGuard,
    probes: Mapping[str, Probe],
    mounts: Mapping[str, ASGIApp],
) -> AdminDependencies:
    """Give what the REST application of a process is made with; it serves the areas of the process's roles alone."""
    stores = around.stores
    asked = {"postgres": _database_probe(stores), **probes}
    for part in parts:
        asked |= part.probes()
    return AdminDependencies(
        profiles=stores.profiles,
        rules=stores.rules,
        tiers=stores.tiers,
        trading_states=stores.trading_states,
        decisions=stores.archive,
        replay=_replay_on(stores),
        rule_faults=rule_checker(rule_engines()),
        guard=guard,
        clock=around.clock,
        metrics=around.figures.rendered,
        probes=asked,
        mounts=mounts,
        administers_gate=Role.ADMIN in around.settings.serve.roles,
        desk=None if parts.desk is None else parts.desk.dependencies(),
    )


def grpc_server_of(around: Surroundings, gate: GatePart, *, guard: TokenGuard, shared: bool) -> GrpcServer:
    """Bind the gRPC server of the gate; ``shared``: to a port that other processes have bound too.

    Raises:
        OSError: the address cannot be had.
    """
    area = around.settings.grpc
    access = Access(guard if area.access is GrpcAccess.TOKEN else None)
    service = around.tracing.risk_service(counted(gate.ask, around.figures), gate.ask_most, access=access)
    address = f"{in_url(area.host)}:{area.port}"
    return GrpcServer(service, address=address, shared=shared, connection_age_ms=area.connection_age_ms)


def in_url(host: str) -> str:
    """Give a host as an address names it."""
    return f"[{host}]" if ":" in host else host


def _database_probe(stores: Stores) -> Probe:
    async def database() -> str | None:
        try:
            await stores.watch.versions()
        except DependencyFailed as trouble:
            return str(trouble)
        return None

    return database


def _replay_on(stores: Stores) -> Replay:
    """Give what decides a stored decision again, for the admin API."""

    async def replay(decision_id: str) -> ReplayResult | None:
        replayed = await replayer_on(stores).replay(decision_id)
        if replayed is None:
            return None
        recorded = replayed.record.answer
        return ReplayResult(not replayed.differences, recorded, render_verdict(replayed.verdict), replayed.differences)

    return replay
