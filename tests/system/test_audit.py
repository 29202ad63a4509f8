"""The audit chain by whole processes: sealed while serving, verified from the command line, tampered with by SQL."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.system.clients import Clients, a_small_order, introduce
from tests.system.processes import RecordFigure, Served, run_command
from tests.system.world import CALM, guest_of, market_seed, some_users

from tidegate.outbound.signing.head_keys import HeadKey

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

QUICK = {**CALM, "TIDEGATE_AUDIT_SETTLE_MS": "500", "TIDEGATE_AUDIT_EVERY_MS": "100"}
ORDERS = 5


def verified(data: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Verify the decisions of a data folder; give exit code and what was found."""
    finished = run_command("audit", "verify", "--data", str(data), "--json", "--partition", "decisions", *arguments)
    assert not finished.stderr, finished.stderr.decode()
    answer = json.loads(finished.stdout)
    assert answer["whole"] == (finished.returncode == 0)
    (report,) = answer["partitions"]
    return finished.returncode, report


def kinds(data: Path, *arguments: str) -> list[str]:
    code, report = verified(data, *arguments)
    assert code == (1 if report["faults"] else 0)
    return [fault["kind"] for fault in report["faults"]]


async def decide(served: Served, name: str = "o") -> list[str]:
    (user,) = some_users(1)
    async with guest_of(served.data) as stores, Clients(served.grpc, 1) as clients:
        await introduce(stores, clients, users=[user])
        orders = [a_small_order(user, f"{name}-{number}") for number in range(ORDERS)]
        return [(await clients.stubs[0].PreTradeCheck(order)).decision_id for order in orders]


def run_sql(data: Path, *statements: str) -> None:
    async def run() -> None:
        async with guest_of(data) as stores, stores.pool.transaction() as connection:
            for statement in statements:
                await connection.execute(statement)

    asyncio.run(run())


def sealed(data: Path, count: int) -> None:
    """Wait until that many decisions have been sealed."""
    deadline = time.monotonic() + 60
    while verified(data)[1]["verified_rows"] < count:
        assert time.monotonic() < deadline, "nothing seals"


@pytest.fixture
def served(data_folder: Path) -> Iterator[Served]:
    data_folder.parent.mkdir(parents=True, exist_ok=True)
    with Served(data_folder, settings=QUICK, seed=market_seed(data_folder.parent)) as running:
        yield running


def test_decisions_are_sealed_while_serving_and_any_change_is_named(
    served: Served, tmp_path: Path, record_property: RecordFigure
) -> None:
    """AS-630: Exit 0 while nobody has touched anything, 1 with the row and what is wrong when somebody has."""
    decided = asyncio.run(decide(served))
    data, kept, other_key = served.data, tmp_path / "heads.json", tmp_path / "other.pem"
    sealed(data, ORDERS)
    exported = run_command("audit", "heads", "--export", str(kept), "--data", str(data))
    assert (exported.returncode, exported.stderr) == (0, b"")
    assert {row["partition"] for row in json.loads(kept.read_text())["heads"]} >= {"decisions", "desk_rules", "tiers"}
    assert kinds(data, "--against", str(kept)) == []

    changed = f"UPDATE decisions SET reason = 'X' WHERE decision_id = '{decided[1]}'"
    run_sql(data, changed)
    code, report = verified(data)
    assert (code, [fault["row_id"] for fault in report["faults"]]) == (1, [decided[1]])
    told = run_command("audit", "verify", "--data", str(data))
    assert told.returncode == 1
    assert (
        f"ROW_CHANGED: the row is not what it was when it got its entry (row {decided[1]}, entry 2)"
        in told.stdout.decode()
    )
    run_sql(data, f"UPDATE decisions SET reason = NULL WHERE decision_id = '{decided[1]}'")
    assert kinds(data) == []

    HeadKey.kept_in(other_key)
    other_key.write_text(HeadKey.read(other_key).public_pem())
    assert set(kinds(data, "--key", str(other_key))) == {"HEAD_CHANGED"}
    run_sql(
        data,
        f"DELETE FROM decisions WHERE decision_id IN ('{decided[3]}', '{decided[4]}')",
        "DELETE FROM audit_entries WHERE partition = 'decisions' AND sequence > 3",
        "DELETE FROM audit_heads WHERE partition = 'decisions' AND sequence > 3",
        "DELETE FROM audit_entries WHERE partition = 'decisions' AND sequence > (SELECT max(sequence) FROM audit_heads"
        " WHERE partition = 'decisions')",
    )
    assert "TAIL_MISSING" in kinds(data, "--against", str(kept))
    record_property(
        "figure",
        f"tidegate audit verify on a live service: exit 0 on {ORDERS} decisions, exit 1 and the row named after an"
        " edit, exit 1 by another key, and the cut tail found by heads that were kept elsewhere",
    )


def test_killed_service_leaves_a_whole_chain_and_goes_on(served: Served) -> None:
    """AS-627: kill -9 between any two rows sealed; what comes up afterwards seals the rest."""
    asyncio.run(decide(served))
    served.kill()
    with Served(served.data, settings=QUICK) as again:
        sealed(again.data, ORDERS)
        assert kinds(again.data) == []


def test_cut_lets_rows_be_deleted_that_verify_then_does_not_ask_for(served: Served) -> None:
    """AS-612: What was deleted behind a signed cut is told, and is no fault; before the cut it is one."""
    asyncio.run(decide(served))
    data = str(served.data)
    sealed(served.data, ORDERS)
    refused = run_command(
        "audit", "cut", "--partition", "decisions", "--before", "yesterday", "--note", "", "--data", data
    )
    assert (refused.returncode, refused.stderr.count(b"\n")) == (2, 1)
    cut = ("audit", "cut", "--partition", "decisions", "--note", "ten years", "--data", data, "--before")
    assert run_command(*cut, "2020-01-01T00:00:00Z").returncode == 2
    done = run_command(*cut, "2100-01-01T00:00:00Z")
    assert (done.returncode, done.stdout) == (0, b"5 rows of decisions may be deleted, and their entries\n")
    run_sql(
        served.data,
        "DELETE FROM order_answers",
        "DELETE FROM decisions",
        "DELETE FROM audit_entries WHERE partition = 'decisions'",
    )
    code, report = verified(served.data)
    assert (code, report["cut"]["note"]) == (0, "ten years")
    asyncio.run(decide(served, "later"))
    sealed(served.data, ORDERS)
    assert kinds(served.data) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"form": "x"}', b'{"form": "tidegate audit heads 1", "public_keys": [], "heads": [1]}'],
)
def test_file_that_holds_no_heads_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    """AS-630: Exit 2 and one line when a file of heads cannot be read; nothing is verified."""
    path = tmp_path / "heads.json"
    path.write_bytes(content)
    finished = run_command("audit", "verify", "--against", str(path), "--data", str(tmp_path / "none"))
    assert (finished.returncode, finished.stdout, finished.stderr.count(b"\n")) == (2, b"", 1)


def test_data_folder_without_a_key_is_refused(tmp_path: Path) -> None:
    """AS-630: Without any key there is nothing to verify with, and none is made."""
    finished = run_command("audit", "verify", "--data", str(tmp_path / "none"))
    assert finished.returncode == 2
    assert b"name the sealer's public key with --key" in finished.stderr
    assert not (tmp_path / "none").exists()
