"""``/v1/risk-rules``: dynamic rules, checked before they are saved, a new version with each change."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path, Query
from starlette.responses import Response

from tidegate.core.pretrade.rules import LIST_OPERATORS, RiskRule, RuleAction
from tidegate.core.rules.json_exact import write_json
from tidegate.inbound.rest.dependencies import Admin, AdminDependencies, By
from tidegate.inbound.rest.exact_json import ExactJson
from tidegate.inbound.rest.fields import RowId
from tidegate.inbound.rest.operations import READERS, WITH_BODY, WITH_VERSION, WRITERS, Operation, Success
from tidegate.inbound.rest.problems import FieldError, unprocessable
from tidegate.inbound.rest.rule_schemas import (
    ManyThresholds,
    RuleDocument,
    RuleDraft,
    RulePatch,
    RuleQuery,
    RulesDocument,
    condition_object,
    given_threshold,
    rule_document,
)
from tidegate.inbound.rest.versions import IfMatch, check_match, etag, required_match
from tidegate.inbound.shared.faults import FaultCode
from tidegate.ports.paging import PageRequest
from tidegate.ports.stored import Stored

RuleId = Annotated[RowId, Path(description="The rule's id.")]

RULE_BODY = {
    "name": "big-market-order",
    "metric": "order_notional",
    "operator": "GT",
    "threshold": "250000",
    "severity": "HIGH",
    "action": "WARN",
    "symbol": "BTCUSDT",
}
RULE_EXAMPLE = {
    "id": 7,
    **RULE_BODY,
    "condition": None,
    "kyc_level": None,
    "active": True,
    "shadow": False,
    "version": 1,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
}


async def list_risk_rules(admin: Admin, query: Annotated[RuleQuery, Query()]) -> Response:
    """List rules by row id."""
    request = PageRequest(query.limit, query.cursor)
    page = await admin.rules.page(request, active=query.active, symbol=query.symbol, kyc_level=query.kyc_level)
    items = [rule_document(stored) for stored in page.items]
    return ExactJson(RulesDocument(items=items, next_cursor=page.next_cursor).model_dump())


async def get_risk_rule(admin: Admin, rule_id: RuleId) -> Response:
    """Read one rule; its ETag is needed to change it."""
    return _answer(await admin.rules.get(rule_id))


async def create_risk_rule(admin: Admin, by: By, *, draft: RuleDraft) -> Response:
    """Create a rule; it is checked whole, and each fault points at its field or leaf."""
    stored = await admin.rules.create(_checked_rule(admin, dict(draft)), by=by)
    headers = {"ETag": etag(stored.version), "Location": f"/v1/risk-rules/{stored.row_id}"}
    return ExactJson(rule_document(stored).model_dump(), status_code=201, headers=headers)


async def patch_risk_rule(
    admin: Admin, by: By, *, rule_id: RuleId, patch: RulePatch, if_match: IfMatch = None
) -> Response:
    """Publish a new version of a rule; used on every replica within a second."""
    match = required_match(if_match)
    current = await admin.rules.get(rule_id)
    check_match(match, current.version)
    changed = {name: getattr(patch, name) for name in patch.model_fields_set}
    rule = _checked_rule(admin, _fields_of(current.row) | changed)
    return _answer(await admin.rules.replace(rule_id, rule, version=current.version, by=by))


def errors_in_condition(admin: AdminDependencies, body: object) -> list[FieldError]:
    """Name what is wrong with a condition in a body that is refused for other fields already."""
    condition = body.get("condition") if isinstance(body, Mapping) else None
    if not isinstance(condition, Mapping):
        return []
    rule = RiskRule("", "unnamed", RuleAction.WARN, condition=write_json(condition))
    return _rule_errors(admin, rule)


def operations() -> list[Operation]:
    """Give the operations on risk rules."""
    one = Success(RuleDocument, RULE_EXAMPLE, etag=True)
    page = Success(RulesDocument, {"items": [RULE_EXAMPLE], "next_cursor": None})
    created = Success(RuleDocument, RULE_EXAMPLE, status=201, etag=True, location=True)
    changing = (FaultCode.CONFLICT, *WITH_BODY)
    return [
        Operation("GET", "/v1/risk-rules", list_risk_rules, "List risk rules", READERS, page),
        Operation(
            "POST", "/v1/risk-rules", create_risk_rule, "Create a risk rule", WRITERS, created, changing, RULE_BODY
        ),
        Operation(
            "GET", "/v1/risk-rules/{rule_id}", get_risk_rule, "Read a risk rule", READERS, one, (FaultCode.NOT_FOUND,)
        ),
        Operation(
            "PATCH",
            "/v1/risk-rules/{rule_id}",
            patch_risk_rule,
            "Change a risk rule",
            WRITERS,
            one,
            (FaultCode.NOT_FOUND, *changing, *WITH_VERSION),
            {"threshold": "300000", "shadow": True},
        ),
    ]


def _answer(stored: Stored[RiskRule]) -> Response:
    return ExactJson(rule_document(stored).model_dump(), headers={"ETag": etag(stored.version)})


def _fields_of(rule: RiskRule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "action": rule.action,
        "severity": rule.severity,
        "metric": rule.metric,
        "operator": rule.operator,
        "threshold": given_threshold(rule),
        "condition": condition_object(rule),
        "kyc_level": rule.kyc_level,
        "symbol": rule.symbol,
        "active": rule.active,
        "shadow": rule.shadow,
    }


def _checked_rule(admin: AdminDependencies, fields: Mapping[str, Any]) -> RiskRule:
    threshold, condition = fields["threshold"], fields["condition"]
    errors = _form_errors(fields)
    many = isinstance(threshold, ManyThresholds)
    rule = RiskRule(
        rule_id="",
        name=fields["name"],
        action=fields["action"],
        severity=fields["severity"],
        metric=fields["metric"],
        operator=fields["operator"],
        thresholds=tuple(threshold) if many else () if threshold is None else (threshold,),
        condition=None if condition is None else write_json(condition),
        kyc_level=fields["kyc_level"],
        symbol=fields["symbol"],
        active=fields["active"],
        shadow=fields["shadow"],
    )
    if not errors or condition is not None:
        errors += _rule_errors(admin, rule)
    if errors:
        raise unprocessable(errors)
    return rule


def _form_errors(fields: Mapping[str, Any]) -> list[FieldError]:
    compared = ("metric", "operator", "threshold")
    if fields["condition"] is not None:
        detail = "a rule with a condition has none: leave it out, or set it to null"
        return [FieldError(f"/{name}", "not_with_condition", detail) for name in compared if fields[name] is not None]
    missing = [name for name in compared if fields[name] is None]
    if missing:
        detail = "a rule has metric, operator and threshold, or a condition"
        return [FieldError(f"/{name}", "missing", detail) for name in missing]
    if (fields["operator"] in LIST_OPERATORS) != isinstance(fields["threshold"], ManyThresholds):
        detail = "IN, NOT_IN and BETWEEN take a list of numbers, the other operators one number"
        return [FieldError("/threshold", "threshold_form", detail)]
    return []


def _rule_errors(admin: AdminDependencies, rule: RiskRule) -> list[FieldError]:
    return [FieldError(fault.pointer, fault.code, fault.message) for fault in admin.rule_faults(rule)]
