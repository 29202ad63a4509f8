"""cel-cpp in the shape in which the rule language takes it: a text becomes a program from a lookup to a truth."""

import re
from collections.abc import Mapping
from typing import Final

from cel_expr_python import cel

from tidegate.core.rules.truth import Truth, truth_of
from tidegate.core.rules.values import Lookup
from tidegate.core.rules.vocabulary import FieldType, Vocabulary
from tidegate.outbound.cel.checked_tree import Node, TreeReader
from tidegate.outbound.cel.cost import COST_MAX, NESTED_MACROS_MAX, cost_of, macro_depth
from tidegate.outbound.cel.readings import PROVIDERS, Reader, Reading, Unreadable, readings_of

_FAULT: Final = re.compile(r"ERROR: [^\n]*?:(-?\d+):(-?\d+): ([^\n]*)")
_STATUS: Final = re.compile(r"^[A-Z_]+: |\s*\[[A-Z_]+\]$")

# What the engine's binding raises: its own status as RuntimeError, and what pybind makes of C++'s exceptions.
_TROUBLE: Final = (RuntimeError, ValueError, TypeError, OverflowError, MemoryError)


class CelEngine:
    """Compiles the expressions of one vocabulary; usable from any thread."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        types = variables_of(vocabulary)
        self._variables = frozenset(types)
        self._environment = cel.NewEnv(variables=dict(types))
        self._trees = TreeReader()

    def compile(self, text: str) -> "CelExpression":
        """Type-check an expression against the vocabulary's variables.

        Raises:
            ValueError: it cannot be read, does not type-check, is no condition, or nests more than is allowed; the
                message says where.
        """
        try:
            expression = self._environment.compile(text)
            serialized = expression.serialize()
        except _TROUBLE as error:
            raise ValueError(_in_words(str(error))) from None
        kind = expression.return_type()
        if kind not in (cel.Type.BOOL, cel.Type.DYN):
            raise ValueError(f"it gives {kind.name().lower()}; a condition gives bool")
        return self._checked(expression, self._trees.read(serialized))

    def _checked(self, expression: cel.Expression, tree: Node) -> "CelExpression":
        depth = macro_depth(tree)
        if depth > NESTED_MACROS_MAX:
            raise ValueError(f"at most {NESTED_MACROS_MAX} macros stand inside one another, not {depth}")
        readings = tuple(readings_of(tree, self._variables))
        if (PROVIDERS,) in {reading.path for reading in readings}:
            raise ValueError(f"a provider is read by its name: {PROVIDERS}.<name>.<field>")
        return CelExpression(expression, tree, readings=readings)


class CelExpression:
    """A type-checked condition; called with a lookup it gives its truth, and never raises."""

    def __init__(self, expression: cel.Expression, tree: Node, *, readings: tuple[Reading, ...]) -> None:
        self._expression = expression
        self._tree = tree
        self._reader = Reader(readings)

    def __call__(self, lookup: Lookup) -> Truth:
        """Evaluate; an error of the expression, and what it must not be told wrongly, are UNKNOWN."""
        try:
            variables = self._reader.read(lookup)
            if cost_of(self._tree, variables) > COST_MAX:
                return Truth.UNKNOWN
            result = self._expression.eval(data=variables).value()
        except (Unreadable, *_TROUBLE):
            return Truth.UNKNOWN
        return truth_of(result) if isinstance(result, bool) else Truth.UNKNOWN


def variables_of(vocabulary: Vocabulary) -> Mapping[str, cel.Type]:
    """Declare a vocabulary's variables: texts, and open objects as maps of anything."""
    open_object = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    objects = {prefix.split(".")[0] for prefix in vocabulary.open_prefixes}
    if vocabulary.provider_fields is not None:
        objects.add(PROVIDERS)
    texts = [name for name, kind in vocabulary.fields.items() if kind is FieldType.TEXT and "." not in name]
    return {**dict.fromkeys(texts, cel.Type.STRING), **dict.fromkeys(objects, open_object)}


def _in_words(error: str) -> str:
    found = _FAULT.search(error)
    if found is None:
        return _STATUS.sub("", error.split("\n", maxsplit=1)[0])
    line, column, message = found.groups()
    message = message.removesuffix(" (in container '')")
    return message if int(line) < 1 else f"at line {line}, column {column}: {message}"
