"""A range of scores and what it decides (source: entity RiskThreshold)."""

from dataclasses import dataclass
from typing import Final

from tidegate.core.assessment.decision import Decision
from tidegate.core.rules.scope import Scope

SCORE_MIN: Final = 0
SCORE_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class RiskThreshold:
    """``score_from`` and ``score_to`` are inclusive, 0 to 1000; ``scope`` as in a rule. ``threshold_id`` is a UUID."""

    score_from: int
    score_to: int
    decision: Decision
    scope: Scope
    is_active: bool = True
    threshold_id: str = ""
    version: int = 1
