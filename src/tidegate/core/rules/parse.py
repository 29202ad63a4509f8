"""Turns a condition in JSON form into a checked tree, or tells everything that is wrong with it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tidegate.core.rules.faults import InvalidRule, RuleFault, pointer_to
from tidegate.core.rules.limits import DEPTH_MAX, NODES_MAX, TEXT_BYTES_MAX
from tidegate.core.rules.literals import check_literal, literal_of
from tidegate.core.rules.tree import (
    All,
    Any,
    CelLeaf,
    CelProgram,
    Condition,
    Expected,
    FieldRef,
    Leaf,
    ListRef,
    Literal,
    Not,
    Op,
    TextTest,
)
from tidegate.core.rules.values import normal_text, type_name
from tidegate.core.rules.vocabulary import (
    AGE_OPS,
    LIST_OPS,
    OPS_OF,
    ORDER_OPS,
    PRESENCE_OPS,
    FieldType,
    Vocabulary,
)

RegexCompiler: TypeAlias = Callable[[str], TextTest]
"""Compiles an RE2 pattern to a test that searches; raises ValueError with the reason for a bad pattern."""

CelCompiler: TypeAlias = Callable[[str], CelProgram]
"""Type-checks a CEL text; raises ValueError with the reason for a bad one."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The compiled libraries a rule may lean on, handed in because core imports none; None: not to be had."""

    regex: RegexCompiler | None = None
    cel: CelCompiler | None = None


NO_ENGINES: Final = Engines()
_GROUP_KEYS: Final = ("all", "any", "not", "cel")
_LEAF_KEYS: Final = ("field", "op", "value")
_REFERENCE_KEYS: Final = ("param", "field", "list")
_NODE_FORM: Final = 'one of {"all": [...]}, {"any": [...]}, {"not": {...}}, {"cel": text}, {"field", "op", "value"}'
_NO_REFERENCE_OPS: Final = AGE_OPS | {Op.MATCHES, Op.BETWEEN}


@dataclass(frozen=True, slots=True)
class RuleInputs:
    """What a condition may name besides fields: its parameters, and the managed lists that exist."""

    params: Mapping[str, object] = field(default_factory=dict)
    list_names: Collection[str] = ()


NO_INPUTS: Final = RuleInputs()


def parse_condition(
    condition: object,
    vocabulary: Vocabulary,
    *,
    inputs: RuleInputs = NO_INPUTS,
    engines: Engines = NO_ENGINES,
) -> Condition:
    """Check a condition that was read from JSON (numbers as Decimal) and build its tree.

    Raises InvalidRule with every fault; each points at its leaf or group from the condition's root and says what
    would be right. Parameters are resolved here, so that a tree needs nothing but the request, the clock and lists.
    """
    parser = _Parser(vocabulary, inputs=inputs, engines=engines)
    tree = parser.node(condition, "", depth=1)
    if parser.faults or tree is None:
        raise InvalidRule(parser.faults)
    return tree


@dataclass(frozen=True, slots=True)
class _Site:
    """The leaf whose value is being checked; no `op` when the leaf's own was not right."""

    pointer: str
    op: Op | None
    field_type: FieldType


