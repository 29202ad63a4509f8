"""One running process: the gate on gRPC, the admin API on REST, and what feeds them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from starlette.types import ASGIApp

from tidegate.bootstrap.audit import seal_job
from tidegate.bootstrap.desk import Desk, DeskSurroundings, open_desk
from tidegate.bootstrap.engines import rule_engines
from tidegate.bootstrap.feeds import Feeds, Memory
from tidegate.bootstrap.logs import log_to_stderr
from tidegate.bootstrap.retention import retention_job
from tidegate.bootstrap.stores import Stores, open_stores, replayer_on
from tidegate.bootstrap.system import RandomIds, SystemClock
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.rendering import render_verdict
from tidegate.core.pretrade.scenario import Scenario
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import Market
from tidegate.inbound.grpc.access import Access
from tidegate.inbound.grpc.counting import counted
from tidegate.inbound.grpc.server import GrpcServer
from tidegate.inbound.grpc.service import RiskService
from tidegate.inbound.jobs.refresh import ConfigurationRefresh
from tidegate.inbound.jobs.relay import Encoding
from tidegate.inbound.rest.app import create_app
from tidegate.inbound.rest.dependencies import AdminDependencies, Probe, ReplayResult
from tidegate.inbound.rest.rule_checks import rule_checker
from tidegate.inbound.rest.server import AdminServer, listen
from tidegate.inbound.shared.figures import Figures
from tidegate.inbound.shared.token_guard import TokenGuard
from tidegate.outbound.identity.issuer_keys import IssuerKeys
from tidegate.outbound.memory.account_book import MemoryAccountBook
from tidegate.settings import GrpcAccess, Profile, Settings
from tidegate.usecases.assessment.seed import DeskSeed
from tidegate.usecases.pretrade.configuration import ConfigurationKeeper, ConfigurationStores, empty_configuration
from tidegate.usecases.pretrade.deciding import Decider
from tidegate.usecases.pretrade.flow import FlowWindows
from tidegate.usecases.pretrade.gate import Gate, GateLimits
from tidegate.usecases.pretrade.max_quantity import MaxQuantity, max_quantity
from tidegate.usecases.pretrade.recording import Recorder
from tidegate.usecases.pretrade.replica import Replica
from tidegate.usecases.pretrade.seed import (
    SEED_ACCOUNT,
    SeedStores,
    seed_events,
    seed_reservations,
    seed_stores,
    settings_of_seed,
)

DRAIN_S: Final = 4.0
"""What calls in flight are given at the end; with the rest of the shutdown it stays under 10 s."""


@dataclass(frozen=True, slots=True)
class IssuerParts:
    """A tiny issuer that stands in this process: its ``iss``, and where its application is mounted."""

    url: str
    path: str
    app: ASGIApp


MakeIssuer = Callable[[str], IssuerParts]
"""Makes the tiny issuer for the URL of the REST server."""


class Service:
    """Everything of one process, wired. ``open_service`` starts and stops it."""

    desk: Desk

    def __init__(self, settings: Settings, stores: Stores, *, limits: GateSettings) -> None:
        self.settings = settings
        self.stores = stores
        self.figures = Figures()
        self.rest_url = ""
        self.grpc_address = ""
        self.serving = False
        self._log = structlog.get_logger("tidegate")
        self._clock = SystemClock()
        replica = Replica(Market(), empty_configuration(limits))
        keeper = ConfigurationKeeper(
            replica,
            ConfigurationStores(stores.profiles, stores.rules, stores.tiers, stores.trading_states, stores.watch),
            engines=rule_engines(),
            clock=self._clock,
            report=lambda fault: self._log.error("configuration", fault=fault),
        )
        self.memory = Memory(replica, MemoryAccountBook(replica.market), FlowWindows(), keeper)
        self.decider = Decider(replica, self.memory.flow, ids=RandomIds(), alarm=self.alarm)
        self.recorder = Recorder(
            stores.journal,
            self.memory.book,
            durability=settings.gate.durability,
            settings=lambda: replica.configuration.settings,
            take_back=self.decider.take_back,
        )
        self.gate = Gate(
            book=self.memory.book,
            decider=self.decider,
            recorder=self.recorder,
            clock=self._clock,
            limits=GateLimits(queue_max=settings.gate.queue_max, batch_max=settings.gate.batch_max),
        )
        self.feeds = Feeds(stores, self.memory, clock=self._clock, suffix=settings.topics.suffix, alarm=self.alarm)
        self.refresh = ConfigurationRefresh(keeper, stores.watch)
        self.retention = retention_job(stores, settings, clock=self._clock)
        self.sealing = seal_job(stores, settings, clock=self._clock)
        self._watch_gauges()

    def desk_surroundings(self) -> DeskSurroundings:
        """Give what the desk shares with the rest."""
        encoding = Encoding(self.feeds.codec, self.settings.topics.suffix)
        return DeskSurroundings(self.stores, encoding, self.alarm, lambda fault: self._log.error("desk", fault=fault))

    def alarm(self, bug: Exception) -> None:
        """Raise an alarm for a bug that was caught: a log line with its traceback, and a counter."""
        self.figures.count_fault("internal")
        self._log.error("internal fault", exc_info=bug)

    def _watch_gauges(self) -> None:
        replica, watch = self.memory.replica, self.figures.watch
        watch(
            "tidegate_gate_queue_length",
            help_text="Orders that wait to be decided.",
            gauge=lambda: self.gate.waiting,
        )
        watch(
            "tidegate_configuration_age_seconds",
            help_text="Time since the configuration was confirmed.",
            gauge=lambda: (self._clock.now_us() - replica.confirmed_at_us) / 1e6,
        )
        watch(
            "tidegate_account_feed_lag_seconds",
            help_text="Time since everything told of accounts had been applied; -1: never yet.",
            gauge=lambda: -1 if (lag := replica.account_lag_ms(self._clock.now_us())) is None else lag / 1e3,
        )
        watch(
            "tidegate_marks_applied_total",
            help_text="Marks applied.",
            gauge=lambda: self.feeds.marks.applied,
        )
        relay = self.feeds.relay
        watch("tidegate_events_sent_total", help_text="Events sent by the relay.", gauge=lambda: relay.sent)
        watch(
            "tidegate_relay_backlog",
            help_text="Decisions that wait to be announced, as the relay saw it last; counted up to 10000.",
            gauge=lambda: relay.backlog.decisions,
        )
        watch(
            "tidegate_relay_oldest_seconds",
            help_text="Age of the oldest decision that waits to be announced; 0: none waits.",
            gauge=lambda: (
                0 if (oldest_us := relay.backlog.oldest_us) is None else (self._clock.now_us() - oldest_us) / 1e6
            ),
        )

    async def ask(self, order: Order, dry_run: bool) -> Answer:
        """Decide one order.

        Raises:
            DependencyFailed: not ready yet, or something did not answer.
            Overloaded: the queue is full.
        """
        if not self.memory.replica.rebuilt:
            raise DependencyFailed("order gate", "is being rebuilt", retry_after_ms=500)
        return await self.gate.ask(order, dry_run=dry_run)

    async def ask_most(self, order: Order) -> MaxQuantity:
        """Give the largest quantity of an order that would pass.

        Raises:
            DependencyFailed: the configuration is not confirmed, or the book does not answer.
        """
        now_us = self._clock.now_us()
        self.decider.require_configuration(now_us)
        states = await self.memory.book.snapshot([order.user_id], now_us=now_us)
        return max_quantity(order, self.decider.snapshot(order, states[order.user_id], now_us=now_us))

    async def replay(self, decision_id: str) -> ReplayResult | None:
        """Decide a stored decision again, for the admin API."""
        replayed = await replayer_on(self.stores).replay(decision_id)
        if replayed is None:
            return None
        recorded = replayed.record.answer
        return ReplayResult(not replayed.differences, recorded, render_verdict(replayed.verdict), replayed.differences)

    def probes(self, keys: IssuerKeys) -> Mapping[str, Probe]:
        """Give what ``/readyz`` asks: each dependency, and whether memory is warm."""

        async def database() -> str | None:
            try:
                await self.stores.watch.versions()
            except DependencyFailed as trouble:
                return str(trouble)
            return None

        async def configuration() -> str | None:
            try:
                self.decider.require_configuration(self._clock.now_us())
            except DependencyFailed as trouble:
                return str(trouble)
            return None

        async def book() -> str | None:
            if not self.memory.replica.rebuilt:
                return "is being rebuilt"
            trouble = self.feeds.state.trouble or self.feeds.state_marks.trouble
            return None if trouble is None else str(trouble)

        async def journal() -> str | None:
            return None if self.recorder.trouble is None else str(self.recorder.trouble)

        return {
            "postgres": database,
            "configuration": configuration,
            "account_book": book,
            "journal": journal,
            "issuer": keys.probe,
            **self.desk.probes(),
        }

    def admin(self, guard: TokenGuard, keys: IssuerKeys, *, mounts: Mapping[str, ASGIApp]) -> AdminDependencies:
        """Give what the admin API is made with."""
        return AdminDependencies(
            profiles=self.stores.profiles,
            rules=self.stores.rules,
            tiers=self.stores.tiers,
            trading_states=self.stores.trading_states,
            decisions=self.stores.archive,
            replay=self.replay,
            rule_faults=rule_checker(rule_engines()),
            guard=guard,
            clock=self._clock,
            metrics=self.figures.rendered,
            probes=self.probes(keys),
            mounts=mounts,
            desk=self.desk.dependencies(),
        )

    async def load(self, seed: Scenario | None, desk_seed: DeskSeed | None = None) -> None:
        """Rebuild what memory holds, load the seeds, confirm the configuration: after it gate and desk may decide.

        Raises:
            DependencyFailed: something did not answer.
        """
        await self.memory.keeper.confirm()
        await self.desk.load(desk_seed)
        await self.feeds.rebuild()
        if seed is not None:
            now_us = self._clock.now_us()
            stores = self.stores
            places = SeedStores(stores.profiles, stores.rules, stores.tiers, stores.trading_states)
            await seed_stores(seed, places, now_us=now_us)
            await self.publish(seed_events(seed, now_us=now_us))
        await self.settled()
        await self.memory.keeper.confirm()
        if seed is not None and seed.profile is not None:
            for held in seed_reservations(seed, now_us=self._clock.now_us()):
                await self.memory.book.restore(seed.profile.user_id, account_id=SEED_ACCOUNT, reservation=held)

    async def publish(self, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Put events on the bus, in order; durable when it returns."""
        await self.feeds.publish(events)

    async def settled(self) -> None:
        """Apply everything that lies on the bus."""
        await self.feeds.settled()

    async def run_until(self, stopped: asyncio.Event) -> None:
        """Serve until told to stop; a job that ends by itself ends the service with its error."""
        jobs = (self._gate_job, *self._jobs)
        waiting = asyncio.create_task(stopped.wait())
        done, _ = await asyncio.wait({waiting, *jobs}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for job in done - {waiting}:
            job.result()
            raise RuntimeError(f"{job.get_name()} has ended")

    async def start_jobs(self) -> None:
        """Start what runs by itself."""
        self._gate_job = asyncio.create_task(self.gate.run(), name="gate")
        self._jobs = [
            *self.feeds.jobs(),
            *self.desk.jobs(),
            asyncio.create_task(self.refresh.run(), name="refresh configuration"),
            asyncio.create_task(self.recorder.run(), name="write the backlog"),
            asyncio.create_task(self.retention.run(), name="delete what is not read again"),
            asyncio.create_task(self.sealing.run(), name="seal what was decided"),
        ]

    async def stop_jobs(self) -> None:
        """Answer what waits, write what is left, end what runs."""
        self.gate.drain()
        await asyncio.wait({self._gate_job}, timeout=DRAIN_S)
        await _end(self._jobs)
        with contextlib.suppress(DependencyFailed):
            await self.recorder.flush()
        await _end([self._gate_job])


async def _require_durable(settings: Settings, stores: Stores) -> None:
    """Refuse, in prod, a database that could lose what was answered.

    Raises:
        DependencyFailed: fsync or synchronous_commit is off.
    """
    faults = await stores.pool.durability_faults() if settings.profile is Profile.PROD else ()
    if faults:
        raise DependencyFailed("postgres", "; ".join(faults))


async def _end(jobs: Iterable[asyncio.Task[None]]) -> None:
    """Cancel jobs until they have ended: a cancellation can be lost in a library, a second one is not."""
    left = {job for job in jobs if not job.done()}
    while left:
        for job in left:
            job.cancel()
        _, left = await asyncio.wait(left, timeout=0.2)


@asynccontextmanager
async def open_service(
    settings: Settings, *, issuer: MakeIssuer | None, seed: Scenario | None = None, desk_seed: DeskSeed | None = None
) -> AsyncIterator[Service]:
    """Start a service and stop it orderly; it answers when the context is entered.

    Raises:
        DependencyFailed: the database cannot be had.
        OSError: an address cannot be had.
    """
    log_to_stderr()
    async with AsyncExitStack() as stack:
        settings.data.dir.mkdir(parents=True, exist_ok=True)
        listener = listen(settings.rest.host, settings.rest.port)
        stack.callback(listener.close)
        stores = await stack.enter_async_context(open_stores(settings, guest=False))
        await _require_durable(settings, stores)
        service = Service(settings, stores, limits=settings_of_seed(settings.gate.limits(), seed))
        service.desk = await stack.enter_async_context(open_desk(settings, service.desk_surroundings()))
        service.desk.show(service.figures)
        service.rest_url = f"http://{_in_url(settings.rest.host)}:{listener.getsockname()[1]}"
        parts = None if issuer is None else issuer(service.rest_url)
        url = parts.url if parts is not None else settings.oidc.issuer
        assert url is not None, "settings name an issuer where none is made"
        keys = IssuerKeys.open(url)
        stack.push_async_callback(keys.close)
        guard = TokenGuard(keys, SystemClock(), issuer=url, audience=settings.oidc.audience)
        access = Access(guard if settings.grpc.access is GrpcAccess.TOKEN else None)
        grpc_server = GrpcServer(
            RiskService(counted(service.ask, service.figures), service.ask_most, access=access),
            address=f"{_in_url(settings.grpc.host)}:{settings.grpc.port}",
        )
        service.grpc_address = f"{_in_url(settings.grpc.host)}:{grpc_server.port}"
        mounts = {} if parts is None else {parts.path: parts.app}
        rest = await AdminServer.start(create_app(service.admin(guard, keys, mounts=mounts)), listener=listener)
        stack.push_async_callback(rest.stop)
        await service.load(seed, desk_seed)
        await service.start_jobs()
        stack.push_async_callback(service.stop_jobs)
        await grpc_server.start()
        stack.push_async_callback(grpc_server.stop, grace_s=DRAIN_S)
        await grpc_server.set_serving(True)
        service.serving = True
        yield service


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
