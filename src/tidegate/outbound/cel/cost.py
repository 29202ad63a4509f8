"""How much an evaluation can cost at most, worked out from the expression and the size of what it reads.

The engine stops after 10,000 iterations, but a value can double in each of a chain of macros. So before an evaluation a
bound is worked out for the sizes of all values and the work on them; what is beyond ``COST_MAX`` is not begun. It
depends on the expression and the request alone: an evaluation ends the same way on a slower machine and in a replay.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tidegate.outbound.cel.checked_tree import Call, Comprehension, Const, Made, Node
from tidegate.outbound.cel.readings import Path, parts_of, path_of

COST_MAX: Final = 4_000_000
"""Bytes and elements that one evaluation may touch or make, 0.1 us each: what ``map`` makes of 2,800 elements."""

NESTED_MACROS_MAX: Final = 4
"""Macros (all, exists, exists_one, map, filter) inside one another, the outermost counted."""

_ITERATIONS_MAX: Final = 10_000
_PATTERN_WORK: Final = 50
_SCALAR: Final = 40


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a value can be: bytes and elements in all, and elements that a macro goes through."""

    size: int
    count: int


_NOTHING: Final = Extent(0, 0)
_ONE: Final = Extent(_SCALAR, 0)


def extent_of(value: object) -> Extent:
    """Measure a value that the engine is given."""
    if isinstance(value, str):
        return Extent(len(value) + 1, 0)
    if isinstance(value, Mapping):
        size = sum(len(key) + 1 + extent_of(member).size for key, member in value.items())
        return Extent(size + 1, len(value))
    if isinstance(value, list):
        return Extent(1 + sum(extent_of(element).size for element in value), len(value))
    return Extent(1, 0)


def macro_depth(node: Node) -> int:
    """Give how many macros stand inside one another."""
    if not isinstance(node, Comprehension):
        return max((macro_depth(part) for part in parts_of(node)), default=0)
    inner = max(macro_depth(part) for part in (node.start, *node.steps, node.result))
    return max(1 + inner, macro_depth(node.over))


def cost_of(node: Node, inputs: Mapping[str, object]) -> int:
    """Bound the work of evaluating an expression on these variables, in bytes and elements."""
    bound = _Bound(inputs)
    bound.extent(node, {})
    return bound.cost


class _Bound:
    """Adds up the work of one evaluation.

    A macro's step costs no more than once for an element as large as the whole list, and for each element once for one
    of no size: what a step costs grows with its element's size, and never slower for a large one than for its parts.
    """

    def __init__(self, inputs: Mapping[str, object]) -> None:
        self.cost = 0
        self._inputs = inputs
        self._measured: dict[Path, Extent] = {}

    def extent(self, node: Node, scope: Mapping[str, Extent]) -> Extent:
        """Give the largest value an expression can have, adding what it costs to make it."""
        self.cost += 1
        if isinstance(node, Const):
            return _ONE if node.text is None else Extent(len(node.text) + 1, 0)
        path = path_of(node)
        if path is not None:
            return scope[path[0]] if path[0] in scope else self._read(path)
        if isinstance(node, Comprehension):
            return self._macro(node, scope)
        found = [self.extent(part, scope) for part in parts_of(node)]
        if isinstance(node, Made):
            return Extent(1 + sum(part.size for part in found), len(found))
        if isinstance(node, Call):
            self.cost += _work_of(node.function, found)
            return _result_of(node.function, found)
        return found[0]

    def _read(self, path: Path) -> Extent:
        if path not in self._measured:
            value: object = self._inputs
            for member in path:
                value = value.get(member) if isinstance(value, Mapping) else None
            self._measured[path] = extent_of(value)
        return self._measured[path]

    def _macro(self, node: Comprehension, scope: Mapping[str, Extent]) -> Extent:
        over = self.extent(node.over, scope)
        rounds = min(over.count, _ITERATIONS_MAX)
        start = self.extent(node.start, scope)
        largest, cost_of_largest = self._step(
            node, {**scope, **dict.fromkeys(node.variables, Extent(over.size, over.size))}
        )
        empty, cost_of_empty = self._step(node, {**scope, **dict.fromkeys(node.variables, _NOTHING)})
        self.cost += cost_of_largest + rounds * cost_of_empty
        if isinstance(node.start, Made):
            # map and filter: the engine copies what it has gathered so far for each element that it adds
            self.cost += rounds * rounds // 2
        gathered = Extent(start.size + largest.size + rounds * empty.size, start.count + rounds)
        return self.extent(node.result, {**scope, node.accumulator: gathered})

    def _step(self, node: Comprehension, scope: Mapping[str, Extent]) -> tuple[Extent, int]:
        before = self.cost
        found = [self.extent(step, {**scope, node.accumulator: _NOTHING}) for step in node.steps]
        spent, self.cost = self.cost - before, before
        return found[-1], spent


def _work_of(function: str, arguments: list[Extent]) -> int:
    sizes = [argument.size for argument in arguments]
    return _WORK.get(function, sum)(sizes) if sizes else 0


def _result_of(function: str, arguments: list[Extent]) -> Extent:
    if function in _SMALL_RESULTS:
        return _ONE
    if function == "_[_]":
        return Extent(arguments[0].size, arguments[0].size)
    if function == "_?_:_":
        _, yes, no = arguments
        return Extent(max(yes.size, no.size), max(yes.count, no.count))
    return Extent(_SCALAR + sum(each.size for each in arguments), sum(each.count for each in arguments))


def _nothing(_sizes: list[int]) -> int:
    return 0


def _matching(sizes: list[int]) -> int:
    return sizes[0] + _PATTERN_WORK * sizes[-1]


_COMPARISONS: Final = ("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_")
_LOGIC: Final = ("_&&_", "_||_", "!_", "_?_:_", "@not_strictly_false", "_[_]", "size", "type", "dyn")
_WORK: Final[Mapping[str, Callable[[list[int]], int]]] = {
    **dict.fromkeys(_COMPARISONS, min),
    **dict.fromkeys(_LOGIC, _nothing),
    "matches": _matching,
}
_SMALL_RESULTS: Final = frozenset(
    {*_COMPARISONS, "_&&_", "_||_", "!_", "@not_strictly_false", "size", "type", "@in", "_in_", "in"}
    | {"matches", "contains", "startsWith", "endsWith", "bool", "int", "uint", "double", "timestamp", "duration"}
    | {"_-_", "_*_", "_/_", "_%_", "-_"}
)
