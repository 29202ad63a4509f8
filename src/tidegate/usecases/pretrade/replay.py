"""Decide a stored decision again, from its own evidence and the versions it names: does the same come out?"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

from tidegate.core.pretrade.capture import restore
from tidegate.core.pretrade.decide import decide
from tidegate.core.pretrade.dynamic_rules import RuleBook
from tidegate.core.pretrade.loading import build_ladders
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.rules import RiskRule
from tidegate.core.pretrade.snapshot import GateConfiguration
from tidegate.core.pretrade.verdict import Verdict
from tidegate.ports.configuration import MarginTiers, RiskRules
from tidegate.ports.configuration_watch import Area
from tidegate.ports.decision_journal import DecisionArchive, DecisionRecord
from tidegate.usecases.pretrade.answering import answer_of, duplicate_verdict

BuildRules = Callable[[Iterable[RiskRule]], RuleBook]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A stored decision beside what came out of deciding it again; ``differences`` names the fields that differ."""

    record: DecisionRecord
    verdict: Verdict
    differences: tuple[str, ...]


class Replayer:
    """Decides stored decisions again."""

    def __init__(
        self, archive: DecisionArchive, *, rules: RiskRules, tiers: MarginTiers, build_rules: BuildRules
    ) -> None:
        self._archive = archive
        self._rules = rules
        self._tiers = tiers
        self._build_rules = build_rules

    async def replay(self, decision_id: str) -> Replayed | None:
        """Decide one decision again; ``None`` when there is none of this id.

        Raises:
            DependencyFailed: the archive does not answer.
            NotStored: a version that the evidence names is not there any more.
        """
        record = await self._archive.get(decision_id)
        if record is None:
            return None
        if record.contradicts:
            verdict = duplicate_verdict(record.order)
        else:
            configuration = await self._configuration(record)
            verdict = decide(record.order, restore(record.order, record.evidence, configuration=configuration))
        return Replayed(record, verdict, tuple(_differences(record, verdict)))

    async def _configuration(self, record: DecisionRecord) -> GateConfiguration:
        versions = record.evidence.versions
        rules_version, tiers_version = versions.get(Area.RULES, 0), versions.get(Area.TIERS, 0)
        rules = await self._rules.load_version(rules_version) if rules_version else ()
        tiers = await self._tiers.load_version(tiers_version) if tiers_version else ()
        ladders, default = build_ladders(tiers)
        return GateConfiguration(record.evidence.settings, self._build_rules(rules), ladders, default, versions)


def _differences(record: DecisionRecord, verdict: Verdict) -> Iterable[str]:
    if verdict.reject_reason is None and record.answer.reject_reason is RejectReason.INTERNAL_ERROR:
        yield "decision"
        return
    again = answer_of(
        record.order,
        verdict,
        decision_id=record.answer.decision_id,
        now_us=record.answer.evaluated_at_us,
        reservation=record.reservation,
    )
    for field in fields(again):
        if getattr(again, field.name) != getattr(record.answer, field.name):
            yield field.name
    for field in fields(Metrics):
        if getattr(verdict.metrics, field.name) != getattr(record.metrics, field.name):
            yield f"metrics.{field.name}"
