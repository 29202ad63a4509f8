"""Plays the desk's part of the demo: prepares rules and lists, lets people and companies apply, and looks back."""

import asyncio
import json
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from rich.console import Console

from tidegate.demo.desk_book import Applicant
from tidegate.demo.desk_client import EVALUATE, Desk, DeskRefused, DeskTokens, RestDesk
from tidegate.demo.desk_companies import HUNG, HUNG_REQUEST_MS, LISTED, SOUND, UNANSWERED, YOUNG, onboarding_request
from tidegate.demo.desk_floor import DeskFloor
from tidegate.demo.desk_officer import DeskOfficer, OfficersDesk
from tidegate.demo.desk_rows import SANCTIONS_FILE, ShippedRows, shipped_bytes
from tidegate.demo.desk_scenes import ONBOARDING_SCENES, SANCTIONED, named, play_credit
from tidegate.demo.desk_show import DeskShow, DeskSummary
from tidegate.demo.presentation import latency_of
from tidegate.demo.stub_providers.faults import Fault
from tidegate.demo.stub_providers.server import PASSWORD, USERNAME, StubProviders

APPLICANTS: Final = 40
"""People who ask for credit in one run."""

SANCTIONS_LIST: Final = "demo-sanctions"
READY_TRIES: Final = 100
"""The desk uses what was written before it has been asked so often, or the demo does not begin."""

ASK_AGAIN_S: Final = 0.1
_SENTENCES_MAX: Final = 8

ImportList = Callable[[str, bytes], Awaitable[None]]
"""Imports a list of names (its name, its content in the project's own form) for screening."""


class DeskFailed(Exception):
    """The desk's part cannot be played; the message is one readable line."""


@dataclass(frozen=True, slots=True)
class DeskStage:
    """What the desk's part is played with: the running service, the stand-ins that it asks, rows to be written, and
    people. ``run`` names this run of the demo in subjects; ``tries``: how often it is asked whether all is used.
    """

    rest_url: str
    token: Callable[[str], str]
    stubs: StubProviders
    import_list: ImportList
    shipped: Sequence[ShippedRows]
    applicants: Sequence[Applicant]
    run: str
    tries: int = READY_TRIES


