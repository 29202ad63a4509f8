"""A type-checked expression as a tree, read from the engine's own serial form (``cel.expr.CheckedExpr``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message, message_factory


@dataclass(frozen=True, slots=True)
class Ident:
    """A variable by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Const:
    """A literal; the value of a text, None for any other."""

    text: str | None


@dataclass(frozen=True, slots=True)
class Select:
    """A member of an object; with ``tested`` only whether it is there (``has``)."""

    operand: "Node"
    member: str
    tested: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator; the receiver, if any, is the first argument."""

    function: str
    arguments: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Made:
    """A list or a map that the expression writes out: all of its parts."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Comprehension:
    """What a macro such as ``all`` or ``map`` became: ``step`` once for each element of ``over``."""

    variables: tuple[str, ...]
    over: "Node"
    accumulator: str
    start: "Node"
    steps: "tuple[Node, ...]"
    result: "Node"


Node: TypeAlias = Ident | Const | Select | Call | Made | Comprehension

_BYTES: Final = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
_TEXT: Final = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_FLAG: Final = descriptor_pb2.FieldDescriptorProto.TYPE_BOOL
_ONE: Final = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
_MANY: Final = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED

# What is read of cel/expr/syntax.proto and checked.proto. An expression inside an expression is bytes here: the engine
# nests deeper than the library reads messages in one go, so each level is read for itself.
_MESSAGES: Final = {
    "CheckedExpr": (("expr", 4, _BYTES, _ONE),),
    "Expr": (
        ("const_expr", 3, _BYTES, _ONE),
        ("ident_expr", 4, _BYTES, _ONE),
        ("select_expr", 5, _BYTES, _ONE),
        ("call_expr", 6, _BYTES, _ONE),
        ("list_expr", 7, _BYTES, _ONE),
        ("struct_expr", 8, _BYTES, _ONE),
        ("comprehension_expr", 9, _BYTES, _ONE),
    ),
    "Constant": (("string_value", 6, _TEXT, _ONE),),
    "Ident": (("name", 1, _TEXT, _ONE),),
    "Select": (("operand", 1, _BYTES, _ONE), ("field", 2, _TEXT, _ONE), ("test_only", 3, _FLAG, _ONE)),
    "Call": (("target", 1, _BYTES, _ONE), ("function", 2, _TEXT, _ONE), ("args", 3, _BYTES, _MANY)),
    "CreateList": (("elements", 1, _BYTES, _MANY),),
    "CreateStruct": (("entries", 2, _BYTES, _MANY),),
    "Entry": (("map_key", 3, _BYTES, _ONE), ("value", 4, _BYTES, _ONE)),
    "Comprehension": (
        ("iter_var", 1, _TEXT, _ONE),
        ("iter_range", 2, _BYTES, _ONE),
        ("accu_var", 3, _TEXT, _ONE),
        ("accu_init", 4, _BYTES, _ONE),
        ("loop_condition", 5, _BYTES, _ONE),
        ("loop_step", 6, _BYTES, _ONE),
        ("result", 7, _BYTES, _ONE),
        ("iter_var2", 8, _TEXT, _ONE),
    ),
}


def _classes() -> dict[str, type[message.Message]]:
    file = descriptor_pb2.FileDescriptorProto(name="checked_tree.proto", package="cel.expr", syntax="proto2")
    for name, fields in _MESSAGES.items():
        described = file.message_type.add(name=name)
        for field, number, kind, label in fields:
            described.field.add(name=field, number=number, type=kind, label=label)
    # a pool of its own: the full files may be registered in the common one by somebody else
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"cel.expr.{name}")) for name in _MESSAGES}


class TreeReader:
    """Reads serialized expressions."""

    def __init__(self) -> None:
        self._classes = _classes()

    def read(self, serialized: bytes) -> Node:
        """Read the tree of an expression that the engine has type-checked.

        Raises:
            ValueError: a part of it is of a kind that this reader does not know.
        """
        wrapped = any_pb2.Any.FromString(serialized)
        checked = self._parsed("CheckedExpr", wrapped.value)
        return self._node(checked.expr)

    # The engine nests 32 levels at most, and a macro adds a few of its own.
    def _node(self, serialized: bytes) -> Node:
        expression = self._parsed("Expr", serialized)
        if expression.HasField("const_expr"):
            constant = self._parsed("Constant", expression.const_expr)
            return Const(constant.string_value if constant.HasField("string_value") else None)
        if expression.HasField("ident_expr"):
            return Ident(self._parsed("Ident", expression.ident_expr).name.removeprefix("."))
        if expression.HasField("select_expr"):
            select = self._parsed("Select", expression.select_expr)
            return Select(self._node(select.operand), select.field, select.test_only)
        if expression.HasField("call_expr"):
            call = self._parsed("Call", expression.call_expr)
            receiver = (self._node(call.target),) if call.HasField("target") else ()
            return Call(call.function, (*receiver, *self._nodes(call.args)))
        if expression.HasField("list_expr"):
            return Made(self._nodes(self._parsed("CreateList", expression.list_expr).elements))
        if expression.HasField("struct_expr"):
            entries = [
                self._parsed("Entry", entry) for entry in self._parsed("CreateStruct", expression.struct_expr).entries
            ]
            parts = [part for entry in entries for part in (entry.map_key, entry.value) if part]
            return Made(self._nodes(parts))
        if expression.HasField("comprehension_expr"):
            return self._comprehension(expression.comprehension_expr)
        raise ValueError("it holds a kind of expression that is not known here")

    def _comprehension(self, serialized: bytes) -> Comprehension:
        found = self._parsed("Comprehension", serialized)
        return Comprehension(
            variables=tuple(name for name in (found.iter_var, found.iter_var2) if name),
            over=self._node(found.iter_range),
            accumulator=found.accu_var,
            start=self._node(found.accu_init),
            steps=self._nodes([found.loop_condition, found.loop_step]),
            result=self._node(found.result),
        )

    def _nodes(self, serialized: Sequence[bytes]) -> tuple[Node, ...]:
        return tuple(self._node(each) for each in serialized)

    # The classes are made from _MESSAGES at run time, so no type says which fields they have.
    def _parsed(self, name: str, serialized: bytes):  # type: ignore[no-untyped-def] # noqa: ANN202 - see above
        return self._classes[name].FromString(serialized)
