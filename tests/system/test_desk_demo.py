"""``tidegate demo`` and the desk: people and companies apply, one command, no servers but its own."""

import re
from pathlib import Path

import pytest
from tests.system.processes import RecordFigure, run_command

pytestmark = [pytest.mark.system, pytest.mark.servers]

STUDIED_ROW = "A11\t42\tA32\tA42\t7882\tA61\tA74\t2\tA93\tA103\t4\tA122\t45\tA143\tA153\t1\tA173\t1\tA191\tA201\t1"
DECISIONS = ("APPROVED", "MANUAL_REVIEW", "REJECTED")


def counts_in(output: str) -> dict[str, tuple[int, int]]:
    """Give the counts of the desk's summary by decision: onboarding, credit."""
    summary = output[output.index("What the desk said") :]
    rows = re.findall(rf"^ ({'|'.join(DECISIONS)}) +│ +(\d+) │ +(\d+) $", summary, re.MULTILINE)
    return {decision: (int(onboarding), int(credit)) for decision, onboarding, credit in rows}


def test_demo_once_shows_the_desk_twice_in_one_folder(tmp_path: Path, record_property: RecordFigure) -> None:
    """PL-122, PL-123: every decision falls for companies and for people, over REST; a second run writes no rule, and
    finds nothing of the first in its way; the log names nobody.
    """
    counts: dict[str, tuple[int, int]] = {}
    for run in ("first", "second"):
        ended = run_command("demo", "--once", "--speed", "3", "--data", str(tmp_path / "data"))
        output = ended.stdout.decode()
        assert ended.returncode == 0, output[-3_000:] + ended.stderr.decode()[-2_000:]
        counts = counts_in(output)
        assert set(counts) == set(DECISIONS)
        assert all(onboarding and credit for onboarding, credit in counts.values())
        assert f"; {'14' if run == 'first' else '0'} lists, rules" in output
        assert "decided again from what was stored: identical" in output
        assert "audit verify" in output
        assert not re.search(rb"[0-9a-f]{8}-[0-9a-f]{4}-|Bearer|eyJ|Tidewater|Vetrogonov", ended.stderr)
    record_property("figure", f"demo --once: the desk decided (onboarding, credit) {counts}")


def test_demo_takes_people_from_a_file_of_the_study(tmp_path: Path) -> None:
    """PL-120: a file that is named is used, with how it went."""
    book = tmp_path / "book.tsv"
    book.write_text(f"{STUDIED_ROW}\n")
    ended = run_command("demo", "--once", "--speed", "3", "--credit", str(book), "--data", str(tmp_path / "data"))
    output = ended.stdout.decode()
    assert ended.returncode == 0, ended.stderr.decode()[-2_000:]
    assert "row-1 (repaid)" in output
    assert "people who ask for credit: 1;" in output


@pytest.mark.parametrize("content", [None, b"", b"\x00\xff\n", STUDIED_ROW[:-2].encode()])
def test_demo_refuses_what_is_no_file_of_the_study(tmp_path: Path, content: bytes | None) -> None:
    """PL-120: a file that is not there or holds other rows is one readable line and exit 2."""
    book = tmp_path / "book.tsv"
    if content is not None:
        book.write_bytes(content)
    ended = run_command("demo", "--once", "--credit", str(book), "--data", str(tmp_path / "data"))
    assert ended.returncode == 2
    assert len(ended.stderr.decode().strip().splitlines()) == 1
