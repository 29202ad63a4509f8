"""One running process: the parts that its roles ask for, and the ways in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import ASGIApp

from tidegate.bootstrap.buses import open_bus
from tidegate.bootstrap.logs import log_to_stderr
from tidegate.bootstrap.parts import Parts, open_parts
from tidegate.bootstrap.registry import schema_registry
from tidegate.bootstrap.stores import Stores, open_stores
from tidegate.bootstrap.surroundings import Jobs, Surroundings
from tidegate.bootstrap.tracing import open_tracing
from tidegate.bootstrap.ways_in import grpc_server_of, in_url, rest_dependencies
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.scenario import Scenario
from tidegate.inbound.grpc.server import GrpcServer
from tidegate.inbound.rest.app import create_app
from tidegate.inbound.rest.server import AdminServer, inherited, listen
from tidegate.inbound.shared.token_guard import TokenGuard
from tidegate.outbound.identity.issuer_keys import IssuerKeys
from tidegate.outbound.registry.registration import register_schemas
from tidegate.settings import Profile, Role, Settings
from tidegate.usecases.assessment.seed import DeskSeed
from tidegate.usecases.pretrade.seed import settings_of_seed

GRPC_DRAIN_S: Final = 4.0
"""What calls in flight are given at the end; with the rest of the shutdown it stays under 10 s."""

WORKER_DRAIN_S_MIN: Final = 0.3
"""What connections of a worker are given to hear that it ends: another worker takes the next call at once."""


@dataclass(frozen=True, slots=True)
class IssuerParts:
    """A tiny issuer that stands in this process: its ``iss``, and where its application is mounted."""

    url: str
    path: str
    app: ASGIApp


MakeIssuer = Callable[[str], IssuerParts]
"""Makes the tiny issuer for the URL of the REST server."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """What the order gate and the desk start with."""

    scenario: Scenario | None = None
    desk: DeskSeed | None = None


class Service:
    """Everything of one process, wired. ``open_service`` starts and stops it."""

    def __init__(self, around: Surroundings, parts: Parts, *, rest_url: str, worker: bool = False) -> None:
        self.around = around
        self.parts = parts
        self.rest_url = rest_url
        self._worker = worker
        self.serving = False
        self.ending = False
        self.rest: AdminServer | None = None
        self.grpc: GrpcServer | None = None
        self._jobs: Jobs = []

    @property
    def grpc_address(self) -> str | None:
        """Address of the order gate; ``None`` when that is no role of this process."""
        return None if self.grpc is None else f"{in_url(self.around.settings.grpc.host)}:{self.grpc.port}"

    async def load(self, seeds: Seeds) -> None:
        """Rebuild what memory holds, load the seeds: after it gate and desk may decide.

        Raises:
            DependencyFailed: something did not answer.
        """
        if self.parts.desk is not None:
            await self.parts.desk.load(seeds.desk)
        if self.parts.accounts is not None:
            await self.parts.accounts.load(seeds.scenario)
        if self.parts.upstream is not None:
            await self.parts.upstream.load()

    async def publish(self, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Put events on the bus, in order; durable when it returns. For a process that holds accounts."""
        assert self.parts.accounts is not None
        await self.parts.accounts.publish(events)

    async def settled(self) -> None:
        """Apply everything that lies on the bus. For a process that holds accounts."""
        assert self.parts.accounts is not None
        await self.parts.accounts.settled()

    def start(self) -> None:
        """Start what runs by itself."""
        self._jobs = self.parts.start()

    async def run_until(self, stopped: asyncio.Event) -> None:
        """Serve until told to stop, and drain; a job that ends by itself ends the service with its error."""
        waiting = asyncio.create_task(stopped.wait())
        done, _ = await asyncio.wait({waiting, *self._jobs}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for job in done - {waiting}:
            job.result()
            raise RuntimeError(f"{job.get_name()} has ended")
        await self.drain()

    async def drain(self) -> None:
        """Say that this process ends, give balancers and callers time to hear it, and answer what is in flight."""
        self.ending = True
        if self.grpc is not None:
            await self.grpc.set_serving(False)
        drain_s = self.around.settings.serve.drain_ms / 1_000
        if self._worker:
            drain_s = max(drain_s, WORKER_DRAIN_S_MIN)
            await self._leave_to_others()
        await asyncio.sleep(drain_s)
        async with asyncio.TaskGroup() as both:
            if self.grpc is not None:
                both.create_task(self.grpc.stop(grace_s=GRPC_DRAIN_S))
            if self.rest is not None:
                both.create_task(self.rest.stop())

    async def _leave_to_others(self) -> None:
        """Take no new connections where other workers do, before those that there are end."""
        if self.rest is not None:
            self.rest.stop_accepting()
        if self.grpc is not None:
            await self.grpc.stop_accepting()


async def _require_durable(settings: Settings, stores: Stores) -> None:
    """Refuse, in prod, a database that could lose what was answered.

    Raises:
        DependencyFailed: fsync or synchronous_commit is off.
    """
    faults = await stores.pool.durability_faults() if settings.profile is Profile.PROD else ()
    if faults:
        raise DependencyFailed("postgres", "; ".join(faults))


@asynccontextmanager
async def open_service(
    settings: Settings, *, issuer: MakeIssuer | None, seeds: Seeds, rest_fd: int | None = None
) -> AsyncIterator[Service]:
    """Start a service and stop it orderly; it answers when the context is entered.

    ``rest_fd``: this is one of several workers, whose supervisor has bound the REST address to this file descriptor and
    keeps the gRPC port for all of them. A worker takes no calls before it can answer them, for others can meanwhile.

    Raises:
        DependencyFailed: the database cannot be had, or another process has its account book.
        OSError: an address cannot be had.
    """
    async with AsyncExitStack() as stack:
        tracing = await stack.enter_async_context(open_tracing(settings))
        log_to_stderr(*tracing.log_processors())
        settings.data.dir.mkdir(parents=True, exist_ok=True)
        listener = listen(settings.rest.host, settings.rest.port) if rest_fd is None else inherited(rest_fd)
        stack.callback(listener.close)
        stores = await stack.enter_async_context(open_stores(settings, guest=False))
        await _require_durable(settings, stores)
        bus = await stack.enter_async_context(open_bus(settings, stores))
        registry = schema_registry(settings)
        if registry is not None:
            stack.push_async_callback(registry.close)
        around = Surroundings(settings, stores, bus=bus, tracing=tracing, registry=registry)
        if registry is not None and Role.RELAY in settings.serve.roles:
            await register_schemas(registry, around.codec, environment=settings.topics.suffix)
        limits = settings_of_seed(settings.gate.limits(), seeds.scenario)
        parts = await stack.enter_async_context(open_parts(around, limits))
        rest_url = f"http://{in_url(settings.rest.host)}:{listener.getsockname()[1]}"
        service = Service(around, parts, rest_url=rest_url, worker=rest_fd is not None)
        guard, app = _app_of(service, stack, issuer=issuer)

        async def take_rest_calls() -> None:
            service.rest = await AdminServer.start(app, listener=listener)
            stack.push_async_callback(service.rest.stop)

        if rest_fd is None:
            await take_rest_calls()
        await service.load(seeds)
        stack.push_async_callback(parts.stop)
        service.start()
        if rest_fd is not None:
            await take_rest_calls()
        if parts.gate is not None:
            service.grpc = grpc_server_of(around, parts.gate, guard=guard, shared=rest_fd is not None)
            await service.grpc.start()
            stack.push_async_callback(service.grpc.stop, grace_s=GRPC_DRAIN_S)
            await service.grpc.set_serving(True)
        service.serving = True
        yield service


def _app_of(service: Service, stack: AsyncExitStack, *, issuer: MakeIssuer | None) -> tuple[TokenGuard, ASGIApp]:
    """Make the REST application of a process, and what lets callers in."""
    settings = service.around.settings
    made = None if issuer is None else issuer(service.rest_url)
    url = made.url if made is not None else settings.oidc.issuer
    assert url is not None, "settings name an issuer where none is made"
    keys = IssuerKeys.open(url)
    stack.push_async_callback(keys.close)
    guard = TokenGuard(keys, service.around.clock, issuer=url, audience=settings.oidc.audience)
    mounts = {} if made is None else {made.path: made.app}

    async def process() -> str | None:
        if service.ending:
            return "is ending"
        return None if service.serving else "is starting"

    probes = {"process": process, "issuer": keys.probe}
    dependencies = rest_dependencies(service.around, service.parts, guard=guard, probes=probes, mounts=mounts)
    app = create_app(dependencies, ending=lambda: service.ending)
    return guard, service.around.tracing.app(app)
