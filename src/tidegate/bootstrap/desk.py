"""Wires the assessment desk: its configuration, its workflow, its way back, and what runs by itself."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import Final

from tidegate.bootstrap.counted_providers import counted_providers
from tidegate.bootstrap.engines import rule_engines
from tidegate.bootstrap.providers import open_providers
from tidegate.bootstrap.screening import open_screening
from tidegate.bootstrap.surroundings import Jobs, Surroundings, end
from tidegate.bootstrap.system import RandomIds, SystemClock
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.desk_upkeep import DeskUpkeepJob
from tidegate.inbound.jobs.refresh import ConfigurationRefresh
from tidegate.inbound.rest.dependencies import Probe
from tidegate.inbound.rest.desk.counting import CountedEvaluation
from tidegate.inbound.rest.desk.dependencies import AssessmentDependencies, DeskDependencies
from tidegate.inbound.shared.figures import Figures
from tidegate.outbound.postgres.assessment_archive import PostgresAssessmentArchive, PostgresRuleReferences
from tidegate.outbound.postgres.assessment_repository import PostgresRiskAssessments
from tidegate.outbound.postgres.assessment_upkeep import PostgresAssessmentUpkeep
from tidegate.outbound.postgres.desk_configuration import PostgresDeskConfiguration
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.external_data import ExternalDataProviderClient
from tidegate.settings import DeskArea, Settings
from tidegate.usecases.assessment.collecting import OutsideData
from tidegate.usecases.assessment.configuration import DeskConfigurationKeeper
from tidegate.usecases.assessment.evaluate import DeskLimits, DeskStores, RiskEvaluationService, Wiring
from tidegate.usecases.assessment.look_back import LookBack
from tidegate.usecases.assessment.rule_drafts import RuleDrafts
from tidegate.usecases.assessment.seed import DeskSeed, seed_desk

_MILLISECOND: Final = timedelta(milliseconds=1)
DRAIN_S: Final = 3.0
"""What evaluations in flight are given at the end; it is more than the default budget of their outside calls."""


class Desk:
    """The assessment desk of one process. ``open_desk`` starts and stops it."""

    def __init__(
        self,
        settings: Settings,
        pool: PostgresPool,
        *,
        providers: Mapping[str, ExternalDataProviderClient],
        around: Surroundings,
    ) -> None:
        clock, ids, engines = SystemClock(), RandomIds(), rule_engines()
        self._clock, self._ids = clock, ids
        limits = limits_of(settings.desk)
        watch, report = around.stores.watch, around.reporter("desk")
        repository = around.tracing.assessments(PostgresRiskAssessments(pool))
        self.archive = PostgresAssessmentArchive(pool)
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
        self._jobs: Jobs = []
        self._figures = around.figures
        self._watch_gauges(around.figures)

    def dependencies(self) -> DeskDependencies:
        """Give what the desk's part of the API is made with."""
        counted = CountedEvaluation(self.evaluation, self._figures)
        assessments = AssessmentDependencies(counted, self.archive, self.look_back, self._ids)
        return DeskDependencies(self.configuration, self.drafts, self.references, self._ids, assessments)

    def _watch_gauges(self, figures: Figures) -> None:
        evaluation = self.evaluation
        figures.watch(
            "tidegate_desk_evaluations_running",
            help_text="Evaluations that were begun here and have not ended.",
            gauge=lambda: evaluation.running,
        )
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

    def start(self) -> Jobs:
        """Start what keeps the configuration fresh, and what ends evaluations that were abandoned."""
        self._jobs = [
            asyncio.create_task(self.refresh.run(), name="refresh the desk's configuration"),
            asyncio.create_task(self.upkeep.run(), name="upkeep of the desk"),
        ]
        return self._jobs

    async def stop(self) -> None:
        """Let what was begun end."""
        await self.evaluation.drain(DRAIN_S)
        await end(self._jobs)


def limits_of(area: DeskArea) -> DeskLimits:
    """Give the limits of the workflow."""
    return DeskLimits(
        provider_budget_ms=area.provider_budget_ms,
        duplicate_window_ms=area.duplicate_window // _MILLISECOND,
        in_progress_timeout_ms=area.in_progress_timeout // _MILLISECOND,
        engine=version("tidegate"),
    )


@asynccontextmanager
async def open_desk(settings: Settings, around: Surroundings) -> AsyncIterator[Desk]:
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
        clients = counted_providers({**providers, screening.name: screening}, around.figures)
        traced = {name: around.tracing.provider(client) for name, client in clients.items()}
        yield Desk(settings, pool, providers=traced, around=around)
