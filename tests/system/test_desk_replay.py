"""Stored assessments are decided again by another process, long after everything they hung on was changed."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, Final

import pytest
from tests.system.desk_world import DeskClient, a_request, desk_seed, stand_ins, with_providers, with_sst
from tests.system.processes import RecordFigure, Served, run_command
from tests.system.world import guest_of

from tidegate.demo.stub_providers.company_book import BOOK
from tidegate.demo.stub_providers.faults import Fault
from tidegate.demo.stub_providers.server import StubProviders

pytestmark = [pytest.mark.system, pytest.mark.timeout(3_600)]

AT_ONCE: Final = 16
PARTS: Final = 8
"""Between two of them rules, thresholds or lists are changed."""

BUDGET_MS: Final = 400
FAULTS: Final = (Fault.ERROR, Fault.NAN, Fault.GARBAGE, Fault.WRONG_SCHEMA, Fault.TWIN_KEYS)
NAMES: Final = ("Muster Handels AG", "Bergblick Käserei GmbH", "Рамзан Тестов", "O\u2019Neill & Söhne", "李雷")
CONTEXTS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"debt_ratio": 0.1 + 0.2, "note": "café \U0001f600", "deep": {"a": [1, {"b": None}], "z": [], "": ""}},
    {"debt_ratio": 1e-7, "employees": 12345678901234567890, "since": "2024-02-29"},
    {"debt_ratio": "0.4700", "employees": -0.0, "since": "2025-12-31T23:59:59.999999+01:00"},
    {"debt_ratio": 1.10, "employees": True, "since": "yesterday", "legal_form": "GmbH"},
    {"debt_ratio": None, "employees": [1, 2, 2], "legal_form": "gmbh"},
)
"""What is hard to write down and read again the same: beyond a double, exponents, zeros, texts of any script."""


def rule(code: str, weight: int, *, logic: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {"rule_code": code, "category": "CREDIT", "weight": weight, "scope": {}, "logic_config": logic, **fields}


RULES: Final = (
    rule("LEAVES", 300, logic={"type": "company_register", "uid_field": "context_data.uid", "statuses": ["CANCELLED"]}),
    rule(
        "REPORT", 20, logic={"when": {"field": "providers.crif.score", "op": "lt", "value": 700}, "providers": ["crif"]}
    ),
    rule(
        "SCORE",
        40,
        logic={"when": {"field": "providers.sst.score", "op": "gt", "value": "499.5"}, "on_unknown": "trigger"},
    ),
    rule("OFTEN", 15, logic={"type": "velocity", "window": "PT1H", "count_gt": 1, "by": "subject_id"}),
    rule("LISTED", 60, logic={"when": {"field": "country", "op": "in", "value": {"list": "far_away"}}}),
    rule(
        "DEBT",
        70,
        logic={"when": {"field": "context_data.debt_ratio", "op": "gt", "value": 0.3}, "on_unknown": "ignore"},
    ),
    rule("YOUNG", -10, logic={"when": {"field": "context_data.since", "op": "newer_than", "value": "P700D"}}),
    rule("SMALL", 5, logic={"when": {"cel": "context_data.employees < 10"}, "on_unknown": "ignore"}),
    rule("FORM", 5, logic={"when": {"field": "context_data.legal_form", "op": "matches", "value": "^[Gg]mb"}}),
    rule(
        "NAMED",
        200,
        logic={
            "type": "name_screening",
            "field": "context_data.legal_name",
            "lists": ["house"],
            "score_gte": "0.85",
            "outcome": "REJECTED",
        },
    ),
    rule("LIECHTENSTEIN", 30, logic={"type": "country_in", "countries": ["LI"]}, scope={"country": ["LI", "CH"]}),
)
HOUSE: Final = ([{"id": "1", "name": NAMES[0]}], [{"id": "1", "name": NAMES[1]}, {"id": "2", "name": NAMES[3]}])


@dataclass
class Recorded:
    """What was answered, by the id of the assessment, and what stood behind it."""

    random: Random
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def evaluate(self, client: DeskClient, stub: StubProviders, *, numbers: range) -> None:
        """Ask about one subject after the other, some of them again and again, while providers fail now and then."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            async with places:
                status, answer = await client.evaluate(self._request(stub, number))
            assert (status, answer["duplicate_of_request"]) == (200, False), answer
            self.answers[answer["assessment_id"]] = answer

        await asyncio.gather(*map(one, numbers))

    def _request(self, stub: StubProviders, number: int) -> dict[str, Any]:
        draw = self.random
        surname, subject = f"Muster-{number}", f"customer-{number % 97}"
        for plan, key in ((stub.crif, surname), (stub.sst, subject)):
            plan.by_key[key] = draw.choice(FAULTS) if draw.random() < 0.2 else Fault.UP
        if draw.random() < 0.01:
            stub.crif.by_key[surname] = Fault.HANG
        context = {
            **draw.choice(CONTEXTS),
            "number": number,
            "uid": draw.choice(BOOK).uid,
            "first_name": "Erika",
            "last_name": surname,
            "legal_name": draw.choice(NAMES),
        }
        return a_request(
            subject_id=subject, country=draw.choice(["CH", "LI", "IR", "DE"]), context_data=context, number=number
        )


