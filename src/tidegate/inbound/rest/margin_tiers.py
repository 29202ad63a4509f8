"""``/v1/margin-tiers``: ladders, sound after every write."""

from typing import Annotated, Any, Self

from fastapi import Body as BodyParameter
from fastapi import Path, Query
from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from tidegate.core.kernel.decimals import plain
from tidegate.core.kernel.readings import instant_text
from tidegate.core.pretrade.tiers import MarginTier
from tidegate.inbound.rest.dependencies import Admin, By
from tidegate.inbound.rest.exact_json import ExactJson
from tidegate.inbound.rest.fields import (
    IN_BODY,
    Body,
    DecimalOut,
    Document,
    Identifier,
    Leverage,
    Omittable,
    PageQuery,
    Percent,
    PositiveMoney,
    RowId,
    Switch,
    SwitchText,
    TimeText,
)
from tidegate.inbound.rest.operations import READERS, WITH_BODY, WITH_VERSION, WRITERS, Operation, Success
from tidegate.inbound.rest.versions import IfMatch, check_match, etag, required_match
from tidegate.inbound.shared.faults import FaultCode
from tidegate.ports.paging import PageRequest
from tidegate.ports.stored import Stored

TIERS_MAX = 200
"""Tiers that one request creates, and the highest number of a tier (at the bound passes)."""

TierNumber = Annotated[int, Field(ge=1, le=TIERS_MAX), IN_BODY]


class TierQuery(PageQuery):
    """Filters of the tiers; ``default_only`` gives the default ladder, which has no symbol."""

    symbol: Annotated[Identifier | None, Omittable()] = None
    default_only: SwitchText = False
    active: Annotated[SwitchText | None, Omittable()] = None


class TierDraft(Body):
    """A new tier. ``symbol`` null is the default ladder; ``max_leverage`` null sets no cap."""

    symbol: Identifier | None = None
    tier: TierNumber
    max_notional: PositiveMoney
    maintenance_margin_pct: Percent
    max_leverage: Leverage | None = None
    active: Switch = True


class LadderDraft(Body):
    """Several tiers, created together or not at all."""

    tiers: Annotated[list[TierDraft], Field(min_length=1, max_length=TIERS_MAX)]


