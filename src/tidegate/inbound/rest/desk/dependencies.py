"""What the desk's routes need, handed in by bootstrap."""

from dataclasses import dataclass

from tidegate.ports.clock import Ids
from tidegate.ports.desk_configuration import RuleConfigurationRepository, RuleReferences
from tidegate.usecases.assessment.rule_drafts import RuleDrafts


@dataclass(frozen=True, slots=True)
class DeskDependencies:
    """Ports and use cases of the assessment desk.

    ``references`` tells which rules assessments still rest on; ``ids`` names new rows.
    """

    configuration: RuleConfigurationRepository
    drafts: RuleDrafts
    references: RuleReferences
    ids: Ids
