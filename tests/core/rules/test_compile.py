"""The compiled form: the same answers as the interpreter, an index by scope, and no user text in generated code."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.rules.builders import NOW, both_ways, parsed
from tests.core.rules.strategies import LISTS, conditions, random_tree, requests

from tidegate.core.rules.codegen import RuleWriter
from tidegate.core.rules.compile import CompiledRules, ScopedRule, compile_rules
from tidegate.core.rules.evaluate import evaluate, explain
from tidegate.core.rules.faults import InvalidRule
from tidegate.core.rules.lookup import nested_lookup
from tidegate.core.rules.readings import SlotTable
from tidegate.core.rules.truth import Truth


@settings(max_examples=400)
@given(conditions, requests)
def test_compiled_condition_gives_what_the_interpreter_gives(condition: object, request: dict[str, Any]) -> None:
    """RU-401 RU-501: result and every leaf, on random trees and data."""
    both_ways(random_tree(condition), request, lists=LISTS)


scopes = st.dictionaries(
    st.sampled_from(["country", "product_type", "risk_category"]),
    st.frozensets(st.sampled_from(["A", "B", "C"]), min_size=1),
    max_size=3,
)
attributes = st.dictionaries(
    st.sampled_from(["country", "product_type", "risk_category", "other"]), st.sampled_from(["A", "B", "C", "D"])
)


@settings(max_examples=150)
@given(st.lists(st.tuples(conditions, scopes), max_size=8), attributes, requests)
def test_compiled_version_gives_what_the_interpreter_gives_rule_by_rule(
    drafts: list[tuple[Any, Any]], attributes: dict[str, str], request: dict[str, Any]
) -> None:
    """RU-401 RU-501: exactly the rules in scope, each with its result; leaves of all that are not FALSE."""
    rules = [ScopedRule(f"r{at}", random_tree(draft), scope) for at, (draft, scope) in enumerate(drafts)]
    lookup = nested_lookup(request)
    evaluation = compile_rules(rules, lists=LISTS).evaluate(lookup, now=NOW, attributes=attributes)
    in_scope = [rule for rule in rules if all(attributes.get(key) in values for key, values in rule.scope.items())]
    results = {rule.rule_id: evaluate(rule.condition, lookup, now=NOW, lists=LISTS) for rule in in_scope}
    told = {
        rule.rule_id: explain(rule.condition, lookup, now=NOW, lists=LISTS)
        for rule in in_scope
        if results[rule.rule_id] is not Truth.FALSE
    }
    assert evaluation.results() == results
    assert evaluation.fired() == [rule_id for rule_id, result in results.items() if result is Truth.TRUE]
    assert evaluation.unknown() == [rule_id for rule_id, result in results.items() if result is Truth.UNKNOWN]
    assert list(evaluation.explained().items()) == list(told.items())


def a_rule(rule_id: str, field: str = "context_data.x", **scope: str) -> ScopedRule:
    condition = parsed({"field": field, "op": "gt", "value": 1})
    return ScopedRule(rule_id, condition, {key: frozenset({value}) for key, value in scope.items()})


class CountingLookup:
    """A lookup that counts how often each path was asked for."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, path: str) -> object:
        self.asked[path] += 1
        return Decimal(2)


limits = st.tuples(
    st.sampled_from(["context_data.debt_ratio", "context_data.age"]),
    st.sampled_from(["gt", "gte", "lt", "lte"]),
    st.sampled_from(["-1", "0", "0.5", "0.50", "1", "7"]),
)
measured = st.sampled_from([None, "0", "0.5", "0.7", "7", "9", "text", True])


@settings(max_examples=150)
@given(st.lists(limits, max_size=12), measured, measured)
def test_many_limits_on_one_field_each_give_what_the_interpreter_gives(
    drafts: list[tuple[str, str, str]], debt_ratio: object, age: object
) -> None:
    """RU-401 RU-501: rules that are passed over together, because the nearest limit is not reached, are all FALSE."""
    conditions = [parsed({"field": field, "op": op, "value": value}) for field, op, value in drafts]
    lookup = nested_lookup({"context_data": {"debt_ratio": debt_ratio, "age": age}})
    rules = [ScopedRule(f"r{at}", condition, {}) for at, condition in enumerate(conditions)]
    evaluation = compile_rules(rules).evaluate(lookup, now=NOW, attributes={})
    assert evaluation.results() == {rule.rule_id: evaluate(rule.condition, lookup, now=NOW, lists={}) for rule in rules}


def test_field_is_looked_up_once_a_view_however_many_rules_and_scopes_read_it() -> None:
    """RU-401: each distinct path is read once to be compared as a number, and once more to be shown."""
    rules = [a_rule(f"r{at}") for at in range(50)] + [a_rule(f"s{at}", country="CH") for at in range(50)]
    lookup = CountingLookup()
    evaluation = compile_rules(rules).evaluate(lookup, now=NOW, attributes={"country": "CH"})
    assert lookup.asked == {"context_data.x": 1}
    assert len(evaluation.explained()) == 100
    assert lookup.asked == {"context_data.x": 2}


