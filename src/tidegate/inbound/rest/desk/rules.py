"""``/v1/rules``: the desk's rules, checked whole before they are saved, a new version with each change."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import Path, Query
from starlette.responses import Response

from tidegate.core.assessment.explain import RuleExplanation
from tidegate.core.assessment.logic import Logic
from tidegate.core.assessment.outside import CallStatus, PastAssessment, ProviderAnswer
from tidegate.core.assessment.request_checks import InvalidRequest, checked_request
from tidegate.core.assessment.risk_rule import Category, RiskRule
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.rules.faults import InvalidRule, RuleFault, pointer_to
from tidegate.core.rules.tree import FieldRef, Leaf, leaves_of
from tidegate.inbound.rest.dependencies import Admin, By, Desk
from tidegate.inbound.rest.desk.dependencies import DeskDependencies
from tidegate.inbound.rest.desk.fields import StatusChange, scope_filter
from tidegate.inbound.rest.desk.rule_schemas import (
    EXAMPLE_BODY,
    FAILURES,
    CheckedRuleDocument,
    DeskRuleDocument,
    DeskRulesDocument,
    LeafDocument,
    RuleBody,
    RulesQuery,
    SampleBody,
    TrialBody,
    TrialDocument,
    TriedDocument,
    rule_document,
)
from tidegate.inbound.rest.desk.stored_rows import (
    MOVING,
    STORED_EXAMPLE,
    created_answer,
    delete_operation,
    row_version_seen,
    switch_operation,
    versioned_answer,
)
from tidegate.inbound.rest.exact_json import ExactJson
from tidegate.inbound.rest.fields import Uuid
from tidegate.inbound.rest.operations import READERS, WITH_BODY, WRITERS, Operation, Success
from tidegate.inbound.rest.problems import FieldError, RequestRefused, unprocessable
from tidegate.inbound.rest.versions import IfMatch
from tidegate.inbound.shared.faults import FaultCode
from tidegate.ports.desk_configuration import RuleFilter
from tidegate.ports.desk_storable import lists_named
from tidegate.ports.paging import PageRequest
from tidegate.ports.stored import Kept
from tidegate.usecases.assessment.rule_drafts import Sample

PATH: Final = "/v1/rules"

_FAILURE_FORM: Final = '{"failure": "timeout"} or {"failure": "failure"}'

RuleId = Annotated[Uuid, Path(description="The rule's id, a UUID.")]

RULE_EXAMPLE: Final = {
    "id": "0d9f6a3e-8c41-4b7e-9a55-6f1f0c1d2e3f",
    **EXAMPLE_BODY,
    **STORED_EXAMPLE,
}
CHECKED_EXAMPLE: Final = {
    "valid": True,
    "fields": ["context_data.debt_ratio"],
    "lists": [],
    "providers": [],
    "on_unknown": "review",
    "outcome": None,
}
TRIAL_BODY: Final = {
    "rule": EXAMPLE_BODY,
    "samples": [
        {
            "request": {
                "subject_id": "customer-17",
                "source_system": "lt-kyc-service",
                "country": "CH",
                "product_type": "CONSUMER_CREDIT",
                "risk_category": "RETAIL",
                "context_data": {"debt_ratio": "0.47"},
            },
            "providers": {"zefix": {"failure": "timeout"}},
            "history": [{"created_at": "2026-01-01T00:00:00Z", "decision": "APPROVED", "risk_score": 45}],
            "now": "2026-01-02T00:00:00Z",
        }
    ],
}
TRIAL_EXAMPLE: Final = {
    "results": [
        {
            "in_scope": True,
            "result": "TRUE",
            "contribution": 120,
            "reason": "the debt ratio is high",
            "sentences": ["debt ratio 0.47 is above 0.40"],
            "leaves": [
                {
                    "pointer": "/when",
                    "field": "context_data.debt_ratio",
                    "op": "gt",
                    "expected": "0.40",
                    "actual": "0.47",
                    "result": "TRUE",
                }
            ],
        }
    ]
}


async def list_rules(desk: Desk, query: Annotated[RulesQuery, Query()]) -> Response:
    """List rules in the order of their creation."""
    wanted = RuleFilter(query.category, query.is_active, scope_filter(query))
    page = await desk.configuration.rules.page(PageRequest(query.limit, query.cursor), wanted)
    items = [rule_document(kept) for kept in page.items]
    return ExactJson(DeskRulesDocument(items=items, next_cursor=page.next_cursor).model_dump())


async def get_rule(desk: Desk, rule_id: RuleId) -> Response:
    """Read one rule; its ETag may be sent back with a change."""
    return _answer(await desk.configuration.rules.get(rule_id))


async def create_rule(desk: Desk, by: By, *, draft: RuleBody) -> Response:
    """Create a rule; it is checked whole, and each fault points at its field or leaf."""
    rule = draft.rule(desk.ids.new())
    await _check(desk, rule)
    kept = await desk.configuration.rules.create(rule, by=by)
    return created_answer(rule_document(kept), kept.row.version, location=f"{PATH}/{kept.row.rule_id}")


async def replace_rule(desk: Desk, by: By, *, rule_id: RuleId, draft: RuleBody, if_match: IfMatch = None) -> Response:
    """Replace a rule by another version, whole; used on every replica within a second."""
    version = await row_version_seen(desk.configuration.rules, rule_id, if_match=if_match)
    rule = draft.rule(rule_id)
    await _check(desk, rule)
    return _answer(await desk.configuration.rules.replace(rule, version=version, by=by))


async def switch_rule(
    desk: Desk, by: By, *, rule_id: RuleId, change: StatusChange, if_match: IfMatch = None
) -> Response:
    """Switch a rule on or off; nothing else of it changes."""
    version = await row_version_seen(desk.configuration.rules, rule_id, if_match=if_match)
    kept = await desk.configuration.rules.set_active(rule_id, change.is_active, version=version, by=by)
    return _answer(kept)


async def delete_rule(desk: Desk, by: By, *, rule_id: RuleId, if_match: IfMatch = None) -> Response:
    """Delete a rule that no assessment rests on any more; its versions stay, so that replays can be made."""
    version = await row_version_seen(desk.configuration.rules, rule_id, if_match=if_match)
    await desk.configuration.rules.get(rule_id)
    if await desk.references.in_use(rule_id, by.at_us):
        detail = "an assessment in progress, or inside the duplicate window, was made by it: switch it off instead"
        raise RequestRefused(FaultCode.CONFLICT, detail)
    await desk.configuration.rules.delete(rule_id, version=version, by=by)
    return Response(status_code=204)


async def validate_rule(desk: Desk, draft: RuleBody) -> Response:
    """Check a rule as saving it would, without storing anything: 422 names every fault.

    Whether the rule_code is free is seen when the rule is saved.
    """
    rule = draft.rule("")
    logic = await _check(desk, rule)
    leaves = [leaf for leaf in leaves_of(logic.condition) if isinstance(leaf, Leaf)]
    paths = {leaf.field for leaf in leaves}
    paths |= {leaf.expected.path for leaf in leaves if isinstance(leaf.expected, FieldRef)}
    document = CheckedRuleDocument(
        valid=True,
        fields=sorted(paths),
        lists=sorted(lists_named(rule.logic_config)),
        providers=sorted(logic.providers),
        on_unknown=logic.on_unknown,
        outcome=logic.outcome,
    )
    return ExactJson(document.model_dump())


async def try_rule(admin: Admin, desk: Desk, *, trial: TrialBody) -> Response:
    """Try a draft on sample inputs and explain what it makes of each; nothing is stored and no provider is called."""
    errors: list[FieldError] = []
    samples = [
        _sample(sample, f"/samples/{place}", now_us=admin.clock.now_us(), errors=errors)
        for place, sample in enumerate(trial.samples)
    ]
    rule = trial.rule.rule("")
    try:
        tried = await desk.drafts.try_out(rule, [sample for sample in samples if sample is not None])
    except InvalidRule as invalid:
        errors += _errors(invalid.faults, below="/rule")
        tried = []
    if errors:
        raise unprocessable(errors)
    return ExactJson(TrialDocument(results=[_tried(each) for each in tried]).model_dump())


async def errors_in_logic(desk: DeskDependencies, body: object) -> list[FieldError]:
    """Name what is wrong with the logic in a body that is refused for other fields already."""
    trial = isinstance(body, Mapping) and "rule" in body
    draft = body["rule"] if isinstance(body, Mapping) and trial else body
    logic = draft.get("logic_config") if isinstance(draft, Mapping) else None
    if not isinstance(logic, Mapping):
        return []
    try:
        await desk.drafts.checked(RiskRule("unnamed", Category.CREDIT, 0, logic, scope={}))
    except InvalidRule as invalid:
        return _errors(invalid.faults, below="/rule" if trial else "")
    except DependencyFailed:
        return []  # what is wrong already is answer enough
    return []


def operations() -> list[Operation]:
    """Give the operations on rules."""
    one = Success(DeskRuleDocument, RULE_EXAMPLE, etag=True)
    created = Success(DeskRuleDocument, RULE_EXAMPLE, status=201, etag=True, location=True)
    page = Success(DeskRulesDocument, {"items": [RULE_EXAMPLE], "next_cursor": None})
    item = f"{PATH}/{{rule_id}}"
    changing = (FaultCode.CONFLICT, *WITH_BODY)
    return [
        Operation("GET", PATH, list_rules, "List rules", READERS, page),
        Operation("POST", PATH, create_rule, "Create a rule", WRITERS, created, changing, EXAMPLE_BODY),
        Operation(
            "POST",
            f"{PATH}/validate",
            validate_rule,
            "Check a rule",
            WRITERS,
            Success(CheckedRuleDocument, CHECKED_EXAMPLE),
            WITH_BODY,
            EXAMPLE_BODY,
        ),
        Operation(
            "POST",
            f"{PATH}/test",
            try_rule,
            "Try a rule out",
            WRITERS,
            Success(TrialDocument, TRIAL_EXAMPLE),
            WITH_BODY,
            TRIAL_BODY,
        ),
        Operation("GET", item, get_rule, "Read a rule", READERS, one, (FaultCode.NOT_FOUND,)),
        Operation("PUT", item, replace_rule, "Replace a rule", WRITERS, one, (*MOVING, *changing), EXAMPLE_BODY),
        switch_operation(f"{item}/status", switch_rule, summary="Switch a rule on or off", one=one),
        delete_operation(item, delete_rule, summary="Delete a rule"),
    ]


def _answer(kept: Kept[RiskRule]) -> Response:
    return versioned_answer(rule_document(kept), kept.row.version)


async def _check(desk: DeskDependencies, rule: RiskRule) -> Logic:
    try:
        return await desk.drafts.checked(rule)
    except InvalidRule as invalid:
        raise unprocessable(_errors(invalid.faults)) from None


def _errors(faults: Sequence[RuleFault], *, below: str = "") -> list[FieldError]:
    return [FieldError(f"{below}{fault.pointer}", fault.code, fault.message) for fault in faults]


def _sample(body: SampleBody, pointer: str, *, now_us: int, errors: list[FieldError]) -> Sample | None:
    """Read a sample; what is wrong with it is noted, and there is none then."""
    before = len(errors)
    outside = dict(_answers(body.providers, f"{pointer}/providers", errors=errors))
    try:
        request = checked_request(body.request)
    except InvalidRequest as invalid:
        errors += _errors(invalid.faults, below=f"{pointer}/request")
        return None
    if len(errors) > before:
        return None
    past = [PastAssessment(request.subject_id, row.created_at, row.decision, row.risk_score) for row in body.history]
    return Sample(request, outside, past, now_us=body.now if body.now is not None else now_us)


def _answers(
    providers: Mapping[str, Mapping[str, Any]], pointer: str, *, errors: list[FieldError]
) -> Iterator[tuple[str, ProviderAnswer]]:
    for name, answer in providers.items():
        failure = answer.get("failure")
        if set(answer) != {"failure"}:
            yield name, ProviderAnswer(CallStatus.SUCCESS, answer)
        elif isinstance(failure, str) and failure in FAILURES:
            yield name, ProviderAnswer(FAILURES[failure], {})
        else:
            place = pointer_to(pointer_to(pointer, name), "failure")
            errors.append(FieldError(place, "bad_choice", f"a provider that failed is {_FAILURE_FORM}"))


def _tried(explanation: RuleExplanation | None) -> TriedDocument:
    if explanation is None:
        return TriedDocument(in_scope=False)
    return TriedDocument(
        in_scope=True,
        result=explanation.result.value,
        contribution=explanation.contribution,
        reason=explanation.reason,
        sentences=list(explanation.sentences),
        leaves=[LeafDocument.model_validate(leaf.as_json()) for leaf in explanation.leaves],
    )
