"""The desk that the demo plays on: the real API and workflow over the memory twins, the stand-ins over real sockets."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
from rich.console import Console
from tests.inbound.rest.admin import Admin, token_for
from tests.inbound.shared.tokens import FakeClock

from tidegate.bootstrap.engines import rule_engines
from tidegate.bootstrap.providers import open_providers
from tidegate.core.assessment.outside import CallStatus, ProviderAnswer
from tidegate.core.assessment.reading_request import request_lookup
from tidegate.demo.desk_book import Applicant
from tidegate.demo.desk_client import DeskTokens, RestDesk
from tidegate.demo.desk_floor import DeskFloor
from tidegate.demo.desk_play import DeskPerformance, DeskStage, provider_settings
from tidegate.demo.desk_rows import CREDIT, ONBOARDING_FILE, ShippedRows, shipped_rows
from tidegate.demo.desk_show import DeskShow, DeskSummary
from tidegate.demo.stub_providers.server import StubProviders
from tidegate.inbound.jobs.refresh import ConfigurationRefresh
from tidegate.inbound.rest.desk.dependencies import AssessmentDependencies, DeskDependencies
from tidegate.inbound.rest.server import AdminServer, listen
from tidegate.outbound.memory.assessments import (
    MemoryAssessmentArchive,
    MemoryRiskAssessments,
    MemoryRuleReferences,
)
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas, MemoryConfigurationWatch
from tidegate.outbound.memory.desk_configuration import MemoryDeskConfiguration
from tidegate.ports.external_data import ExternalDataProviderClient, ProviderCall, ProviderResult
from tidegate.settings import Settings
from tidegate.usecases.assessment.collecting import OutsideData
from tidegate.usecases.assessment.configuration import DeskConfigurationKeeper
from tidegate.usecases.assessment.evaluate import DeskLimits, DeskStores, RiskEvaluationService, Wiring
from tidegate.usecases.assessment.look_back import LookBack
from tidegate.usecases.assessment.rule_drafts import RuleDrafts

LIMITS = DeskLimits(provider_budget_ms=2_000, duplicate_window_ms=86_400_000, in_progress_timeout_ms=10_000, engine="t")
A_CREDIT_RULE = {
    "rule_code": "CRD-OVERDRAWN",
    "category": "CREDIT",
    "weight": 500,
    "scope": {"product_type": [CREDIT]},
    "logic_config": {"type": "value_in", "field": "context_data.checking_status", "values": ["A11", "A99"]},
}
A_SCORECARD = ShippedRows(
    rules=[A_CREDIT_RULE],
    thresholds=[
        {"score_from": 0, "score_to": 299, "decision": "APPROVED", "scope": {"product_type": [CREDIT]}},
        {"score_from": 300, "score_to": 1_000, "decision": "REJECTED", "scope": {"product_type": [CREDIT]}},
    ],
    lists={},
)
PEOPLE = (
    Applicant("p-1", {"checking_status": "A14", "duration": 12}, repaid=True),
    Applicant("p-2", {"checking_status": "A11", "duration": 48}, repaid=False),
    Applicant("p-3", {"checking_status": "A12", "duration": 24}),
)


class RandomIds:
    """Ids that were never given before."""

    def new(self) -> str:
        return str(uuid4())


@dataclass
class LettersScreening:
    """``screening`` that takes names of the same letters for the same."""

    name: str = "screening"
    billed: bool = False
    lists: dict[str, list[str]] = field(default_factory=dict)

    async def import_list(self, name: str, content: bytes) -> None:
        self.lists[name] = [_letters(row["name"]) for row in json.loads(content)]

    async def fetch(self, call: ProviderCall) -> ProviderResult:
        checks, look = call.parameters["checks"], request_lookup(call.request, outside={}, history={})
        assert isinstance(checks, Sequence)
        scores = {check["key"]: {"score": self._score(look(check["field"]), check["lists"])} for check in checks}
        return ProviderResult(ProviderAnswer(CallStatus.SUCCESS, {"found": True, "checks": scores}), latency_ms=0)

    def _score(self, value: object, lists: Sequence[str]) -> Decimal:
        wanted = _letters(value) if isinstance(value, str) else ""
        return Decimal(any(wanted in self.lists.get(name, ()) for name in lists))


def _letters(name: str) -> str:
    """The letters of a name but those of its shortest words, sorted."""
    words = "".join(char if char.isalpha() else " " for char in name.casefold()).split()
    return "".join(sorted("".join(word for word in words if len(word) > 2)))


@dataclass
class DeskHouse:
    """A desk that serves, and what the demo's part on it is played with."""

    wired: "Wired"
    configuration: MemoryDeskConfiguration
    stubs: StubProviders
    stage: DeskStage
    desk: RestDesk
    screen: io.StringIO = field(default_factory=io.StringIO)

    def performance_of(self, desk: RestDesk) -> DeskPerformance:
        """The part, played through these tokens."""
        floor = DeskFloor(desk, DeskShow(Console(file=self.screen)), run=self.stage.run)
        return DeskPerformance(desk, desk, floor=floor, stage=self.stage)

    def another_run(self, run: str) -> "DeskHouse":
        """The same house, played in under another name."""
        return replace(self, stage=replace(self.stage, run=run))

    async def played(self) -> DeskSummary:
        """Prepare and play."""
        performance = self.performance_of(self.desk)
        await performance.prepare()
        summary = await performance.play()
        assert not self.wired.troubles
        return summary


