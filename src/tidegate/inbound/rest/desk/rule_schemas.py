"""Bodies and documents of the desk's rules."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.logic import OnUnknown
from tidegate.core.assessment.outside import CallStatus
from tidegate.core.assessment.risk_rule import Category, RiskRule
from tidegate.core.assessment.risk_threshold import SCORE_MAX
from tidegate.core.kernel.readings import instant_text
from tidegate.inbound.rest.desk.fields import ScopeBody, ScopedRowsQuery, ScopeOut, Weight, scope_out
from tidegate.inbound.rest.fields import (
    IN_BODY,
    Body,
    Document,
    Identifier,
    InstantUs,
    Omittable,
    Switch,
    TimeText,
)
from tidegate.ports.stored import Kept

SAMPLES_MAX = 100
"""Samples that one call tries a draft on (at the bound passes)."""

HISTORY_MAX = 1_000

LogicConfig = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "description": (
                'A condition of the rule language ({"when", "params", "providers", "on_unknown", "outcome", "reason"}) '
                'or a preset with its parameters ({"type": "country_in", "countries": [...]}).'
            ),
        }
    ),
]


class RuleBody(Body):
    """A rule. ``weight`` is what it adds to the score when it triggers; ``is_active`` is true when it is left out."""

    rule_code: Identifier
    category: Category
    weight: Weight
    logic_config: LogicConfig
    scope: ScopeBody
    is_active: Switch = True

    def rule(self, rule_id: str) -> RiskRule:
        """Give the rule that is meant."""
        return RiskRule(
            rule_code=self.rule_code,
            category=self.category,
            weight=self.weight,
            logic_config=self.logic_config,
            scope=self.scope.scope(),
            is_active=self.is_active,
            rule_id=rule_id,
        )


class RulesQuery(ScopedRowsQuery):
    """Filters of the rules."""

    category: Annotated[Category | None, Omittable()] = None


class DeskRuleDocument(Document):
    """A rule of the desk, at one version; ``changed_by`` made this version."""

    id: str
    rule_code: str
    category: Category
    weight: int
    logic_config: dict[str, Any]
    scope: ScopeOut
    is_active: bool
    version: int
    created_at: TimeText
    updated_at: TimeText
    changed_by: str


class DeskRulesDocument(Document):
    """A page of rules, in the order of their creation."""

    items: list[DeskRuleDocument]
    next_cursor: str | None


class CheckedRuleDocument(Document):
    """What a rule that may be saved does: the fields, managed lists and providers that it reads, and its defaults."""

    valid: bool
    fields: list[str]
    lists: list[str]
    providers: list[str]
    on_unknown: OnUnknown
    outcome: Decision | None


class PastBody(Body):
    """An earlier COMPLETED assessment of the sample's subject."""

    created_at: InstantUs
    decision: Decision
    risk_score: Annotated[int, Field(ge=0, le=SCORE_MAX), IN_BODY]


class SampleBody(Body):
    """What a draft is tried on.

    ``request`` is what would be sent to be evaluated. ``providers``: by name the adapted answer, or
    ``{"failure": "timeout"}`` or ``{"failure": "failure"}``; one that is not there was not called. ``now`` is the time
    of the call when it is left out.
    """

    request: Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]
    providers: Annotated[
        dict[str, dict[str, Any]],
        WithJsonSchema({"type": "object", "additionalProperties": {"type": "object"}}),
    ] = Field(default_factory=dict)
    history: Annotated[list[PastBody], Field(max_length=HISTORY_MAX)] = Field(default_factory=list)
    now: Annotated[InstantUs | None, Omittable()] = None


class TrialBody(Body):
    """A draft and the samples it is tried on; its ``is_active`` plays no part."""

    rule: RuleBody
    samples: Annotated[list[SampleBody], Field(min_length=1, max_length=SAMPLES_MAX)]


class LeafDocument(Document):
    """One leaf of a condition: what was expected, what was found. ``field`` is null for a CEL expression."""

    pointer: str
    field: str | None
    op: str
    expected: Any
    actual: Any
    result: str


class TriedDocument(Document):
    """What a draft made of one sample.

    ``result`` and all that follows are null or empty when the draft's scope leaves the request out. ``contribution`` is
    what it would have added to the score.
    """

    in_scope: bool
    result: str | None = None
    contribution: int = 0
    reason: str = ""
    sentences: list[str] = Field(default_factory=list)
    leaves: list[LeafDocument] = Field(default_factory=list)


class TrialDocument(Document):
    """A draft's results, a sample each, in their order."""

    results: list[TriedDocument]


FAILURES = {"timeout": CallStatus.TIMEOUT, "failure": CallStatus.FAILURE}


def rule_document(kept: Kept[RiskRule]) -> DeskRuleDocument:
    """Write a stored rule."""
    rule = kept.row
    return DeskRuleDocument(
        id=rule.rule_id,
        rule_code=rule.rule_code,
        category=rule.category,
        weight=rule.weight,
        logic_config=dict(rule.logic_config),
        scope=scope_out(rule.scope),
        is_active=rule.is_active,
        version=rule.version,
        created_at=instant_text(kept.created_us),
        updated_at=instant_text(kept.updated_us),
        changed_by=kept.changed_by,
    )


EXAMPLE_BODY: dict[str, Any] = {
    "rule_code": "RULE_HIGH_DEBT_RATIO",
    "category": "CREDIT",
    "weight": 120,
    "logic_config": {
        "when": {"field": "context_data.debt_ratio", "op": "gt", "value": "0.40"},
        "on_unknown": "review",
        "reason": {"en": "the debt ratio is high", "de": "die Verschuldung ist hoch"},
    },
    "scope": {"country": ["CH", "LI"], "product_type": ["CONSUMER_CREDIT"]},
}
