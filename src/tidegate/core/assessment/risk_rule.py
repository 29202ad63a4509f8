"""A rule of the desk as officers write it (source: table ``risk_rule``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tidegate.core.rules.scope import Scope

WEIGHT_MAX: Final = 1_000
"""Largest absolute weight; at the bound passes."""

RULE_CODE_CHARACTERS_MAX: Final = 128


class Category(StrEnum):
    """What kind of risk a rule looks at."""

    FRAUD = "FRAUD"
    CREDIT = "CREDIT"
    COMPLIANCE = "COMPLIANCE"


@dataclass(frozen=True, slots=True)
class RiskRule:
    """One version of a rule (the source's entity RiskRule).

    ``logic_config`` is JSON as ``core.rules.json_exact`` reads it, exactly as it was saved (a preset is not expanded
    here); ``weight`` is what a triggered rule adds to the score, -1000 to 1000; ``scope`` maps the request's field to
    the values that are in scope, a missing key means any. ``rule_id`` is a UUID as text, empty in files that name none.
    """

    rule_code: str
    category: Category
    weight: int
    logic_config: Mapping[str, object]
    scope: Scope
    is_active: bool = True
    rule_id: str = ""
    version: int = 1