class _Parser:
    """One pass over one condition."""

    def __init__(self, vocabulary: Vocabulary, *, inputs: RuleInputs, engines: Engines) -> None:
        self.faults: list[RuleFault] = []
        self._vocabulary = vocabulary
        self._inputs = inputs
        self._engines = engines
        self._nodes = 0

    def node(self, source: object, pointer: str, *, depth: int) -> Condition | None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            if self._nodes == NODES_MAX + 1:
                self._fault("", "too_many_nodes", message=f"a rule has at most {NODES_MAX} groups and leaves together")
            return None
        if depth > DEPTH_MAX:
            message = f"a rule is at most {DEPTH_MAX} levels deep, the root and the leaves counted"
            self._fault(pointer, "too_deep", message=message)
            return None
        if not isinstance(source, Mapping):
            self._fault(pointer, "not_a_condition", message=f"{type_name(source)} is no condition; give {_NODE_FORM}")
            return None
        groups = [key for key in _GROUP_KEYS if key in source]
        if not groups:
            return self._leaf(source, pointer)
        if len(source) > 1:
            others = ", ".join(sorted(str(key) for key in source if key != groups[0]))
            self._fault(pointer, "ambiguous_node", message=f"{groups[0]} stands alone in its object, without {others}")
            return None
        return self._group(groups[0], source[groups[0]], pointer=pointer, depth=depth)

    def _group(self, key: str, content: object, *, pointer: str, depth: int) -> Condition | None:
        if key == "cel":
            return self._cel(content, pointer)
        if key == "not":
            child = self.node(content, pointer_to(pointer, key), depth=depth + 1)
            return None if child is None else Not(child)
        if not isinstance(content, list | tuple):
            message = f"{key} takes a list of conditions, not {type_name(content)}"
            self._fault(pointer, "group_not_a_list", message=message)
            return None
        if not content:
            self._fault(pointer, "empty_group", message=f"{key} needs at least one condition in its list")
            return None
        below = pointer_to(pointer, key)
        countable = enumerate(content[: NODES_MAX + 1])
        found = [self.node(each, pointer_to(below, at), depth=depth + 1) for at, each in countable]
        children = tuple(child for child in found if child is not None)
        return All(children) if key == "all" else Any(children)

    def _cel(self, text: object, pointer: str) -> Condition | None:
        if not self._vocabulary.cel_allowed:
            context = self._vocabulary.context
            self._fault(
                pointer, "cel_not_allowed", message=f"cel is not allowed in {context} rules; use fields and ops"
            )
            return None
        if not isinstance(text, str) or not text:
            self._fault(pointer, "bad_cel", message=f"cel takes an expression as text, not {type_name(text)}")
            return None
        if not self._fits_text(text, pointer, what="a CEL expression"):
            return None
        if self._engines.cel is None:
            self._fault(pointer, "cel_unavailable", message="no CEL engine is installed here; use fields and ops")
            return None
        try:
            return CelLeaf(pointer, text, self._engines.cel(text))
        except ValueError as error:
            self._fault(pointer, "bad_cel", message=f"the CEL expression is not right: {error}")
            return None

    def _leaf(self, source: Mapping[str, object], pointer: str) -> Condition | None:
        if not any(key in source for key in _LEAF_KEYS):
            self._fault(pointer, "not_a_condition", message=f"no condition is written here; give {_NODE_FORM}")
            return None
        unknown = sorted(str(key) for key in source if key not in _LEAF_KEYS)
        if unknown:
            self._fault(pointer, "unknown_key", message=f"{', '.join(unknown)}: a leaf has field, op and value only")
        path, field_type = self._field(source, pointer)
        op = self._op(source, pointer)
        if op is not None and op not in OPS_OF[field_type]:
            fitting = ", ".join(each for each in Op if each in OPS_OF[field_type])
            message = f"op {op} does not fit {path}, which is of type {field_type}; fitting ops are {fitting}"
            self._fault(pointer, "op_misfit", message=message)
            op, field_type = None, FieldType.ANY
        expected = self._expected(source, _Site(pointer, op, field_type))
        search = self._search(op, expected, pointer=pointer)
        if path is None or op is None:
            return None
        return Leaf(pointer, path, op, expected, search)

    def _field(self, source: Mapping[str, object], pointer: str) -> tuple[str | None, FieldType]:
        if "field" not in source:
            self._fault(pointer, "missing_key", message="a leaf needs a field, the path of what it looks at")
            return None, FieldType.ANY
        return self._path(source["field"], pointer)

    def _path(self, path: object, pointer: str) -> tuple[str | None, FieldType]:
        if not isinstance(path, str):
            self._fault(pointer, "unknown_field", message=f"field takes a path as text, not {type_name(path)}")
            return None, FieldType.ANY
        if not self._fits_text(path, pointer, what="a path"):
            return None, FieldType.ANY
        field_type = self._vocabulary.type_of(path)
        if field_type is None:
            advice = self._vocabulary.advice_on(path)
            self._fault(
                pointer, "unknown_field", message=f"{self._vocabulary.context} rules know no field {path}; {advice}"
            )
            return None, FieldType.ANY
        return path, field_type

    def _op(self, source: Mapping[str, object], pointer: str) -> Op | None:
        known = ", ".join(Op)
        if "op" not in source:
            self._fault(pointer, "missing_key", message=f"a leaf needs an op, one of {known}")
            return None
        op = source["op"]
        if not isinstance(op, str) or op not in list(Op):
            self._fault(pointer, "unknown_op", message=f"there is no op {op}; known are {known}")
            return None
        return Op(op)

    def _expected(self, source: Mapping[str, object], site: _Site) -> Expected:
        if site.op in PRESENCE_OPS:
            if "value" in source:
                self._fault(site.pointer, "unexpected_value", message=f"{site.op} takes no value; leave it out")
            return None
        if "value" not in source:
            if site.op is not None:
                self._fault(site.pointer, "missing_key", message=f"op {site.op} needs a value")
            return None
        value = source["value"]
        if not isinstance(value, Mapping):
            return self._literal(value, site)
        if len(value) != 1 or next(iter(value)) not in _REFERENCE_KEYS:
            message = 'an object as value is {"param": name}, {"field": path} or {"list": name}'
            self._fault(site.pointer, "bad_reference", message=message)
            return None
        kind, name = next(iter(value.items()))
        if kind == "field":
            return self._other_field(name, site)
        if not isinstance(name, str):
            self._fault(site.pointer, "bad_reference", message=f"{kind} takes a name as text, not {type_name(name)}")
            return None
        if not self._fits_text(name, site.pointer, what=f"the name of a {kind}"):
            return None
        if kind == "list":
            return self._managed_list(name, site)
        if name not in self._inputs.params:
            known = ", ".join(sorted(self._inputs.params)) or "none"
            self._fault(site.pointer, "unknown_param", message=f"the rule has no parameter {name}; it has {known}")
            return None
        return self._literal(self._inputs.params[name], site, param=name)

    def _literal(self, value: object, site: _Site, *, param: str | None = None) -> Literal | None:
        checked = check_literal(value, op=site.op, field_type=site.field_type)
        prefix = "" if param is None else f"parameter {param}: "
        for code, message in checked.faults:
            self._fault(site.pointer, code, message=prefix + message)
        return literal_of(checked, param)

    def _managed_list(self, name: str, site: _Site) -> ListRef | None:
        if site.op is not None and site.op not in LIST_OPS:
            message = f"a managed list goes with in and not_in, not with {site.op}"
            self._fault(site.pointer, "literal_misfit", message=message)
            return None
        if name not in self._inputs.list_names:
            known = ", ".join(sorted(self._inputs.list_names)) or "none"
            self._fault(site.pointer, "unknown_list", message=f"there is no managed list {name}; there are {known}")
            return None
        return ListRef(name)

    def _other_field(self, path: object, site: _Site) -> FieldRef | None:
        if site.op in _NO_REFERENCE_OPS:
            message = f"{site.op} takes a value or a parameter, not another field"
            self._fault(site.pointer, "literal_misfit", message=message)
            return None
        other, other_type = self._path(path, site.pointer)
        if other is None:
            return None
        if site.op is not None and not _comparable(site.op, left=site.field_type, right=other_type):
            message = f"{other} is of type {other_type}, which {site.op} cannot compare with type {site.field_type}"
            self._fault(site.pointer, "literal_misfit", message=message)
            return None
        return FieldRef(other)

    def _search(self, op: Op | None, expected: Expected, *, pointer: str) -> TextTest | None:
        if op is not Op.MATCHES or not isinstance(expected, Literal) or not isinstance(expected.value, str):
            return None
        if self._engines.regex is None:
            self._fault(pointer, "regex_unavailable", message="no regular expression engine is installed here")
            return None
        try:
            return self._engines.regex(normal_text(expected.value))
        except ValueError as error:
            self._fault(pointer, "bad_regex", message=f"the pattern is not right in RE2 syntax: {error}")
            return None

    def _fits_text(self, text: str, pointer: str, *, what: str) -> bool:
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > TEXT_BYTES_MAX:
            self._fault(pointer, "text_too_long", message=f"{what} has at most {TEXT_BYTES_MAX} bytes, not {size}")
            return False
        return True

    def _fault(self, pointer: str, code: str, *, message: str) -> None:
        self.faults.append(RuleFault(pointer, code, message))


def _comparable(op: Op, *, left: FieldType, right: FieldType) -> bool:
    if op in LIST_OPS:
        return right in (FieldType.LIST, FieldType.ANY)
    if right in (FieldType.LIST, FieldType.OBJECT):
        return False
    if FieldType.ANY in (left, right) or left is FieldType.LIST:
        return op not in ORDER_OPS or FieldType.BOOLEAN not in (left, right)
    texts = (FieldType.TEXT, FieldType.INSTANT)
    if op in ORDER_OPS:
        # A text field may hold a plain decimal or a date-time; only the request shows which.
        return left is right or right is FieldType.TEXT
    return left is right or (left in texts and right in texts)
