"""The draft rule set that an assessment is decided again by; a part that is left out is as it was."""

from typing import Annotated, Any, Final

from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError
from starlette.requests import Request

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.rules.limits import ACTIVE_RULES_MAX
from tidegate.inbound.rest.desk.fields import Entry, ScopeBody, Score, ScoreTo
from tidegate.inbound.rest.desk.rule_schemas import EXAMPLE_BODY, RuleBody
from tidegate.inbound.rest.fields import Body, Identifier, Omittable, Switch
from tidegate.inbound.rest.json_bodies import read_body
from tidegate.usecases.assessment.look_back import DraftRuleSet

DRAFT_RULE_ID: Final = ""
"""Drafts have no id."""


class DraftThreshold(Body):
    """A range of scores, both ends inclusive."""

    score_from: Score
    score_to: ScoreTo
    decision: Decision
    scope: ScopeBody = ScopeBody()
    is_active: Switch = True

    def threshold(self) -> RiskThreshold:
        """Give the threshold that is meant."""
        return RiskThreshold(self.score_from, self.score_to, self.decision, self.scope.scope(), self.is_active)


class DraftList(Body):
    """A managed list."""

    name: Identifier
    entries: list[Entry]
    is_active: Switch = True

    def managed(self) -> ManagedList:
        """Give the list that is meant."""
        return ManagedList(self.name, tuple(self.entries), self.is_active)


class DraftBody(Body):
    """What to decide by instead of the recorded versions."""

    rules: Annotated[list[RuleBody] | None, Omittable(), Field(max_length=ACTIVE_RULES_MAX)] = None
    thresholds: Annotated[list[DraftThreshold] | None, Omittable()] = None
    lists: Annotated[list[DraftList] | None, Omittable()] = None

    def draft(self) -> DraftRuleSet:
        """Give the draft that is meant."""
        rules, thresholds, lists = self.rules, self.thresholds, self.lists
        return DraftRuleSet(
            rules=None if rules is None else [each.rule(DRAFT_RULE_ID) for each in rules],
            thresholds=None if thresholds is None else [each.threshold() for each in thresholds],
            lists=None if lists is None else [each.managed() for each in lists],
        )


_EXAMPLE: Final = {"rules": [EXAMPLE_BODY], "thresholds": [{"score_from": 0, "score_to": 1000, "decision": "APPROVED"}]}
DRAFT_BODY: Final[dict[str, Any]] = {
    "required": False,
    "content": {"application/json": {"schema": DraftBody.model_json_schema(), "example": _EXAMPLE}},
}


async def read_draft(request: Request) -> DraftRuleSet | None:
    """Read the draft; None when there is no body.

    Raises:
        RequestRefused: the body cannot be read.
        RequestValidationError: fields of it are not right.
    """
    if "content-length" not in request.headers and "transfer-encoding" not in request.headers:
        return None
    if request.headers.get("content-length", "").strip() == "0":
        return None
    received = await read_body(request)
    value = await received.json()
    try:
        return DraftBody.model_validate(value).draft()
    except ValidationError as invalid:
        errors = [{**error, "loc": ("body", *error["loc"])} for error in invalid.errors()]
        raise RequestValidationError(errors, body=value) from None
