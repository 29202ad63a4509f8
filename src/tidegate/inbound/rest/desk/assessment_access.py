"""What the routes of assessments need, handed in by bootstrap."""

from typing import Annotated

from fastapi import Depends, Request

from tidegate.inbound.rest.dependencies import dependencies_of
from tidegate.inbound.rest.desk.dependencies import AssessmentDependencies


def assessments_of(request: Request) -> AssessmentDependencies:
    """Give what the routes were made with."""
    desk = dependencies_of(request).desk
    assert desk is not None, "the routes are there only with it"
    assert desk.assessments is not None, "the routes are there only with it"
    return desk.assessments


async def assessing_of(request: Request) -> AssessmentDependencies:
    """Give the same to a route."""
    return assessments_of(request)


Assessing = Annotated[AssessmentDependencies, Depends(assessing_of)]
