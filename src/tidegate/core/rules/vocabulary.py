"""Which fields a context has, of which type, and which operators fit a type."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tidegate.core.rules.tree import Op


class FieldType(StrEnum):
    """The declared type of a field; ANY is an open field, whose type shows only in the request."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    INSTANT = "instant"
    LIST = "list"
    OBJECT = "object"
    ANY = "any"


ORDER_OPS: Final = frozenset({Op.GT, Op.GTE, Op.LT, Op.LTE})
PRESENCE_OPS: Final = frozenset({Op.EXISTS, Op.MISSING})
LIST_OPS: Final = frozenset({Op.IN, Op.NOT_IN})
AGE_OPS: Final = frozenset({Op.OLDER_THAN, Op.NEWER_THAN})
_EQUAL_OPS: Final = frozenset({Op.EQ, Op.NE})

OPS_OF: Final[Mapping[FieldType, frozenset[Op]]] = {
    FieldType.TEXT: PRESENCE_OPS
    | LIST_OPS
    | _EQUAL_OPS
    | {Op.EQ_FOLD, Op.CONTAINS, Op.STARTS_WITH, Op.ENDS_WITH, Op.MATCHES},
    FieldType.NUMBER: PRESENCE_OPS | LIST_OPS | _EQUAL_OPS | ORDER_OPS | {Op.BETWEEN},
    FieldType.BOOLEAN: PRESENCE_OPS | LIST_OPS | _EQUAL_OPS,
    FieldType.INSTANT: PRESENCE_OPS | LIST_OPS | _EQUAL_OPS | ORDER_OPS | AGE_OPS | {Op.BETWEEN},
    FieldType.LIST: PRESENCE_OPS | {Op.CONTAINS},
    FieldType.OBJECT: PRESENCE_OPS,
    FieldType.ANY: frozenset(Op),
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The fields of one context.

    `fields` are declared by full path. Every path below one of `open_prefixes` is known, its type is not. With
    `provider_fields` set, `providers.<name>.<field>` is known for every name; the fields it lists have a type.
    """

    context: str
    fields: Mapping[str, FieldType]
    open_prefixes: tuple[str, ...] = ()
    provider_fields: Mapping[str, FieldType] | None = None
    cel_allowed: bool = False
    _sorted: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_sorted", tuple(sorted(self.fields)))

    def type_of(self, path: str) -> FieldType | None:
        """The type of the field at `path`, None when the context has no such field."""
        declared = self.fields.get(path)
        if declared is not None:
            return declared
        segments = path.split(".")
        if not all(segments):
            return None
        if self.provider_fields is not None and segments[0] == "providers" and len(segments) >= 3:
            return self.provider_fields.get(".".join(segments[2:]), FieldType.ANY)
        is_open = any(path.startswith(prefix + ".") for prefix in self.open_prefixes)
        return FieldType.ANY if is_open else None

    def advice_on(self, path: str) -> str:
        """What would be right instead of an unknown path, in words."""
        near = difflib.get_close_matches(path, self._sorted, n=1)
        if near:
            return f"did you mean {near[0]}?"
        open_paths = [f"{prefix}.*" for prefix in self.open_prefixes]
        if self.provider_fields is not None:
            open_paths.append("providers.<name>.*")
        return f"known are {', '.join([*self._sorted, *open_paths])}"
