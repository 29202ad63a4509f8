"""Looking back: why it came out so, and whether it would again."""

import asyncio
from typing import cast

import pytest
from tests.core.assessment.builders import UNKNOWN, a_rule, answered, ranges
from tests.core.rules.builders import ENGINES
from tests.usecases.assessment.workflow import FakeProvider, Workflow, asking, traced

from tidegate.core.assessment.rule_set import InvalidRuleSet, RuleSetVersions
from tidegate.ports.desk_configuration import PublishedConfiguration, RuleConfigurationRepository
from tidegate.usecases.assessment.look_back import DraftRuleSet, LookBack, NotMade

RULES = [
    asking("zefix", weight=200),
    a_rule("HIGH", {"when": {"field": "context_data.ratio", "op": "gt", "value": "0.4"}, "reason": {"de": "hoch"}}),
    a_rule("DARK", UNKNOWN, weight=50),
]


def looking_back(desk: Workflow) -> LookBack:
    """Look back on what a workflow has recorded."""
    configuration = cast(RuleConfigurationRepository, Published())
    return LookBack(desk.archive, desk.rule_sets, configuration=configuration, engines=ENGINES)


class Published:
    """A configuration that knows what was published at each version: rules that are none of the draft's."""

    async def load_version(self, versions: RuleSetVersions) -> PublishedConfiguration:
        return PublishedConfiguration(versions, RULES, ranges(300, 700), ())


async def a_decided_one() -> Workflow:
    """Evaluate one request by three rules, then publish others."""
    desk = Workflow(RULES, providers=[FakeProvider("zefix", answered(found=True, status="ACTIVE"))])
    await desk.service.evaluate(traced(1, context_data={"ratio": "0.47"}))
    desk.rule_sets.use([a_rule("OTHER")], ranges(1, 2))
    return desk


async def test_replay_gives_the_same_bytes() -> None:
    """AS-323: the same inputs and the same versions give the same verdict, whatever is published now."""
    desk = await a_decided_one()
    replayed = await looking_back(desk).replay(await desk.only_row())
    assert (replayed.identical, replayed.differences) == (True, ())
    assert replayed.recorded["decision"] == "MANUAL_REVIEW"


async def test_replay_by_a_draft_says_what_would_have_changed() -> None:
    """AS-324: each field and each rule that would have come out otherwise is named."""
    desk = await a_decided_one()
    row = await desk.only_row()
    stricter = DraftRuleSet(
        [a_rule("HIGH", {"when": {"field": "context_data.ratio", "op": "gt", "value": "0.4"}}, weight=900)],
    )
    replayed = await looking_back(desk).replay(row, draft=stricter)
    assert not replayed.identical
    assert replayed.replayed["decision"] == "REJECTED"
    assert set(replayed.differences) == {
        "decision",
        "risk_score",
        "score_min",
        "score_max",
        "coverage",
        "reason_codes",
        "warnings",
        "rules.ASKS_ZEFIX",
        "rules.HIGH",
        "rules.DARK",
    }


async def test_part_that_a_draft_leaves_out_is_as_it_was() -> None:
    """AS-324: only what the draft names is otherwise."""
    desk = await a_decided_one()
    replayed = await looking_back(desk).replay(
        await desk.only_row(), draft=DraftRuleSet(thresholds=ranges(1, 2, decisions="REJECTED REJECTED REJECTED"))
    )
    assert replayed.differences == ("decision",)
    assert (replayed.recorded["decision"], replayed.replayed["decision"]) == ("MANUAL_REVIEW", "REJECTED")


async def test_replay_by_a_draft_that_cannot_be_used_names_its_faults() -> None:
    """AS-324: a draft is checked as saving it would be."""
    desk = await a_decided_one()
    draft = DraftRuleSet([a_rule("X", {"when": {"all": []}})])
    with pytest.raises(InvalidRuleSet) as refused:
        await looking_back(desk).replay(await desk.only_row(), draft=draft)
    assert [(fault.table, fault.place) for fault in refused.value.faults] == [("rules", 0)]


async def test_explanation_tells_every_rule_and_what_would_have_changed_it() -> None:
    """AS-322: sentences on the decision and on each rule in scope, in the officer's words where there are some."""
    desk = await a_decided_one()
    explanation = await looking_back(desk).explain(await desk.only_row(), language="de-CH")
    assert [rule.rule_code for rule in explanation.rules] == ["ASKS_ZEFIX", "HIGH", "DARK"]
    assert explanation.rules[1].reason == "hoch"
    assert explanation.rules[1].sentences == ("ratio 0.47 is above 0.4",)
    assert explanation.summary[-1] == "the decision is MANUAL_REVIEW"


async def test_what_was_not_made_is_not_explained_nor_replayed() -> None:
    """AS-323: an assessment that broke or still runs has no verdict to compare with."""
    provider = FakeProvider("zefix")
    provider.may_end.clear()
    desk = Workflow([asking("zefix")], providers=[provider])
    look_back = looking_back(desk)
    await _begin(desk, provider)
    row = await desk.only_row()
    with pytest.raises(NotMade):
        await look_back.replay(row)
    with pytest.raises(NotMade):
        await look_back.explain(row, language="en")
    provider.may_end.set()
    await desk.service.drain(5)


async def _begin(desk: Workflow, provider: FakeProvider) -> None:
    task = asyncio.create_task(desk.service.evaluate(traced(1)))
    await provider.begun.wait()
    task.cancel()


async def test_history_tells_calls_and_repeats() -> None:
    """AS-322: an assessment is told with its calls and with those who were answered with it."""
    desk = Workflow(RULES, providers=[FakeProvider("zefix")])
    await desk.service.evaluate(traced(1))
    await desk.service.evaluate(traced(2))
    history = await looking_back(desk).history(await desk.only_row())
    assert [call.provider_name for call in history.calls] == ["zefix"]
    assert [repeat.trace_id for repeat in history.repeats] == [traced(2).trace_id]
