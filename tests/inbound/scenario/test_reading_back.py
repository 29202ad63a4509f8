import json
from dataclasses import replace
from random import Random

from tests.core.pretrade.scenarios import random_scenario
from tests.inbound.scenario.written import written

from tidegate.core.pretrade.instrument import Mark
from tidegate.core.pretrade.scenario import Scenario
from tidegate.inbound.scenario.reader import read_scenario


def as_read(scenario: Scenario) -> Scenario:
    """What the reader is allowed to change: unusable prices, positions of nothing, blanks in conditions."""
    return replace(
        scenario,
        marks={
            symbol: mark if mark.price is not None and mark.price > 0 else Mark(None, mark.at_us)
            for symbol, mark in scenario.marks.items()
        },
        positions=tuple(position for position in scenario.positions if position.quantity),
        rules=tuple(
            rule
            if rule.condition is None
            else replace(rule, condition=json.dumps(json.loads(rule.condition), separators=(",", ":")))
            for rule in scenario.rules
        ),
    )


def test_scenario_that_was_written_reads_back_as_it_was() -> None:
    """PT-901, PT-904, PT-906, PT-909: everything held survives the file, to the digit."""
    for seed in range(1000):
        scenario = random_scenario(Random(seed))
        assert read_scenario(written(scenario)) == as_read(scenario), f"seed {seed}"
