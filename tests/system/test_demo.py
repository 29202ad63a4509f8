"""``tidegate demo`` as a person runs it: one command, a market, every kind of answer, and an end."""

import csv
import gzip
import re
from pathlib import Path

import pytest
from tests.system.processes import RecordFigure, run_command

from tidegate.core.pretrade.reasons import RejectReason

pytestmark = [pytest.mark.system, pytest.mark.servers]

COLUMNS = ["local_ns", "exch_ms", "symbol", "kind", "bid", "bid_sz", "ask", "ask_sz", "px", "qty", "taker_side"]


def reasons_in(output: str) -> set[str]:
    """Give the reject reasons that the summary of a demo counts."""
    summary = output[output.index("What the gate said") :]
    return {reason for reason in RejectReason if re.search(rf"\b{reason}\b", summary)}


def test_demo_once_shows_every_decision_and_ends(tmp_path: Path, record_property: RecordFigure) -> None:
    """PL-101: approved, flagged and at least 12 different reasons, all decided by gRPC calls; exit 0."""
    ended = run_command("demo", "--once", "--data", str(tmp_path / "data"))
    output = ended.stdout.decode()
    assert ended.returncode == 0, ended.stderr.decode()[-2_000:]
    assert "APPROVED" in output
    assert "FLAGGED" in output
    reasons = reasons_in(output)
    record_property("figure", f"demo --once: {len(reasons)} different reject reasons")
    assert len(reasons) >= 12


def test_demo_log_names_nobody(tmp_path: Path) -> None:
    """PL-313: what the service logs while people trade holds no user, order or token of theirs."""
    ended = run_command("demo", "--once", "--speed", "3", "--data", str(tmp_path / "data"))
    assert ended.returncode == 0
    assert not re.search(rb"[0-9a-f]{8}-[0-9a-f]{4}-|Bearer|eyJ", ended.stderr)


def a_captured_market(path: Path) -> Path:
    """Write two seconds of two markets in the columns of a capture."""
    with gzip.open(path, "wt", newline="") as file:
        rows = csv.DictWriter(file, COLUMNS, restval="")
        rows.writeheader()
        for step in range(400):
            at_ns = 1_723_161_254_000_000_000 + step * 5_000_000
            for symbol, bid in (("BTCUSDT-PERP", 61_800), ("ETHUSDT-PERP", 2_680)):
                quote = {"kind": "quote", "bid": bid + step % 7, "bid_sz": 1, "ask": bid + step % 7 + 1, "ask_sz": 1}
                rows.writerow({"local_ns": at_ns, "symbol": symbol, **quote})
                if step % 10 == 0:
                    trade = {"kind": "trade", "px": bid + 1, "qty": "0.01", "taker_side": "buy"}
                    rows.writerow({"local_ns": at_ns + 1, "exch_ms": at_ns // 1_000_000, "symbol": symbol, **trade})
    return path


def test_demo_replays_a_captured_market(tmp_path: Path) -> None:
    """PL-102: the listed columns from csv.gz become marks and orders; the flow ends as always."""
    capture = a_captured_market(tmp_path / "market.csv.gz")
    ended = run_command("demo", "--once", "--replay", str(capture), "--data", str(tmp_path / "data"))
    assert ended.returncode == 0, ended.stderr.decode()[-2_000:]
    assert "APPROVED" in ended.stdout.decode()


@pytest.mark.parametrize("content", [b"", b"not gzip", gzip.compress(b"a,b\n1,2\n")])
def test_demo_refuses_what_is_no_captured_market(tmp_path: Path, content: bytes) -> None:
    """PL-102: a file that cannot be played is one readable line and exit 2."""
    path = tmp_path / "market.csv.gz"
    path.write_bytes(content)
    ended = run_command("demo", "--once", "--replay", str(path), "--data", str(tmp_path / "data"))
    assert ended.returncode == 2
    assert len(ended.stderr.decode().strip().splitlines()) == 1
