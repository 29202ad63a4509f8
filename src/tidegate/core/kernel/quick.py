"""Values that are made for every order: frozen to the type checker, plain at run time.

A frozen dataclass sets each field through ``object.__setattr__``, which costs four times a plain assignment; an order
makes some 150 fields on its way. mypy --strict refuses an assignment to a field all the same.
"""

from dataclasses import Field, field, fields, make_dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def quickly_made(cls: type[T]) -> type[T]:
    """Give a class made by ``@dataclass(frozen=True, slots=True)`` a constructor of plain assignments."""
    after: object = getattr(cls, "__post_init__", None)
    namespace = {} if after is None else {"__post_init__": after}
    columns = fields(cls)  # type: ignore[arg-type]  # what it decorates is a dataclass
    plain = make_dataclass(
        cls.__name__, [(column.name, object, _declared(column)) for column in columns], namespace=namespace
    )
    for name in ("__setattr__", "__delattr__"):
        delattr(cls, name)
    cls.__init__ = plain.__init__  # type: ignore[method-assign,misc]  # the same parameters
    return cls


def _declared(column: "Field[Any]") -> "Field[Any]":
    """The field as it was declared, for a second class."""
    declared: Field[Any] = field(
        default=column.default, default_factory=column.default_factory, init=column.init, kw_only=bool(column.kw_only)
    )
    return declared
