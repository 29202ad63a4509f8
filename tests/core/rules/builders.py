"""What the tests of the rule language share: RE2 as the product hands it in, a clock, and conditions in one line."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import re2

from tidegate.core.rules.compile import ScopedRule, compile_rules
from tidegate.core.rules.evaluate import LeafResult, evaluate, explain
from tidegate.core.rules.faults import InvalidRule, RuleFault
from tidegate.core.rules.instants import Instant, instant_of
from tidegate.core.rules.json_exact import read_json
from tidegate.core.rules.lookup import nested_lookup
from tidegate.core.rules.parse import Engines, RuleInputs, parse_condition
from tidegate.core.rules.tree import Condition
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.values import Lists
from tidegate.core.rules.vocabularies import DESK_VOCABULARY
from tidegate.core.rules.vocabulary import Vocabulary

NOW = instant_of(datetime(2026, 1, 1, tzinfo=UTC))


def re2_compiler(pattern: str) -> Callable[[str], bool]:
    """RE2 in the shape in which the language takes it."""
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(str(error)) from error
    return lambda text: compiled.search(text) is not None


ENGINES = Engines(regex=re2_compiler)


def parsed(
    condition: object,
    *,
    params: Mapping[str, object] | None = None,
    lists: Lists | None = None,
    vocabulary: Vocabulary = DESK_VOCABULARY,
    engines: Engines = ENGINES,
) -> Condition:
    inputs = RuleInputs(params=params or {}, list_names=lists or {})
    return parse_condition(condition, vocabulary, inputs=inputs, engines=engines)


def faults_of(condition: object, **options: Any) -> tuple[RuleFault, ...]:
    """The faults that saving the condition tells; none when it may be saved."""
    try:
        parsed(condition, **options)
    except InvalidRule as refusal:
        return refusal.faults
    return ()


def codes_of(condition: object, **options: Any) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in faults_of(condition, **options)]


def both_ways(
    condition: Condition, request: dict[str, object], *, lists: Lists | None = None, now: Instant = NOW
) -> tuple[Truth, tuple[LeafResult, ...]]:
    """Result and leaves by the interpreter, having seen that the compiled form says the same."""
    lookup = nested_lookup(request)
    result = evaluate(condition, lookup, now=now, lists=lists or {})
    leaves = explain(condition, lookup, now=now, lists=lists or {})
    compiled = compile_rules([ScopedRule("rule", condition, {})], lists=lists or {})
    evaluation = compiled.evaluate(lookup, now=now, attributes={})
    assert evaluation.results() == {"rule": result}
    assert evaluation.explain("rule") == leaves
    return result, leaves


def a_leaf(field: str, op: str, *, value: object) -> dict[str, object]:
    return {"field": field, "op": op, "value": value}


def leaf_truth(op: str, actual: object, *, expected: object) -> Truth:
    """What one leaf says of one value of an open field; `...` leaves the field out."""
    leaf = a_leaf("context_data.x", op, value=expected)
    fields: dict[str, object] = {} if actual is ... else {"x": actual}
    return both_ways(parsed(leaf), {"context_data": fields})[0]


def rows(table: str) -> Iterator[tuple[str, ...]]:
    """The cells of a decision table written as text, one row a line, `|` between cells."""
    for line in table.strip().splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield tuple(cell.strip() for cell in line.split(" | "))


def cell(text: str) -> object:
    """A cell's JSON value; `absent` is a field that is not there."""
    return ... if text == "absent" else read_json(text)
