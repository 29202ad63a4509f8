"""The kinds of fields that bodies and queries are made of. Money is text: a JSON number is refused, and says so."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final, LiteralString

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictBool,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_before_validator_function

from tidegate.core.kernel.decimals import ONE, ZERO
from tidegate.core.kernel.readings import Unreadable, read_decimal, read_identifier, read_instant_us, read_uuid

_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_MONEY_DIGITS: Final = (22, 8)
_SCORE_DIGITS: Final = (6, 4)


class Body(BaseModel):
    """A request body or query: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Document(BaseModel):
    """A response body."""

    model_config = ConfigDict(frozen=True)


class Omittable:
    """Marks a field that may be left out but is never null; the schema does not speak of null then."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        # Any is pydantic's own word for a type in the making.
        return no_info_before_validator_function(_not_null, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        written = handler(schema)
        variants = [variant for variant in written.get("anyOf", ()) if variant != {"type": "null"}]
        return variants[0] if len(variants) == 1 else written


def _not_null(value: object) -> object:
    if value is None:
        raise PydanticCustomError("null_refused", "leave it out instead of null")
    return value


def _text(reader: Callable[[str], object], code: LiteralString) -> Callable[[object], object]:
    """Make the reader of a text field from one that raises ``Unreadable``."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            raise PydanticCustomError("string_type", "must be a text")
        try:
            return reader(value)
        except Unreadable as unreadable:
            raise PydanticCustomError(code, "{reason}", {"reason": str(unreadable)}) from None

    return read


def _decimal(digits: tuple[int, int], *, minimum: Decimal = ZERO, below: Decimal | None = None) -> BeforeValidator:
    """Make the reader of a decimal text: digits before and after the point, bounds (the minimum passes)."""
    whole, places = digits

    def read(value: object) -> Decimal:
        if not isinstance(value, str):
            raise PydanticCustomError("decimal_text_type", 'write it as text, such as "0.25"; numbers are not taken')
        try:
            number = read_decimal(value)
        except Unreadable as unreadable:
            raise PydanticCustomError("decimal_text", "{reason}", {"reason": str(unreadable)}) from None
        if number.adjusted() >= whole or len(value.partition(".")[2]) > places:
            message: LiteralString = "must have at most {whole} digits before and {places} after the point"
            raise PydanticCustomError("decimal_digits", message, {"whole": whole, "places": places})
        if number < minimum:
            raise PydanticCustomError("greater_than_equal", "must be at least {minimum}", {"minimum": str(minimum)})
        if below is not None and number >= below:
            raise PydanticCustomError("less_than", "must be below {below}", {"below": str(below)})
        return number

    return BeforeValidator(read)


def _positive(value: Decimal) -> Decimal:
    if value <= ZERO:
        raise PydanticCustomError("greater_than", "must be above 0")
    return value


def _schema(pattern: str, description: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "description": description})


Money = Annotated[
    Decimal,
    _decimal(_MONEY_DIGITS),
    _schema(r"^(0|[1-9][0-9]{0,21})(\.[0-9]{1,8})?$", "A plain decimal as text, not negative."),
]
PositiveMoney = Annotated[
    Decimal,
    BeforeValidator(_positive),
    _decimal(_MONEY_DIGITS),
    _schema(r"^([1-9][0-9]{0,21}(\.[0-9]{1,8})?|0\.[0-9]{0,7}[1-9])$", "A plain decimal as text, above 0."),
]
Leverage = Annotated[
    Decimal,
    _decimal(_MONEY_DIGITS, minimum=ONE),
    _schema(r"^[1-9][0-9]{0,21}(\.[0-9]{1,8})?$", "A plain decimal as text, at least 1."),
]
Percent = Annotated[
    Decimal,
    _decimal(_MONEY_DIGITS, below=Decimal(100)),
    _schema(r"^(0|[1-9][0-9]?)(\.[0-9]{1,8})?$", "Percent as text, at least 0 and below 100: 0.4 means 0.4 %."),
]
Score = Annotated[
    Decimal,
    _decimal(_SCORE_DIGITS),
    _schema(r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,4})?$", "A plain decimal as text, not negative."),
]


def _whole_number(value: object) -> int:
    # JSON numbers arrive as Decimal, and 1.0 is a whole number in JSON Schema.
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < 19 and value == int(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("int_type", "must be a whole number")


def _whole_number_in_text(value: object) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value  # a default
    raise PydanticCustomError("int_parsing", "must be a whole number")


def _switch_in_text(value: object) -> bool:
    if isinstance(value, bool):
        return value  # a default
    if isinstance(value, str) and value in {"true", "false"}:
        return value == "true"
    raise PydanticCustomError("bool_parsing", "must be true or false")


_UUID_PATTERN: Final = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_UUID_SCHEMA: Final[dict[str, Any]] = {"type": "string", "format": "uuid", "pattern": _UUID_PATTERN}
_IDENTIFIER_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 128,
    "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$",
    "description": "1 to 128 UTF-8 bytes without control characters.",
}
_INSTANT_SCHEMA: Final[dict[str, Any]] = {"type": "string", "format": "date-time"}

Uuid = Annotated[str, BeforeValidator(_text(read_uuid, "uuid")), WithJsonSchema(_UUID_SCHEMA)]
Identifier = Annotated[str, BeforeValidator(_text(read_identifier, "identifier")), WithJsonSchema(_IDENTIFIER_SCHEMA)]
InstantUs = Annotated[int, BeforeValidator(_text(read_instant_us, "date_time")), WithJsonSchema(_INSTANT_SCHEMA)]
"""An RFC 3339 date-time, read as microseconds since 1970."""

IN_BODY = BeforeValidator(_whole_number)
IN_TEXT = BeforeValidator(_whole_number_in_text)
"""Of whole numbers, after their bounds: a body's are JSON numbers, those of queries and paths are text."""

Switch = StrictBool
SwitchText = Annotated[bool, BeforeValidator(_switch_in_text)]
RowId = Annotated[int, Field(ge=1, le=2**63 - 1), IN_TEXT]
"""The id of a row, in a path."""

TimeText = Annotated[str, WithJsonSchema(_INSTANT_SCHEMA)]
DecimalOut = Annotated[str, _schema(r"^-?[0-9]+(\.[0-9]+)?$", "A plain decimal as text.")]


CursorText = Annotated[str, Field(min_length=1, max_length=512, pattern="^[A-Za-z0-9_-]+$")]


class PageQuery(Body):
    """Paging: the cursor is the ``next_cursor`` of an earlier page of the same filters."""

    limit: Annotated[int, Field(ge=1, le=200), IN_TEXT] = 50
    cursor: Annotated[CursorText | None, Omittable()] = None
