"""The command line as other programs rely on it: answers, order, exit codes, one readable line of trouble."""

import asyncio
import json
import re
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.core.pretrade.scenarios import random_scenario, read_condition
from tests.inbound.scenario.desk_text import desk_document
from tests.inbound.scenario.written import written
from tests.system.clients import Clients, a_small_order, introduce, officer_of
from tests.system.processes import RecordFigure, Served, run_command
from tests.system.world import CALM, guest_of, some_users

from tidegate.core.pretrade.reference.decide import decide_plainly
from tidegate.core.pretrade.reference.margin import margin_plainly
from tidegate.core.pretrade.rendering import render_margin_report, render_verdict
from tidegate.ports.event_bus import OutgoingEvent
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

pytestmark = [pytest.mark.system, pytest.mark.timeout(3_600)]

BEYOND_38_DIGITS = re.compile(rb'"-?[0-9.]{40,}"')
NOBODY = "00000000-0000-4000-8000-000000000000"
CONDITION = {"condition": {"field": "symbol", "op": "eq", "value": "BTCUSDT"}, "data": {"symbol": "BTCUSDT"}}


def said(document: dict[str, Any]) -> dict[str, Any]:
    """Give what both engines must say alike: messages, and the numbers beside them, are each engine's own words."""
    kinds = [(row["code"], row["action"], row["rule_id"]) for row in document["violations"]]
    return {**document, "message": "", "violations": list(dict.fromkeys(kinds))}


def test_check_of_random_scenarios_in_a_file_equals_the_naive_reference(
    tmp_path: Path, full_sizes: bool, record_property: RecordFigure
) -> None:
    """PL-111, PT-901, PT-440: 100,000 scenarios at full size, 1,000 else, written as lines and decided by the process.

    One answer a line, in order; every decision, reason and number is that of the plain sums. A limit that was pinned to
    a number of more than 38 digits cannot stand in a file: that line is an error.
    """
    count = 100_000 if full_sizes else 1_000
    path, too_long = tmp_path / "scenarios.jsonl", set[int]()
    with path.open("wb") as file:
        for seed in range(count):
            line = written(random_scenario(Random(seed)))
            file.write(line + b"\n")
            too_long |= {seed} if BEYOND_38_DIGITS.search(line) else set()
    finished = run_command("check", str(path))
    assert (finished.returncode, finished.stderr) == (2 if too_long else 0, b"")
    answers = finished.stdout.splitlines()
    assert len(answers) == count
    decisions: dict[str, int] = {}
    for seed, answer in enumerate(answers):
        document = json.loads(answer)
        if seed in too_long:
            assert document["error"].endswith("must have at most 38 digits"), f"seed {seed}"
            continue
        plainly = render_verdict(decide_plainly(random_scenario(Random(seed)), evaluate_condition=read_condition))
        assert said(document) == said(json.loads(json.dumps(plainly))), f"seed {seed}"
        decisions[document["decision"]] = decisions.get(document["decision"], 0) + 1
    assert min(decisions.get(name, 0) for name in ("APPROVED", "REJECTED", "FLAGGED")) > count // 200
    shares = ", ".join(f"{number} {name}" for name, number in sorted(decisions.items()))
    record_property("figure", f"{count} scenarios decided by tidegate check ({shares}): all as the naive reference")


def test_margin_of_random_scenarios_in_a_file_equals_the_naive_reference(tmp_path: Path) -> None:
    """PT-911, PL-111: the same lines, read by ``tidegate margin``; their orders are not looked at."""
    path = tmp_path / "scenarios.jsonl"
    path.write_bytes(b"\n".join(written(random_scenario(Random(seed))) for seed in range(300)))
    finished = run_command("margin", str(path))
    assert (finished.returncode, finished.stderr) == (0, b"")
    for seed, answer in enumerate(finished.stdout.splitlines()):
        plainly = render_margin_report(margin_plainly(random_scenario(Random(seed))))
        assert json.loads(answer) == json.loads(json.dumps(plainly)), f"seed {seed}"


def a_scenario(*, without: str = "") -> bytes:
    """Write a scenario, perhaps without one of its parts."""
    rows = json.loads(written(random_scenario(Random(7))))
    rows.pop(without, None)
    return json.dumps(rows).encode()


@dataclass(frozen=True)
class Run:
    """One run of the command line and how it must end."""

    name: str
    arguments: tuple[str, ...]
    given: bytes = b""
    code: int = 0
    settings: dict[str, str] = field(default_factory=dict)


