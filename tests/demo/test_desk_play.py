"""The desk's part of the demo against the real API, workflow and stand-ins, in one process."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.demo.desk_house import A_SCORECARD, PEOPLE, a_desk_house
from tests.inbound.rest.admin import token_for

from tidegate.demo.desk_client import DeskRefused, DeskTokens, RestDesk
from tidegate.demo.desk_officer import DeskOfficer
from tidegate.demo.desk_play import DeskFailed
from tidegate.demo.desk_rows import ONBOARDING_FILE, ShippedRows, shipped_rows
from tidegate.demo.desk_scenes import SINGLES
from tidegate.demo.stub_providers.faults import Fault

LAX = ShippedRows(
    rules=[
        {**rule, "weight": 0, "logic_config": {**rule["logic_config"], "on_unknown": "ignore", "outcome": None}}
        for rule in shipped_rows(ONBOARDING_FILE).rules
        if rule["rule_code"] != "ONB-SANCTIONS-COMPANY"
    ]
    + [rule for rule in shipped_rows(ONBOARDING_FILE).rules if rule["rule_code"] == "ONB-SANCTIONS-COMPANY"],
    thresholds=shipped_rows(ONBOARDING_FILE).thresholds,
    lists=shipped_rows(ONBOARDING_FILE).lists,
)
"""The onboarding rules as somebody would have them who wants everybody in but those whom the law forbids."""


async def test_desk_played_whole_gives_every_part_its_answer(tmp_path: Path) -> None:
    """PL-122: companies and people get the answers that the parts are about; neither a repeat nor a number with a wrong
    check digit costs the register a call.
    """
    async with a_desk_house(tmp_path) as house:
        summary = await house.played()
        asked = house.stubs.zefix.asked
    assert "CHE123456789" not in asked
    assert set(asked) == {company.register_uid for company, _ in SINGLES} - {"CHE123456789"}
    assert summary.surprises == []
    assert summary.troubles == []
    assert set(summary.decisions["COMPANY_ONBOARDING"]) == {"APPROVED", "MANUAL_REVIEW", "REJECTED"}
    assert summary.decisions["CONSUMER_CREDIT"].total() == len(PEOPLE) + 2
    assert (summary.duplicates, summary.refused) == (2, 3)
    assert summary.warnings == {"zefix: FAILURE": 1, "zefix: TIMEOUT": 1}
    assert summary.scores == (0.0, 500.0)
    assert summary.latency is not None
    assert summary.latency.count == 18 + len(PEOPLE) + 2 + summary.duplicates


async def test_desk_played_shows_answers_reasons_explanations_and_replays(tmp_path: Path) -> None:
    """PL-122: the console has a line an answer, the sentences of an explanation, what would have changed it, and that
    it comes out identical when it is decided again.
    """
    async with a_desk_house(tmp_path) as house:
        await house.played()
        lines = house.screen.getvalue().splitlines()
    told = "\n".join(lines)
    hung = next(line for line in lines if line.startswith("Seezeichen Technik AG (hung)"))
    assert "MANUAL_REVIEW 0 (0..1000)" in hung
    assert "zefix: TIMEOUT" in hung
    for expected in (
        "a malformed request                              HTTP 422",
        "an auditor's request                             HTTP 403",
        "  a score of 200 to 599 means MANUAL_REVIEW",
        "  if trade were anything but CASINO, the decision would be APPROVED",
        "  decided again from what was stored: identical",
        "mean score of those who repaid: 0; of those who did not: 500",
    ):
        assert expected in told


async def test_desk_played_again_in_the_same_house_writes_nothing_and_surprises_nobody(tmp_path: Path) -> None:
    """PL-123: rules stand already, and subjects of another run are others: a data folder may see many runs."""
    async with a_desk_house(tmp_path) as house:
        await house.played()
        versions = (await house.configuration.load()).versions
        again = await house.another_run("u").played()
        assert (await house.configuration.load()).versions == versions
    assert (again.surprises, again.troubles, again.duplicates) == ([], [], 2)


async def test_officer_leaves_as_it_is_what_another_officer_has_changed(tmp_path: Path) -> None:
    """PL-123: a list, a rule and the ranges of a scope that stand are not written over, whatever is in them."""
    rows = shipped_rows(ONBOARDING_FILE)
    rule, scope = rows.rules[0], rows.thresholds[0]["scope"]
    ranges = [{"score_from": 0, "score_to": 1_000, "decision": "REJECTED"}]
    async with a_desk_house(tmp_path) as house:
        await house.desk.write("POST", "/v1/lists", body={"name": "demo-barred-countries", "entries": ["LI"]})
        await house.desk.write("POST", "/v1/rules", body={**rule, "weight": 7, "is_active": False})
        await house.desk.write("PUT", "/v1/thresholds", body={"scope": scope, "ranges": ranges})
        assert await DeskOfficer(house.desk).prepare(rows) == len(rows.lists) + len(rows.rules) - 2
        held = await house.configuration.load()
    assert [each.entries for each in held.lists if each.name == "demo-barred-countries"] == [("LI",)]
    assert rule["rule_code"] not in {each.rule_code for each in held.rules}
    assert [(each.score_from, each.score_to) for each in held.thresholds] == [(0, 1_000)]


async def test_lax_desk_is_told_by_the_parts_that_went_wrong(tmp_path: Path) -> None:
    """PL-122: a demo that does not show what it promises says so, part by part, and goes on."""
    async with a_desk_house(tmp_path, shipped=(LAX, A_SCORECARD)) as house:
        summary = await house.played()
    assert summary.troubles == []
    assert {surprise.split(": ", 1)[0] for surprise in summary.surprises} == {
        "Uferweg Immobilien GmbH (young)",
        "Leuchtturm Handels AG (winding-up)",
        "Sandbank Invest AG (struck-off)",
        "Nebelhorn Beratung AG (unheard-of)",
        "Tidewater Logistik AG (mistyped)",
        "Kaimauer Stiftung (barred)",
        "Ebbe und Flut Treuhand (owner-listed)",
        "Tidewater Logistik AG (no-owner)",
        "Boje Bau Genossenschaft (unanswered)",
        "Seezeichen Technik AG (hung)",
        "Kaimauer Stiftung (time 4)",
    }
    assert "REJECTED expected, APPROVED ONB-REGISTER-CANCELLED came" in " ".join(summary.surprises)


async def test_register_that_is_down_is_no_approval_and_is_told(tmp_path: Path) -> None:
    """PL-122: with the register down nobody is approved, and the parts that expected an approval say so."""
    async with a_desk_house(tmp_path) as house:
        house.stubs.zefix.every = Fault.ERROR
        summary = await house.played()
    assert summary.decisions["COMPANY_ONBOARDING"]["APPROVED"] == 0
    assert any(
        surprise.startswith("Tidewater Logistik AG (sound): APPROVED expected") for surprise in summary.surprises
    )


async def test_desk_that_does_not_use_what_was_written_is_not_played_on(tmp_path: Path) -> None:
    """PL-122: without the sanctions list the part does not begin, and says what the desk says."""

    async def lost(name: str, content: bytes) -> None:
        del name, content

    async with a_desk_house(tmp_path, import_list=lost, tries=2) as house:
        with pytest.raises(DeskFailed, match="does not use what was written: it says ONB-REGISTER-NOT-FOUND"):
            await house.played()


async def test_desk_that_takes_no_writes_is_not_played_on(tmp_path: Path) -> None:
    """PL-122: an officer without the role, or a desk that is gone, is one readable line."""
    async with a_desk_house(tmp_path) as house, aiohttp.ClientSession() as session:
        auditor = token_for("RISK_AUDITOR")
        reader = RestDesk(session, house.stage.rest_url, tokens=DeskTokens(auditor, auditor, auditor))
        with pytest.raises(DeskFailed, match="cannot be prepared: POST /v1/lists: 403"):
            await house.performance_of(reader).prepare()
        nowhere = RestDesk(session, "http://127.0.0.1:1", tokens=DeskTokens(auditor, auditor, auditor))
        with pytest.raises(DeskRefused, match="GET /v1/lists: 0 Cannot connect") as refused:
            await nowhere.read("/v1/lists")
        assert refused.value.status == 0


async def test_invitations_pasted_work(tmp_path: Path) -> None:
    """PL-122: what is printed to be pasted evaluates, tells why one was refused, and lists who was."""
    async with a_desk_house(tmp_path) as house:
        performance = house.performance_of(house.desk)
        await performance.prepare()
        await performance.play()
        evaluated, why, refused = [await _pasted(command) for _, command in performance.invitations()]
    assert evaluated["decision"] == "MANUAL_REVIEW"
    reasons = {rule["rule_code"]: rule["reason"] for rule in why["explanation"]["rules"]}
    assert reasons["ONB-SANCTIONS-COMPANY"] == "Der Name der Gesellschaft steht auf einer Sanktionsliste."
    assert {item["decision"] for item in refused["items"]} == {"REJECTED"}


async def _pasted(command: str) -> dict[str, Any]:
    shell = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(shell.communicate(), 20)
    document = json.loads(said)
    assert isinstance(document, dict)
    return document
