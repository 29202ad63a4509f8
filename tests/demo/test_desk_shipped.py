"""What a desk of the demo profile starts with, on the desk's configuration in memory."""

from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from tidegate.bootstrap.engines import rule_engines
from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.managed_list import ManagedList
from tidegate.core.assessment.risk_rule import Category, RiskRule
from tidegate.core.assessment.risk_threshold import RiskThreshold
from tidegate.demo.desk_rows import ONBOARDING_FILE, shipped_bytes, shipped_rows
from tidegate.demo.desk_shipped import seed_for_untouched_desks
from tidegate.outbound.memory.configuration_areas import MemoryConfigurationAreas
from tidegate.outbound.memory.desk_configuration import MemoryDeskConfiguration
from tidegate.ports.stored import Change
from tidegate.usecases.assessment.seed import seed_desk

OFFICER = Change("ada", 1)
A_RULE = RiskRule("OWN", Category.CREDIT, 10, {"type": "country_in", "countries": ["CH"]}, {}, rule_id=f"{7:032x}")
A_RANGE = RiskThreshold(0, 1_000, Decision.MANUAL_REVIEW, {}, threshold_id=f"{8:032x}")
A_LIST = ManagedList("own", ("a",), list_id=f"{9:032x}")

Write = Callable[[MemoryDeskConfiguration], Awaitable[object]]


async def _written_and_deleted(desk: MemoryDeskConfiguration) -> None:
    await desk.lists.create(A_LIST, by=OFFICER)
    await desk.lists.delete(A_LIST.list_id, version=None, by=OFFICER)


def a_desk() -> MemoryDeskConfiguration:
    """A desk that nobody has written to."""
    return MemoryDeskConfiguration(MemoryConfigurationAreas())


async def started(desk: MemoryDeskConfiguration) -> set[str]:
    """Start a desk with the shipped rows; give the codes of its active rules."""
    ids = count(1)
    seed = seed_for_untouched_desks(shipped_bytes(ONBOARDING_FILE), rule_engines())
    await seed_desk(seed, desk, new_id=lambda: f"{next(ids):032x}", now_us=2)
    return {rule.rule_code for rule in (await desk.load()).rules}


async def test_untouched_desk_starts_with_what_is_shipped() -> None:
    """PL-124: rules, thresholds and lists stand after the first start, all of them."""
    desk, rows = a_desk(), shipped_rows(ONBOARDING_FILE)
    assert await started(desk) == {rule["rule_code"] for rule in rows.rules}
    held = await desk.load()
    assert {each.name for each in held.lists} == set(rows.lists)
    assert len(held.thresholds) == len(rows.thresholds)


@pytest.mark.parametrize(
    "write",
    [
        lambda desk: desk.rules.create(A_RULE, by=OFFICER),
        lambda desk: desk.thresholds.create(A_RANGE, by=OFFICER),
        lambda desk: desk.lists.create(A_LIST, by=OFFICER),
        _written_and_deleted,
    ],
    ids=["a rule", "a threshold", "a list", "a list, deleted again"],
)
async def test_desk_that_an_officer_has_written_to_is_left_alone(write: Write) -> None:
    """PL-124: one row of any kind, even one that is gone, and nothing shipped is stored."""
    desk = a_desk()
    await write(desk)
    before = await desk.load()
    assert not await started(desk) - {A_RULE.rule_code}
    assert await desk.load() == before


async def test_shipped_rule_that_an_officer_switched_off_stays_off() -> None:
    """PL-124: a restart brings nothing back."""
    desk = a_desk()
    codes = await started(desk)
    first = (await desk.load()).rules[0]
    await desk.rules.set_active(first.rule_id, False, version=None, by=OFFICER)
    assert await started(desk) == codes - {first.rule_code}
