"""``/v1/trading-state``: the kill switch, everywhere, by symbol, by user."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from tidegate.core.kernel.readings import Unreadable, instant_text, read_uuid
from tidegate.core.pretrade.account import TradingState
from tidegate.inbound.rest.dependencies import Admin, By
from tidegate.inbound.rest.exact_json import ExactJson
from tidegate.inbound.rest.fields import Body, Document, Identifier, TimeText
from tidegate.inbound.rest.operations import READERS, WITH_BODY, WRITERS, Operation, Success
from tidegate.inbound.rest.problems import FieldError, unprocessable
from tidegate.inbound.rest.versions import IfMatch, check_match, etag
from tidegate.inbound.shared.faults import FaultCode
from tidegate.ports.configuration import Scope, TradingStateRow

REASON_CHARACTERS_MAX = 500

Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=REASON_CHARACTERS_MAX, pattern=r"\S"),
    Field(description="Why, for the record. Not blank."),
]


class TradingStateChange(Body):
    """The state to set. ``key``: the symbol or the user id; none for GLOBAL."""

    scope: Scope = Scope.GLOBAL
    key: Identifier | None = None
    state: TradingState
    reason: Reason

    @model_validator(mode="after")
    def _key_fits_scope(self) -> Self:
        if (self.scope is Scope.GLOBAL) != (self.key is None):
            raise PydanticCustomError("key_misfit", "key names the symbol or the user; for GLOBAL there is none")
        return self


class TradingStateDocument(Document):
    """One state that was set. ``key`` is null for GLOBAL."""

    scope: Scope
    key: str | None
    state: TradingState
    reason: str
    actor: str
    at: TimeText


class TradingStatesDocument(Document):
    """Every state that was set; what was never set is ACTIVE. ``global_state`` is what holds everywhere."""

    version: int
    global_state: TradingState
    items: list[TradingStateDocument]


STATE_EXAMPLE = {
    "scope": "SYMBOL",
    "key": "BTCUSDT",
    "state": "REDUCING",
    "reason": "index provider unsteady",
    "actor": "ada",
    "at": "2026-01-01T00:00:00Z",
}


async def get_trading_state(admin: Admin) -> Response:
    """Read all trading states; the ETag may be sent back with a change."""
    version, rows = await admin.trading_states.all()
    everywhere = next((row.state for row in rows if row.scope is Scope.GLOBAL), TradingState.ACTIVE)
    document = TradingStatesDocument(version=version, global_state=everywhere, items=[_document(row) for row in rows])
    return ExactJson(document.model_dump(), headers={"ETag": etag(version)})


async def put_trading_state(admin: Admin, by: By, *, change: TradingStateChange, if_match: IfMatch = None) -> Response:
    """Set one trading state, in force on every replica within a second. If-Match is honoured and not required."""
    key = change.key or ""
    if change.scope is Scope.USER:
        key = _user_id(key)
    version = None
    if if_match is not None and "*" not in if_match:
        version, _ = await admin.trading_states.all()
        check_match(if_match, version)
    row = TradingStateRow(change.scope, key, change.state, change.reason, actor=by.actor, at_us=by.at_us)
    new_version, stored = await admin.trading_states.put(row, version=version)
    return ExactJson(_document(stored).model_dump(), headers={"ETag": etag(new_version)})


def operations() -> list[Operation]:
    """Give the operations on trading states."""
    everything = {"version": 4, "global_state": "ACTIVE", "items": [STATE_EXAMPLE]}
    body = {"scope": "GLOBAL", "state": "HALTED", "reason": "matching engine is down"}
    return [
        Operation(
            "GET",
            "/v1/trading-state",
            get_trading_state,
            "Read the trading states",
            READERS,
            Success(TradingStatesDocument, everything, etag=True),
        ),
        Operation(
            "PUT",
            "/v1/trading-state",
            put_trading_state,
            "Set a trading state",
            WRITERS,
            Success(TradingStateDocument, STATE_EXAMPLE, etag=True),
            (*WITH_BODY, FaultCode.VERSION_MOVED),
            body,
        ),
    ]


def _user_id(key: str) -> str:
    try:
        return read_uuid(key)
    except Unreadable as unreadable:
        raise unprocessable([FieldError("/key", "uuid", str(unreadable))]) from None


def _document(row: TradingStateRow) -> TradingStateDocument:
    return TradingStateDocument(
        scope=row.scope,
        key=row.key or None,
        state=row.state,
        reason=row.reason,
        actor=row.actor,
        at=instant_text(row.at_us),
    )