WITHOUT_SERVER = [
    Run("check", ("check", "-"), a_scenario()),
    Run("check lines", ("check", "--jsonl", "-"), a_scenario() + b"\n\n" + a_scenario() + b"\n"),
    Run("check nothing", ("check", "-"), b"", 2),
    Run("check no JSON", ("check", "-"), b"{", 2),
    Run("check bad bytes", ("check", "-"), b"\xff\xfe\x00", 2),
    Run("check bad bytes inside", ("check", "-"), a_scenario().replace(b"o-new", b"o-\xff"), 2),
    Run("check without order", ("check", "-"), a_scenario(without="order"), 2),
    Run("check deep", ("check", "-"), b"[" * 100_000, 2),
    Run("check no file", ("check", "/nowhere/at/all.json"), b"", 2),
    Run("check a folder", ("check", "/"), b"", 2),
    Run("check without file", ("check",), b"", 2),
    Run("margin", ("margin", "-"), a_scenario(without="order")),
    Run("margin no JSON", ("margin", "-"), b"]", 2),
    Run("assess", ("assess", "-"), json.dumps(desk_document()).encode()),
    Run("assess lines", ("assess", "--jsonl", "-"), json.dumps(desk_document()).encode() + b"\n"),
    Run("assess refused", ("assess", "-"), json.dumps(desk_document({"/rules/0/weight": "a"})).encode(), 2),
    Run("assess no JSON", ("assess", "-"), b"\xff{", 2),
    Run("rules eval", ("rules", "eval", "-"), json.dumps({**CONDITION, "context": "gate"}).encode()),
    Run("rules eval refused", ("rules", "eval", "-"), b'{"condition": {"field": "a", "op": "is"}, "data": {}}', 2),
    Run("rules eval no JSON", ("rules", "eval", "-"), b"\xc3(", 2),
    Run("rules alone", ("rules",), b"", 2),
    Run("no command", (), b"", 2),
    Run("unknown command", ("chekc",), b"", 2),
    Run("unknown option", ("check", "--fast", "-"), b"", 2),
    Run("unknown role", ("token", "--role", "RISK_KING", "--data", "/tmp"), b"", 2),
    Run("token without server", ("token", "--role", "RISK_ADMIN", "--data", "/nowhere"), b"", 2),
    Run("serve nowhere", ("serve", "--rest", "localhost"), b"", 2),
    Run("serve beyond loopback", ("serve", "--rest", "0.0.0.0:0", "--data", "/tmp/none"), b"", 2),
    Run("serve no seed", ("serve", "--rest", "127.0.0.1:0", "--data", "/tmp/none", "--seed", "/nowhere"), b"", 2),
    Run("serve prod", ("serve", "--profile", "prod", "--data", "/tmp/none"), b"", 2),
    Run("serve unknown setting", ("serve",), b"", 2, {"TIDEGATE_GATE_QUEUEMAX": "1"}),
    Run("serve bad setting", ("serve",), b"", 2, {"TIDEGATE_GATE_QUEUE_MAX": "many"}),
]


SHOWS_HELP = {(), ("rules",)}
AT_ONCE = 3

Finished = subprocess.CompletedProcess[bytes]