class DeskPerformance:
    """One run of the desk's part. ``prepare``, ``play``, ``look_back``, in this order."""

    def __init__(
        self,
        desk: Desk,
        officers_desk: OfficersDesk,
        *,
        floor: DeskFloor,
        stage: DeskStage,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._desk = desk
        self._officer = DeskOfficer(officers_desk)
        self._floor = floor
        self._stage = stage
        self._pause = pause

    async def prepare(self) -> None:
        """Import the sanctions list, write what is missing, tell the stand-ins whom to fail, wait until all is used.

        Raises:
            DeskFailed: the desk does not use it in time, or does not take it.
        """
        stage = self._stage
        stage.stubs.zefix.by_key |= {UNANSWERED.register_uid: Fault.ERROR, HUNG.register_uid: Fault.HANG}
        await stage.import_list(SANCTIONS_LIST, shipped_bytes(SANCTIONS_FILE))
        try:
            writes = sum([await self._officer.prepare(rows) for rows in stage.shipped])
            await self._until_used()
        except DeskRefused as refused:
            raise DeskFailed(f"the desk cannot be prepared: {refused}") from refused
        self._floor.show.note(
            f"the desk stands: people who ask for credit: {len(stage.applicants)}; {writes} lists, rules and scopes of "
            f"thresholds written by the desk officer, stand-ins of the providers at {stage.stubs.url}"
        )

    async def _until_used(self) -> None:
        """Ask about a listed company, each time under another name, until the desk finds it."""
        missing = ""
        for attempt in range(self._stage.tries):
            request = onboarding_request(LISTED, run=f"{self._floor.run}/probe-{attempt}")
            answer = (await self._desk.evaluate(request)).answer
            if SANCTIONED in answer["reason_codes"] and answer["decision"] == "REJECTED":
                return
            missing = f"{', '.join(answer['reason_codes'])} {', '.join(answer['warnings'])}"
            await self._pause(ASK_AGAIN_S)
        raise DeskFailed(f"the desk does not use what was written: it says {missing}")

    async def play(self) -> DeskSummary:
        """Let everybody apply; give what came of it."""
        floor = self._floor
        floor.show.desk_heading("Credit: people and what the scorecard makes of them")
        await play_credit(floor, self._stage.applicants)
        floor.show.desk_heading("Onboarding: companies, with the register and sanctions lists asked")
        for scene in ONBOARDING_SCENES:
            await scene(floor)
        await self._look_back()
        floor.summary.latency = latency_of(floor.took_ms)
        floor.show.desk_summary(floor.summary)
        return floor.summary

    async def _look_back(self) -> None:
        """As an auditor: why one came out as it did, what would have changed it, and whether it comes out so again."""
        floor = self._floor
        try:
            for company in (YOUNG, LISTED):
                answer = floor.answers.get(named(company))
                if answer is None:
                    continue
                stored = await self._desk.read(f"/v1/assessments/{answer['assessment_id']}")
                self._explain(named(company), stored)
                replayed = await self._desk.replay(answer["assessment_id"])
                again = "identical" if replayed["identical"] else f"different: {', '.join(replayed['differences'])}"
                floor.show.note(f"  decided again from what was stored: {again}")
                if not replayed["identical"]:
                    floor.surprise(named(company), f"replayed, it was {again}")
            await self._repeat_found()
        except DeskRefused as refused:
            floor.summary.troubles.append(f"auditor: {refused}")

    def _explain(self, who: str, stored: Mapping[str, Any]) -> None:
        floor, explanation = self._floor, stored["explanation"]
        if explanation is None:
            floor.surprise(who, "no explanation")
            return
        floor.show.desk_note(f"\nWhy {who} was answered {stored['decision']}:")
        fired = [rule for rule in explanation["rules"] if rule["result"] == "TRUE"]
        sentences = [*explanation["summary"]]
        sentences += [f"{rule['rule_code']}: {'; '.join(rule['sentences'])} - {rule['reason']}" for rule in fired]
        changes = [change["sentence"] for change in explanation["counterfactuals"]]
        for sentence in [*sentences[:_SENTENCES_MAX], *changes[:_SENTENCES_MAX]]:
            floor.show.note(f"  {sentence}")
        if not fired:
            floor.surprise(who, "the explanation names no rule")

    def invitations(self) -> list[tuple[str, str]]:
        """Give commands to be pasted, each with its title: an evaluation of one's own, and what was answered."""
        rest = self._stage.rest_url.rstrip("/")
        body = onboarding_request(YOUNG, run=f"{self._stage.run}/by-hand")
        del body["trace_id"]
        auditor = ["curl", "-s", "-H", _bearer(self._stage.token("RISK_AUDITOR"))]
        evaluator = ["curl", "-s", "-H", _bearer(self._stage.token("RISK_EVALUATOR"))]
        evaluate = [*evaluator, "-H", "Content-Type: application/json", "-d", json.dumps(body), rest + EVALUATE]
        commands = [("A company of your own, at the desk:", evaluate)]
        listed = self._floor.answers.get(named(LISTED))
        if listed is not None:
            path = f"{rest}/v1/assessments/{listed['assessment_id']}?language=de"
            commands.append(("Why the listed company was refused, reasons in German:", [*auditor, path]))
        refused = f"{rest}/v1/assessments?decision=REJECTED&limit=3"
        commands.append(("What the desk refused, newest first:", [*auditor, refused]))
        return [(title, shlex.join(command)) for title, command in commands]

    async def _repeat_found(self) -> None:
        """Find the repeat's trace: it leads to the assessment that answered it."""
        floor = self._floor
        first, again = floor.answers.get(named(SOUND)), floor.answers.get(f"{SOUND.name} (asked again)")
        if first is None or again is None:
            return
        page = await self._desk.read("/v1/assessments", {"trace_id": again["trace_id"]})
        found = [item["assessment_id"] for item in page["items"]]
        if found != [first["assessment_id"]]:
            floor.surprise(named(SOUND), f"the trace of the repeat leads to {found}")


@asynccontextmanager
async def open_desk_part(stage: DeskStage, *, console: Console | None = None) -> AsyncIterator[DeskPerformance]:
    """Lend the desk's part on a running service; ``console`` is standard output unless given."""
    tokens = DeskTokens(
        evaluator=stage.token("RISK_EVALUATOR"), admin=stage.token("RISK_ADMIN"), auditor=stage.token("RISK_AUDITOR")
    )
    async with aiohttp.ClientSession() as session:
        desk = RestDesk(session, stage.rest_url, tokens=tokens)
        floor = DeskFloor(desk, DeskShow(console or Console()), run=stage.run)
        yield DeskPerformance(desk, desk, floor=floor, stage=stage)


def provider_settings(stubs: StubProviders) -> dict[str, object]:
    """Give the settings, by area, with which the service asks the stand-ins. They are loopback's, not secret."""
    zefix = {
        "url": f"{stubs.url}/zefix",
        "username": USERNAME,
        "password": PASSWORD,
        "timeout_ms": HUNG_REQUEST_MS,
    }
    return {"zefix": zefix}


def _bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"
