"""``tidegate lists`` as officers use it: what it says, its exit codes, one line a reason."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.outbound.screening.samples import OFAC_ADDRESSES, OFAC_ALIASES, OFAC_ENTRIES, OWN_TABLE, SECO
from typer.testing import CliRunner, Result

from tidegate.cli.main import app


@pytest.fixture(scope="module")
def data_folder() -> Iterator[Path]:
    """A folder of embedded parts, outside of any private home."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-tests-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def run(*arguments: object) -> Result:
    """Run ``tidegate lists``."""
    return CliRunner().invoke(app, ["lists", *map(str, arguments)])


def a_table(folder: Path, content: bytes = OWN_TABLE, *, name: str = "own.csv") -> Path:
    """A file in a folder."""
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.servers
def test_lists_are_imported_repeated_and_told(tmp_path: Path, data_folder: Path) -> None:
    """AS-575: a version for new files, none for the same; both in words and as JSON, with where each comes from."""
    table = a_table(tmp_path)
    first = run("import", table, "--format", "own", "--name", "own", "--data", data_folder, "--actor", "jo")
    assert (first.exit_code, first.stderr, first.stdout) == (0, "", "own version 1: 2 entries\n")
    again = run("import", table, "--format", "own", "--name", "own", "--data", data_folder, "--json")
    told = json.loads(again.stdout)
    assert (told["version"], told["new"], told["entries"], told["imported_by"]) == (1, False, 2, "jo")
    a_table(tmp_path, OWN_TABLE + b"3,\n4,X,,,,,\n")
    skipped = run("import", table, "--format", "own", "--name", "own", "--data", data_folder, "--skip-unreadable")
    assert skipped.stdout == "own version 2: 3 entries; 1 could not be read and were skipped\n"
    assert skipped.stderr == "tidegate: own.csv, line 4: has 2 columns, the header 7\n"
    seco = run(
        "import", a_table(tmp_path, SECO, name="s.xml"), "--format", "seco", "--name", "seco", "--data", data_folder
    )
    assert seco.stdout == "seco version 1: 2 entries; 1 are no longer listed and left out\n"
    current = json.loads(run("versions", "--data", data_folder, "--json").stdout)
    assert [(row["name"], row["version"], row["format"], row["published_on"]) for row in current] == [
        ("own", 2, "own", ""),
        ("seco", 1, "seco", "2026-08-25"),
    ]
    history = run("versions", "own", "--data", data_folder).stdout.splitlines()
    assert [line.split()[:2] for line in history] == [["own", "2"], ["own", "1"]]


@pytest.mark.servers
def test_the_tables_of_ofac_are_found_beside_each_other(tmp_path: Path, data_folder: Path) -> None:
    """AS-575: aliases and addresses are read with the entries; a table that is named wins."""
    entries = a_table(tmp_path, OFAC_ENTRIES, name="sdn.csv")
    a_table(tmp_path, OFAC_ALIASES, name="alt.csv")
    a_table(tmp_path, b"broken", name="add.csv")
    arguments = ("import", entries, "--format", "ofac-sdn", "--name", "sdn", "--data", data_folder)
    found = run(*arguments)
    assert (found.exit_code, found.stderr) == (2, "tidegate: add.csv, line 1: has 1 columns, not 6\n")
    named = run(*arguments, "--addresses", a_table(tmp_path, OFAC_ADDRESSES, name="other.csv"))
    assert named.stdout == "sdn version 1: 3 entries\n"


@pytest.mark.parametrize(
    ("content", "arguments", "why"),
    [
        (b"id,name\n1\n2\n", ("--format", "own", "--name", "own"), "own.csv, line 2: has 1 columns, the header 2\n"),
        (OWN_TABLE, ("--format", "un", "--name", "un"), "own.csv, line 1: is no XML: syntax error\n"),
        (OWN_TABLE, ("--format", "own", "--name", "Own List"), "a list is called by 1 to 64 of a-z"),
        (OWN_TABLE, ("--format", "own", "--name", "own", "--column", "name"), "--column is given as"),
        (OWN_TABLE, ("--format", "own", "--name", "own", "--column", "name=full"), "its header lacks full"),
        (OWN_TABLE, ("--format", "un", "--name", "un", "--column", "name=x"), "--column belongs to --format own"),
        (OWN_TABLE, ("--format", "un", "--name", "un", "--aliases", "x"), "--aliases and --addresses belong to"),
    ],
)
def test_what_cannot_be_used_ends_with_two_and_a_line_a_reason(
    tmp_path: Path, content: bytes, arguments: tuple[str, ...], why: str
) -> None:
    """AS-575: no traceback, no half import, and the database is not even opened."""
    finished = run("import", a_table(tmp_path, content), *arguments, "--data", tmp_path / "data")
    assert finished.exit_code == 2
    assert finished.stderr.startswith("tidegate: ")
    assert why in finished.stderr
    assert not (tmp_path / "data").exists()


def test_a_file_that_is_not_there_ends_with_two(tmp_path: Path) -> None:
    """AS-575: the file is named, and why."""
    finished = run("import", tmp_path / "none.csv", "--format", "own", "--name", "own")
    assert (finished.exit_code, finished.stderr.strip()) == (
        2,
        f"tidegate: {tmp_path}/none.csv: No such file or directory",
    )
