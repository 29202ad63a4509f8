"""The desk's part of a seed."""

from dataclasses import replace
from itertools import count

from tests.core.assessment.builders import NOW_US, a_rule, ranges

from tidegate.core.assessment.managed_list import ManagedList
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.desk_configuration import MemoryDeskConfiguration
from tidegate.usecases.assessment.seed import DeskSeed, seed_desk

NAMING = {"when": {"field": "country", "op": "in", "value": {"list": "high_risk"}}}
SEED = DeskSeed([a_rule("GEO", NAMING), a_rule("OTHER")], ranges(300, 700), [ManagedList("high_risk", ("IR",))])


async def seeded(configuration: MemoryDeskConfiguration, seed: DeskSeed = SEED) -> None:
    numbers = count(1)
    await seed_desk(
        seed,
        configuration,
        new_id=lambda: f"33333333-0000-4000-8000-{next(numbers):012x}",
        now_us=NOW_US,
    )


async def test_seed_is_stored_whole() -> None:
    """AS-360: lists before the rules that name them, ranges as a scope, ids where there are none."""
    configuration = MemoryDeskConfiguration(MemoryConfigurationAreas())
    await seeded(configuration)
    held = await configuration.load()
    assert {rule.rule_code for rule in held.rules} == {"GEO", "OTHER"}
    assert [(each.score_from, each.score_to) for each in held.thresholds] == [(0, 299), (300, 699), (700, 1_000)]
    assert [each.name for each in held.lists] == ["high_risk"]
    assert all(rule.rule_id for rule in held.rules)


async def test_seed_that_comes_again_leaves_what_stands() -> None:
    """AS-360: after a restart nothing is doubled, and what an officer has changed since stays."""
    configuration = MemoryDeskConfiguration(MemoryConfigurationAreas())
    await seeded(configuration)
    versions = (await configuration.load()).versions
    changed = replace(SEED, rules=[a_rule("GEO", NAMING, weight=7), a_rule("NEW")], thresholds=ranges(10))
    await seeded(configuration, replace(changed, rules=[*changed.rules[:1]]))
    assert (await configuration.load()).versions == versions
    assert {rule.rule_code: rule.weight for rule in (await configuration.load()).rules} == {"GEO": 100, "OTHER": 100}


async def test_seed_with_ids_keeps_them() -> None:
    """AS-360: rows that name their id are stored under it."""
    configuration = MemoryDeskConfiguration(MemoryConfigurationAreas())
    rule_id = "44444444-0000-4000-8000-000000000001"
    await seeded(configuration, DeskSeed([a_rule("ONE", rule_id=rule_id)], [], []))
    assert [rule.rule_id for rule in (await configuration.load()).rules] == [rule_id]