@pytest.fixture(scope="module")
def ended() -> Mapping[str, Finished]:
    """Every run above, some at a time: most of what a command does is to start."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {
            run.name: pool.submit(run_command, *run.arguments, given=run.given, settings=run.settings)
            for run in WITHOUT_SERVER
        }
        return {name: future.result() for name, future in running.items()}


@pytest.mark.parametrize("run", WITHOUT_SERVER, ids=lambda run: run.name)
def test_command_ends_as_documented_and_says_trouble_in_one_line(run: Run, ended: Mapping[str, Finished]) -> None:
    """PT-901, PT-903, PL-111, PL-112, PL-113, PL-201: exit 0 whatever was decided, else 2 and one line on standard
    error, whatever the bytes.
    """
    finished = ended[run.name]
    assert finished.returncode == run.code, finished.stderr
    lines = finished.stderr.decode().splitlines()
    if run.code:
        assert len(lines) == 1, finished.stderr
        assert lines[0].startswith("tidegate: ")
        assert lines[0].isprintable()
        assert "Traceback" not in lines[0]
        assert finished.stdout == b"" or run.arguments in SHOWS_HELP
    else:
        assert lines == []
        for line in finished.stdout.splitlines():
            json.loads(line)


def test_a_bad_line_among_good_ones_is_answered_in_its_place() -> None:
    """PL-111, PT-903: ``{"error": ...}`` where the line was, the others decided, and exit 2 at the end."""
    lines = [a_scenario(), b"nonsense", b"\xff\xfe", a_scenario(without="order"), a_scenario()]
    finished = run_command("check", "--jsonl", "-", given=b"\n".join(lines))
    answers = [json.loads(line) for line in finished.stdout.splitlines()]
    assert finished.returncode == 2
    assert [set(answer) == {"error"} for answer in answers] == [False, True, True, True, False]
    assert answers[0] == answers[4]


@pytest.fixture(scope="module")
def recorded_decision(calm_service: Served) -> str:
    """The id of a decision that a running service has recorded, which refused for want of margin."""

    async def decide() -> str:
        (user,) = some_users(1)
        async with guest_of(calm_service.data) as stores, Clients(calm_service.grpc, 1) as clients:
            await introduce(stores, clients, users=[user])
            answer = await clients.stubs[0].PreTradeCheck(a_small_order(user, "refused", quantity="500"))
            assert answer.reject_reason == pb.INSUFFICIENT_MARGIN
            return answer.decision_id

    return asyncio.run(decide())


def test_commands_beside_a_running_service_answer(calm_service: Served, recorded_decision: str) -> None:
    """PL-113, PL-202: explain, replay, doctor, migrate and dlq list work on the data folder of a running service."""
    beside = ("--data", str(calm_service.data))
    settings = dict(CALM)
    commands = {
        "explain": ("explain", recorded_decision),
        "replay": ("replay", recorded_decision),
        "replay json": ("replay", recorded_decision, "--json"),
        "doctor": ("doctor",),
        "doctor json": ("doctor", "--json"),
        "migrate": ("migrate",),
        "dlq": ("dlq", "list"),
        "explain nobody": ("explain", NOBODY),
        "replay nobody": ("replay", "no-uuid"),
    }
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {
            name: pool.submit(run_command, *words, *beside, settings=settings) for name, words in commands.items()
        }
        told = {name: future.result() for name, future in running.items()}
    codes = {name: finished.returncode for name, finished in told.items()}
    assert codes == {name: 2 if "nobody" in name else 0 for name in told}, [told[n].stderr for n in told]
    assert b"INSUFFICIENT_MARGIN" in told["explain"].stdout
    assert b"required_initial_margin" in told["explain"].stdout
    assert told["replay"].stdout == b"identical: REJECTED INSUFFICIENT_MARGIN\n"
    assert json.loads(told["replay json"].stdout)["identical"] is True
    assert told["doctor"].stdout.endswith(b"nothing is wrong\n")
    assert json.loads(told["doctor json"].stdout)["faults"] == []
    assert told["migrate"].stdout == b"0 revisions applied\n"
    for name in ("explain nobody", "replay nobody"):
        assert len(told[name].stderr.splitlines()) == 1
        assert told[name].stdout == b""
    assert calm_service.running


def test_doctor_says_in_words_what_is_wrong() -> None:
    """PL-202, PL-201: an unknown name and a value out of range, each in a line, and exit 2."""
    settings = {"TIDEGATE_GATE_QUEUEMAX": "1", "TIDEGATE_REST_PORT": "99999"}
    finished = run_command("doctor", settings=settings)
    assert finished.returncode == 2
    wrong = [line for line in finished.stdout.decode().splitlines() if line.startswith("wrong: ")]
    assert any("TIDEGATE_GATE_QUEUEMAX is not a setting" in line for line in wrong)
    assert any("TIDEGATE_REST_PORT" in line for line in wrong)


async def test_a_token_of_the_command_line_opens_the_admin_api(calm_service: Served) -> None:
    """PL-110, PT-801: with the role it may read, without it not, and an expired one is none."""
    beside = ("--data", str(calm_service.data))
    auditor = run_command("token", "--role", "RISK_AUDITOR", *beside)
    evaluator = run_command("token", "--role", "RISK_EVALUATOR", *beside)
    expired = run_command("token", "--role", "RISK_AUDITOR", "--ttl-s", "-60", *beside)
    elsewhere = run_command("token", "--role", "RISK_AUDITOR", "--audience", "another", *beside)
    statuses = []
    async with officer_of(calm_service.data, calm_service.rest) as officer:
        for finished in (auditor, evaluator, expired, elsewhere):
            assert finished.returncode == 0, finished.stderr
            headers = {"Authorization": f"Bearer {finished.stdout.decode().strip()}"}
            statuses.append((await officer.ask("GET", "/v1/trading-state", headers=headers))[0])
    assert statuses == [200, 403, 401, 401]


async def test_dead_letters_are_listed_with_their_original_bytes(calm_service: Served) -> None:
    """PT-709, PL-113: topic, place, error and the bytes as they came."""
    topic, garbage = "wallet.balance_changed.v1.test", b"\x00\xff garbage \xc3\x01"
    (user,) = some_users(1)
    async with guest_of(calm_service.data) as stores, Clients(calm_service.grpc, 1) as clients:
        await introduce(stores, clients, users=[user])
        await stores.bus.publish([OutgoingEvent(topic, user.user_id, garbage, NOBODY)])
        async with asyncio.timeout(10):
            while not await stores.dead_letters.list(topic, limit=1):
                pass
    finished = run_command("dlq", "list", "--json", "--topic", topic, "--data", str(calm_service.data))
    (row,) = [json.loads(line) for line in finished.stdout.splitlines()]
    assert (row["topic"], row["key"], bytes.fromhex(row["bytes"])) == (topic, user.user_id, garbage)
    assert row["error"]
