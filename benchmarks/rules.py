"""What do a thousand rules cost, beside zen-engine, and what do rules cost that cannot apply?"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import msgspec
import zen

from benchmarks.measuring import Pace, Table, calibration_us, cpu_us, on_reference, verdict
from tidegate.core.rules.compile import CompiledRules, Evaluation, ScopedRule, compile_rules
from tidegate.core.rules.instants import Instant, instant_of
from tidegate.core.rules.lookup import nested_lookup
from tidegate.core.rules.parse import parse_condition
from tidegate.core.rules.truth import Truth
from tidegate.core.rules.vocabularies import DESK_VOCABULARY

GOAL_RATIO: Final = 10.0
FLAT_RATIO: Final = 1.1
"""Most that two thousand rules out of scope may add to the cost of those in scope: a tenth, which is noise."""

RULES: Final = 1_000
FIRING_EACH: Final = 50
"""One rule in so many fires: 2 %."""

IN_SCOPE: Final = 40
"""With two thousand more they are within the bound on active rules (2,048)."""

OUT_OF_SCOPE: Final = (0, 1_000, 2_000)

Told = tuple[dict[str, Truth], Mapping[str, object]]
"""Every rule's result, and the leaves of those that fired or stayed unknown."""

_NUMBERS: Final = {
    "amount": 1_250, "income": 4_300, "debt": 2_100, "age": 34, "logins": 17, "payments": 61, "refunds": 3,
    "devices": 2, "balance": 8_400, "limit": 10_000,
}  # fmt: skip
_TEXTS: Final = {"channel": "web", "currency": "EUR", "device": "phone", "segment": "retail", "tier": "silver"}
_FLAGS: Final = {"verified": True, "resident": True, "returning": False}
_ATTRIBUTES: Final = {"country": "DE"}


def measure(
    pace: Pace, *, rules: int = RULES, in_scope: int = IN_SCOPE, out_of_scope: Sequence[int] = OUT_OF_SCOPE
) -> Table:
    """Time the same conditions on both engines, then a few rules among many that cannot apply."""
    engines = _engines(rules, pace)
    scoped = _scoped(in_scope, out_of_scope, pace=pace)
    calibration = calibration_us(pace)
    ours, theirs = engines[0][1], engines[1][1]
    flat = scoped[-1][1] / scoped[0][1]
    return Table(
        title="Rules",
        question="What do the rules of one request cost, beside zen-engine, and among rules out of scope?",
        method=(
            f"CPU time for one request of {len(_NUMBERS) + len(_TEXTS) + len(_FLAGS)} fields. Each rule asks for three"
            " leaves at once (an order of numbers, a membership of texts, a flag), with limits of its own; one rule in"
            f" {FIRING_EACH} fires, the others fail at the first, second or third leaf in turns. Tidegate gives every"
            " result and the leaves of the rules that fired; zen-engine gives the same results (compared before) from"
            " expressions compiled once, without explanation, each given the request as the dictionary or as JSON,"
            " whichever is faster."
        ),
        columns=("evaluated", "us", "us a rule", "us on the reference machine"),
        rows=tuple(
            (name, f"{us:.0f}", f"{us / max(1, count):.2f}", f"{on_reference(us, calibration):.0f}")
            for name, us, count in (*engines, *scoped)
        ),
        findings=(
            (
                f"{rules} rules with explanation: {theirs / ours:.1f} x as fast as zen-engine one by one without; goal"
                f" at least {GOAL_RATIO:g} x: {verdict(met=theirs >= GOAL_RATIO * ours)}"
            ),
            f"zen-engine with all conditions in one expression: {engines[2][1] / ours:.1f} x our cost",
            (
                f"{in_scope} rules among {out_of_scope[-1]} out of scope: x {flat:.2f}; goal at most {FLAT_RATIO:g}:"
                f" {verdict(met=flat <= FLAT_RATIO)}"
            ),
        ),
    )


Figure = tuple[str, float, int]
"""What was evaluated, its microseconds, and how many rules that was."""


