"""What the desk's routes need, handed in by bootstrap."""

from dataclasses import dataclass
from typing import Protocol

from tidegate.core.assessment.request import AssessmentRequest
from tidegate.ports.clock import Ids
from tidegate.ports.desk_configuration import RuleConfigurationRepository, RuleReferences
from tidegate.ports.risk_assessments import AssessmentArchive, IdempotencyKey
from tidegate.usecases.assessment.evaluate import Evaluated
from tidegate.usecases.assessment.look_back import LookBack
from tidegate.usecases.assessment.rule_drafts import RuleDrafts


class Evaluates(Protocol):
    """What evaluates requests; ``RiskEvaluationService`` says what it raises."""

    async def evaluate(self, request: AssessmentRequest, *, key: IdempotencyKey | None = None) -> Evaluated:
        """Evaluate a request, or give what the same was answered before."""


@dataclass(frozen=True, slots=True)
class AssessmentDependencies:
    """Ports and use cases of evaluating and of looking back; ``ids`` names the traces of requests that name none."""

    evaluation: Evaluates
    archive: AssessmentArchive
    look_back: LookBack
    ids: Ids


@dataclass(frozen=True, slots=True)
class DeskDependencies:
    """Ports and use cases of the assessment desk.

    ``references`` tells which rules assessments still rest on; ``ids`` names new rows. Without ``assessments`` only the
    configuration is served.
    """

    configuration: RuleConfigurationRepository
    drafts: RuleDrafts
    references: RuleReferences
    ids: Ids
    assessments: AssessmentDependencies | None = None
