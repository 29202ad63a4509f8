"""What the routes of rules, thresholds and managed lists have in common: ETags, Locations, switching and deleting."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from starlette.responses import Response

from tidegate.inbound.rest.desk.matching import version_seen
from tidegate.inbound.rest.exact_json import ExactJson
from tidegate.inbound.rest.fields import Document
from tidegate.inbound.rest.operations import WITH_BODY, WRITERS, Operation, Success
from tidegate.inbound.rest.versions import etag
from tidegate.inbound.shared.faults import FaultCode
from tidegate.ports.stored import Kept

MOVING: Final = (FaultCode.NOT_FOUND, FaultCode.VERSION_MOVED)
"""Faults of a change of one row."""

COLLIDING: Final = (*MOVING, FaultCode.CONFLICT)
"""Faults of a change of one row that other rows may stand against."""

STORED_EXAMPLE: Final = {
    "is_active": True,
    "version": 1,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "changed_by": "ada",
}
"""What a row that was just created has beside what was sent."""


class Versioned(Protocol):
    """A row that knows its version."""

    @property
    def version(self) -> int:
        """The version that it is at."""


Row = TypeVar("Row", bound=Versioned)


class RowsById(Protocol[Row]):
    """An area of the configuration, as far as one row of it is read."""

    async def get(self, row_id: str, /) -> Kept[Row]:
        """Give one row."""


async def row_version_seen(rows: RowsById[Row], row_id: str, *, if_match: str | None) -> int | None:
    """Give the version that a change of a row must find; None when its caller takes any.

    Raises:
        RequestRefused: 412 when the header does not name the current version.
        NotStored: it names one, and there is no such row.
    """

    async def current() -> int:
        return (await rows.get(row_id)).row.version

    return await version_seen(if_match, current)


def versioned_answer(document: Document, version: int) -> Response:
    """Answer with a document whose ETag names the version that it shows."""
    return ExactJson(document.model_dump(), headers={"ETag": etag(version)})


def created_answer(document: Document, version: int, *, location: str) -> Response:
    """Answer with a row that was just created, and say where it can be read."""
    return ExactJson(document.model_dump(), status_code=201, headers={"ETag": etag(version), "Location": location})


def switch_operation(
    path: str, endpoint: Callable[..., Awaitable[Response]], *, summary: str, one: Success
) -> Operation:
    """Declare how a row is switched on and off."""
    faults = (*COLLIDING, *WITH_BODY)
    return Operation("PATCH", path, endpoint, summary, WRITERS, one, faults, {"is_active": False})


def delete_operation(path: str, endpoint: Callable[..., Awaitable[Response]], *, summary: str) -> Operation:
    """Declare how a row is deleted."""
    return Operation("DELETE", path, endpoint, summary, WRITERS, Success(None, None, status=204), COLLIDING)
