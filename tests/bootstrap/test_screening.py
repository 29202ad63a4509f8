"""From a file of names to a decision: import, provider, rule."""

from decimal import Decimal

import pytest
from tests.core.assessment.builders import a_request, a_rule, a_rule_set, verdict_of
from tests.outbound.screening.samples import OFAC_ENTRIES, OWN_JSON, OWN_TABLE, a_file, files_of

from tidegate.bootstrap.screening import ListFiles, ListFormat, UnreadableList, change_now, import_list, screening_on
from tidegate.core.assessment.decision import Decision
from tidegate.core.assessment.verdict import Verdict
from tidegate.outbound.memory.screening_lists import MemoryScreeningLists
from tidegate.ports.external_data import ProviderCall

BY = change_now("officer")
NAME_ON_LIST: dict[str, object] = {
    "type": "name_screening",
    "field": "context_data.name",
    "lists": ["own"],
    "birth_date_field": "context_data.born",
    "outcome": "REJECTED",
}


async def decided(lists: MemoryScreeningLists, context: dict[str, object], *logics: dict[str, object]) -> Verdict:
    """Decide a request by rules that screen."""
    rule_set = a_rule_set([a_rule(f"R{number}", logic) for number, logic in enumerate(logics)])
    request = a_request(context_data=context)
    parameters = rule_set.providers_for(request.attributes())["screening"]
    async with screening_on(lists) as provider:
        result = await provider.fetch(ProviderCall("a-1", request, 1_000, parameters))
    return verdict_of(rule_set, request, outside={"screening": result.answer})


async def a_store() -> MemoryScreeningLists:
    """A store with one list."""
    lists = MemoryScreeningLists()
    await import_list(lists, "own", files=files_of(OWN_TABLE), list_format=ListFormat.OWN, by=BY)
    return lists


@pytest.mark.parametrize(
    ("context", "result", "decision"),
    [
        ({"name": "Jane Qorvin"}, "TRUE", Decision.REJECTED),
        ({"name": "Qorvin Jean", "born": "1974-02-17"}, "TRUE", Decision.REJECTED),
        ({"name": "Peter Smith"}, "FALSE", Decision.APPROVED),
        ({"name": ""}, "UNKNOWN", Decision.MANUAL_REVIEW),
        ({}, "UNKNOWN", Decision.MANUAL_REVIEW),
    ],
)
async def test_a_rule_decides_by_what_screening_answers(
    context: dict[str, object], result: str, decision: Decision
) -> None:
    """AS-568: the preset reads its own check; a name that cannot be read is UNKNOWN, and never clears anyone."""
    verdict = await decided(await a_store(), context, NAME_ON_LIST)
    assert ([rule.result.value for rule in verdict.rules], verdict.decision) == ([result], decision)


async def test_two_rules_ask_different_things_of_one_call() -> None:
    """AS-568: each rule has its field and its threshold, and the answer holds both."""
    other: dict[str, object] = {"type": "name_screening", "field": "context_data.owner", "lists": ["own"]}
    other["score_gte"] = Decimal("0.70")
    verdict = await decided(await a_store(), {"name": "Peter Smith", "owner": "Zyxal"}, NAME_ON_LIST, other)
    assert [rule.result.value for rule in verdict.rules] == ["FALSE", "TRUE"]


async def test_an_import_is_a_version_or_nothing() -> None:
    """AS-573: what is not sound stores nothing, and the version before stays."""
    lists = await a_store()
    for name, files, list_format in [
        ("own", files_of(b"id,name\n1\n"), ListFormat.OWN),
        ("sdn", ListFiles(a_file(OFAC_ENTRIES), aliases=a_file(b"x")), ListFormat.OFAC_SDN),
        ("No Name", files_of(OWN_TABLE), ListFormat.OWN),
    ]:
        with pytest.raises(UnreadableList):
            await import_list(lists, name, files=files, list_format=list_format, by=BY)
    assert [(version.name, version.version) for version in await lists.current()] == [("own", 1)]
    done = await import_list(lists, "own", files=files_of(OWN_JSON), list_format=ListFormat.OWN, by=BY)
    assert (done.is_new, done.version.version, done.version.imported_by) == (True, 2, "officer")