def test_rule_out_of_scope_is_not_even_read() -> None:
    """RU-403: what cannot apply costs nothing, not one lookup."""
    rules = [a_rule(f"out{at}", f"context_data.f{at}", symbol=f"S{at}") for at in range(500)]
    lookup = CountingLookup()
    compiled = compile_rules([*rules, a_rule("in", symbol="MINE")])
    evaluation = compiled.evaluate(lookup, now=NOW, attributes={"symbol": "MINE"})
    assert evaluation.results() == {"in": Truth.TRUE}
    assert lookup.asked == {"context_data.x": 1}


def test_scope_with_several_keys_needs_every_one_of_them() -> None:
    """RU-403: a key the request does not have is out of scope."""
    rules = [a_rule("both", country="CH", product_type="LOAN"), a_rule("any")]
    compiled = compile_rules(rules)

    def in_scope(**attributes: str) -> set[str]:
        return set(compiled.evaluate(lambda path: None, now=NOW, attributes=attributes).results())

    assert in_scope(country="CH", product_type="LOAN") == {"both", "any"}
    assert in_scope(country="CH") == {"any"}
    assert in_scope(country="CH", product_type="CARD") == {"any"}
    assert in_scope() == {"any"}


def test_rule_out_of_scope_can_still_be_explained() -> None:
    """RU-501: leaves of any rule can be recomputed from the request."""
    evaluation = compile_rules([a_rule("out", country="CH")]).evaluate(lambda path: 0, now=NOW, attributes={})
    assert evaluation.results() == {}
    assert evaluation.explain("out")[0].result is Truth.FALSE
    with pytest.raises(KeyError):
        evaluation.explain("never")


def test_empty_version_decides_nothing() -> None:
    """RU-401: no rules, no results."""
    assert compile_rules([]).evaluate(lambda path: None, now=NOW, attributes={}).results() == {}


def test_version_over_the_bound_is_refused() -> None:
    """RU-302: 2,048 active rules a context; at the bound passes."""
    rule = a_rule("r")
    at_the_bound = [ScopedRule(f"r{at}", rule.condition, rule.scope) for at in range(2_048)]
    assert isinstance(compile_rules(at_the_bound), CompiledRules)
    with pytest.raises(ValueError, match="at most 2048"):
        compile_rules([*at_the_bound, a_rule("more")])


def test_version_that_cannot_be_told_apart_or_applied_is_refused() -> None:
    """RU-401: ids are unique, scopes can be met, managed lists are there."""
    with pytest.raises(ValueError, match="id of its own"):
        compile_rules([a_rule("r"), a_rule("r")])
    with pytest.raises(ValueError, match="at least one value"):
        compile_rules([ScopedRule("r", a_rule("r").condition, {"country": frozenset()})])
    listed = parsed({"field": "country", "op": "in", "value": {"list": "banned"}}, lists={"banned": []})
    with pytest.raises(InvalidRule, match="no managed list banned"):
        compile_rules([ScopedRule("r", listed, {})])


def test_large_rules_are_cut_into_several_functions_and_all_answer() -> None:
    """RU-401: a version of the largest size compiles in bounded pieces."""
    wide = parsed({"any": [{"field": "context_data.x", "op": "eq", "value": number} for number in range(255)]})
    rules = [ScopedRule(f"r{at}", wide, {}) for at in range(40)]
    evaluation = compile_rules(rules).evaluate(lambda path: 254, now=NOW, attributes={})
    assert evaluation.fired() == [f"r{at}" for at in range(40)]


HOSTILE = 'x\'); import os  # """\n\\\u2028{0}'


def test_user_text_is_bound_and_never_part_of_generated_code() -> None:
    """RU-303: hostile names and literals reach the namespace as values, and the source not at all."""
    field = f"context_data.{HOSTILE}"
    tree = parsed(
        {"all": [{"field": field, "op": op, "value": HOSTILE} for op in ("eq", "eq_fold", "contains", "starts_with")]}
    )
    writer = RuleWriter(SlotTable(), {})
    source = writer.block("block", [(0, tree)]) + writer.explanation("explain", tree)
    for part in ("import", "context_data", "os", "{0}", "\\", "'", '"'):
        assert part not in source
    assert both_ways(tree, {"context_data": {HOSTILE: HOSTILE}})[0] is Truth.TRUE
    assert writer.namespace["__builtins__"] == {}


def test_deepest_rule_compiles() -> None:
    """RU-302: sixteen levels of groups are no trouble for the compiler of Python."""
    condition: Any = {"field": "context_data.x", "op": "gt", "value": 1}
    for level in range(15):
        condition = {"not": condition} if level % 3 == 0 else {("all", "any")[level % 2]: [condition]}
    assert both_ways(parsed(condition), {"context_data": {"x": 2}})[0] is Truth.FALSE