class TierPatch(Body):
    """What to change of a tier; what is left out stays. A tier does not move to another symbol."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    tier: Annotated[TierNumber | None, Omittable()] = None
    max_notional: Annotated[PositiveMoney | None, Omittable()] = None
    maintenance_margin_pct: Annotated[Percent | None, Omittable()] = None
    max_leverage: Leverage | None = None
    active: Annotated[Switch | None, Omittable()] = None

    @model_validator(mode="after")
    def _names_a_field(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing_to_change", "name at least one field to change")
        return self


class TierDocument(Document):
    """A tier, at one version; ``max_notional`` in the settle asset, ``maintenance_margin_pct`` in percent."""

    id: int
    symbol: str | None
    tier: int
    max_notional: DecimalOut
    maintenance_margin_pct: DecimalOut
    max_leverage: DecimalOut | None
    active: bool
    version: int
    created_at: TimeText
    updated_at: TimeText


class TiersDocument(Document):
    """A page of tiers."""

    items: list[TierDocument]
    next_cursor: str | None


class CreatedTiersDocument(Document):
    """The tiers of a ladder that was created."""

    items: list[TierDocument]


ONE_TAG, LADDER_TAG = "one tier", "a ladder"


def _form(body: Any) -> str:  # noqa: ANN401 - a body as it came
    return LADDER_TAG if isinstance(body, dict) and "tiers" in body else ONE_TAG


NewTiers = Annotated[
    Annotated[TierDraft, Tag(ONE_TAG)] | Annotated[LadderDraft, Tag(LADDER_TAG)],
    Discriminator(_form),
    BodyParameter(),
]
TierId = Annotated[RowId, Path(description="The tier's id.")]

TIER_BODY = {
    "symbol": "BTCUSDT",
    "tier": 1,
    "max_notional": "50000",
    "maintenance_margin_pct": "0.4",
    "max_leverage": "125",
}
TIER_EXAMPLE = {
    "id": 12,
    **TIER_BODY,
    "active": True,
    "version": 1,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
}


async def list_margin_tiers(admin: Admin, query: Annotated[TierQuery, Query()]) -> Response:
    """List tiers by row id."""
    page = await admin.tiers.page(
        PageRequest(query.limit, query.cursor),
        symbol=query.symbol,
        default_only=query.default_only,
        active=query.active,
    )
    items = [_document(stored) for stored in page.items]
    return ExactJson(TiersDocument(items=items, next_cursor=page.next_cursor).model_dump())


async def get_margin_tier(admin: Admin, tier_id: TierId) -> Response:
    """Read one tier; its ETag is needed to change it."""
    return _answer(await admin.tiers.get(tier_id))


async def create_margin_tiers(admin: Admin, by: By, *, draft: NewTiers) -> Response:
    """Create one tier, or the tiers of a ladder together; refused when a ladder would be unsound after it."""
    if isinstance(draft, LadderDraft):
        stored = await admin.tiers.create([_tier(each) for each in draft.tiers], by=by)
        document = CreatedTiersDocument(items=[_document(each) for each in stored])
        return ExactJson(document.model_dump(), status_code=201, headers={"Location": "/v1/margin-tiers"})
    (one,) = await admin.tiers.create([_tier(draft)], by=by)
    headers = {"ETag": etag(one.version), "Location": f"/v1/margin-tiers/{one.row_id}"}
    return ExactJson(_document(one).model_dump(), status_code=201, headers=headers)


async def patch_margin_tier(
    admin: Admin, by: By, *, tier_id: TierId, patch: TierPatch, if_match: IfMatch = None
) -> Response:
    """Publish a new version of a tier; refused when its ladder would be unsound after it."""
    match = required_match(if_match)
    current = await admin.tiers.get(tier_id)
    check_match(match, current.version)
    former = current.row
    tier = MarginTier(
        symbol=former.symbol,
        tier=former.tier if patch.tier is None else patch.tier,
        max_notional=patch.max_notional or former.max_notional,
        maintenance_margin_pct=former.maintenance_margin_pct
        if patch.maintenance_margin_pct is None
        else patch.maintenance_margin_pct,
        max_leverage=patch.max_leverage if "max_leverage" in patch.model_fields_set else former.max_leverage,
        active=former.active if patch.active is None else patch.active,
    )
    return _answer(await admin.tiers.replace(tier_id, tier, version=current.version, by=by))


def operations() -> list[Operation]:
    """Give the operations on margin tiers."""
    one = Success(TierDocument, TIER_EXAMPLE, etag=True)
    page = Success(TiersDocument, {"items": [TIER_EXAMPLE], "next_cursor": None})
    created = Success(
        TierDocument | CreatedTiersDocument,
        TIER_EXAMPLE,
        status=201,
        location=True,
    )
    collection, item = "/v1/margin-tiers", "/v1/margin-tiers/{tier_id}"
    return [
        Operation("GET", collection, list_margin_tiers, "List margin tiers", READERS, page),
        Operation(
            "POST", collection, create_margin_tiers, "Create margin tiers", WRITERS, created, WITH_BODY, TIER_BODY
        ),
        Operation("GET", item, get_margin_tier, "Read a margin tier", READERS, one, (FaultCode.NOT_FOUND,)),
        Operation(
            "PATCH",
            item,
            patch_margin_tier,
            "Change a margin tier",
            WRITERS,
            one,
            (FaultCode.NOT_FOUND, *WITH_BODY, *WITH_VERSION),
            {"maintenance_margin_pct": "0.5"},
        ),
    ]


def _tier(draft: TierDraft) -> MarginTier:
    return MarginTier(
        symbol=draft.symbol,
        tier=draft.tier,
        max_notional=draft.max_notional,
        maintenance_margin_pct=draft.maintenance_margin_pct,
        max_leverage=draft.max_leverage,
        active=draft.active,
    )


def _answer(stored: Stored[MarginTier]) -> Response:
    return ExactJson(_document(stored).model_dump(), headers={"ETag": etag(stored.version)})


def _document(stored: Stored[MarginTier]) -> TierDocument:
    tier = stored.row
    return TierDocument(
        id=stored.row_id,
        symbol=tier.symbol,
        tier=tier.tier,
        max_notional=plain(tier.max_notional),
        maintenance_margin_pct=plain(tier.maintenance_margin_pct),
        max_leverage=None if tier.max_leverage is None else plain(tier.max_leverage),
        active=tier.active,
        version=stored.version,
        created_at=instant_text(stored.created_us),
        updated_at=instant_text(stored.updated_us),
    )