async def changed(client: DeskClient, part: int, *, folder: Path, served: Served) -> None:
    """Change what decisions hang on, in another way after each part."""
    rules = {row["rule_code"]: row for row in (await client.read("/v1/rules?limit=200"))[1]["items"]}
    lists = {row["name"]: row for row in (await client.read("/v1/lists?limit=200"))[1]["items"]}

    async def write(method: str, path: str, *, body: object) -> None:
        status, document = await client.change(method, path, body=body)
        assert status in {200, 201}, document

    def ranges(first: int, second: int) -> dict[str, Any]:
        bounds = [(0, first - 1, "APPROVED"), (first, second - 1, "MANUAL_REVIEW"), (second, 1_000, "REJECTED")]
        told = [{"score_from": low, "score_to": high, "decision": decision} for low, high, decision in bounds]
        return {"scope": {}, "ranges": told}

    match part:
        case 0:
            await write(
                "PUT", f"/v1/rules/{rules['DEBT']['id']}", body=rule("DEBT", 90, logic=RULES[5]["logic_config"])
            )
        case 1:
            entries = ["LI", "DE"]
            await write("PUT", f"/v1/lists/{lists['far_away']['id']}", body={"name": "far_away", "entries": entries})
        case 2:
            await write("PUT", "/v1/thresholds", body=ranges(90, 200))
        case 3:
            await write("PATCH", f"/v1/rules/{rules['OFTEN']['id']}/status", body={"is_active": False})
            await imported(folder, served, version=1)
        case 4:
            await write(
                "POST", "/v1/rules", body=rule("LATE", 25, logic={"type": "required", "fields": ["context_data.since"]})
            )
        case 5:
            await write("PUT", "/v1/thresholds", body=ranges(30, 60))
            await write("PUT", f"/v1/lists/{lists['far_away']['id']}", body={"name": "far_away", "entries": []})
        case _:
            for code in ("LEAVES", "SCORE", "YOUNG"):
                await write("PATCH", f"/v1/rules/{rules[code]['id']}/status", body={"is_active": False})


async def imported(folder: Path, served: Served, *, version: int) -> None:
    """Import a version of the list that names are screened against."""
    path = folder / f"house-{version}.json"
    path.write_text(json.dumps([{**entry, "kind": "ORGANISATION"} for entry in HOUSE[version]]), encoding="utf-8")
    arguments = ("lists", "import", str(path), "--format", "own", "--name", "house", "--data", str(served.data))
    done = await asyncio.to_thread(run_command, *arguments)
    assert done.returncode == 0, done.stderr


