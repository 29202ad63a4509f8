"""Compiles a version of a rule set once, to be evaluated many times.

Rules that share a scope become one function; a scope index picks the functions a request is in. A rule that stayed
FALSE leaves no trace but its result; the leaves of the others are explained when they are asked for, by a function that
is compiled when it is first needed: most rules of a large set never are.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from tidegate.core.rules.codegen import RuleWriter
from tidegate.core.rules.evaluate import NO_LISTS, LeafResult
from tidegate.core.rules.faults import InvalidRule, RuleFault
from tidegate.core.rules.instants import Instant
from tidegate.core.rules.limits import ACTIVE_RULES_MAX
from tidegate.core.rules.readings import Reader, Readings, SlotTable
from tidegate.core.rules.scope import Scope, ScopeIndex
from tidegate.core.rules.tree import Condition, Leaf, ListRef, leaves_of
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.values import Lists, Lookup

_BLOCK_LEAVES_MAX: Final = 4_000

_Tell: TypeAlias = Callable[[int], None]
_Block: TypeAlias = Callable[[Readings, _Tell, _Tell], None]
_Explanation: TypeAlias = Callable[[Readings], tuple[LeafResult, ...]]


@dataclass(frozen=True, slots=True)
class ScopedRule:
    """One active rule of a version: its id, its checked condition, and the requests it applies to."""

    rule_id: str
    condition: Condition
    scope: Scope


@dataclass(frozen=True, slots=True)
class _Group:
    """Rules with one scope: the functions that evaluate them, and their results while none has been evaluated."""

    blocks: tuple[_Block, ...]
    all_false: dict[str, Truth]


class Evaluation:
    """What one request made of the rules in its scope. Good as long as the request it read is not changed."""

    __slots__ = ("_fired", "_groups", "_readings", "_rules", "_unknown")

    def __init__(self, rules: "CompiledRules", groups: Sequence[_Group], *, readings: Readings) -> None:
        self._rules = rules
        self._groups = groups
        self._readings = readings
        self._fired: list[int] = []
        self._unknown: list[int] = []
        for group in groups:
            for block in group.blocks:
                block(readings, self._fired.append, self._unknown.append)
        if not self.quiet:
            self._fired.sort()
            self._unknown.sort()

    @property
    def quiet(self) -> bool:
        """Whether every rule in scope is FALSE."""
        return not self._fired and not self._unknown

    def results(self) -> dict[str, Truth]:
        """The result of every rule in scope by its id."""
        results: dict[str, Truth] = {}
        for group in self._groups:
            results.update(group.all_false)
        results.update((rule_id, Truth.TRUE) for rule_id in self.fired())
        results.update((rule_id, Truth.UNKNOWN) for rule_id in self.unknown())
        return results

    def fired(self) -> list[str]:
        """The ids of the rules that are TRUE, in the order of the version."""
        return [self._rules.rule_ids[number] for number in self._fired]

    def unknown(self) -> list[str]:
        """The ids of the rules that are UNKNOWN, in the order of the version."""
        return [self._rules.rule_ids[number] for number in self._unknown]

    def explained(self) -> dict[str, tuple[LeafResult, ...]]:
        """All leaves of each rule that is TRUE or UNKNOWN, by id, in the order of the version."""
        rule_ids, explanations, readings = self._rules.rule_ids, self._rules.explanations, self._readings
        return {rule_ids[number]: explanations[number](readings) for number in sorted(self._fired + self._unknown)}

    def explain(self, rule_id: str) -> tuple[LeafResult, ...]:
        """The leaves of any rule of the version, in scope or not. Raises KeyError for an id it has not."""
        return self._rules.explanations[self._rules.number_of(rule_id)](self._readings)


class CompiledRules:
    """One version of a rule set, ready to be evaluated. `compile_rules` makes it."""

    __slots__ = ("_groups", "_index", "_numbers", "_readers", "explanations", "rule_ids")

    def __init__(self, rules: Sequence[ScopedRule], *, lists: Lists) -> None:
        self.rule_ids = tuple(rule.rule_id for rule in rules)
        self._numbers = {rule_id: number for number, rule_id in enumerate(self.rule_ids)}
        numbers_by_scope = _numbers_by_scope(rules)
        slots = SlotTable()
        writer = RuleWriter(slots, lists)
        self.explanations = _Explanations(rules, writer)
        self._groups = tuple(
            _Group(blocks, dict.fromkeys((self.rule_ids[number] for number in numbers), Truth.FALSE))
            for blocks, numbers in zip(
                _blocks(rules, numbers_by_scope.values(), writer=writer), numbers_by_scope.values(), strict=True
            )
        )
        self._index = ScopeIndex([dict(scope) for scope in numbers_by_scope])
        self._readers: Sequence[Reader] = slots.readers

    def number_of(self, rule_id: str) -> int:
        """The place of a rule in the version. Raises KeyError for an id it has not."""
        return self._numbers[rule_id]

    def evaluate(self, lookup: Lookup, *, now: Instant, attributes: Mapping[str, str]) -> Evaluation:
        """Evaluate every rule whose scope the attributes are in; each distinct field is looked up once for
        each way in which it is seen (as a number, as a text, as it is shown).

        `lookup` is a function from a dotted path to a value; over a flat mapping, its `get` will do.
        """
        groups = [self._groups[number] for number in self._index.matching(attributes)]
        return Evaluation(self, groups, readings=Readings(self._readers, lookup, now=now))


def compile_rules(rules: Sequence[ScopedRule], *, lists: Lists = NO_LISTS) -> CompiledRules:
    """Compile the active rules of one version, in the order in which they are to be reported.

    Raises InvalidRule when a condition names a managed list that is not in `lists`, and ValueError for more than
    2,048 rules, an id given twice, or a scope with an empty value set.
    """
    if len(rules) > ACTIVE_RULES_MAX:
        raise ValueError(f"a context has at most {ACTIVE_RULES_MAX} active rules, not {len(rules)}")
    if len({rule.rule_id for rule in rules}) < len(rules):
        raise ValueError("each rule of a version needs an id of its own")
    faults = [
        RuleFault(leaf.pointer, "unknown_list", f"there is no managed list {leaf.expected.name}")
        for rule in rules
        for leaf in leaves_of(rule.condition)
        if isinstance(leaf, Leaf) and isinstance(leaf.expected, ListRef) and leaf.expected.name not in lists
    ]
    if faults:
        raise InvalidRule(faults)
    return CompiledRules(rules, lists=lists)


class _Explanations(dict[int, _Explanation]):
    """The functions that explain, by the rule's number, each compiled when it is first asked for."""

    def __init__(self, rules: Sequence[ScopedRule], writer: RuleWriter) -> None:
        self._rules = rules
        self._writer = writer

    def __missing__(self, number: int) -> _Explanation:
        name = f"explain_{number}"
        source = self._writer.explanation(name, self._rules[number].condition)
        explanation: _Explanation = _made(name, source, writer=self._writer)
        self[number] = explanation
        return explanation