def _engines(count: int, pace: Pace) -> list[Figure]:
    compiled = compile_rules([_rule(number) for number in range(count)])
    request, now = _request(), instant_of(datetime(2026, 1, 1, tzinfo=UTC))
    texts = [_expression(number) for number in range(count)]
    expressions = [zen.compile_expression(text) for text in texts]
    together = zen.compile_expression(f"[{', '.join(texts)}]")
    plain: dict[str, object] = {"context_data": {**_NUMBERS, **_TEXTS, **_FLAGS}}
    encoded = msgspec.json.encode(plain)
    expected = [number % FIRING_EACH == 0 for number in range(count)]
    told = _tell(compiled, request, now=now)
    if [result is Truth.TRUE for result in told[0].values()] != expected or len(told[1]) != sum(expected):
        raise AssertionError("Tidegate does not give the results that the rules were made for")

    def one_by_one(context: "dict[str, object] | bytes") -> Callable[[], list[object]]:
        return lambda: [expression.evaluate(context) for expression in expressions]

    for results in (one_by_one(plain)(), one_by_one(encoded)(), together.evaluate(plain)):
        if results != expected:
            raise AssertionError("zen-engine does not give the results that the rules were made for")
    return [
        (f"{count} rules, Tidegate, explained", cpu_us(lambda: _tell(compiled, request, now=now), pace), count),
        (
            f"{count} rules, zen-engine, one by one",
            min(cpu_us(one_by_one(context), pace) for context in (plain, encoded)),
            count,
        ),
        (f"{count} rules, zen-engine, one expression", cpu_us(lambda: together.evaluate(plain), pace), count),
    ]


def _scoped(in_scope: int, out_of_scope: Sequence[int], *, pace: Pace) -> list[Figure]:
    request, now = _request(), instant_of(datetime(2026, 1, 1, tzinfo=UTC))
    figures: list[Figure] = []
    for others in out_of_scope:
        compiled = compile_rules(
            [_rule(number, country="DE") for number in range(in_scope)]
            + [_rule(in_scope + number, country=f"X{number % 100}") for number in range(others)]
        )
        us = cpu_us(lambda compiled=compiled: _tell(compiled, request, now=now), pace)  # type: ignore[misc]  # the default binds the loop's name
        figures.append((f"{in_scope} rules in scope, {others} out of it", us, in_scope))
    return figures


def _tell(compiled: CompiledRules, request: dict[str, object], *, now: Instant) -> Told:
    evaluation: Evaluation = compiled.evaluate(nested_lookup(request), now=now, attributes=_ATTRIBUTES)
    return evaluation.results(), evaluation.explained()


def _request() -> dict[str, object]:
    numbers = {name: Decimal(number) for name, number in _NUMBERS.items()}
    return {"context_data": {**numbers, **_TEXTS, **_FLAGS}}


def _rule(number: int, *, country: str | None = None) -> ScopedRule:
    leaves = [{"field": f"context_data.{field}", "op": op, "value": value} for field, op, value in _leaves(number)]
    scope = {} if country is None else {"country": frozenset({country})}
    return ScopedRule(f"rule {number:04d}", parse_condition({"all": leaves}, DESK_VOCABULARY), scope)


def _expression(number: int) -> str:
    signs = {"gt": ">", "lt": "<", "in": "in", "eq": "=="}
    return " and ".join(f"context_data.{field} {signs[op]} {_literal(value)}" for field, op, value in _leaves(number))


def _literal(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else msgspec.json.encode(value).decode()


def _leaves(number: int) -> tuple[tuple[str, str, object], ...]:
    """The leaves of a rule: all true where it fires, else one of them false."""
    failing = None if number % FIRING_EACH == 0 else number % 3
    amount_name, amount = list(_NUMBERS.items())[number % len(_NUMBERS)]
    text_name, text = list(_TEXTS.items())[number % len(_TEXTS)]
    flag_name, flag = list(_FLAGS.items())[number % len(_FLAGS)]
    above = number % 2 == 0
    distance = Decimal(1 + number) * (-1 if above else 1) * (-1 if failing == 0 else 1)
    members = [f"{text}-{number}", f"{text}-{number % 7}", "other" if failing == 1 else text]
    return (
        (amount_name, "gt" if above else "lt", amount + distance),
        (text_name, "in", members),
        (flag_name, "eq", flag is not (failing == 2)),
    )
