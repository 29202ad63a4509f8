"""Lost updates: the ETag of a row is its version, and a change must name it in If-Match (RFC 9110)."""

from typing import Annotated

from fastapi import Header

from tidegate.inbound.rest.problems import RequestRefused
from tidegate.inbound.shared.faults import FaultCode

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description='The ETag that was read, such as "3"; "*" takes any version.'),
]


def etag(version: int) -> str:
    """Give the entity tag of a version."""
    return f'"{version}"'


def required_match(if_match: str | None) -> str:
    """Give the header of a change that must have one.

    Raises:
        RequestRefused: 428 when it is not there.
    """
    if if_match is None:
        raise RequestRefused(
            FaultCode.PRECONDITION_REQUIRED, "send If-Match with the ETag of what you read, so that no update is lost"
        )
    return if_match


def check_match(if_match: str, current: int) -> None:
    """Pass when the header names the current version, or ``*``; a weak tag never matches.

    Raises:
        RequestRefused: 412 otherwise, with the current ETag.
    """
    named = {tag.strip() for tag in if_match.split(",")}
    if "*" not in named and etag(current) not in named:
        raise version_moved(current)


def version_moved(current: int) -> RequestRefused:
    """Make the refusal of a change that saw another version."""
    return RequestRefused(
        FaultCode.VERSION_MOVED,
        f"it is at version {current} now: read it again and decide anew",
        headers={"ETag": etag(current)},
    )
