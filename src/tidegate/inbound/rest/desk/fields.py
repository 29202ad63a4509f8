"""The kinds of fields that the desk's bodies, queries and documents are made of."""

from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from tidegate.core.assessment.request import SCOPE_KEYS, TEXT_CHARACTERS_MAX
from tidegate.core.assessment.risk_rule import WEIGHT_MAX
from tidegate.core.assessment.risk_threshold import SCORE_MAX, SCORE_MIN
from tidegate.core.assessment.scopes import SCOPE_VALUES_MAX
from tidegate.core.rules.limits import TEXT_BYTES_MAX
from tidegate.core.rules.scope import Scope
from tidegate.core.rules.values import type_name
from tidegate.inbound.rest.fields import IN_BODY, Body, Omittable, PageQuery, Switch, SwitchText
from tidegate.ports.desk_configuration import ScopeFilter

ScopeText = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_CHARACTERS_MAX)]
Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$"), Field(description="ISO 3166-1 alpha-2.")]
Weight = Annotated[int, Field(ge=-WEIGHT_MAX, le=WEIGHT_MAX), IN_BODY]
Score = Annotated[int, Field(ge=SCORE_MIN, le=SCORE_MAX), IN_BODY]

_SOME: Final = Field(min_length=1, max_length=SCOPE_VALUES_MAX)
_Countries = Annotated[list[Country], _SOME]
_Texts = Annotated[list[ScopeText], _SOME]


class ScopeBody(Body):
    """Which requests it is for: the values of each field; a field that is left out means any value."""

    country: Annotated[_Countries | None, Omittable()] = None
    product_type: Annotated[_Texts | None, Omittable()] = None
    risk_category: Annotated[_Texts | None, Omittable()] = None
    source_system: Annotated[_Texts | None, Omittable()] = None

    def scope(self) -> Scope:
        """Give the scope that is meant."""
        named = {key: getattr(self, key) for key in SCOPE_KEYS}
        return {key: frozenset(values) for key, values in named.items() if values is not None}


ScopeOut = Annotated[
    dict[str, list[str]],
    WithJsonSchema(
        {
            "type": "object",
            "properties": {key: {"type": "array", "items": {"type": "string"}} for key in SCOPE_KEYS},
            "additionalProperties": False,
            "description": "The values of each field that it narrows, sorted; a field that is not there means any.",
        }
    ),
]


def scope_out(scope: Scope) -> dict[str, list[str]]:
    """Write a scope: keys in the order of a request's fields, values sorted."""
    return {key: sorted(scope[key]) for key in SCOPE_KEYS if key in scope}


class ScopedRowsQuery(PageQuery):
    """Filters of rows that have a scope; those of the scope find the rows whose scope names the value."""

    is_active: Annotated[SwitchText | None, Omittable()] = None
    country: Annotated[Country | None, Omittable()] = None
    product_type: Annotated[ScopeText | None, Omittable()] = None
    risk_category: Annotated[ScopeText | None, Omittable()] = None
    source_system: Annotated[ScopeText | None, Omittable()] = None


def scope_filter(query: ScopedRowsQuery) -> ScopeFilter:
    """Give what a query asks of a scope."""
    return ScopeFilter(**{key: getattr(query, key) for key in SCOPE_KEYS})


class StatusChange(Body):
    """Whether the row is used."""

    is_active: Switch


def _entry(value: object) -> object:
    if not isinstance(value, str | Decimal | bool):
        message = "must be a text, a number or a boolean, not {found}"
        raise PydanticCustomError("bad_entry", message, {"found": type_name(value)})
    if isinstance(value, str) and len(value.encode()) > TEXT_BYTES_MAX:
        raise PydanticCustomError("text_too_long", "must have at most {most} bytes", {"most": TEXT_BYTES_MAX})
    return value


_ENTRY_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"type": "string", "maxLength": TEXT_BYTES_MAX}, {"type": "number"}, {"type": "boolean"}]
}
Entry = Annotated[Any, BeforeValidator(_entry), WithJsonSchema(_ENTRY_SCHEMA)]
"""An entry of a managed list; numbers stay the Decimals they are."""


def _not_upside_down(value: int, info: Any) -> int:  # noqa: ANN401 - pydantic's own word for what else was read
    low = info.data.get("score_from")
    if low is not None and value < low:
        raise PydanticCustomError("range_upside_down", "must not be below score_from")
    return value


ScoreTo = Annotated[Score, AfterValidator(_not_upside_down)]
