"""Definitions of further providers, as operators write them in JSON (docs/providers.md), read with every fault told."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from tidegate.core.rules.faults import InvalidJson, RuleFault, pointer_to
from tidegate.core.rules.json_exact import read_json
from tidegate.outbound.providers.policy import ProviderPolicy
from tidegate.outbound.providers.reading import is_request_path

RESERVED_NAMES: Final = frozenset({"screening", "zefix", "crif"})
DEFINITIONS_MAX: Final = 32
DEFINITIONS_DEPTH_MAX: Final = 32

_MODEL: Final = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_PATH_LITERAL: Final = re.compile(r"(?:[A-Za-z0-9/._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*", re.ASCII)
_HEADER_VALUE: Final = r"^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$"
_OWN_HEADERS: Final = frozenset(
    {"authorization", "host", "content-length", "content-type", "transfer-encoding", "cookie", "accept-encoding"}
)
_OWN_FIELDS: Final = frozenset({"found", "call", "failure"})


class InvalidDefinitions(ValueError):
    """Definitions that cannot be used; ``faults`` holds everything that is wrong, in document order."""

    def __init__(self, faults: Sequence[RuleFault]) -> None:
        super().__init__("; ".join(f"{fault.pointer or '(root)'}: {fault.message}" for fault in faults))
        self.faults = tuple(faults)


class FieldType(StrEnum):
    """What a field of the answer must be; a number may come as a text that is a plain decimal."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    OBJECT = "object"


def placeholders(template: str) -> tuple[str, ...]:
    """Give the paths of the request that a template names, in order."""
    return tuple(_PLACEHOLDER.findall(template))


def filled(template: str, values: Mapping[str, str]) -> str:
    """Give a template with its places filled in."""
    return _PLACEHOLDER.sub(lambda place: values[place[1]], template)


def body_paths(body: object) -> tuple[str, ...]:
    """Give the paths of the request that a body names: each ``{"field": path}`` in it."""
    if isinstance(body, Mapping):
        if set(body) == {"field"} and isinstance(body["field"], str):
            return (body["field"],)
        return tuple(path for member in body.values() for path in body_paths(member))
    return tuple(path for element in body for path in body_paths(element)) if isinstance(body, list) else ()


def _whole(value: object) -> int:
    if not isinstance(value, Decimal | int) or isinstance(value, bool) or value != int(value):
        raise ValueError("expected a whole number")
    return int(value)


def _request_paths(paths: Sequence[str]) -> None:
    for path in paths:
        if not is_request_path(path):
            raise ValueError(f"{path or 'an empty place'} is no place of a request that a provider may be told")


def _template(text: str) -> str:
    if "{" in (rest := _PLACEHOLDER.sub("", text)) or "}" in rest:
        raise ValueError("a brace stands alone; places of the request are written {context_data.name}")
    _request_paths(placeholders(text))
    return text


def _path_template(text: str) -> str:
    _template(text)
    if not text.startswith("/") or not _PATH_LITERAL.fullmatch(_PLACEHOLDER.sub("", text)):
        raise ValueError("a path starts with / and holds escaped characters and places of the request only")
    return text


def _body(body: object) -> object:
    _request_paths(body_paths(body))
    return body


def _own_header(name: str) -> str:
    if name.lower() in _OWN_HEADERS:
        raise ValueError(f"{name} is set here; it cannot be given")
    return name


def _field_name(name: str) -> str:
    first = name.split(".", maxsplit=1)[0]
    if first in _OWN_FIELDS:
        raise ValueError(f"{first} has a meaning of its own in every provider; choose another name")
    return name


def _scalar(value: object) -> object:
    if not isinstance(value, str | bool | Decimal):
        raise ValueError("expected a text, a number or a boolean")
    return value


Whole = Annotated[int, BeforeValidator(_whole)]
Text = Annotated[StrictStr, Field(min_length=1, max_length=1_024)]
Template = Annotated[StrictStr, Field(max_length=1_024), AfterValidator(_template)]
AnswerPath = Annotated[StrictStr, Field(pattern=r"^[^.\x00]{1,128}(\.[^.\x00]{1,128}){0,15}$")]
FieldName = Annotated[
    StrictStr, Field(pattern=r"^[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_]{0,63}){0,3}$"), AfterValidator(_field_name)
]
HeaderName = Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9-]{1,64}$"), AfterValidator(_own_header)]


class AnswerField(BaseModel):
    """A field of the answer: where it stands in the provider's JSON (dotted), and of which type it must be."""

    model_config = _MODEL
    path: AnswerPath
    type: FieldType
    required: StrictBool = False


class FoundWhen(BaseModel):
    """The value that a place of the answer has when something was found."""

    model_config = _MODEL
    path: AnswerPath
    equals: Annotated[object, BeforeValidator(_scalar)]


class AuthType(StrEnum):
    """How a provider is told who asks."""

    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"
    CLIENT_CREDENTIALS = "client_credentials"


_NEEDS: Final[Mapping[AuthType, tuple[str, ...]]] = {
    AuthType.NONE: (),
    AuthType.BASIC: ("username", "secret"),
    AuthType.BEARER: ("secret",),
    AuthType.CLIENT_CREDENTIALS: ("token_url", "client_id", "secret"),
}


