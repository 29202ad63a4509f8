"""What the routes of assessments need, handed in by bootstrap."""

from typing import Annotated

from fastapi import Depends

from tidegate.inbound.rest.dependencies import Desk
from tidegate.inbound.rest.desk.dependencies import AssessmentDependencies


async def assessing_of(desk: Desk) -> AssessmentDependencies:
    """Give what the routes were made with."""
    assert desk.assessments is not None, "the routes are there only with it"
    return desk.assessments


Assessing = Annotated[AssessmentDependencies, Depends(assessing_of)]
