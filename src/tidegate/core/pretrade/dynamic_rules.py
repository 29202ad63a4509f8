"""Dynamic rules compiled: a metric rule is one leaf of the rule language, a condition is a tree of it.

Rules narrowed to a symbol or a KYC level cost nothing where they do not apply (scope index of ``core.rules``).
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from tidegate.core.kernel.decimals import plain
from tidegate.core.kernel.readings import FieldFault
from tidegate.core.pretrade.rules import LIST_OPERATORS, Operator, RiskRule
from tidegate.core.rules.compile import CompiledRules, Evaluation, ScopedRule, compile_rules
from tidegate.core.rules.faults import InvalidJson, InvalidRule
from tidegate.core.rules.instants import Instant
from tidegate.core.rules.json_exact import read_json
from tidegate.core.rules.parse import NO_ENGINES, Engines, parse_condition
from tidegate.core.rules.sentences import leaf_sentence
from tidegate.core.rules.tree import Condition, FieldRef, Leaf, Op, leaves_of
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.values import Lookup
from tidegate.core.rules.vocabularies import GATE_VOCABULARY

Shown = Callable[[str | None, object], object]
"""Rounds the value of a field for people."""


class RuleHit(NamedTuple):
    """A rule that was hit: ``known`` is False when a metric or leaf could not be worked out; ``why`` in words."""

    rule: RiskRule
    known: bool
    why: str


@dataclass(frozen=True, slots=True)
class _Entry:
    rule: RiskRule
    fields: frozenset[str]


class RuleBook:
    """The active rules of one version, in order of name and id, compiled. ``build_rules`` makes it."""

    __slots__ = ("_compiled", "_entries", "rules")

    def __init__(self, entries: Sequence[_Entry], compiled: CompiledRules) -> None:
        self.rules = tuple(entry.rule for entry in entries)
        self._entries = {entry.rule.rule_id: entry for entry in entries}
        self._compiled = compiled

    def hits(
        self, lookup: Lookup, *, attributes: Mapping[str, str], inapplicable: frozenset[str], shown: Shown
    ) -> Sequence[RuleHit]:
        """Give the rules that are hit: TRUE, or UNKNOWN for want of a datum; ``shown`` rounds what messages say.

        A rule that stays UNKNOWN and reads an ``inapplicable`` metric (one that means nothing for this order) is not
        hit.
        """
        if not self._entries:
            return ()
        evaluation = self._compiled.evaluate(lookup, now=_NO_INSTANT, attributes=attributes)
        if evaluation.quiet:
            return ()
        found = [self._hit(rule_id, evaluation, known=True, shown=shown) for rule_id in evaluation.fired()]
        for rule_id in evaluation.unknown():
            if not self._entries[rule_id].fields & inapplicable:
                found.append(self._hit(rule_id, evaluation, known=False, shown=shown))
        return sorted(found, key=lambda hit: (hit.rule.name, hit.rule.rule_id))

    def _hit(self, rule_id: str, evaluation: Evaluation, *, known: bool, shown: Shown) -> RuleHit:
        rule = self._entries[rule_id].rule
        decisive = Truth.TRUE if known else Truth.UNKNOWN
        leaves = [leaf for leaf in evaluation.explain(rule_id) if leaf.result is decisive]
        told = (leaf_sentence(leaf._replace(actual=shown(leaf.field, leaf.actual))) for leaf in leaves)
        return RuleHit(rule, known, "; ".join(told))


_NO_INSTANT: Final = Instant(0)
"""The gate's vocabulary has no instants, so no rule reads the clock."""


def build_rules(rules: Iterable[RiskRule], *, engines: Engines = NO_ENGINES) -> RuleBook:
    """Compile the active rules of a version.

    Raises:
        InvalidRule: a condition that cannot be read or names what the gate does not know.
        ValueError: more than 2,048 rules, or an id given twice.
    """
    active = sorted((rule for rule in rules if rule.active), key=lambda rule: (rule.name, rule.rule_id))
    scoped: list[ScopedRule] = []
    entries: list[_Entry] = []
    for rule in active:
        condition = condition_of(rule, engines=engines)
        scope: dict[str, frozenset[str]] = {}
        if rule.symbol is not None:
            scope["symbol"] = frozenset({rule.symbol})
        if rule.kyc_level is not None:
            scope["kyc_level"] = frozenset({rule.kyc_level.value})
        scoped.append(ScopedRule(rule.rule_id, condition, scope))
        entries.append(_Entry(rule, frozenset(_fields_of(condition))))
    return RuleBook(entries, compile_rules(scoped))


def condition_of(rule: RiskRule, *, engines: Engines = NO_ENGINES) -> Condition:
    """Give the condition of a rule as a checked tree; a metric rule becomes one leaf.

    Raises:
        InvalidRule: the condition (or metric, operator and threshold) is not right; each fault says what would be.
    """
    return parse_condition(condition_source(rule), GATE_VOCABULARY, engines=engines)


def condition_source(rule: RiskRule) -> object:
    """Give the condition of a rule in JSON form, numbers as Decimal."""
    if rule.condition is not None:
        return read_json(rule.condition)
    operator = rule.operator or Operator.EQ
    value: object = list(rule.thresholds) if operator in LIST_OPERATORS else _only(rule.thresholds)
    return {"field": rule.metric, "op": Op[operator.name].value, "value": value}


def condition_faults(condition: str, *, engines: Engines = NO_ENGINES) -> tuple[FieldFault, ...]:
    """Say what is wrong with a condition (JSON text) of the gate's rules, as saving would; empty when it is right."""
    try:
        parse_condition(read_json(condition), GATE_VOCABULARY, engines=engines)
    except (InvalidRule, InvalidJson) as invalid:
        return tuple(FieldFault(fault.pointer, fault.message) for fault in invalid.faults)
    return ()


def shown_thresholds(rule: RiskRule) -> str:
    """Write the threshold of a metric rule, that of IN, NOT_IN and BETWEEN as a JSON list; empty for a condition."""
    shown = [plain(threshold) for threshold in rule.thresholds]
    return json.dumps(shown) if rule.operator in LIST_OPERATORS else "".join(shown)


def _only(thresholds: Sequence[Decimal]) -> Decimal | None:
    return thresholds[0] if len(thresholds) == 1 else None


def _fields_of(condition: Condition) -> Iterable[str]:
    for leaf in leaves_of(condition):
        if isinstance(leaf, Leaf):
            yield leaf.field
            if isinstance(leaf.expected, FieldRef):
                yield leaf.expected.path
