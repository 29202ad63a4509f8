"""A checked condition as a tree of frozen values. Only `parse` makes them, so a tree is always within bounds."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from tidegate.core.rules.truth import Truth
from tidegate.core.rules.values import Lookup, Scalar

TextTest: TypeAlias = Callable[[str], bool]
"""A compiled regular expression: whether it is found anywhere in the text."""

CelProgram: TypeAlias = Callable[[Lookup], Truth]
"""A type-checked CEL expression; every evaluation error must come back as UNKNOWN."""


class Op(StrEnum):
    """The operators a leaf can have."""

    EQ = "eq"
    NE = "ne"
    EQ_FOLD = "eq_fold"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    NOT_IN = "not_in"
    BETWEEN = "between"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    MATCHES = "matches"
    EXISTS = "exists"
    MISSING = "missing"
    OLDER_THAN = "older_than"
    NEWER_THAN = "newer_than"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the rule, or taken from its parameter `param` when the rule was checked."""

    value: Scalar | tuple[Scalar, ...]
    param: str | None = None


@dataclass(frozen=True, slots=True)
class FieldRef:
    """The value of another field, read when the rule is evaluated."""

    path: str


@dataclass(frozen=True, slots=True)
class ListRef:
    """A managed list by its name."""

    name: str


Expected: TypeAlias = Literal | FieldRef | ListRef | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison. `search` is the compiled pattern of `matches`, None for every other operator."""

    pointer: str
    field: str
    op: Op
    expected: Expected = None
    search: TextTest | None = dataclasses.field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CelLeaf:
    """One CEL expression."""

    pointer: str
    text: str
    program: CelProgram = dataclasses.field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class All:
    """FALSE when one is FALSE, else UNKNOWN when one is UNKNOWN, else TRUE."""

    children: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Any:
    """TRUE when one is TRUE, else UNKNOWN when one is UNKNOWN, else FALSE."""

    children: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; UNKNOWN stays UNKNOWN."""

    child: "Condition"


Condition: TypeAlias = All | Any | Not | Leaf | CelLeaf


def leaves_of(condition: Condition) -> Iterator[Leaf | CelLeaf]:
    """The leaves in tree order."""
    if isinstance(condition, Not):
        yield from leaves_of(condition.child)
    elif isinstance(condition, All | Any):
        for child in condition.children:
            yield from leaves_of(child)
    else:
        yield condition
