"""``/v1/thresholds``: which scores mean which decision, scope by scope; sound after every write."""

from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import Field
from starlette.responses import Response

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.risk_threshold import SCORE_MAX, RiskThreshold
from tidegate.core.assessment.thresholds import threshold_faults
from tidegate.core.kernel.readings import instant_text
from tidegate.inbound.rest.dependencies import By, Desk
from tidegate.inbound.rest.desk.fields import (
    ScopeBody,
    ScopedRowsQuery,
    ScopeOut,
    Score,
    ScoreTo,
    StatusChange,
    scope_filter,
    scope_out,
)
from tidegate.inbound.rest.desk.matching import version_seen
from tidegate.inbound.rest.desk.stored_rows import (
    MOVING,
    STORED_EXAMPLE,
    created_answer,
    delete_operation,
    row_version_seen,
    switch_operation,
    versioned_answer,
)
from tidegate.inbound.rest.fields import Body, Document, Switch, TimeText, Uuid
from tidegate.inbound.rest.operations import READERS, WITH_BODY, WRITERS, Operation, Success
from tidegate.inbound.rest.problems import FieldError, RequestRefused, unprocessable
from tidegate.inbound.rest.versions import IfMatch
from tidegate.inbound.shared.faults import FaultCode
from tidegate.ports.paging import PageRequest
from tidegate.ports.stored import Conflict, Kept

PATH: Final = "/v1/thresholds"

ThresholdId = Annotated[Uuid, Path(description="The threshold's id, a UUID.")]


class RangeBody(Body):
    """A range of scores, both ends included, and what they decide."""

    score_from: Score
    score_to: ScoreTo
    decision: Decision


class ThresholdBody(RangeBody):
    """A range of one scope; ``is_active`` is true when it is left out."""

    scope: ScopeBody
    is_active: Switch = True

    def threshold(self, threshold_id: str) -> RiskThreshold:
        """Give the threshold that is meant."""
        return RiskThreshold(
            self.score_from, self.score_to, self.decision, self.scope.scope(), self.is_active, threshold_id
        )


class ScopeRangesBody(Body):
    """All ranges of one scope: they cover 0 to 1000 without overlap or gap, or there are none."""

    scope: ScopeBody
    ranges: Annotated[list[RangeBody], Field(max_length=SCORE_MAX + 1)]


class ThresholdDocument(Document):
    """A range of one scope, at one version; ``changed_by`` made this version."""

    id: str
    score_from: int
    score_to: int
    decision: Decision
    scope: ScopeOut
    is_active: bool
    version: int
    created_at: TimeText
    updated_at: TimeText
    changed_by: str


class ThresholdsDocument(Document):
    """A page of thresholds, in the order of their creation."""

    items: list[ThresholdDocument]
    next_cursor: str | None


class ScopeRangesDocument(Document):
    """All ranges of a scope that were put."""

    items: list[ThresholdDocument]


BODY_EXAMPLE: Final = {"score_from": 0, "score_to": 1000, "decision": "MANUAL_REVIEW", "scope": {"country": ["LI"]}}
SCOPE_EXAMPLE: Final = {
    "scope": {"product_type": ["CONSUMER_CREDIT"]},
    "ranges": [
        {"score_from": 0, "score_to": 299, "decision": "APPROVED"},
        {"score_from": 300, "score_to": 699, "decision": "MANUAL_REVIEW"},
        {"score_from": 700, "score_to": 1000, "decision": "REJECTED"},
    ],
}
EXAMPLE: Final = {
    "id": "5b0f3c52-1b7a-4a6e-8f0e-3f1a2b4c5d6e",
    **BODY_EXAMPLE,
    **STORED_EXAMPLE,
}


async def list_thresholds(desk: Desk, query: Annotated[ScopedRowsQuery, Query()]) -> Response:
    """List thresholds in the order of their creation; the ETag may be sent back with PUT /v1/thresholds."""
    # Asked for first: a page that is younger than its ETag is refused later, one that is older would not be.
    version, _ = await desk.configuration.thresholds.load()
    page = await desk.configuration.thresholds.page(
        PageRequest(query.limit, query.cursor), is_active=query.is_active, scope=scope_filter(query)
    )
    document = ThresholdsDocument(items=[_document(kept) for kept in page.items], next_cursor=page.next_cursor)
    return versioned_answer(document, version)


async def get_threshold(desk: Desk, threshold_id: ThresholdId) -> Response:
    """Read one threshold; its ETag may be sent back with a change of it."""
    return _answer(await desk.configuration.thresholds.get(threshold_id))


async def create_threshold(desk: Desk, by: By, *, draft: ThresholdBody) -> Response:
    """Create a threshold: one active range of its scope covers every score alone; PUT takes several at once."""
    try:
        kept = await desk.configuration.thresholds.create(draft.threshold(desk.ids.new()), by=by)
    except Conflict as conflict:
        raise _unsound(conflict) from None
    return created_answer(_document(kept), kept.row.version, location=f"{PATH}/{kept.row.threshold_id}")


