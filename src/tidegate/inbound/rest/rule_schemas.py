"""Bodies and documents of risk rules."""

from decimal import Decimal
from typing import Annotated, Any, LiteralString, Self

from pydantic import BeforeValidator, ConfigDict, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from tidegate.core.kernel.decimals import plain
from tidegate.core.kernel.readings import Unreadable, instant_text, read_decimal
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.core.pretrade.rules import LIST_OPERATORS, Operator, RiskRule, RuleAction, Severity
from tidegate.core.rules.json_exact import read_json
from tidegate.core.rules.vocabularies import GATE_METRICS
from tidegate.inbound.rest.fields import (
    Body,
    DecimalOut,
    Document,
    Identifier,
    Omittable,
    PageQuery,
    Switch,
    SwitchText,
    TimeText,
)
from tidegate.ports.stored import Stored


class ManyThresholds(tuple[Decimal, ...]):
    """Thresholds that were given as a list."""

    __slots__ = ()


def _read_threshold(value: object) -> Decimal | ManyThresholds | None:
    if value is None:
        return None
    elements = [element for element in (value if isinstance(value, list) else [value]) if isinstance(element, str)]
    if len(elements) != (len(value) if isinstance(value, list) else 1):
        message: LiteralString = 'write numbers as text, such as "0.25", or a list of such texts'
        raise PydanticCustomError("decimal_text_type", message)
    try:
        numbers = [read_decimal(element) for element in elements]
    except Unreadable as unreadable:
        raise PydanticCustomError("decimal_text", "{reason}", {"reason": str(unreadable)}) from None
    return ManyThresholds(numbers) if isinstance(value, list) else numbers[0]


def _read_metric(value: object) -> object:
    if value is not None and value not in GATE_METRICS:
        known = ", ".join(GATE_METRICS)
        raise PydanticCustomError("unknown_metric", "must be one of {known}", {"known": known})
    return value


_NUMBER_SCHEMA: dict[str, Any] = {"type": "string", "maxLength": 38, "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"}
Threshold = Annotated[
    Any,
    BeforeValidator(_read_threshold),
    WithJsonSchema(
        {
            "anyOf": [
                _NUMBER_SCHEMA,
                {"type": "array", "items": _NUMBER_SCHEMA, "minItems": 1, "maxItems": 1000},
                {"type": "null"},
            ],
            "description": "A plain decimal as text; for IN, NOT_IN and BETWEEN a list of them.",
        }
    ),
]
Metric = Annotated[
    str | None,
    BeforeValidator(_read_metric),
    WithJsonSchema({"anyOf": [{"type": "string", "enum": list(GATE_METRICS)}, {"type": "null"}]}),
]
Condition = Annotated[
    dict[str, Any] | None,
    WithJsonSchema(
        {
            "anyOf": [{"type": "object"}, {"type": "null"}],
            "description": "A condition of the rule language instead of metric, operator and threshold.",
        }
    ),
]


class RuleDraft(Body):
    """A new rule: either metric, operator and threshold, or a condition. ``shadow`` records without deciding."""

    name: Identifier
    action: RuleAction
    severity: Severity = Severity.MEDIUM
    metric: Metric = None
    operator: Operator | None = None
    threshold: Threshold = None
    condition: Condition = None
    kyc_level: KycLevel | None = None
    symbol: Identifier | None = None
    active: Switch = True
    shadow: Switch = False


class RulePatch(Body):
    """What to change of a rule; what is left out stays. Null takes a narrowing, or the other form, away."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    name: Annotated[Identifier | None, Omittable()] = None
    action: Annotated[RuleAction | None, Omittable()] = None
    severity: Annotated[Severity | None, Omittable()] = None
    metric: Metric = None
    operator: Operator | None = None
    threshold: Threshold = None
    condition: Condition = None
    kyc_level: KycLevel | None = None
    symbol: Identifier | None = None
    active: Annotated[Switch | None, Omittable()] = None
    shadow: Annotated[Switch | None, Omittable()] = None

    @model_validator(mode="after")
    def _names_a_field(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing_to_change", "name at least one field to change")
        return self


class RuleQuery(PageQuery):
    """Filters of the rules: those narrowed to this symbol or level."""

    active: Annotated[SwitchText | None, Omittable()] = None
    symbol: Annotated[Identifier | None, Omittable()] = None
    kyc_level: Annotated[KycLevel | None, Omittable()] = None


class RuleDocument(Document):
    """A dynamic rule, at one version."""

    id: int
    name: str
    metric: str | None
    operator: Operator | None
    threshold: DecimalOut | list[DecimalOut] | None
    condition: dict[str, Any] | None
    severity: Severity
    action: RuleAction
    kyc_level: KycLevel | None
    symbol: str | None
    active: bool
    shadow: bool
    version: int
    created_at: TimeText
    updated_at: TimeText


class RulesDocument(Document):
    """A page of rules."""

    items: list[RuleDocument]
    next_cursor: str | None


def rule_document(stored: Stored[RiskRule]) -> RuleDocument:
    """Write a stored rule."""
    rule = stored.row
    return RuleDocument(
        id=stored.row_id,
        name=rule.name,
        metric=rule.metric,
        operator=rule.operator,
        threshold=_written_thresholds(rule),
        condition=condition_object(rule),
        severity=rule.severity,
        action=rule.action,
        kyc_level=rule.kyc_level,
        symbol=rule.symbol,
        active=rule.active,
        shadow=rule.shadow,
        version=stored.version,
        created_at=instant_text(stored.created_us),
        updated_at=instant_text(stored.updated_us),
    )


def condition_object(rule: RiskRule) -> dict[str, Any] | None:
    """Give the condition as JSON, numbers as Decimal."""
    condition = read_json(rule.condition) if rule.condition is not None else None
    return condition if isinstance(condition, dict) else None


def given_threshold(rule: RiskRule) -> Decimal | ManyThresholds | None:
    """Give the threshold of a stored rule as a draft would."""
    if not rule.thresholds:
        return None
    return ManyThresholds(rule.thresholds) if rule.operator in LIST_OPERATORS else rule.thresholds[0]


def _written_thresholds(rule: RiskRule) -> str | list[str] | None:
    given = given_threshold(rule)
    if isinstance(given, ManyThresholds):
        return [plain(threshold) for threshold in given]
    return None if given is None else plain(given)
