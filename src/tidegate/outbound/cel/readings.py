"""What an expression reads of a request, found when it is saved, and handed to the engine when it is evaluated."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias

from tidegate.core.rules.lookup import CALL_SUCCESS
from tidegate.core.rules.values import UNAVAILABLE, Lookup
from tidegate.outbound.cel.checked_tree import Call, Comprehension, Const, Ident, Made, Node, Select

Path: TypeAlias = tuple[str, ...]

PROVIDERS: Final = "providers"
_CALL: Final = "call"
_INT64: Final = range(-(2**63), 2**63)
_INDEX: Final = "_[_]"


class Unreadable(Exception):
    """What the expression reads holds something that it must not be told wrongly: the leaf is UNKNOWN."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One place where an expression reads a variable: at ``path`` its value, or whether it is there (``has``)."""

    path: Path
    tested: bool


def path_of(node: Node) -> Path | None:
    """Give the path that a chain of members reads, from its variable; None for any other expression."""
    members: list[str] = []
    while True:
        if isinstance(node, Ident):
            return (node.name, *reversed(members))
        if isinstance(node, Select):
            members.append(node.member)
            node = node.operand
        elif isinstance(node, Call) and node.function == _INDEX:
            node, key = node.arguments
            if not isinstance(key, Const) or key.text is None:
                return None
            members.append(key.text)
        else:
            return None


def readings_of(node: Node, variables: frozenset[str]) -> Iterator[Reading]:
    """Find every reading of a variable; a macro's own variable hides one of the same name."""
    path = path_of(node)
    if path is not None:
        if path[0] in variables:
            yield Reading(path, tested=isinstance(node, Select) and node.tested)
        return
    if isinstance(node, Comprehension):
        yield from readings_of(node.over, variables)
        yield from readings_of(node.start, variables)
        inner = variables - {*node.variables, node.accumulator}
        for part in (*node.steps, node.result):
            yield from readings_of(part, inner)
        return
    for part in parts_of(node):
        yield from readings_of(part, variables)


def parts_of(node: Node) -> tuple[Node, ...]:
    """Give the expressions right inside one that is no comprehension."""
    if isinstance(node, Select):
        return (node.operand,)
    if isinstance(node, Call):
        return node.arguments
    return node.parts if isinstance(node, Made) else ()


@dataclass(slots=True)
class _Wanted:
    """What is wanted of one value: its members by name, all of it (``used``), or whether it is there (``tested``)."""

    members: "dict[str, _Wanted]" = field(default_factory=dict)
    used: bool = False
    tested: bool = False

    def any_tested(self) -> bool:
        return self.tested or any(member.any_tested() for member in self.members.values())


class Reader:
    """Takes out of a request what one expression reads, in the engine's types.

    Integers that fit int64 become int, other numbers double. A member that is null is left out, as it is missing. A
    number that no double shows exactly, and the fields of a provider that did not answer, are left out too, so that
    reading them is an error of the expression, which ``||`` and ``&&`` may still decide without; where leaving it out
    could be seen in another way (``has``, or reading the list or object around it), reading raises Unreadable.
    """

    def __init__(self, readings: Sequence[Reading]) -> None:
        self._wanted: dict[str, _Wanted] = {}
        for reading in readings:
            self._add(reading)

    def _add(self, reading: Reading) -> None:
        wanted = self._wanted.setdefault(reading.path[0], _Wanted())
        for member in reading.path[1:]:
            wanted = wanted.members.setdefault(member, _Wanted())
        if reading.tested:
            wanted.tested = True
        else:
            wanted.used = True

    def read(self, lookup: Lookup) -> dict[str, object]:
        """Give the variables that are there.

        Raises:
            Unreadable: the expression would be told something wrong.
        """
        found: dict[str, object] = {}
        for name, wanted in self._wanted.items():
            value = _providers(wanted, lookup) if name == PROVIDERS else _taken(lookup(name), wanted)
            if value is not None:
                found[name] = value
        return found


def _providers(wanted: _Wanted, lookup: Lookup) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, fields in wanted.members.items():
        call = lookup(f"{PROVIDERS}.{name}.{_CALL}")
        whole = lookup(f"{PROVIDERS}.{name}") if call == CALL_SUCCESS else None
        if isinstance(whole, Mapping):
            found[name] = _taken({**whole, _CALL: call}, fields)
            continue
        if (
            fields.used
            or fields.tested
            or any(member.any_tested() for field_name, member in fields.members.items() if field_name != _CALL)
        ):
            raise Unreadable
        found[name] = {_CALL: call}
    return found


def _taken(value: object, wanted: _Wanted) -> object:
    """What is wanted of a value; None when there is none, or none that may be shown."""
    if value is None or value is UNAVAILABLE:
        return None
    if not isinstance(value, Mapping):
        try:
            return _converted(value)
        except Unreadable:
            if wanted.any_tested() or isinstance(value, list | tuple):
                raise
            return None
    if wanted.used:
        return _converted(value)
    members = {name: _taken(value.get(name), member) for name, member in wanted.members.items()}
    return {name: member for name, member in members.items() if member is not None}


def _converted(value: object) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Decimal | int):
        return _number(Decimal(value))
    if isinstance(value, Mapping):
        return {_text(str(name)): _converted(member) for name, member in value.items() if member is not None}
    if isinstance(value, list | tuple):
        return [None if element is None else _converted(element) for element in value]
    raise Unreadable


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unreadable from None
    return text


def _number(number: Decimal) -> int | float:
    # Beyond 19 digits no integer fits; the exponent is looked at first, since 1E+400 is a very long int.
    if number.is_finite() and number.adjusted() < 19 and number == number.to_integral_value():
        whole = int(number)
        if whole in _INT64:
            return whole
    double = float(number)
    if Decimal(repr(double)) != number:
        raise Unreadable
    return double