@asynccontextmanager
async def a_desk_house(folder: Path, **changes: Any) -> AsyncIterator[DeskHouse]:
    """A house on free ports; ``changes`` are of the stage."""
    configuration, screening = MemoryDeskConfiguration(areas := MemoryConfigurationAreas()), LettersScreening()
    stubs = await StubProviders().start()
    settings = Settings(data={"dir": folder}, **provider_settings(stubs))  # type: ignore[arg-type]  # areas by name
    try:
        async with open_providers(settings) as providers:
            clients = {**providers, "screening": screening}
            house = wired(configuration, MemoryConfigurationWatch(areas), providers=clients)
            async with _served(house) as url, aiohttp.ClientSession() as session:
                stage = DeskStage(
                    rest_url=url,
                    token=token_for,
                    stubs=stubs,
                    import_list=screening.import_list,
                    shipped=(shipped_rows(ONBOARDING_FILE), A_SCORECARD),
                    applicants=PEOPLE,
                    run="t",
                )
                tokens = DeskTokens(*(token_for(f"RISK_{role}") for role in ("EVALUATOR", "ADMIN", "AUDITOR")))
                desk = RestDesk(session, url, tokens=tokens)
                yield DeskHouse(house, configuration, stubs, replace(stage, **changes), desk)
    finally:
        await stubs.stop()


@dataclass(frozen=True, slots=True)
class Wired:
    """The API of a desk in memory, what keeps its configuration fresh, and the defects that it was told of."""

    admin: Admin
    assessments: MemoryRiskAssessments
    refresh: ConfigurationRefresh
    troubles: list[object]


def wired(
    configuration: MemoryDeskConfiguration,
    watch: MemoryConfigurationWatch,
    *,
    providers: Mapping[str, ExternalDataProviderClient],
) -> Wired:
    """Wire the API on a desk in memory."""
    troubles: list[object] = []
    clock, ids, engines = FakeClock(), RandomIds(), rule_engines()
    assessments = MemoryRiskAssessments()
    archive = MemoryAssessmentArchive(assessments)
    keeper = DeskConfigurationKeeper(configuration, watch, engines=engines, clock=clock, report=troubles.append)
    evaluation = RiskEvaluationService(
        DeskStores(assessments, archive),
        keeper,
        outside=OutsideData(providers, assessments, clock=clock, ids=ids, alarm=troubles.append),
        limits=LIMITS,
        wiring=Wiring(clock, ids, troubles.append),
    )
    look_back = LookBack(archive, keeper, configuration=configuration, engines=engines)
    references = MemoryRuleReferences(assessments, duplicate_window_us=LIMITS.terms.duplicate_window_us)
    served = AssessmentDependencies(evaluation, archive, look_back, ids)
    desk = DeskDependencies(configuration, RuleDrafts(configuration, engines), references, ids, served)
    return Wired(Admin(desk=desk), assessments, ConfigurationRefresh(keeper, watch), troubles)


@asynccontextmanager
async def _served(house: Wired) -> AsyncIterator[str]:
    listener = listen("127.0.0.1", 0)
    refreshing = asyncio.create_task(house.refresh.run())
    server = await AdminServer.start(house.admin.app, listener=listener)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        refreshing.cancel()
        await asyncio.gather(refreshing, return_exceptions=True)
        await server.stop()
        listener.close()
