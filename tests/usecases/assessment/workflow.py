"""The desk's workflow over the memory twins, with providers, a clock and a store that do as they are told."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from tests.core.assessment.builders import NOW_US, a_request, a_rule, answered, ranges
from tests.core.rules.builders import ENGINES

from tidegate.core.assessment.outside import ProviderAnswer
from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.assessment.risk_assessment import ExternalCall, RiskAssessment
from tidegate.core.assessment.risk_rule import RiskRule
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.assessment.rule_set import RuleSet, RuleSetVersions, build_rule_set
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.memory.assessments import MemoryAssessmentArchive, MemoryRiskAssessments
from tidegate.ports.external_data import ProviderCall, ProviderResult
from tidegate.ports.paging import PageRequest
from tidegate.ports.risk_assessments import (
    AssessmentClaim,
    AssessmentFilter,
    Breakdown,
    ClaimOutcome,
    ClaimTerms,
    Completion,
    IdempotencyKey,
    Repeat,
)
from tidegate.usecases.assessment.collecting import OutsideData
from tidegate.usecases.assessment.evaluate import DeskLimits, DeskStores, RiskEvaluationService, Wiring

S = 1_000_000
LIMITS = DeskLimits(
    provider_budget_ms=2_000, duplicate_window_ms=3_600_000, in_progress_timeout_ms=5_000, engine="1.2.3"
)
SHORT = replace(LIMITS, provider_budget_ms=60, in_progress_timeout_ms=100)


@dataclass
class FakeClock:
    """A clock that stands until it is set."""

    us: int = NOW_US

    def now_us(self) -> int:
        return self.us


class CountedIds:
    """UUIDs in a row."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new(self) -> str:
        return f"00000000-0000-4000-8000-{next(self._numbers):012x}"


class FakeProvider:
    """A provider that answers, breaks, or is held back until it is let go."""

    def __init__(self, name: str, answer: ProviderAnswer | None = None, *, billed: bool = False) -> None:
        self.name = name
        self.billed = billed
        self.answer = answered(found=True) if answer is None else answer
        self.breaks: Exception | None = None
        self.asked: list[ProviderCall] = []
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.cancelled = 0

    async def fetch(self, call: ProviderCall) -> ProviderResult:
        self.asked.append(call)
        self.begun.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.breaks is not None:
            raise self.breaks
        return ProviderResult(self.answer, 12, raw_response={"raw": self.name}, cost_micros=5 if self.billed else 0)


class StubbornProvider(FakeProvider):
    """A provider that does not let itself be cancelled."""

    async def fetch(self, call: ProviderCall) -> ProviderResult:
        while not self.may_end.is_set():
            try:
                await self.may_end.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
        return ProviderResult(self.answer, 12)


class Store(MemoryRiskAssessments):
    """The memory twin, with failures on demand; what is asked of it is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.fails: dict[str, int] = {}
        self.written_all_the_same = False
        self.claimed = 0
        self._claims_more = asyncio.Event()
        self.logged: list[ExternalCall] = []
        self.completed = asyncio.Event()

    async def claim(
        self, claim: AssessmentClaim, *, terms: ClaimTerms, key: IdempotencyKey | None = None
    ) -> ClaimOutcome:
        self.claimed += 1
        self._claims_more.set()
        if self.written_all_the_same:
            await super().claim(claim, terms=terms, key=key)
        self._trouble("claim")
        return await super().claim(claim, terms=terms, key=key)

    async def complete(self, completion: Completion) -> None:
        self._trouble("complete")
        await super().complete(completion)
        self.completed.set()

    async def fail(self, breakdown: Breakdown) -> None:
        self._trouble("fail")
        await super().fail(breakdown)

    async def record_repeat(self, repeat: Repeat) -> None:
        self._trouble("repeat")
        await super().record_repeat(repeat)

    async def log_billed_call(self, call: ExternalCall) -> None:
        self._trouble("log")
        self.logged.append(call)
        await super().log_billed_call(call)

    async def claims_reach(self, number: int) -> None:
        """Wait until that many claims were asked for."""
        async with asyncio.timeout(5):
            while self.claimed < number:
                self._claims_more.clear()
                await self._claims_more.wait()

    def _trouble(self, what: str) -> None:
        if self.fails.get(what):
            self.fails[what] -= 1
            raise DependencyFailed("postgres", "away")


class FakeRuleSets:
    """The configuration in use, changed by hand; every version stays at hand."""

    def __init__(self, rules: Sequence[RiskRule], thresholds: Sequence[RiskThreshold]) -> None:
        self.versions: dict[RuleSetVersions, RuleSet] = {}
        self.use(rules, thresholds)

    def use(self, rules: Sequence[RiskRule], thresholds: Sequence[RiskThreshold]) -> None:
        """Publish the next version."""
        versions = RuleSetVersions(len(self.versions) + 1, 1, 0)
        named = [replace(rule, rule_id=f"rule-{rule.rule_code}") for rule in rules]
        self.rule_set = build_rule_set(named, thresholds, engines=ENGINES, versions=versions)
        self.versions[versions] = self.rule_set

    async def rule_set_at(self, versions: RuleSetVersions) -> RuleSet:
        return self.versions[versions]


class Workflow:
    """One process of the desk. ``beside`` gives another on the same store."""

    def __init__(
        self,
        rules: Sequence[RiskRule] = (),
        *,
        providers: Sequence[FakeProvider] = (),
        limits: DeskLimits = LIMITS,
        store: Store | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.ids = CountedIds()
        self.alarms: list[Exception] = []
        self.store = Store() if store is None else store
        self.archive = MemoryAssessmentArchive(self.store)
        self.rule_sets = FakeRuleSets(rules or [a_rule("FIRES")], ranges(300, 700))
        self.providers: Mapping[str, FakeProvider] = {provider.name: provider for provider in providers}
        self.limits = limits
        self.outside = OutsideData(self.providers, self.store, clock=self.clock, ids=self.ids, alarm=self.alarms.append)
        self.service = RiskEvaluationService(
            DeskStores(self.store, self.archive),
            self.rule_sets,
            outside=self.outside,
            limits=limits,
            wiring=Wiring(self.clock, self.ids, self.alarms.append),
        )

    def beside(self) -> "Workflow":
        """Give another process on the same store, with ids, clock and configuration of this one."""
        other = Workflow(providers=tuple(self.providers.values()), limits=self.limits, store=self.store)
        other.clock, other.ids, other.rule_sets = self.clock, self.ids, self.rule_sets
        other.service = RiskEvaluationService(
            DeskStores(self.store, self.archive),
            self.rule_sets,
            outside=OutsideData(self.providers, self.store, clock=self.clock, ids=self.ids, alarm=self.alarms.append),
            limits=self.limits,
            wiring=Wiring(self.clock, self.ids, self.alarms.append),
        )
        return other

    async def rows(self) -> Sequence[RiskAssessment]:
        """Give all assessments, newest first."""
        return (await self.archive.page(PageRequest(200), AssessmentFilter())).items

    async def only_row(self) -> RiskAssessment:
        """Give the one assessment that there is."""
        (row,) = await self.rows()
        return row


def asking(provider: str, **fields: object) -> RiskRule:
    """Give a rule that fires when a provider found something."""
    when = {"field": f"providers.{provider}.found", "op": "eq", "value": True}
    return a_rule(f"ASKS_{provider.upper()}", {"when": when, "providers": [provider]}, **fields)


def traced(number: int, **fields: object) -> AssessmentRequest:
    """Give a request with the n-th trace."""
    return a_request(trace_id=f"22222222-0000-4000-8000-{number:012x}", **fields)