def _blocks(
    rules: Sequence[ScopedRule], groups: Iterable[tuple[int, ...]], *, writer: RuleWriter
) -> Iterator[tuple[_Block, ...]]:
    """The functions that evaluate each group."""
    for group in groups:
        blocks: list[_Block] = []
        for numbers in _cut(group, rules):
            name = f"block_{numbers[0]}"
            numbered = [(number, rules[number].condition) for number in numbers]
            blocks.append(_made(name, writer.block(name, numbered), writer=writer))
        yield tuple(blocks)


def _made(name: str, source: str, *, writer: RuleWriter) -> Any:  # noqa: ANN401 - a function of either kind
    # The source is written by RuleWriter from checked trees; nothing of what a user wrote is part of it.
    exec(compile(source, "<rules>", "exec", dont_inherit=True), writer.namespace)  # noqa: S102 - see above
    return writer.namespace[name]


def _numbers_by_scope(rules: Sequence[ScopedRule]) -> dict[frozenset[tuple[str, frozenset[str]]], tuple[int, ...]]:
    groups: dict[frozenset[tuple[str, frozenset[str]]], list[int]] = {}
    for number, rule in enumerate(rules):
        scope = frozenset((key, frozenset(values)) for key, values in rule.scope.items())
        groups.setdefault(scope, []).append(number)
    return {scope: tuple(numbers) for scope, numbers in groups.items()}


def _cut(group: Sequence[int], rules: Sequence[ScopedRule]) -> Iterator[list[int]]:
    """The group in pieces that compile in bounded memory."""
    piece: list[int] = []
    room = _BLOCK_LEAVES_MAX
    for number in group:
        size = sum(1 for _ in leaves_of(rules[number].condition))
        if piece and size > room:
            yield piece
            piece, room = [], _BLOCK_LEAVES_MAX
        piece.append(number)
        room -= size
    if piece:
        yield piece
