"""Rows of the desk for its contract suites; each builder states what its test is not about."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import uuid4

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.risk_rule import Category, RiskRule
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.rules.scope import Scope
from tidegate.core.rules.values import Scalar

NOBODY = "00000000-0000-4000-8000-000000000000"


def a_scope(**values: str) -> Scope:
    """A scope: its values parted by blanks."""
    return {key: frozenset(text.split()) for key, text in values.items()}


def a_desk_rule(
    code: str = "RULE_A",
    *,
    logic: Mapping[str, object] | None = None,
    scope: Scope | None = None,
    is_active: bool = True,
) -> RiskRule:
    """A rule with an id of its own."""
    written: Mapping[str, object] = {"when": {"field": "context_data.debt_ratio", "op": "gt", "value": Decimal("0.40")}}
    return RiskRule(
        rule_code=code,
        category=Category.CREDIT,
        weight=120,
        logic_config=written if logic is None else logic,
        scope=scope or {},
        is_active=is_active,
        rule_id=str(uuid4()),
    )


def naming(name: str) -> Mapping[str, object]:
    """The logic of a rule that names a managed list."""
    return {"when": {"all": [{"field": "country", "op": "in", "value": {"list": name}}]}}


def a_list(name: str = "high_risk", entries: Sequence[Scalar] = ("IR", "KP"), *, is_active: bool = True) -> ManagedList:
    """A managed list with an id of its own."""
    return ManagedList(name, tuple(entries), is_active, list_id=str(uuid4()))


def a_range(
    score_from: int,
    score_to: int,
    *,
    decision: Decision = Decision.APPROVED,
    scope: Scope | None = None,
    is_active: bool = True,
) -> RiskThreshold:
    """A range with an id of its own."""
    return RiskThreshold(score_from, score_to, decision, scope or {}, is_active, threshold_id=str(uuid4()))


def three_ranges(scope: Scope | None = None) -> list[RiskThreshold]:
    """Ranges that cover every score."""
    return [
        a_range(0, 299, scope=scope),
        a_range(300, 699, decision=Decision.MANUAL_REVIEW, scope=scope),
        a_range(700, 1000, decision=Decision.REJECTED, scope=scope),
    ]
