"""One version of everything the desk decides by, checked and compiled once: rules, thresholds, managed lists."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.core.assessment.history import reads_history, windows_in
from tidegate.core.assessment.judged import ActiveRule, Judged, every_way
from tidegate.core.assessment.logic import Logic, parse_logic
from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.provider_questions import ProviderQuestion, parameters_of
from tidegate.core.assessment.risk_rule import RiskRule
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.assessment.thresholds import ThresholdTable, threshold_faults
from tidegate.core.rules.compile import ScopedRule, compile_rules
from tidegate.core.rules.faults import InvalidRule, RuleFault
from tidegate.core.rules.limits import ACTIVE_RULES_MAX
from tidegate.core.rules.parse import NO_ENGINES, Engines
from tidegate.core.rules.scope import ScopeIndex
from tidegate.core.rules.tree import Leaf, ListRef, leaves_of
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.values import Lists
from tidegate.core.rules.vocabulary import AGE_OPS

RULES: Final = "rules"
THRESHOLDS: Final = "thresholds"
LISTS: Final = "lists"


@dataclass(frozen=True, slots=True)
class RowFault:
    """One fault of a row: in ``rules``, ``thresholds`` or ``lists``, at which place of what was given; the fault's
    pointer starts at the row.
    """

    table: str
    place: int
    fault: RuleFault


class InvalidRuleSet(ValueError):
    """Rows that cannot be decided by; ``faults`` names everything that is wrong with them."""

    def __init__(self, faults: Iterable[RowFault]) -> None:
        self.faults = tuple(faults)
        told = (f"{each.table}/{each.place}{each.fault.pointer}: {each.fault.message}" for each in self.faults)
        super().__init__("; ".join(told))


@dataclass(frozen=True, slots=True)
class RuleSetVersions:
    """The published versions that a rule set was made of; 0 where nothing is versioned (a file)."""

    rules: int = 0
    thresholds: int = 0
    lists: int = 0


class RuleSet:
    """What one version decides by. ``build_rule_set`` makes it; nothing in it changes."""

    __slots__ = (
        "_index",
        "_ways",
        "active",
        "compiled",
        "lists",
        "reads_history",
        "reads_now",
        "thresholds",
        "versions",
        "windows",
    )

    def __init__(
        self,
        active: Sequence[ActiveRule],
        thresholds: ThresholdTable,
        *,
        lists: Lists,
        versions: RuleSetVersions,
    ) -> None:
        self.active = tuple(active)
        self.thresholds = thresholds
        self.lists = lists
        self.versions = versions
        self.compiled = compile_rules(
            [ScopedRule(each.rule.rule_code, each.logic.condition, each.rule.scope) for each in self.active],
            lists=lists,
        )
        self._index = ScopeIndex([each.rule.scope for each in self.active])
        self._ways = tuple(every_way(each) for each in self.active)
        conditions = [each.logic.condition for each in self.active]
        self.windows: frozenset[str] = frozenset(window for each in conditions for window in windows_in(each))
        self.reads_history: bool = any(reads_history(each) for each in conditions)
        self.reads_now: bool = self.reads_history or any(
            isinstance(leaf, Leaf) and leaf.op in AGE_OPS for each in conditions for leaf in leaves_of(each)
        )

    def in_scope(self, attributes: Mapping[str, str]) -> list[ActiveRule]:
        """Give the rules that a request with these attributes is in the scope of, in the order of the version."""
        return [self.active[number] for number in self._index.matching(attributes)]

    def judged(self, attributes: Mapping[str, str], results: Mapping[str, Truth]) -> list[Judged]:
        """Give the rules in scope with their results, which are given by rule_code."""
        active, ways = self.active, self._ways
        return [ways[number][results[active[number].rule.rule_code]] for number in self._index.matching(attributes)]

    def judged_as(self, rule_code: str, result: Truth) -> Judged:
        """Give one rule with a result. Raises KeyError for a code that the version has not."""
        return self._ways[self.compiled.number_of(rule_code)][result]

    def providers_for(self, attributes: Mapping[str, str]) -> dict[str, dict[str, list[dict[str, object]]]]:
        """Give the providers that the rules in scope need, by name, each with what it is told (see ProviderCall)."""
        questions: dict[str, list[ProviderQuestion]] = {}
        for each in self.in_scope(attributes):
            for name, asked in each.logic.providers.items():
                questions.setdefault(name, []).extend(asked)
        return {name: parameters_of(questions[name]) for name in sorted(questions)}


def windows_of(rule_set: RuleSet) -> frozenset[str]:
    """Say which windows a store has to count a subject's past in (see ``history.window_starts``)."""
    return rule_set.windows


def build_rule_set(
    rules: Sequence[RiskRule | ActiveRule],
    thresholds: Sequence[RiskThreshold],
    *,
    lists: Sequence[ManagedList] = (),
    engines: Engines = NO_ENGINES,
    versions: RuleSetVersions = RuleSetVersions(),
) -> RuleSet:
    """Check and compile one version; rows that are not active are passed over.

    Rules are reported in the order in which they are given here. One that is given with its logic was read for an
    earlier version by the same engines; it is not read again while the lists that it names are there.

    Raises:
        InvalidRuleSet: every fault of a rule's logic, of the ranges together, codes or names that stand twice, or more
            than 2,048 rules.
    """
    rows = [each.rule if isinstance(each, ActiveRule) else each for each in rules]
    faults = [*_twins(RULES, [rule.rule_code for rule in rows]), *_twins(LISTS, [each.name for each in lists])]
    by_name = {each.name: each.entries for each in lists if each.is_active}
    active: list[ActiveRule] = []
    for place, (given, rule) in enumerate(zip(rules, rows, strict=True)):
        if not rule.is_active:
            continue
        if isinstance(given, ActiveRule) and _lists_of(given.logic) <= by_name.keys():
            active.append(given)
            continue
        try:
            active.append(ActiveRule(rule, parse_logic(rule.logic_config, list_names=by_name, engines=engines)))
        except InvalidRule as refusal:
            faults += [RowFault(RULES, place, _in_logic(fault)) for fault in refusal.faults]
    if sum(rule.is_active for rule in rows) > ACTIVE_RULES_MAX:
        message = f"there are at most {ACTIVE_RULES_MAX} active rules"
        faults.append(RowFault(RULES, len(rules) - 1, RuleFault("/is_active", "too_many_rules", message)))
    for wrong in threshold_faults(thresholds):
        faults.append(RowFault(THRESHOLDS, wrong.places[0], RuleFault("", wrong.code, wrong.message)))
    if faults:
        raise InvalidRuleSet(faults)
    return RuleSet(active, ThresholdTable(thresholds), lists=by_name, versions=versions)


def _lists_of(logic: Logic) -> set[str]:
    leaves = leaves_of(logic.condition)
    return {leaf.expected.name for leaf in leaves if isinstance(leaf, Leaf) and isinstance(leaf.expected, ListRef)}


def _in_logic(fault: RuleFault) -> RuleFault:
    return RuleFault(f"/logic_config{fault.pointer}", fault.code, fault.message)


def _twins(table: str, names: Sequence[str]) -> list[RowFault]:
    key = "rule_code" if table == RULES else "name"
    seen: set[str] = set()
    faults: list[RowFault] = []
    for place, name in enumerate(names):
        if name in seen:
            faults.append(RowFault(table, place, RuleFault(f"/{key}", "duplicate", f"{name} stands twice")))
        seen.add(name)
    return faults
