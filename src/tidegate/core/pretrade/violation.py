"""One violated check, with both numbers: the same record feeds reply, audit, console and documents."""

from dataclasses import dataclass

from tidegate.core.kernel.quick import quickly_made
from tidegate.core.pretrade.reasons import Action, RejectReason


@quickly_made
@dataclass(frozen=True, slots=True)
class Violation:
    """What was observed against which limit, in which unit, and what it does to the decision.

    ``observed`` and ``limit`` are plain decimals or words; empty when there is none. ``rule_id``/``rule_version``
    name the dynamic rule that was hit.
    """

    code: RejectReason
    message: str
    metric: str = ""
    observed: str = ""
    limit: str = ""
    unit: str = ""
    rule_id: str = ""
    rule_version: int = 0
    action: Action = Action.REJECT
