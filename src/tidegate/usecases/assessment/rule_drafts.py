"""Rules before they are saved: everything that is wrong with one, and what one would make of a request."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tidegate.core.assessment.explain import Circumstances, RuleExplanation, explain_decision
from tidegate.core.assessment.history import history_fields
from tidegate.core.assessment.logic import Logic, parse_logic
from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.moments import instant_at
from tidegate.core.assessment.outside import PastAssessment, ProviderAnswer
from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.assessment.risk_rule import RiskRule
from tidegate.core.assessment.rule_set import RuleSet, build_rule_set
from tidegate.core.assessment.verdict import RESERVED_CODES
from tidegate.core.rules.faults import InvalidRule, RuleFault
from tidegate.core.rules.parse import Engines
from tidegate.ports.desk_configuration import RuleConfigurationRepository


@dataclass(frozen=True, slots=True)
class Sample:
    """What a draft is tried on: a request, what providers would answer, the subject's past, and the time.

    ``past`` is of the request's subject; ``now_us`` is microseconds since 1970.
    """

    request: AssessmentRequest
    outside: Mapping[str, ProviderAnswer]
    past: Sequence[PastAssessment]
    now_us: int


class RuleDrafts:
    """Checks drafts of rules and tries them out; stores nothing."""

    def __init__(self, configuration: RuleConfigurationRepository, engines: Engines) -> None:
        self._configuration = configuration
        self._engines = engines

    async def checked(self, rule: RiskRule) -> Logic:
        """Check a rule as saving does and give its logic. The managed lists that it names must be there and active.

        Raises:
            InvalidRule: every fault, with pointers from the rule as it is sent (``/logic_config/when/all/0``).
            DependencyFailed: the lists cannot be read.
        """
        _, lists = await self._configuration.lists.load()
        return self._checked(rule, lists)

    async def try_out(self, rule: RiskRule, samples: Sequence[Sample]) -> list[RuleExplanation | None]:
        """Evaluate a draft on each sample, as if it were active; None where its scope leaves the request out.

        Raises:
            InvalidRule: as ``checked``.
            DependencyFailed: the lists cannot be read.
        """
        _, lists = await self._configuration.lists.load()
        self._checked(rule, lists)
        alone = build_rule_set([replace(rule, is_active=True)], [], lists=lists, engines=self._engines)
        # in a thread of its own: a hundred samples on a large rule take a while, and requests are answered meanwhile
        return await asyncio.to_thread(_explained, alone, samples)

    def _checked(self, rule: RiskRule, lists: Sequence[ManagedList]) -> Logic:
        faults: list[RuleFault] = []
        if rule.rule_code in RESERVED_CODES:
            message = "a reason code that the desk itself gives; choose another"
            faults.append(RuleFault("/rule_code", "reserved_code", message))
        try:
            names = {each.name for each in lists}
            logic = parse_logic(rule.logic_config, list_names=names, engines=self._engines)
        except InvalidRule as refusal:
            faults += (RuleFault(f"/logic_config{each.pointer}", each.code, each.message) for each in refusal.faults)
            raise InvalidRule(faults) from None
        if faults:
            raise InvalidRule(faults)
        return logic


def _explained(alone: RuleSet, samples: Sequence[Sample]) -> list[RuleExplanation | None]:
    found: list[RuleExplanation | None] = []
    for sample in samples:
        past = [row for row in sample.past if row.subject_id == sample.request.subject_id]
        history = history_fields(past, now_us=sample.now_us, windows=alone.windows)
        circumstances = Circumstances(sample.outside, history, instant_at(sample.now_us))
        explanation = explain_decision(sample.request, alone, circumstances=circumstances)
        found.append(next(iter(explanation.rules), None))
    return found