class Auth(BaseModel):
    """How a provider is told who asks; ``secret`` names one of ``TIDEGATE_PROVIDERS_SECRETS`` and is none itself."""

    model_config = _MODEL
    type: AuthType = AuthType.NONE
    username: Text | None = None
    secret: Text | None = None
    token_url: Text | None = None
    client_id: Text | None = None
    scope: Text | None = None
    audience: Text | None = None

    @model_validator(mode="after")
    def _relations(self) -> Self:
        given = {name for name, value in self if name != "type" and value is not None}
        needs = set(_NEEDS[self.type])
        if lacking := needs - given:
            raise ValueError(f"{self.type} needs {' and '.join(sorted(lacking))}")
        if odd := given - needs - ({"scope", "audience"} if self.type is AuthType.CLIENT_CREDENTIALS else set()):
            raise ValueError(f"{self.type} takes no {' or '.join(sorted(odd))}")
        return self


class PolicyDefinition(BaseModel):
    """Bounds of the provider; see ``ProviderPolicy``. Nothing is kept by default, and no billed one is repeated."""

    model_config = _MODEL
    timeout_ms: Annotated[Whole, Field(ge=1, le=60_000)] = 1_800
    connect_timeout_ms: Annotated[Whole, Field(ge=1, le=60_000)] = 500
    read_timeout_ms: Annotated[Whole, Field(ge=1, le=60_000)] = 1_500
    retries_max: Annotated[Whole, Field(ge=0, le=5)] | None = None
    response_bytes_max: Annotated[Whole, Field(ge=1, le=16_777_216)] = 1_048_576
    cache_ttl_s: Annotated[Whole, Field(ge=0, le=2_592_000)] = 0
    concurrency_max: Annotated[Whole, Field(ge=1, le=1_000)] = 16
    waiting_max: Annotated[Whole, Field(ge=0, le=10_000)] = 64
    failures_max: Annotated[Whole, Field(ge=1, le=1_000)] = 5
    pause_ms: Annotated[Whole, Field(ge=1, le=3_600_000)] = 10_000
    cost_micros: Annotated[Whole, Field(ge=0, le=1_000_000_000_000)] = 0
    billed: StrictBool = False

    @model_validator(mode="after")
    def _relations(self) -> Self:
        if self.cost_micros and not self.billed:
            raise ValueError("cost_micros is for a provider that is billed")
        if self.billed and self.retries_max:
            raise ValueError("a billed provider is never asked again: retries_max must be 0 or left out")
        return self


class GenericDefinition(BaseModel):
    """One provider. In ``path``, in the values of ``query`` and in ``body``, places of the request are named.

    ``found``: without it a status of 200 says so. ``repeatable``: that asking twice does what asking once does; a GET
    is, a POST only when the definition says so.
    """

    model_config = _MODEL
    name: Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    base_url: Text
    method: Annotated[StrictStr, Field(pattern=r"^(GET|POST)$")] = "GET"
    path: Annotated[StrictStr, Field(max_length=1_024), AfterValidator(_path_template)]
    query: Mapping[Text, Template] = {}
    headers: Mapping[HeaderName, Annotated[StrictStr, Field(pattern=_HEADER_VALUE)]] = {}
    body: Annotated[object, AfterValidator(_body)] = None
    auth: Auth = Auth()
    fields_: Annotated[Mapping[FieldName, AnswerField], Field(alias="fields", min_length=1, max_length=200)]
    found: FoundWhen | None = None
    not_found_statuses: Annotated[Sequence[Annotated[Whole, Field(ge=400, le=499)]], Field(max_length=20)] = (404,)
    repeatable: StrictBool | None = None
    policy: PolicyDefinition = PolicyDefinition()

    @model_validator(mode="after")
    def _relations(self) -> Self:
        if self.name in RESERVED_NAMES:
            raise ValueError(f"{self.name} is a provider of its own; choose another name")
        if self.method == "GET" and self.body is not None:
            raise ValueError("GET has no body")
        names = sorted(self.fields_)
        for outer, inner in pairwise(names):
            if inner.startswith(f"{outer}."):
                raise ValueError(f"the field {inner} lies in {outer}, which is a field itself")
        if self.policy.retries_max and not self.may_repeat:
            raise ValueError("retries_max of a POST needs repeatable true")
        return self

    @property
    def may_repeat(self) -> bool:
        """Tell whether a request may be sent again."""
        return self.method == "GET" if self.repeatable is None else self.repeatable

    def provider_policy(self) -> ProviderPolicy:
        """Give the bounds: one repeat by default where a repeat is free and does no harm."""
        bounds = self.policy.model_dump()
        if bounds["retries_max"] is None:
            bounds["retries_max"] = int(self.may_repeat and not self.policy.billed)
        return ProviderPolicy(**bounds)


_DEFINITIONS: Final = TypeAdapter(Annotated[list[GenericDefinition], Field(max_length=DEFINITIONS_MAX)])


def read_definitions(text: str) -> tuple[GenericDefinition, ...]:
    """Read a JSON list of definitions.

    Raises:
        InvalidDefinitions: naming every fault with its JSON pointer.
    """
    try:
        document = read_json(text, depth_max=DEFINITIONS_DEPTH_MAX)
        definitions = _DEFINITIONS.validate_python(document)
    except InvalidJson as refused:
        raise InvalidDefinitions(refused.faults) from None
    except ValidationError as refused:
        # Without the input, which may be long, and without the address of pydantic's own pages.
        errors = refused.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidDefinitions([_fault(error["loc"], error["msg"]) for error in errors]) from None
    twins = [name for name, count in Counter(each.name for each in definitions).items() if count > 1]
    if twins:
        raise InvalidDefinitions([RuleFault("", "duplicate_name", f"{name} is defined twice") for name in twins])
    return tuple(definitions)


def _fault(place: tuple[int | str, ...], message: str) -> RuleFault:
    pointer = ""
    for step in place:
        pointer = pointer_to(pointer, step)
    return RuleFault(pointer, "invalid_definition", message.removeprefix("Value error, "))
