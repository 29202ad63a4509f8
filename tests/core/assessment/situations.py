"""A request of the desk with all that its decision hangs on, drawn by dice, and what the plain walk says of it."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from tests.core.assessment.builders import (
    FAILED,
    NOW,
    NOW_US,
    TIMED_OUT,
    a_request,
    a_rule,
    answered,
    past,
    ranges,
)
from tests.core.rules.builders import ENGINES

from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.history import history_fields
from tidegate.core.assessment.logic import parse_logic
from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.outside import PastAssessment, ProviderAnswer
from tidegate.core.assessment.reference import PlainRules, assess_plainly
from tidegate.core.assessment.request import AssessmentRequest
from tidegate.core.assessment.risk_rule import RiskRule
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.core.assessment.verdict import Verdict

COUNTRIES = ["CH", "DE", "KP"]
PRODUCTS = ["LOAN", "CARD"]
WINDOWS = ["PT24H", "P7D"]
LISTS = [ManagedList("banned", ["KP", "x"]), ManagedList("empty", [])]


@dataclass(frozen=True)
class Situation:
    """One request and all that its decision hangs on."""

    request: AssessmentRequest
    rules: list[RiskRule]
    thresholds: list[RiskThreshold]
    outside: dict[str, ProviderAnswer]
    history: dict[str, object]
    past: tuple[PastAssessment, ...] = ()


def decided_plainly(situation: Situation) -> Verdict:
    """What the plain walk decides when every window is counted."""
    names = [each.name for each in LISTS]
    active = [rule for rule in situation.rules if rule.is_active]
    logics = tuple((rule, parse_logic(rule.logic_config, list_names=names, engines=ENGINES)) for rule in active)
    plain_rules = PlainRules(logics, tuple(situation.thresholds), {each.name: each.entries for each in LISTS})
    history = history_fields(situation.past, now_us=NOW_US, windows=WINDOWS)
    return assess_plainly(situation.request, plain_rules, outside=situation.outside, history=history, now=NOW)


def random_situation(dice: Random) -> Situation:
    """Draw a situation; the same dice draw the same."""
    rows = tuple(past(dice.randint(0, 200), dice.choice(list(Decision))) for _ in range(dice.randint(0, 4)))
    context = {name: _value(dice) for name in "ab" if dice.random() < 0.7}
    names = [name for name in ("p", "q", "zefix", "screening") if dice.random() < 0.7]
    return Situation(
        request=a_request(country=dice.choice(COUNTRIES), product_type=dice.choice(PRODUCTS), context_data=context),
        rules=[_rule(dice, number) for number in range(dice.randint(0, 9))],
        thresholds=_thresholds(dice),
        outside={name: _answer(dice) for name in names},
        history=history_fields(rows, now_us=NOW_US, windows=WINDOWS),
        past=rows,
    )


def _value(dice: Random) -> object:
    return dice.choice([Decimal(0), Decimal("0.5"), Decimal(2), "x", "1", "", True, None, "2025-12-31T00:00:00Z"])


def _answer(dice: Random) -> ProviderAnswer:
    return dice.choice(
        [FAILED, TIMED_OUT, answered(), answered(found=False), answered(status="CANCELLED"), answered(x=_value(dice))]
    )


def _rule(dice: Random, number: int) -> RiskRule:
    scope: dict[str, frozenset[str]] = {}
    if dice.random() < 0.3:
        scope["country"] = frozenset(dice.sample(COUNTRIES, dice.randint(1, 2)))
    if dice.random() < 0.2:
        scope["product_type"] = frozenset([dice.choice(PRODUCTS)])
    logic = dice.choice(LOGICS)(dice)
    if dice.random() < 0.6:
        logic["on_unknown"] = dice.choice(["review", "trigger", "ignore"])
    if dice.random() < 0.3:
        logic["outcome"] = dice.choice([None, "MANUAL_REVIEW", "REJECTED"])
    weight = dice.choice([0, 50, 100, 250, -50, dice.randint(-1_000, 1_000)])
    code = f"{dice.choice('ABC')}{number}"
    return a_rule(code, logic, weight=weight, scope=scope, is_active=dice.random() < 0.95)


def _condition(dice: Random, depth: int = 0) -> dict[str, Any]:
    kind = dice.random() if depth < 3 else 1
    if kind < 0.2:
        return {dice.choice(["all", "any"]): [_condition(dice, depth + 1) for _ in range(dice.randint(1, 3))]}
    if kind < 0.3:
        return {"not": _condition(dice, depth + 1)}
    path = dice.choice(["context_data.a", "context_data.b", "providers.p.x", "providers.q.x"])
    number = dice.choice([Decimal(0), Decimal("0.5"), Decimal(1)])
    return dice.choice(
        [
            {"field": path, "op": dice.choice(["gt", "lte", "eq"]), "value": number},
            {"field": path, "op": "eq", "value": dice.choice(["x", "1", True])},
            {"field": path, "op": dice.choice(["exists", "missing"])},
            {"field": "country", "op": "in", "value": {"list": "banned"}},
            {"field": "history.rejected.P7D", "op": "gt", "value": number},
            {"field": "history.last.risk_score", "op": "lte", "value": {"field": path}},
            {"field": path, "op": "newer_than", "value": "P2D"},
        ]
    )


LOGICS: list[Callable[[Random], dict[str, Any]]] = [
    lambda dice: {"when": _condition(dice), "providers": ["p", "q"]},
    lambda dice: {"when": _condition(dice), "providers": ["q", "p"]},
    lambda dice: {"type": "country_in", "countries": dice.sample(COUNTRIES, dice.randint(0, 2))},
    lambda dice: {"type": "value_in", "field": "context_data.a", "values": ["x", Decimal(2)]},
    lambda dice: {
        "type": "threshold",
        "field": "context_data.b",
        "op": "gte",
        "value": dice.choice(["0.5", Decimal(1)]),
    },
    lambda dice: {"type": "required", "fields": ["context_data.a", "context_data.b"]},
    lambda dice: {"type": "velocity", "window": dice.choice(WINDOWS), "count_gt": dice.randint(0, 3)},
    lambda dice: {"type": "name_screening", "field": "context_data.a", "lists": [dice.choice("lm")]},
    lambda dice: {"type": "company_register", "uid_field": "context_data.b", "statuses": ["CANCELLED"]},
]


def _thresholds(dice: Random) -> list[RiskThreshold]:
    """Sound ranges: of every request, of some countries, of one country and product; each perhaps."""
    found: list[RiskThreshold] = []
    for scope in ({}, {"country": "CH"}, {"country": "DE"}, {"country": "CH", "product_type": "LOAN"}):
        if dice.random() < 0.6:
            bounds = sorted(dice.sample([1, 50, 100, 300, 500, 1_000], dice.randint(0, 4)))
            decisions = [dice.choice(list(Decision)) for _ in range(len(bounds) + 1)]
            found += ranges(*bounds, decisions=" ".join(decisions), **scope)
    dice.shuffle(found)
    return found
