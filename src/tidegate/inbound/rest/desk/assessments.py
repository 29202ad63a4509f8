"""``/v1/assessments``: what was answered, on what and why, and whether it would be answered so again."""

from typing import Annotated, Final

from fastapi import Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from tidegate.core.assessment.explain import Explanation
from tidegate.core.assessment.risk_assessment import AssessmentStatus, RiskAssessment
from tidegate.core.assessment.rule_set import InvalidRuleSet
from tidegate.inbound.rest.desk.assessment_access import Assessing
from tidegate.inbound.rest.desk.assessment_schemas import (
    ASSESSMENT_EXAMPLE,
    DETAIL_EXAMPLE,
    REPLAY_EXAMPLE,
    AssessmentDetail,
    AssessmentQuery,
    AssessmentReplayDocument,
    AssessmentsDocument,
    detail_members,
    history_members,
)
from tidegate.inbound.rest.desk.dependencies import AssessmentDependencies
from tidegate.inbound.rest.desk.draft_bodies import DRAFT_BODY, read_draft
from tidegate.inbound.rest.exact_json import ExactJson
from tidegate.inbound.rest.fields import Body, Uuid
from tidegate.inbound.rest.operations import READERS, Operation, Success
from tidegate.inbound.rest.problems import FieldError, RequestRefused, require_range, unprocessable
from tidegate.inbound.shared.faults import FaultCode
from tidegate.ports.paging import PageRequest
from tidegate.ports.risk_assessments import AssessmentFilter
from tidegate.ports.stored import NotStored
from tidegate.usecases.assessment.look_back import History, NotMade
from tidegate.usecases.assessment.snapshot import UnreadableSnapshot

AssessmentId = Annotated[Uuid, Path(description="The assessment's id, a UUID.")]


class LanguageQuery(Body):
    """In which language the officers' reasons are told, where they are written in it."""

    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?$")] = "en"


async def list_assessments(assessing: Assessing, query: Annotated[AssessmentQuery, Query()]) -> Response:
    """List assessments, newest first."""
    require_range(query.from_us, query.to_us)
    wanted = AssessmentFilter(
        trace_id=query.trace_id,
        subject_id=query.subject_id,
        decision=query.decision,
        status=query.status,
        from_us=query.from_us,
        to_us=query.to_us,
    )
    page = await assessing.archive.page(PageRequest(query.limit, query.cursor), wanted)
    histories = [
        History(row, (), ()) if query.trace_id is None else await assessing.look_back.history(row) for row in page.items
    ]
    items = [history_members(history) for history in histories]
    return ExactJson({"items": items, "next_cursor": page.next_cursor})


async def get_assessment(
    assessing: Assessing, assessment_id: AssessmentId, *, query: Annotated[LanguageQuery, Query()]
) -> Response:
    """Read one assessment with its calls, what it was made on, and why it came out so."""
    assessment = await _found(assessing, assessment_id)
    explanation = await _explained(assessing, assessment, language=query.language)
    return ExactJson(detail_members(await assessing.look_back.history(assessment), explanation))


async def replay_assessment(request: Request, assessing: Assessing, *, assessment_id: AssessmentId) -> Response:
    """Decide an assessment again on the same: by the same versions, or by a draft that the body gives.

    Nothing is stored.
    """
    draft = await read_draft(request)
    assessment = await _found(assessing, assessment_id)
    try:
        replayed = await assessing.look_back.replay(assessment, draft=draft)
    except (NotMade, UnreadableSnapshot):
        raise RequestRefused(FaultCode.CONFLICT, "only a COMPLETED assessment can be decided again") from None
    except NotStored:
        raise RequestRefused(FaultCode.CONFLICT, "a version that it was made with is no longer kept") from None
    except InvalidRuleSet as invalid:
        if draft is None:
            raise RequestRefused(FaultCode.CONFLICT, "this release cannot use the rules it was made with") from None
        raise unprocessable(
            [
                FieldError(f"/{each.table}/{each.place}{each.fault.pointer}", each.fault.code, each.fault.message)
                for each in invalid.faults
            ]
        ) from None
    return ExactJson(
        {
            "assessment_id": assessment.assessment_id,
            "identical": replayed.identical,
            "recorded": replayed.recorded,
            "replayed": replayed.replayed,
            "differences": list(replayed.differences),
        }
    )


def operations() -> list[Operation]:
    """Give the operations on assessments. A replay stores nothing, so auditors may ask for it."""
    page = Success(AssessmentsDocument, {"items": [ASSESSMENT_EXAMPLE], "next_cursor": None})
    detail = Success(AssessmentDetail, DETAIL_EXAMPLE)
    replay = Success(AssessmentReplayDocument, REPLAY_EXAMPLE)
    path: Final = "/v1/assessments/{assessment_id}"
    unknown = (FaultCode.NOT_FOUND,)
    replay_faults = (*unknown, FaultCode.CONFLICT, FaultCode.TOO_LARGE, FaultCode.UNSUPPORTED_MEDIA_TYPE)
    return [
        Operation("GET", "/v1/assessments", list_assessments, "List assessments", READERS, page),
        Operation("GET", path, get_assessment, "Read an assessment and why it came out so", READERS, detail, unknown),
        Operation(
            "POST",
            f"{path}/replay",
            replay_assessment,
            "Decide an assessment again",
            READERS,
            replay,
            replay_faults,
            extra={"requestBody": DRAFT_BODY},
        ),
    ]


async def _found(assessing: AssessmentDependencies, assessment_id: str) -> RiskAssessment:
    assessment = await assessing.archive.get(assessment_id)
    if assessment is None:
        raise RequestRefused(FaultCode.NOT_FOUND, f"there is no assessment {assessment_id}")
    return assessment


async def _explained(
    assessing: AssessmentDependencies, assessment: RiskAssessment, *, language: str
) -> Explanation | None:
    if assessment.status is not AssessmentStatus.COMPLETED:
        return None
    try:
        return await assessing.look_back.explain(assessment, language=language)
    except (NotStored, InvalidRuleSet, UnreadableSnapshot):
        return None
