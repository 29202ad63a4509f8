"""What was answered, why, and whether the same would be answered again: from what was stored with it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tidegate.core.assessment.explain import Explanation, explain_decision
from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.risk_assessment import AssessmentStatus, ExternalCall, RiskAssessment
from tidegate.core.assessment.risk_rule import RiskRule
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.assessment.rule_set import RuleSet, RuleSetVersions, build_rule_set
from tidegate.core.assessment.verdict import Verdict
from tidegate.core.kernel.canonical_json import canonical_json
from tidegate.core.kernel.decimals import plain
from tidegate.core.rules.parse import Engines
from tidegate.ports.desk_configuration import RuleConfigurationRepository
from tidegate.ports.risk_assessments import AssessmentArchive, Repeat
from tidegate.usecases.assessment.snapshot import Circumscribed, read_snapshot, versions_read
from tidegate.usecases.assessment.stored_form import stored_members

_NAMES_OF_A_VERSION: Final = ("rule_id", "version")
"""What a draft's rules have not got."""

REPEATS_TOLD_MAX: Final = 200
"""Latest repeats that are told with an assessment."""


class EarlierRuleSets(Protocol):
    """The desk's rule sets of earlier versions."""

    async def rule_set_at(self, versions: RuleSetVersions) -> RuleSet:
        """Give the rule set of published versions.

        Raises:
            NotStored: one of them never was.
            InvalidRuleSet: it cannot be compiled by this release any more.
            DependencyFailed: the store does not answer.
        """


class NotMade(Exception):
    """The assessment is not COMPLETED: there is nothing to explain or to decide again."""


@dataclass(frozen=True, slots=True)
class History:
    """An assessment with the calls made for it and the latest requests that were answered with it."""

    assessment: RiskAssessment
    calls: Sequence[ExternalCall]
    repeats: Sequence[Repeat]


@dataclass(frozen=True, slots=True)
class DraftRuleSet:
    """What to decide by instead; a part that is None is as it was."""

    rules: Sequence[RiskRule] | None = None
    thresholds: Sequence[RiskThreshold] | None = None
    lists: Sequence[ManagedList] | None = None


@dataclass(frozen=True, slots=True)
class ReplayedAssessment:
    """A recorded verdict beside the one of today, as JSON values, compared byte for byte.

    ``differences`` names the fields that differ, rules as ``rules.<rule_code>``.
    """

    recorded: Mapping[str, object]
    replayed: Mapping[str, object]
    identical: bool
    differences: tuple[str, ...]


class LookBack:
    """Reads assessments, explains them and decides them again."""

    def __init__(
        self,
        archive: AssessmentArchive,
        rule_sets: EarlierRuleSets,
        *,
        configuration: RuleConfigurationRepository,
        engines: Engines,
    ) -> None:
        self._archive = archive
        self._rule_sets = rule_sets
        self._configuration = configuration
        self._engines = engines

    async def history(self, assessment: RiskAssessment) -> History:
        """Give an assessment with its calls and repeats.

        Raises:
            DependencyFailed: the store does not answer.
        """
        calls = await self._archive.calls(assessment.assessment_id)
        repeats = await self._archive.repeats(assessment.assessment_id, limit=REPEATS_TOLD_MAX)
        return History(assessment, calls, repeats)

    async def explain(self, assessment: RiskAssessment, *, language: str) -> Explanation:
        """Explain an assessment by the rules that it was made with; reasons in ``language`` where there are such.

        Raises:
            NotMade: it is not COMPLETED.
            NotStored: a version that it names is not there any more.
            InvalidRuleSet: its rules cannot be compiled by this release any more.
            DependencyFailed: the store does not answer.
        """
        made_on = _made_on(assessment)
        rule_set = await self._rule_sets.rule_set_at(versions_read(assessment.versions))
        # beside the requests: finding what would have changed a decision decides it some hundred times
        return await asyncio.to_thread(
            explain_decision, made_on.request, rule_set, circumstances=made_on.circumstances(), language=language
        )

    async def replay(self, assessment: RiskAssessment, *, draft: DraftRuleSet | None = None) -> ReplayedAssessment:
        """Decide again on the same: by the same versions, or by a draft.

        Raises:
            NotMade: it is not COMPLETED.
            NotStored: a version that it names is not there any more.
            InvalidRuleSet: the rules cannot be used; its faults point into the draft where that is at fault.
            DependencyFailed: the store does not answer.
        """
        made_on = _made_on(assessment)
        versions = versions_read(assessment.versions)
        if draft is None:
            rule_set = await self._rule_sets.rule_set_at(versions)
        else:
            rule_set = await self._drafted(draft, versions)
        verdict = await asyncio.to_thread(made_on.decide, rule_set)
        return _compared(_recorded(assessment), verdict, passing_over=() if draft is None else _NAMES_OF_A_VERSION)

    async def _drafted(self, draft: DraftRuleSet, versions: RuleSetVersions) -> RuleSet:
        was = await self._configuration.load_version(versions)
        return await asyncio.to_thread(
            build_rule_set,
            was.rules if draft.rules is None else draft.rules,
            was.thresholds if draft.thresholds is None else draft.thresholds,
            lists=was.lists if draft.lists is None else draft.lists,
            engines=self._engines,
        )


def _made_on(assessment: RiskAssessment) -> Circumscribed:
    if assessment.status is not AssessmentStatus.COMPLETED:
        raise NotMade
    return read_snapshot(assessment.input_data_snapshot)


def _recorded(assessment: RiskAssessment) -> Mapping[str, object]:
    return {**(assessment.answer or {}), "rules": assessment.rule_execution_log or []}


def _compared(recorded: Mapping[str, object], verdict: Verdict, *, passing_over: Collection[str]) -> ReplayedAssessment:
    replayed = verdict.as_json()
    then, now = _without(recorded, passing_over), _without(replayed, passing_over)
    identical = _written(then) == _written(now)
    differences = () if identical else _differences(then, now)
    # both in one order of members, so that whoever lays one beside the other sees what differs and nothing else
    return ReplayedAssessment(stored_members(recorded), stored_members(replayed), identical, differences)


def _without(verdict: Mapping[str, object], keys: Collection[str]) -> Mapping[str, object]:
    """Leave keys of rules out."""
    rules = verdict["rules"]
    assert isinstance(rules, list), "a verdict lists its rules"
    kept = [{key: value for key, value in rule.items() if key not in keys} for rule in rules]
    return {**verdict, "rules": kept}


def _differences(recorded: Mapping[str, object], replayed: Mapping[str, object]) -> tuple[str, ...]:
    found = [name for name in replayed if name != "rules" and _written(recorded.get(name)) != _written(replayed[name])]
    then, now = _by_code(recorded), _by_code(replayed)
    codes = [code for code in {**then, **now} if _written(then.get(code)) != _written(now.get(code))]
    return (*found, *(f"rules.{code}" for code in codes))


def _by_code(verdict: Mapping[str, object]) -> dict[str, object]:
    rules = verdict["rules"]
    assert isinstance(rules, list), "a verdict lists its rules"
    return {str(rule["rule_code"]): rule for rule in rules}


def _written(value: object) -> str:
    return canonical_json(value, number=plain)
