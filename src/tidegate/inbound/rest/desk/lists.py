"""``/v1/lists``: lists of values that rules name."""

from typing import Annotated, Any, Final

from fastapi import Path, Query
from starlette.responses import Response

from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.kernel.readings import instant_text
from tidegate.inbound.rest.dependencies import By, Desk
from tidegate.inbound.rest.desk.fields import Entry, StatusChange
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
from tidegate.inbound.rest.fields import (
    Body,
    Document,
    Identifier,
    Omittable,
    PageQuery,
    Switch,
    SwitchText,
    TimeText,
    Uuid,
)
from tidegate.inbound.rest.operations import READERS, WITH_BODY, WRITERS, Operation, Success
from tidegate.inbound.rest.versions import IfMatch
from tidegate.inbound.shared.faults import FaultCode
from tidegate.ports.paging import PageRequest
from tidegate.ports.stored import Kept

PATH: Final = "/v1/lists"

ListId = Annotated[Uuid, Path(description="The list's id, a UUID.")]


class ListBody(Body):
    """A managed list: texts, numbers and booleans. ``is_active`` is true when it is left out."""

    name: Identifier
    entries: list[Entry]
    is_active: Switch = True

    def managed_list(self, list_id: str) -> ManagedList:
        """Give the list that is meant."""
        return ManagedList(self.name, tuple(self.entries), self.is_active, list_id=list_id)


class ListsQuery(PageQuery):
    """Filters of the lists."""

    is_active: Annotated[SwitchText | None, Omittable()] = None
    name: Annotated[Identifier | None, Omittable()] = None


class ListDocument(Document):
    """A managed list, at one version; ``changed_by`` made this version."""

    id: str
    name: str
    entries: list[Any]
    is_active: bool
    version: int
    created_at: TimeText
    updated_at: TimeText
    changed_by: str


class ListsDocument(Document):
    """A page of lists, in the order of their creation."""

    items: list[ListDocument]
    next_cursor: str | None


BODY_EXAMPLE: Final = {"name": "banned_countries", "entries": ["IR", "KP"]}
EXAMPLE: Final = {
    "id": "9c1d2e3f-4a5b-4c6d-8e7f-0a1b2c3d4e5f",
    **BODY_EXAMPLE,
    **STORED_EXAMPLE,
}


async def list_lists(desk: Desk, query: Annotated[ListsQuery, Query()]) -> Response:
    """List managed lists in the order of their creation."""
    request = PageRequest(query.limit, query.cursor)
    page = await desk.configuration.lists.page(request, is_active=query.is_active, name=query.name)
    items = [_document(kept) for kept in page.items]
    return ExactJson(ListsDocument(items=items, next_cursor=page.next_cursor).model_dump())


async def get_list(desk: Desk, list_id: ListId) -> Response:
    """Read one list; its ETag may be sent back with a change."""
    return _answer(await desk.configuration.lists.get(list_id))


async def create_list(desk: Desk, by: By, *, draft: ListBody) -> Response:
    """Create a managed list."""
    kept = await desk.configuration.lists.create(draft.managed_list(desk.ids.new()), by=by)
    return created_answer(_document(kept), kept.row.version, location=f"{PATH}/{kept.row.list_id}")


async def replace_list(desk: Desk, by: By, *, list_id: ListId, draft: ListBody, if_match: IfMatch = None) -> Response:
    """Replace a list by another version, whole; one that an active rule names keeps its name and stays active."""
    version = await row_version_seen(desk.configuration.lists, list_id, if_match=if_match)
    return _answer(await desk.configuration.lists.replace(draft.managed_list(list_id), version=version, by=by))


async def switch_list(
    desk: Desk, by: By, *, list_id: ListId, change: StatusChange, if_match: IfMatch = None
) -> Response:
    """Switch a list on or off; one that an active rule names stays on."""
    version = await row_version_seen(desk.configuration.lists, list_id, if_match=if_match)
    return _answer(await desk.configuration.lists.set_active(list_id, change.is_active, version=version, by=by))


async def delete_list(desk: Desk, by: By, *, list_id: ListId, if_match: IfMatch = None) -> Response:
    """Delete a list that no active rule names; its versions stay."""
    version = await row_version_seen(desk.configuration.lists, list_id, if_match=if_match)
    await desk.configuration.lists.delete(list_id, version=version, by=by)
    return Response(status_code=204)


def operations() -> list[Operation]:
    """Give the operations on managed lists."""
    one = Success(ListDocument, EXAMPLE, etag=True)
    created = Success(ListDocument, EXAMPLE, status=201, etag=True, location=True)
    page = Success(ListsDocument, {"items": [EXAMPLE], "next_cursor": None})
    item = f"{PATH}/{{list_id}}"
    changing = (FaultCode.CONFLICT, *WITH_BODY)
    return [
        Operation("GET", PATH, list_lists, "List managed lists", READERS, page),
        Operation("POST", PATH, create_list, "Create a managed list", WRITERS, created, changing, BODY_EXAMPLE),
        Operation("GET", item, get_list, "Read a managed list", READERS, one, (FaultCode.NOT_FOUND,)),
        Operation(
            "PUT", item, replace_list, "Replace a managed list", WRITERS, one, (*MOVING, *changing), BODY_EXAMPLE
        ),
        switch_operation(f"{item}/status", switch_list, summary="Switch a managed list on or off", one=one),
        delete_operation(item, delete_list, summary="Delete a managed list"),
    ]


def _answer(kept: Kept[ManagedList]) -> Response:
    return versioned_answer(_document(kept), kept.row.version)


def _document(kept: Kept[ManagedList]) -> ListDocument:
    managed = kept.row
    return ListDocument(
        id=managed.list_id,
        name=managed.name,
        entries=list(managed.entries),
        is_active=managed.is_active,
        version=managed.version,
        created_at=instant_text(kept.created_us),
        updated_at=instant_text(kept.updated_us),
        changed_by=kept.changed_by,
    )