async def put_thresholds(desk: Desk, by: By, *, wanted: ScopeRangesBody, if_match: IfMatch = None) -> Response:
    """Replace all ranges of one scope in one call, inactive ones too; none leaves the scope without thresholds."""
    scope = wanted.scope.scope()
    thresholds = [
        RiskThreshold(each.score_from, each.score_to, each.decision, scope, threshold_id=desk.ids.new())
        for each in wanted.ranges
    ]
    faults = threshold_faults(thresholds)
    if faults:
        raise unprocessable([FieldError(f"/ranges/{each.places[0]}", each.code, each.message) for each in faults])

    async def current() -> int:
        return (await desk.configuration.thresholds.load())[0]

    version = await version_seen(if_match, current)
    try:
        published, rows = await desk.configuration.thresholds.replace_scope(scope, thresholds, version=version, by=by)
    except Conflict as conflict:
        raise unprocessable([FieldError("/scope", "unsound", fault) for fault in conflict.faults]) from None
    document = ScopeRangesDocument(items=[_document(kept) for kept in rows])
    return versioned_answer(document, published)


async def replace_threshold(
    desk: Desk, by: By, *, threshold_id: ThresholdId, draft: ThresholdBody, if_match: IfMatch = None
) -> Response:
    """Replace a threshold by another version, whole."""
    version = await row_version_seen(desk.configuration.thresholds, threshold_id, if_match=if_match)
    try:
        threshold = draft.threshold(threshold_id)
        return _answer(await desk.configuration.thresholds.replace(threshold, version=version, by=by))
    except Conflict as conflict:
        raise _unsound(conflict) from None


async def switch_threshold(
    desk: Desk, by: By, *, threshold_id: ThresholdId, change: StatusChange, if_match: IfMatch = None
) -> Response:
    """Switch a threshold on or off, where that leaves its scope sound."""
    version = await row_version_seen(desk.configuration.thresholds, threshold_id, if_match=if_match)
    kept = await desk.configuration.thresholds.set_active(threshold_id, change.is_active, version=version, by=by)
    return _answer(kept)


async def delete_threshold(desk: Desk, by: By, *, threshold_id: ThresholdId, if_match: IfMatch = None) -> Response:
    """Delete a threshold, where that leaves its scope sound; its versions stay."""
    version = await row_version_seen(desk.configuration.thresholds, threshold_id, if_match=if_match)
    await desk.configuration.thresholds.delete(threshold_id, version=version, by=by)
    return Response(status_code=204)


def operations() -> list[Operation]:
    """Give the operations on thresholds."""
    one = Success(ThresholdDocument, EXAMPLE, etag=True)
    created = Success(ThresholdDocument, EXAMPLE, status=201, etag=True, location=True)
    page = Success(ThresholdsDocument, {"items": [EXAMPLE], "next_cursor": None}, etag=True)
    ranges = Success(ScopeRangesDocument, {"items": [EXAMPLE]}, etag=True)
    item = f"{PATH}/{{threshold_id}}"
    putting = (FaultCode.VERSION_MOVED, *WITH_BODY)
    return [
        Operation("GET", PATH, list_thresholds, "List thresholds", READERS, page),
        Operation("POST", PATH, create_threshold, "Create a threshold", WRITERS, created, WITH_BODY, BODY_EXAMPLE),
        Operation("PUT", PATH, put_thresholds, "Put all ranges of a scope", WRITERS, ranges, putting, SCOPE_EXAMPLE),
        Operation("GET", item, get_threshold, "Read a threshold", READERS, one, (FaultCode.NOT_FOUND,)),
        Operation(
            "PUT", item, replace_threshold, "Replace a threshold", WRITERS, one, (*MOVING, *WITH_BODY), BODY_EXAMPLE
        ),
        switch_operation(f"{item}/status", switch_threshold, summary="Switch a threshold on or off", one=one),
        delete_operation(item, delete_threshold, summary="Delete a threshold"),
    ]


def _unsound(conflict: Conflict) -> RequestRefused:
    return unprocessable([FieldError("", "unsound", fault) for fault in conflict.faults])


def _answer(kept: Kept[RiskThreshold]) -> Response:
    return versioned_answer(_document(kept), kept.row.version)


def _document(kept: Kept[RiskThreshold]) -> ThresholdDocument:
    threshold = kept.row
    return ThresholdDocument(
        id=threshold.threshold_id,
        score_from=threshold.score_from,
        score_to=threshold.score_to,
        decision=threshold.decision,
        scope=scope_out(threshold.scope),
        is_active=threshold.is_active,
        version=threshold.version,
        created_at=instant_text(kept.created_us),
        updated_at=instant_text(kept.updated_us),
        changed_by=kept.changed_by,
    )
