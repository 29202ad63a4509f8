"""The fast path (running totals) against the naive reference, and against its own evidence."""

from collections.abc import Iterator
from dataclasses import fields, replace
from decimal import Decimal
from random import Random

import pytest
from tests.core.pretrade.scenarios import random_scenario, read_condition

from tidegate.core.pretrade.capture import capture, restore
from tidegate.core.pretrade.decide import decide
from tidegate.core.pretrade.instrument import Mark
from tidegate.core.pretrade.loading import load_snapshot
from tidegate.core.pretrade.metrics import Metrics
from tidegate.core.pretrade.order import Order
from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.scenario import Scenario
from tidegate.core.pretrade.verdict import Verdict

CHUNKS = 20


def said(verdict: Verdict) -> object:
    """Everything a verdict says that both engines must say alike: messages are each engine's own words."""
    kinds = dict.fromkeys((one.code, one.action, one.rule_id) for one in verdict.violations)
    numbers = {field.name: getattr(verdict.metrics, field.name) for field in fields(Metrics)}
    return verdict.decision, verdict.reject_reason, list(kinds), verdict.rule_hits, verdict.liquidation_risk, numbers


def drawn(seed: int) -> tuple[Order, Scenario]:
    """Draw the scenario of a seed, with its order."""
    scenario = random_scenario(Random(seed))
    assert scenario.order is not None
    return scenario.order, scenario


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_decide_on_random_scenarios_agrees_with_the_naive_reference(chunk: int, full_sizes: bool) -> None:
    """PT-440, PT-908: running totals and plain sums give the same decision, reasons, hits and every number.

    100,000 scenarios at full size, 3,000 else; a failing seed names itself.
    """
    size = (100_000 if full_sizes else 3_000) // CHUNKS
    for seed in range(chunk * size, (chunk + 1) * size):
        order, scenario = drawn(seed)
        plainly = decide_plainly(scenario, evaluate_condition=read_condition)
        fast = decide(order, load_snapshot(scenario, order))
        assert said(fast) == said(plainly), f"seed {seed}"


def test_decide_from_restored_evidence_gives_the_same_verdict() -> None:
    """PL-309: what is captured with a decision is enough to decide again, word for word."""
    for seed in range(600):
        order, scenario = drawn(seed)
        snapshot = load_snapshot(scenario, order)
        evidence = capture(order, snapshot)
        first = decide(order, snapshot)
        again = decide(order, restore(order, evidence, configuration=snapshot.configuration))
        assert again == first, f"seed {seed}"


def symbols_of_live(scenario: Scenario) -> dict[str, str]:
    """Give the symbol of each live order by its id."""
    symbols = {order.order_id: order.symbol for order in scenario.open_orders}
    return {**symbols, **{held.order_id: held.symbol for held in scenario.reservations}}


def changes(scenario: Scenario, source: Random) -> Iterator[Scenario]:
    """Walk from a scenario to others: orders come and go, positions, balances and marks move."""
    for _ in range(6):
        choice = source.randrange(4)
        if choice == 0 and scenario.open_orders:
            left = list(scenario.open_orders)
            left.pop(source.randrange(len(left)))
            scenario = replace(scenario, open_orders=tuple(left))
        elif choice == 1 and scenario.positions:
            left_positions = list(scenario.positions)
            left_positions.pop(source.randrange(len(left_positions)))
            scenario = replace(scenario, positions=tuple(left_positions))
        elif choice == 2:
            moved = {
                symbol: Mark(mark.price * Decimal("1.01"), mark.at_us) if mark.price is not None else mark
                for symbol, mark in scenario.marks.items()
            }
            scenario = replace(scenario, marks=moved)
        elif choice == 3 and scenario.reservations:
            scenario = replace(scenario, reservations=scenario.reservations[1:])
        yield scenario


def test_running_totals_moved_step_by_step_equal_totals_built_afresh() -> None:
    """PT-440: an account that events moved decides like one loaded from its final lists."""
    for seed in range(300):
        order, scenario = drawn(seed)
        snapshot = load_snapshot(scenario, order)
        account = snapshot.user.account(order.account_id)
        decide(order, snapshot)
        for following in changes(scenario, Random(seed)):
            symbols = symbols_of_live(scenario)
            for order_id in symbols.keys() - symbols_of_live(following).keys():
                account.remove_order(order_id, scenario.instruments[symbols[order_id]])
            for position in scenario.positions:
                if position not in following.positions:
                    account.set_position(replace(position, quantity=Decimal(0)))
            snapshot.market.marks.update(following.marks)
            scenario = following
            afresh = load_snapshot(scenario, order)
            moved = replace(snapshot, flow=afresh.flow)
            if set(account.open_orders) != set(afresh.user.account(order.account_id).open_orders):
                break  # an id that was both open and reserved: which of the two went is not told by lists
            assert said(decide(order, moved)) == said(decide(order, afresh)), f"seed {seed}"
