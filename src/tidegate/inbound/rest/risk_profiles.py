"""``/v1/risk-profiles``: what a user may do."""

from typing import Annotated, Self

from fastapi import Path, Query
from pydantic import ConfigDict, model_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from tidegate.core.kernel.decimals import plain
from tidegate.core.kernel.readings import instant_text
from tidegate.core.pretrade.instrument import KycLevel
from tidegate.inbound.rest.dependencies import Admin, By
from tidegate.inbound.rest.exact_json import ExactJson
from tidegate.inbound.rest.fields import (
    Body,
    DecimalOut,
    Document,
    Leverage,
    Money,
    Omittable,
    PageQuery,
    Score,
    Switch,
    SwitchText,
    TimeText,
    Uuid,
)
from tidegate.inbound.rest.operations import READERS, WITH_BODY, WITH_VERSION, WRITERS, Operation, Success
from tidegate.inbound.rest.versions import IfMatch, check_match, etag, required_match
from tidegate.inbound.shared.faults import FaultCode
from tidegate.ports.configuration import ProfileChange, ProfileRow
from tidegate.ports.paging import PageRequest
from tidegate.ports.stored import Stored


class ProfileQuery(PageQuery):
    """Filters of the profiles."""

    kyc_level: Annotated[KycLevel | None, Omittable()] = None
    frozen: Annotated[SwitchText | None, Omittable()] = None


class ProfilePatch(Body):
    """What to change of a profile; what is left out stays. ``rearm_repeat_throttle`` forgets earlier equal fills."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    kyc_level: Annotated[KycLevel | None, Omittable()] = None
    exposure_limit_usdt: Annotated[Money | None, Omittable()] = None
    frozen: Annotated[Switch | None, Omittable()] = None
    risk_score: Annotated[Score | None, Omittable()] = None
    max_leverage: Annotated[Leverage | None, Omittable()] = None
    rearm_repeat_throttle: Switch = False

    @model_validator(mode="after")
    def _names_a_field(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing_to_change", "name at least one field to change")
        return self


class ProfileDocument(Document):
    """A risk profile. Money in USDT, as text; times in UTC."""

    id: int
    user_id: str
    kyc_level: KycLevel
    exposure_limit_usdt: DecimalOut
    frozen: bool
    risk_score: DecimalOut
    max_leverage: DecimalOut
    last_margin_call: TimeText | None
    last_event_id: str | None
    last_event_ts: TimeText | None
    repeat_throttle_rearmed_at: TimeText | None
    version: int
    created_at: TimeText
    updated_at: TimeText


class ProfilesDocument(Document):
    """A page of profiles."""

    items: list[ProfileDocument]
    next_cursor: str | None


UserId = Annotated[Uuid, Path(description="The user, a UUID.")]

PROFILE_EXAMPLE = {
    "id": 1,
    "user_id": "7b0d4c1e-6f3a-4a53-9d0b-0f6a1f6f7c11",
    "kyc_level": "L2",
    "exposure_limit_usdt": "1000000",
    "frozen": False,
    "risk_score": "12.5",
    "max_leverage": "50",
    "last_margin_call": None,
    "last_event_id": "0b0f9c62-0a4e-4a0b-8e57-6a7f7b8f0f01",
    "last_event_ts": "2026-01-01T00:00:00Z",
    "repeat_throttle_rearmed_at": None,
    "version": 3,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-02T00:00:00Z",
}


async def list_risk_profiles(admin: Admin, query: Annotated[ProfileQuery, Query()]) -> Response:
    """List risk profiles by row id."""
    request = PageRequest(query.limit, query.cursor)
    page = await admin.profiles.page(request, kyc_level=query.kyc_level, frozen=query.frozen)
    items = [_document(stored) for stored in page.items]
    return ExactJson(ProfilesDocument(items=items, next_cursor=page.next_cursor).model_dump())


async def get_risk_profile(admin: Admin, user_id: UserId) -> Response:
    """Read one risk profile; its ETag is needed to change it."""
    return _answer(await admin.profiles.get(user_id))


async def patch_risk_profile(
    admin: Admin, by: By, *, user_id: UserId, patch: ProfilePatch, if_match: IfMatch = None
) -> Response:
    """Change fields of a profile, in force on every replica within a second."""
    match = required_match(if_match)
    current = await admin.profiles.get(user_id)
    check_match(match, current.version)
    change = ProfileChange(
        kyc_level=patch.kyc_level,
        exposure_limit_usdt=patch.exposure_limit_usdt,
        frozen=patch.frozen,
        risk_score=patch.risk_score,
        max_leverage=patch.max_leverage,
        rearm_repeat_throttle=patch.rearm_repeat_throttle,
    )
    return _answer(await admin.profiles.change(user_id, change, version=current.version, by=by))


def operations() -> list[Operation]:
    """Give the operations on risk profiles."""
    one = Success(ProfileDocument, PROFILE_EXAMPLE, etag=True)
    page = Success(ProfilesDocument, {"items": [PROFILE_EXAMPLE], "next_cursor": None})
    path = "/v1/risk-profiles/{user_id}"
    return [
        Operation("GET", "/v1/risk-profiles", list_risk_profiles, "List risk profiles", READERS, page),
        Operation("GET", path, get_risk_profile, "Read a risk profile", READERS, one, (FaultCode.NOT_FOUND,)),
        Operation(
            "PATCH",
            path,
            patch_risk_profile,
            "Change a risk profile",
            WRITERS,
            one,
            (FaultCode.NOT_FOUND, *WITH_BODY, *WITH_VERSION),
            {"frozen": True, "exposure_limit_usdt": "250000"},
        ),
    ]


def _answer(stored: Stored[ProfileRow]) -> Response:
    return ExactJson(_document(stored).model_dump(), headers={"ETag": etag(stored.version)})


def _document(stored: Stored[ProfileRow]) -> ProfileDocument:
    row, profile = stored.row, stored.row.profile
    return ProfileDocument(
        id=stored.row_id,
        user_id=profile.user_id,
        kyc_level=profile.kyc_level,
        exposure_limit_usdt=plain(profile.exposure_limit_usdt),
        frozen=profile.frozen,
        risk_score=plain(profile.risk_score),
        max_leverage=plain(profile.max_leverage),
        last_margin_call=_time(row.last_margin_call_us),
        last_event_id=row.last_event_id,
        last_event_ts=_time(row.last_event_us),
        repeat_throttle_rearmed_at=_time(row.repeat_rearmed_us),
        version=stored.version,
        created_at=instant_text(stored.created_us),
        updated_at=instant_text(stored.updated_us),
    )


def _time(instant_us: int | None) -> str | None:
    return None if instant_us is None else instant_text(instant_us)