async def test_stored_assessments_replay_to_the_same_bytes(
    data_folder: Path, full_sizes: bool, record_property: RecordFigure
) -> None:
    """AS-323, AS-316, AS-222: 10,000 at full size; rules, thresholds and lists changed in between, and the process.

    Providers failed for some, history and lists were read, context held what is hard to store. The replay of each is
    the recorded verdict, member by member and digit by digit, is what was answered, and asks no provider.
    """
    count = 10_000 if full_sizes else 320
    folder = data_folder.parent
    folder.mkdir(exist_ok=True)
    recorded = Recorded(Random(323))
    async with AsyncExitStack() as stack:
        stub = await stack.enter_async_context(stand_ins())
        settings = {
            **with_providers(stub.url, TIDEGATE_DESK_PROVIDER_BUDGET_MS=str(BUDGET_MS)),
            **with_sst(stub.url, timeout_ms=BUDGET_MS, failures_max=1_000),
            "TIDEGATE_ZEFIX_CACHE_TTL_S": "3600",
        }
        seed = desk_seed(folder, rules=RULES, lists={"far_away": ["IR", "KP"]})
        with Served(data_folder, settings=settings, seed=seed) as served:
            await imported(folder, served, version=0)
            async with DeskClient(served) as client:
                for part in range(PARTS):
                    numbers = range(part * count // PARTS, (part + 1) * count // PARTS)
                    await recorded.evaluate(client, stub, numbers=numbers)
                    if part < PARTS - 1:
                        await changed(client, part, folder=folder, served=served)
        assert len(recorded.answers) == count
        asked = [plan.calls for plan in stub.plans.values()]
        begun = perf_counter()
        with Served(data_folder, settings=settings) as again:
            async with DeskClient(again) as client:
                await assert_replayed(client, recorded.answers)
            took_s = perf_counter() - begun
            told = await assert_everything_was_in_play(data_folder, count)
        assert [plan.calls for plan in stub.plans.values()] == asked
    record_property("figure", f"{count} of {count} stored assessments replayed byte for byte in {took_s:.0f} s: {told}")


async def assert_replayed(client: DeskClient, answers: Mapping[str, dict[str, Any]]) -> None:
    """Replay every assessment, in the order in which they were made."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(assessment_id: str) -> None:
        async with places:
            body = await client.replay(assessment_id)
        told = json.loads(body, parse_float=str, parse_int=str)
        assert (told["identical"], told["differences"]) == (True, []), told
        # not only by the desk's own comparison: every digit is the same too (jsonb keeps no order of members)
        assert canonical(told["recorded"]) == canonical(told["replayed"]), assessment_id
        answer, exact = answers[assessment_id], json.loads(body)["replayed"]
        for name in exact.keys() & answer.keys():
            assert exact[name] == answer[name], (assessment_id, name)
        assert {"decision", "risk_score", "reason_codes", "warnings"} <= exact.keys() & answer.keys()

    await asyncio.gather(*map(one, answers))


def canonical(verdict: object) -> bytes:
    """Write a verdict whose numbers were read as texts, members in order."""
    return json.dumps(verdict, sort_keys=True, ensure_ascii=False).encode()


IN_PLAY: Final = """
SELECT decision, count(*) AS made, count(DISTINCT versions) AS versions,
    count(*) FILTER (WHERE input_data_snapshot -> 'history' <> '{}') AS with_history,
    count(*) FILTER (WHERE EXISTS (SELECT FROM jsonb_each(input_data_snapshot -> 'providers') AS each
        WHERE each.value ->> 'status' <> 'SUCCESS')) AS with_failures,
    count(*) FILTER (WHERE jsonb_path_exists(rule_execution_log,
        '$[*] ? (@.rule_code == "LISTED" && @.result == "TRUE")')) AS listed,
    count(*) FILTER (WHERE jsonb_path_exists(rule_execution_log,
        '$[*] ? (@.rule_code == "NAMED" && @.result == "TRUE")')) AS screened
FROM lt_risk_engine.risk_assessment GROUP BY decision
"""


async def assert_everything_was_in_play(data_folder: Path, count: int) -> str:
    """See in the database that the replays had something to get wrong; give how much."""
    async with guest_of(data_folder) as stores, stores.pool.connection() as connection:
        rows = await connection.fetch(IN_PLAY)
        versions = await connection.fetchval("SELECT count(DISTINCT versions) FROM lt_risk_engine.risk_assessment")
        failures = await connection.fetch(
            "SELECT status, count(*) AS calls FROM lt_risk_engine.external_data_log GROUP BY status"
        )
    decisions = {row["decision"]: row["made"] for row in rows}
    totals = Counter[str]()
    for row in rows:
        totals.update({name: row[name] for name in ("with_history", "with_failures", "listed", "screened")})
    assert decisions.keys() == {"APPROVED", "MANUAL_REVIEW", "REJECTED"}
    assert sum(decisions.values()) == count
    assert versions >= PARTS
    assert min(totals.values()) >= count // 40, totals
    calls = {row["status"]: row["calls"] for row in failures}
    assert calls.keys() == {"SUCCESS", "FAILURE", "TIMEOUT"}
    return (
        f"{decisions}, {versions} versions of the configuration, calls {calls}, {totals['with_failures']} with a "
        f"provider that failed, {totals['with_history']} with history, {totals['listed']} on a list, "
        f"{totals['screened']} found by screening"
    )
