"""Wires the assessment desk: its configuration, its workflow, its way back, and what runs by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Final

from tidegate.bootstrap.engines import rule_engines
from tidegate.bootstrap.providers import open_providers
from tidegate.bootstrap.screening import open_screening
from tidegate.bootstrap.stores import Stores
from tidegate.bootstrap.system import RandomIds, SystemClock
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.desk_upkeep import DeskUpkeepJob
from tidegate.inbound.jobs.refresh import ConfigurationRefresh
from tidegate.inbound.jobs.relay import Encoding, Relay, RelayPace
from tidegate.inbound.rest.dependencies import Probe
from tidegate.inbound.rest.desk.dependencies import AssessmentDependencies, DeskDependencies
from tidegate.inbound.shared.figures import Figures
from tidegate.outbound.postgres.assessment_archive import PostgresAssessmentArchive, PostgresRuleReferences
from tidegate.outbound.postgres.assessment_outbox import PostgresAssessmentOutbox
from tidegate.outbound.postgres.assessment_repository import PostgresRiskAssessments
from tidegate.outbound.postgres.assessment_upkeep import PostgresAssessmentUpkeep
from tidegate.outbound.postgres.desk_configuration import PostgresDeskConfiguration
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.external_data import ExternalDataProviderClient
from tidegate.ports.risk_assessments import EndedAssessment
from tidegate.settings import DeskArea, Settings
from tidegate.usecases.assessment.announce import AssessmentAnnouncer
from tidegate.usecases.assessment.collecting import OutsideData
from tidegate.usecases.assessment.configuration import DeskConfigurationKeeper
from tidegate.usecases.assessment.evaluate import DeskLimits, DeskStores, RiskEvaluationService, Wiring
from tidegate.usecases.assessment.look_back import LookBack
from tidegate.usecases.assessment.rule_drafts import RuleDrafts
from tidegate.usecases.assessment.seed import DeskSeed, seed_desk

_MILLISECOND: Final = timedelta(milliseconds=1)
DRAIN_S: Final = 3.0
"""What evaluations in flight are given at the end; it is more than the default budget of their outside calls."""


@dataclass(frozen=True, slots=True)
class DeskSurroundings:
    """What the desk shares with the rest of the process."""

    stores: Stores
    encoding: Encoding
    alarm: Callable[[Exception], None]
    report: Callable[[str], None]


class Desk:
    """The assessment desk of one process. ``open_desk`` starts and stops it."""

    def __init__(
        self,
        settings: Settings,
        pool: PostgresPool,
        *,
        providers: Mapping[str, ExternalDataProviderClient],
        around: DeskSurroundings,
    ) -> None:
        clock, ids, engines = SystemClock(), RandomIds(), rule_engines()
        self._clock, self._ids = clock, ids
        limits = limits_of(settings.desk)
        watch, report = around.stores.watch, around.report
        repository, self.archive = PostgresRiskAssessments(pool), PostgresAssessmentArchive(pool)
        self.configuration = PostgresDeskConfiguration(pool)
        self.keeper = DeskConfigurationKeeper(self.configuration, watch, engines=engines, clock=clock, report=report)
        self.evaluation = RiskEvaluationService(
            DeskStores(repository, self.archive),
            self.keeper,
            outside=OutsideData(providers, repository, clock=clock, ids=ids, alarm=around.alarm),
            limits=limits,
            wiring=Wiring(clock, ids, around.alarm),
        )
        self.look_back = LookBack(self.archive, self.keeper, configuration=self.configuration, engines=engines)
        self.drafts = RuleDrafts(self.configuration, engines)
        self.references = PostgresRuleReferences(pool, duplicate_window_us=limits.terms.duplicate_window_us)
        self.refresh = ConfigurationRefresh(self.keeper, watch)
        self.upkeep = DeskUpkeepJob(PostgresAssessmentUpkeep(pool), limits.terms, clock)
        self._outbox = PostgresAssessmentOutbox(pool)
        self.relay: Relay[EndedAssessment] = Relay(
            self._outbox,
            AssessmentAnnouncer(),
            publisher=around.stores.bus,
            encoding=around.encoding,
            alarm=around.alarm,
        )

    def dependencies(self) -> DeskDependencies:
        """Give what the desk's part of the API is made with."""
        assessments = AssessmentDependencies(self.evaluation, self.archive, self.look_back, self._ids)
        return DeskDependencies(self.configuration, self.drafts, self.references, self._ids, assessments)

    def show(self, figures: Figures) -> None:
        """Show how the desk stands on ``/metrics``."""
        relay, evaluation = self.relay, self.evaluation
        figures.watch(
            "tidegate_desk_evaluations_running",
            help_text="Evaluations that were begun here and have not ended.",
            gauge=lambda: evaluation.running,
        )
        figures.watch(
            "tidegate_desk_relay_backlog",
            help_text="Assessments that wait to be announced, as the relay saw it last; counted up to 10000.",
            gauge=lambda: relay.backlog.decisions,
        )
        figures.watch("tidegate_desk_events_sent_total", help_text="Events of the desk sent.", gauge=lambda: relay.sent)
        figures.watch(
            "tidegate_desk_abandoned_total",
            help_text="Evaluations that were found abandoned here.",
            gauge=lambda: self.upkeep.done["abandoned"],
        )

    def probes(self) -> Mapping[str, Probe]:
        """Give what ``/readyz`` asks of the desk."""

        async def configuration() -> str | None:
            try:
                _ = self.keeper.rule_set
            except DependencyFailed as trouble:
                return str(trouble)
            failed = self.refresh.trouble
            return self.keeper.fault or (None if failed is None else str(failed))

        return {"desk_configuration": configuration}

    async def load(self, seed: DeskSeed | None) -> None:
        """Store the seed and load the configuration: after it the desk may decide.

        Raises:
            DependencyFailed: the store does not answer.
        """
        if seed is not None:
            await seed_desk(seed, self.configuration, new_id=self._ids.new, now_us=self._clock.now_us())
        await self.keeper.confirm()

    def jobs(self) -> list[asyncio.Task[None]]:
        """Start what runs by itself."""
        return [
            asyncio.create_task(self.refresh.run(), name="refresh the desk's configuration"),
            asyncio.create_task(self.relay.run(RelayPace()), name="relay of the desk"),
            asyncio.create_task(self.upkeep.run(), name="upkeep of the desk"),
        ]

    async def close(self) -> None:
        """Let what was begun end, and give up the relay."""
        await self.evaluation.drain(DRAIN_S)
        await self._outbox.close()


def limits_of(area: DeskArea) -> DeskLimits:
    """Give the limits of the workflow."""
    return DeskLimits(
        provider_budget_ms=area.provider_budget_ms,
        duplicate_window_ms=area.duplicate_window // _MILLISECOND,
        in_progress_timeout_ms=area.in_progress_timeout // _MILLISECOND,
        engine=version("tidegate"),
    )


@asynccontextmanager
async def open_desk(settings: Settings, around: DeskSurroundings) -> AsyncIterator[Desk]:
    """Open the desk with connections and providers of its own.

    Raises:
        DependencyFailed: the database does not answer.
        UnreadableSettings: the settings of a provider are not right.
    """
    async with AsyncExitStack() as stack:
        providers = await stack.enter_async_context(open_providers(settings))
        pool = await around.stores.pool.beside(connections_max=settings.desk.pool_max)
        stack.push_async_callback(pool.close)
        screening = await stack.enter_async_context(open_screening(pool))
        desk = Desk(settings, pool, providers={**providers, screening.name: screening}, around=around)
        stack.push_async_callback(desk.close)
        yield desk
